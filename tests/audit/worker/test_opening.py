"""Models: what is opened, and what is refused by content with exit 5 and a way out."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from evenhand.audit.errors import EvenhandError, InputError, UnsafeModelError
from evenhand.audit.worker.opening import open_model
from tests.audit.people import people, skops_model


class Canary:
    """A pickle that writes a file when it is opened."""

    path = ""

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (self.path, "w"))


def test_skops_scores_like_the_model_in_memory(tmp_path: Path) -> None:
    import skops.io

    frame = people(seed=3)
    path = skops_model(tmp_path, frame)
    opened = open_model(path)
    assert opened.predictor.format == "skops"
    assert opened.predictor.input_columns == ("income", "job", "self")
    assert opened.predictor.classes == ("0", "1")
    trusted = skops.io.get_untrusted_types(file=path)
    model = skops.io.load(path, trusted=trusted)
    expected = model.predict_proba(frame[["income", "job", "self"]])
    np.testing.assert_array_equal(opened.predictor.predict_proba(frame), expected)


@pytest.mark.parametrize("name", ["hist", "forest", "gradient", "calibrated"])
def test_common_estimators_are_on_the_allow_list(tmp_path: Path, name: str) -> None:
    from sklearn import ensemble
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.linear_model import LogisticRegression

    estimator = {
        "hist": ensemble.HistGradientBoostingClassifier(max_iter=5),
        "forest": ensemble.RandomForestClassifier(n_estimators=5),
        "gradient": ensemble.GradientBoostingClassifier(n_estimators=5),
        "calibrated": CalibratedClassifierCV(LogisticRegression(), cv=2),
    }[name]
    frame = people(seed=3)
    opened = open_model(skops_model(tmp_path, frame, estimator))
    assert opened.predictor.predict_proba(frame).shape == (len(frame), 2)


def pickled(tmp_path: Path) -> bytes:
    Canary.path = str(tmp_path / "canary")
    return pickle.dumps(Canary())


@pytest.mark.parametrize("name", ["model.pkl", "model.skops", "model.safetensors", "model"])
def test_a_pickle_is_refused_by_content_and_never_runs(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(pickled(tmp_path))
    with pytest.raises(UnsafeModelError, match="a pickle") as caught:
        open_model(tmp_path / name)
    assert "skops" in caught.value.remedy
    assert caught.value.exit_code == 5
    assert not (tmp_path / "canary").exists()


def test_formats_that_are_refused_say_how_to_convert(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "weights.pt")
    (tmp_path / "joblib.gz").write_bytes(gzip.compress(pickled(tmp_path), mtime=0))
    (tmp_path / "keras.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 64)
    (tmp_path / "net.onnx").write_bytes(b"\x08\x07\x12\x07pytorch")
    (tmp_path / "old.pkl").write_bytes(pickle.dumps({"a": 1}, protocol=0))
    (tmp_path / "noise").write_bytes(b"hello")
    np.savez(tmp_path / "arrays.npz", a=np.zeros(2))
    expected = {
        "weights.pt": "a pickle",
        "joblib.gz": "a pickle",
        "keras.h5": "Keras",
        "net.onnx": "ONNX",
        "old.pkl": "old pickle",
        "noise": "no model format",
        "arrays.npz": "NumPy archive",
    }
    for name, words in expected.items():
        with pytest.raises(UnsafeModelError) as caught:
            open_model(tmp_path / name)
        assert words in caught.value.message, name
        assert "--predictions" in caught.value.remedy, name
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"saved_model.pb": "x"}, "TensorFlow"),
        ({"config.json": "{}"}, "transformers library"),
        ({"notes.txt": "x"}, "holds notes.txt"),
        ({}, "holds nothing"),
    ],
)
def test_folders_that_are_refused(tmp_path: Path, files: dict[str, str], words: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(UnsafeModelError, match=words):
        open_model(folder)


def test_a_missing_model_names_its_neighbours(tmp_path: Path) -> None:
    skops_model(tmp_path, people(60))
    with pytest.raises(InputError) as caught:
        open_model(tmp_path / "model.skop")
    assert "model.skops" in caught.value.remedy


def hostile_skops(tmp_path: Path, change: str) -> Path:
    """A real skops file with one thing changed in its schema."""
    good = skops_model(tmp_path, people(60))
    with zipfile.ZipFile(good) as archive:
        content = {n: archive.read(n) for n in archive.namelist()}
    schema = json.loads(content["schema.json"])
    if change == "system":
        schema["__class__"], schema["__module__"] = "system", "os"
    elif change == "loader":
        schema["__loader__"] = "NoSuchNode"
    elif change == "recursion":
        deep: dict[str, object] = {}
        for _ in range(900):
            deep = {"content": deep, "__loader__": "DictNode", "key_types": deep}
        schema["content"] = deep
    content["schema.json"] = json.dumps(schema).encode() if change != "broken" else b"{"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    path = tmp_path / "hostile.skops"
    path.write_bytes(buffer.getvalue())
    return path


@pytest.mark.parametrize("change", ["system", "loader", "broken"])
def test_hostile_skops_files_end_in_a_typed_error(tmp_path: Path, change: str) -> None:
    path = hostile_skops(tmp_path, change)
    with pytest.raises(EvenhandError) as caught:
        open_model(path)
    assert caught.value.exit_code in (2, 5)
    if change == "system":
        assert isinstance(caught.value, UnsafeModelError)
        assert "os.system" in caught.value.message


def test_a_model_without_probabilities_or_column_names_is_an_input_error(tmp_path: Path) -> None:
    import skops.io
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    x, y = np.arange(10.0).reshape(-1, 1), np.arange(10) > 4
    skops.io.dump(StandardScaler().fit(x), tmp_path / "scaler.skops")
    with pytest.raises(InputError, match="has no predict"):
        open_model(tmp_path / "scaler.skops")
    skops.io.dump(LogisticRegression().fit(x, y), tmp_path / "nameless.skops")
    with pytest.raises(InputError, match="without column names"):
        open_model(tmp_path / "nameless.skops")
