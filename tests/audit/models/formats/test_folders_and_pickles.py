"""Transformers and MLflow folders, pickles, what is refused, missing libraries, the cards."""

from __future__ import annotations

import gzip
import json
import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from evenhand.audit.cli import run
from evenhand.audit.errors import InputError, UnsafeModelError
from evenhand.audit.models.catalogue import formats
from evenhand.audit.models.declared import Declared
from evenhand.audit.models.formats import exported, mlflow, pickled, torchscript, transformers
from evenhand.audit.models.optional import library
from evenhand.audit.models.unpickling.pickle_imports import UNREADABLE, imports_of
from evenhand.audit.models.unpickling.refused import RECIPES, describe
from evenhand.audit.models.unpickling.torch_zip import torch_kind
from tests.audit.models.formats import makers as mk
from tests.audit.models.formats import makers_boosters as mb
from tests.audit.models.formats import makers_mlflow as mm
from tests.audit.models.formats import makers_networks as mn


class Calls:
    """A pickle that calls something when it is opened; the tests never open it."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.said = (function, arguments)

    def __reduce__(self) -> Any:
        return self.said


# --- what a pickle imports, by hand


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_imports_of_every_protocol(tmp_path: Path, protocol: int) -> None:
    (tmp_path / "p").write_bytes(pickle.dumps([Calls(gzip.open, "x"), Calls(eval, "1")], protocol))
    module = "__builtin__" if protocol < 3 else "builtins"
    assert set(imports_of(tmp_path / "p")) == {"gzip.open", f"{module}.eval"}


def test_imports_of_several_pickles_in_one_file(tmp_path: Path) -> None:
    first, second = pickle.dumps({"a": 1}), pickle.dumps(Calls(gzip.open, "x"))
    (tmp_path / "p").write_bytes(first + second)
    assert imports_of(tmp_path / "p") == ("gzip.open",)
    (tmp_path / "q").write_bytes(second[:-1] + b"\xff")
    assert imports_of(tmp_path / "q")[-1] == UNREADABLE


def test_imports_behind_the_arrays_of_joblib(tmp_path: Path) -> None:
    import joblib

    held = [np.arange(50.0), Calls(gzip.open, "x")]
    for compress in (0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)):
        joblib.dump(held, tmp_path / "j", compress=compress)
        found = imports_of(tmp_path / "j")
        assert "gzip.open" in found, compress
        assert found[-1] == UNREADABLE


def test_imports_inside_torch_files_and_folders(tmp_path: Path) -> None:
    torch.save({"a": Calls(gzip.open, "x")}, tmp_path / "t.pt")
    assert "gzip.open" in imports_of(tmp_path / "t.pt")
    assert torch_kind(tmp_path / "t.pt") == "object"
    assert "gzip.open" in imports_of(tmp_path)
    torch.save(mk.network(2).state_dict(), tmp_path / "w.pt")
    assert torch_kind(tmp_path / "w.pt") == "weights"


def test_a_pickle_that_is_not_a_model(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(InputError, match="holds a dict, which has no predict"):
        pickled.load(tmp_path / "p")
    made = mn.torch_module_saved_whole(tmp_path)
    with pytest.raises(InputError, match="which columns it reads"):
        pickled.load(made.path)


@pytest.mark.parametrize("form", [torchscript, exported])
def test_programs_say_what_to_declare_before_they_are_opened(form: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="which columns it reads"):
        form.load(tmp_path / "nothing is read")


# --- Transformers folders


def test_folders_with_code_or_pickles_are_refused(tmp_path: Path) -> None:
    made = mn.transformers_classifier(tmp_path)
    for name, content in (
        ("pytorch_model.bin", b"x"),
        ("modeling_own.py", b"x"),
        ("extra.safetensors", b"\x80\x04."),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnsafeModelError, match=name):
            transformers.load(made.path)
        (tmp_path / name).unlink()
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({**config, "auto_map": {"AutoTokenizer": ["own.Own", None]}})
    )
    with pytest.raises(UnsafeModelError, match="auto_map"):
        transformers.load(made.path)


def test_a_text_that_is_too_long_is_never_cut_off_silently(tmp_path: Path) -> None:
    made = mn.transformers_classifier(tmp_path)
    frame = pd.DataFrame({"text": ["good", "good " * 40]})
    with pytest.raises(InputError, match=r"row 2 has 40 tokens, .* reads 16") as caught:
        transformers.load(made.path).predict_proba(frame)
    assert "truncate" in caught.value.remedy
    cut = transformers.load(made.path, Declared(truncate=True)).predict_proba(frame)
    by_hand = transformers.load(made.path).predict_proba(pd.DataFrame({"text": ["good " * 16]}))
    np.testing.assert_allclose(cut[1], by_hand[0], atol=1e-6)
    with pytest.raises(InputError, match="is empty in row 1"):
        transformers.load(made.path).predict_proba(pd.DataFrame({"text": [None, "a"]}))


def test_other_heads_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "bert", "architectures": ["BertForMaskedLM"]})
    )
    with pytest.raises(InputError, match="BertForMaskedLM"):
        transformers.load(tmp_path)


def test_long_texts_are_scored_in_windows(tmp_path: Path) -> None:
    made = mn.transformers_language_model(tmp_path)
    model = transformers.load(made.path)
    nats, tokens, characters = model.token_log_likelihood(
        pd.DataFrame({"text": ["good day " * 40, ""]})
    )
    assert tokens.tolist() == [80, 0]  # each of 80 words once, given those before in its window
    assert characters.tolist() == [360, 0]
    assert nats[0] < 0
    assert nats[1] == 0


# --- MLflow folders


def _mlmodel(folder: Path, text: str) -> Path:
    (folder / "MLmodel").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("flavors: {onnx: {data: ../m.onnx}}", UnsafeModelError, "not in its folder"),
        ("flavors: {onnx: {data: /etc/hostname}}", UnsafeModelError, "not in its folder"),
        ("flavors: {onnx: {data: 'a\\..\\b'}}", UnsafeModelError, "not in its folder"),
        ("flavors: {onnx: {data: gone.onnx}}", InputError, "not there"),
        ("flavors: {keras: {data: model.keras}}", UnsafeModelError, "none of its flavours"),
        ("flavors: {onnx: [1]}", UnsafeModelError, "none of its flavours"),
        ("flavors: {}", InputError, "names no flavors"),
        ("- 1", InputError, "not a mapping"),
        ("flavors: !!python/object/apply:os.getcwd []", InputError, "malformed YAML"),
    ],
)
def test_hostile_mlmodels(tmp_path: Path, text: str, error: type[Exception], words: str) -> None:
    folder = _mlmodel(tmp_path, text)
    assert mlflow.recognises(folder)
    with pytest.raises(error, match=words):
        mlflow.load(folder)


def test_links_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "secret.onnx").write_bytes(b"x")
    (tmp_path / "m" / "model.onnx").symlink_to(tmp_path / "secret.onnx")
    folder = _mlmodel(tmp_path / "m", "flavors: {onnx: {data: model.onnx}}")
    with pytest.raises(UnsafeModelError, match="not in its folder"):
        mlflow.load(folder)


def test_the_trust_of_an_mlflow_folder_is_its_files(tmp_path: Path) -> None:
    for number, (make, trust) in enumerate(
        [
            (mm.mlflow_lightgbm, "native"),
            (mm.mlflow_sklearn_in_skops, "data"),
            (mm.mlflow_python_function, "pickle"),
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert mlflow.trust(make(folder).path) == trust


# --- what is refused, and what is missing


def test_refused_formats_have_a_recipe(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "keras", "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", "x")
    saved = tmp_path / "saved"
    saved.mkdir()
    (saved / "saved_model.pb").write_bytes(b"x")
    contents = {
        "h5": b"\x89HDF\r\n\x1a\n" + b"\0" * 64,
        "tflite": b"\x1c\0\0\0TFL3" + b"\0" * 16,
        "catboost": b"CBM1" + b"\0" * 16,
        "old xgboost": b"binf" + b"\0" * 16,
        "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "pmml": b"<?xml version='1.0'?><PMML version='4.4'>",
        "tar": b"\0" * 257 + b"ustar" + b"\0" * 250,
        "empty": b"",
        "gguf": b"GGUF\x03\0\0\0",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    expected = {
        "keras": "export('model.onnx', format='onnx')",
        "saved": "python -m tf2onnx.convert --saved-model",
        "h5": "export('model.onnx', format='onnx')",
        "tflite": "python -m tf2onnx.convert --tflite",
        "catboost": "save_model('model.onnx', format='onnx')",
        "old xgboost": "save_model('model.ubj')",
        "lfs": "git lfs pull",
        "pmml": "--predictions",
        "tar": "unpack",
        "empty": "copied whole",
        "gguf": "Transformers folder",
    }
    for name, words in expected.items():
        assert not [f.NAME for f in formats() if f.recognises(tmp_path / name)], name
        assert words in describe(tmp_path / name)[1], name
    assert all(remedy for _, remedy in RECIPES)


@pytest.mark.parametrize(
    ("make", "hidden", "extra"),
    [
        (mk.onnx_without_maps, "onnxruntime", "onnx"),
        (mb.xgboost_regression, "xgboost", "boosting"),
        (mb.lightgbm_regression, "lightgbm", "boosting"),
        (mn.transformers_classifier, "transformers", "text"),
    ],
)
def test_a_missing_library_is_said_with_its_extra(
    make: Any, hidden: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evenhand.audit.models.declared import load_with

    made = make(tmp_path)
    (form,) = [f for f in formats() if f.recognises(made.path)]
    monkeypatch.setitem(sys.modules, hidden, None)  # importing it now fails
    with pytest.raises(InputError, match=f"{hidden} is not installed") as caught:
        load_with(form, made.path, Declared(**made.declared))
    assert caught.value.remedy == f"pip install 'evenhand[{extra}]'"
    assert library("json", "none", "any") is json


def test_extras_bring_what_their_formats_need() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text("utf-8"))
    extras = project["project"]["optional-dependencies"]
    brings = {"onnxruntime": "onnxruntime", "xgboost": "xgboost-cpu", "lightgbm": "lightgbm"}
    brings |= {"transformers": "transformers", "tokenizers": "tokenizers"}
    for form in formats():
        roots = {m.split(".")[0] for m in getattr(form, "PRELOAD", ())} & set(brings)
        if getattr(form, "EXTRA", ""):
            named = " ".join(extras[form.EXTRA])
            assert roots, form.NAME
            assert all(brings[root] in named for root in roots), form.NAME


# --- evenhand formats


def test_every_format_has_a_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["formats", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    cards = {card["name"]: card for card in listed["formats"]}
    assert set(cards) == {f.NAME for f in formats()} | {"endpoint"}
    for name, card in cards.items():
        lacking = [k for k in ("about", "recognised_by", "save", "trust_says") if not card[k]]
        assert not lacking, (name, lacking)
    assert cards["onnx"]["least_isolation"] == "L2"
    assert cards["torchscript"]["least_isolation"] == "L3"
    assert cards["skops"]["least_isolation"] == "L1"
    assert run(["formats", "xgboost"]) == 0
    shown = capsys.readouterr().out
    assert "pip install 'evenhand[boosting]'" in shown
    assert 'save_model("model.ubj")' in shown
    assert run(["formats"]) == 0
    assert "Keras" in capsys.readouterr().out
    assert run(["formats", "onyx"]) == 2
    assert "onnx" in capsys.readouterr().err
