"""Opening model folders: what train wrote opens, what anyone changed does not."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import struct
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save

from evenhand.audit.errors import AlteredEvidenceError, InputError, UnsafeModelError
from evenhand.audit.models.predictor import Gradients
from evenhand.trainers.folder import reading as model_folder


@pytest.fixture
def folder(plain, tmp_path: Path) -> Path:
    return Path(shutil.copytree(plain.model, tmp_path / "copy"))


@pytest.fixture
def private_folder(private, tmp_path: Path) -> Path:
    return Path(shutil.copytree(private.model, tmp_path / "copy"))


def change_json(file: Path, **changes: object) -> None:
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, **changes}))


def test_a_folder_is_recognised_by_content(folder: Path, tmp_path: Path) -> None:
    assert model_folder.recognises(folder)
    assert not model_folder.recognises(folder / "model.json")
    assert not model_folder.recognises(tmp_path)
    change_json(folder / "model.json", format="skops")
    assert not model_folder.recognises(folder)
    (folder / "model.json").write_text("{")
    assert not model_folder.recognises(folder)


def test_scores_follow_from_the_stored_files_alone(folder: Path, table: pd.DataFrame) -> None:
    predictor = model_folder.load(folder)
    scores = predictor.predict_proba(table)
    # by hand: the tensors of the file, tanh between them, softmax behind
    weights = load_tensors((folder / "weights.safetensors").read_bytes())
    x = torch.from_numpy(predictor.gradients.encode(table))
    hidden = torch.tanh(x @ weights["0.weight"].T + weights["0.bias"])
    logits = hidden @ weights["2.weight"].T + weights["2.bias"]
    np.testing.assert_allclose(scores, logits.double().softmax(1).numpy(), atol=1e-6)
    np.testing.assert_allclose(scores.sum(1), 1.0, atol=1e-12)
    assert predictor.classes == ("no", "yes")
    assert predictor.input_columns == ("income", "debts", "town", "owner")


def test_scores_do_not_depend_on_batches_or_row_order(folder: Path, table: pd.DataFrame) -> None:
    predictor = model_folder.load(folder)
    large = pd.concat([table] * 6, ignore_index=True)  # over one internal batch
    whole = predictor.predict_proba(large)
    np.testing.assert_allclose(whole[:400], predictor.predict_proba(table), atol=1e-6)
    back = predictor.predict_proba(table.iloc[::-1])[::-1]
    np.testing.assert_allclose(back, predictor.predict_proba(table), atol=1e-6)
    assert predictor.predict_proba(table.iloc[:0]).shape == (0, 2)


def test_gradients_fulfil_the_contract(folder: Path, table: pd.DataFrame) -> None:
    gradients = model_folder.load(folder).gradients
    assert isinstance(gradients, Gradients)
    encoded = gradients.encode(table)
    assert encoded.shape == (400, len(gradients.encoded_columns)) and encoded.dtype == np.float32
    assert gradients.baseline.shape == (len(gradients.encoded_columns),)
    assert gradients.baseline_name == "training means"
    inputs = torch.from_numpy(encoded[:3]).requires_grad_()
    gradients.module(inputs).sum().backward()
    assert inputs.grad is not None and not gradients.module.training


def test_a_plain_model_states_that_it_is_not_private(folder: Path) -> None:
    says = model_folder.load(folder).maker_says
    assert says["privacy"] is None
    assert (says["target"], says["positive_label"]) == ("answer", "yes")
    assert says["sensitive_features"] == ["sex"] and says["training_data_digest"]


def test_a_private_model_states_what_its_ledger_says(private_folder: Path) -> None:
    privacy = model_folder.load(private_folder).maker_says["privacy"]
    assert privacy["epsilon"] <= 4 and privacy["delta"] == 1e-4
    assert privacy["epsilon_rdp"] >= privacy["epsilon"]
    assert (privacy["unit"], privacy["adjacency"]) == ("row", "add/remove one row")
    assert (privacy["accountant"], privacy["sampler"]) == ("PRV", "Poisson")
    assert privacy["noise"] == "operating system entropy" and privacy["is_closed"]
    assert any("standard deviations" in said for said in privacy["outside_guarantee"])


def test_no_seed_or_training_loss_is_left_in_a_private_folder(private_folder: Path) -> None:
    points = json.loads((private_folder / "curves.json").read_text())["points"]
    assert all(point["loss"] is None for point in points)
    spent = [point["epsilon"] for point in points]
    assert spent == sorted(spent) and len(spent) == 4
    assert "seed" not in (private_folder / "ledger.jsonl").read_text()


@pytest.mark.parametrize("how", ["removed", "of another run", "claim removed", "claim only"])
def test_ledger_and_claim_must_agree(private_folder: Path, plain, how: str) -> None:
    target = private_folder
    if how == "removed":
        (target / "ledger.jsonl").unlink()
    elif how == "of another run":
        shutil.copy(Path(plain.model) / "weights.safetensors", target / "weights.safetensors")
    elif how == "claim removed":
        change_json(target / "model.json", privacy=None)
    else:
        claim = json.loads((target / "model.json").read_text())["privacy"]
        change_json(target / "model.json", privacy={**claim, "ledger_head": "sha256:0"})
    with pytest.raises(AlteredEvidenceError):
        model_folder.load(target)


def test_an_edited_epsilon_in_model_json_is_not_what_is_stated(private_folder: Path) -> None:
    file = private_folder / "model.json"
    claim = json.loads(file.read_text())["privacy"]
    change_json(file, privacy={**claim, "epsilon": 0.1})
    stated = model_folder.load(private_folder).maker_says["privacy"]["epsilon"]
    assert stated == claim["epsilon"]


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("model.json", {"unknown": 1}),
        ("model.json", {"architecture": "cnn3d"}),
        ("model.json", {"architecture": "../mlp"}),
        ("model.json", {"architecture": "os"}),
        ("model.json", {"parameters": {"hidden": [9]}}),
        ("model.json", {"parameters": {"hidden": [10**9]}}),
        ("model.json", {"parameters": {"hidden": [16384] * 30}}),
        ("model.json", {"parameters": {"hiden": [8]}}),
        ("model.json", {"classes": ["no", "no"]}),
        ("model.json", {"classes": ["no", "yes", "maybe"]}),
        ("model.json", {"positive_label": "1"}),
        ("model.json", {"input_columns": ["income"]}),
        ("model.json", {"schema": "evenhand-model/9"}),
        ("encoder.json", {"baseline": []}),
        ("encoder.json", {"columns": []}),
    ],
)
def test_changed_records_are_refused(folder: Path, file: str, changes: dict) -> None:
    change_json(folder / file, **changes)
    with pytest.raises(InputError):
        model_folder.load(folder)


@pytest.mark.parametrize("file", ["encoder.json", "weights.safetensors"])
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(InputError, match=file):
        model_folder.load(folder)


def tensors_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_tensors((folder / "weights.safetensors").read_bytes())


def renamed(t: dict) -> dict:
    return {("x" if k == "0.bias" else k): v for k, v in t.items()}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (renamed, "does not fit"),
        (lambda t: {**t, "extra": torch.zeros(1)}, "does not fit"),
        (lambda t: {k: v for k, v in t.items() if k != "0.bias"}, "does not fit"),
        (lambda t: {**t, "0.bias": torch.zeros(9)}, r"the architecture has F32 \[8\]"),
        (lambda t: {**t, "0.bias": t["0.bias"].half()}, "is F16"),
        (lambda t: {**t, "0.bias": t["0.bias"].double()}, "is F64"),
        (lambda t: {**t, "0.bias": t["0.bias"] * float("nan")}, "not finite"),
        (lambda t: {**t, "0.bias": t["0.bias"] + float("inf")}, "not finite"),
    ],
)
def test_foreign_tensors_are_refused(folder: Path, change, words: str) -> None:
    (folder / "weights.safetensors").write_bytes(save(change(tensors_of(folder))))
    with pytest.raises(InputError, match=words):
        model_folder.load(folder)


def with_header(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def overlapping(folder: Path) -> bytes:
    """A header that fits the architecture and points every tensor at the same bytes."""
    header = {
        name: {"dtype": "F32", "shape": list(t.shape), "data_offsets": [0, 4 * t.numel()]}
        for name, t in tensors_of(folder).items()
    }
    return with_header(header, b"\0" * 4096)


@pytest.mark.parametrize(
    "content",
    [
        lambda f: b"",
        lambda f: b"short",
        lambda f: struct.pack("<Q", 2**63) + b"{}",
        lambda f: struct.pack("<Q", 2 << 20) + b" " * (2 << 20),
        lambda f: with_header([1, 2]),
        lambda f: with_header(b"{" * 50_000),
        lambda f: with_header(b"\xff\xfe"),
        lambda f: with_header({f"t{i}": {} for i in range(10_001)}),
        lambda f: with_header(dict.fromkeys(tensors_of(f), "F32")),
        overlapping,
        lambda f: (f / "weights.safetensors").read_bytes()[:-4],
        lambda f: (f / "weights.safetensors").read_bytes() + b"tail",
    ],
)
def test_hostile_safetensors_are_refused(folder: Path, content) -> None:
    (folder / "weights.safetensors").write_bytes(content(folder))
    with pytest.raises(InputError):
        model_folder.load(folder)


class Bomb:
    def __reduce__(self):
        return (print, ("a pickle was opened",))


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Bomb()))
    return buffer.getvalue()


@pytest.mark.parametrize("content", [pickle.dumps(Bomb()), pickle.dumps(Bomb(), 2), zipped()])
def test_a_pickle_under_another_name_is_never_opened(
    folder: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "weights.safetensors").write_bytes(content)
    with pytest.raises(UnsafeModelError):
        model_folder.load(folder)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["weights.pt", "model.PKL", "pytorch_model.bin", "m.joblib"])
def test_a_pickled_file_beside_the_weights_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"anything")
    with pytest.raises(UnsafeModelError, match=name):
        model_folder.load(folder)


def test_a_model_whose_store_is_elsewhere_has_an_unknown_composition(private) -> None:
    says = model_folder.load(private.model).maker_says["privacy"]
    assert says["composition"]["state"] == "unknown"
    assert says["composition"]["reason"].startswith("composition unknown")
    assert says["composition"]["stated_by_maker"] == private.privacy.composition.to_json()
    assert private.privacy.composition.state == "known"


def test_later_runs_on_the_same_rows_are_seen_when_a_model_is_opened(
    recipe: dict, tmp_path: Path
) -> None:
    from evenhand.trainers import train
    from evenhand.trainers.ledger.store import LedgerStore

    given = {**recipe, "batch_size": 64, "private": {"noise_multiplier": 4, "delta": 1e-4}}
    first = train(given, out=tmp_path / "first")
    assert model_folder.load(first.model).maker_says["privacy"]["composition"]["runs"] == 1
    train(given, out=tmp_path / "second")
    together = model_folder.load(first.model).maker_says["privacy"]["composition"]
    assert together["runs"] == 2 and together["epsilon"] > first.epsilon
    # the store loses the end of the first run: what the model's copy knows is more
    store = LedgerStore()
    for file in (store.folder / "runs").glob(f"{first.privacy.run}.*"):
        file.unlink()
    with pytest.raises(AlteredEvidenceError, match="rolled back"):
        model_folder.load(first.model)
