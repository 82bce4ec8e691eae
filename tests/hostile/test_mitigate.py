"""``evenhand mitigate`` opens a model by the door of an audit, and keeps what came through it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.cli import run
from evenhand.audit.errors import UnsafeModelError
from evenhand.audit.files.canonical import digest_file
from evenhand.audit.worker import opening
from evenhand.audit.worker.predictor import WorkerPredictor
from evenhand.trainers.mitigation import folder as mitigated_folder
from evenhand.trainers.mitigation.mitigate import mitigate
from tests.audit.people import skops_model
from tests.hostile.pickles import Calls, code
from tests.mitigation import biased

ASKED: dict[str, Any] = {"target": "y", "positive_label": "1", "sensitive_features": ["race"]}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    skops_model(folder, biased(seed=1))
    return folder / "model.skops"


def test_thresholds_are_learnt_without_opening_the_model_here(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = opening.open_model(model)
    assert isinstance(opened.predictor, WorkerPredictor)
    was = model.read_bytes()
    digest = digest_file(model)

    def refuses(*arguments: object, **named: object) -> None:
        raise AssertionError("the model was opened in this process")

    with monkeypatch.context() as patch:
        patch.setattr(opening, "open_here", refuses)
        model.write_bytes(b"exchanged after the worker had read it")
        try:
            made = mitigate(opened, biased(seed=1), method="threshold", out=tmp_path / "m", **ASKED)
        finally:
            model.write_bytes(was)
    assert digest_file(made.model / "base" / "model.skops") == digest
    assert mitigated_folder.load(made.model).description.rules


def test_what_is_trained_again_is_the_copy_that_the_worker_read(
    model: Path, tmp_path: Path
) -> None:
    opened = opening.open_model(model)
    was = model.read_bytes()
    model.write_bytes(b"exchanged after the worker had read it")
    try:
        made = mitigate(
            opened,
            biased(seed=1),
            method="grid-search",
            options={"grid_size": 3},
            out=tmp_path / "m",
            **ASKED,
        )
    finally:
        model.write_bytes(was)
    assert made.description.base["digest"] == digest_file(model)


def test_only_data_is_mitigated(model: Path, tmp_path: Path) -> None:
    opened = opening.open_model(model)
    for trust in ("native", "code", "pickle"):
        told = replace(opened, opening={**opened.opening, "trust": trust})
        with pytest.raises(UnsafeModelError, match="not data alone"):
            mitigate(told, biased(seed=1), method="threshold", out=tmp_path / "m", **ASKED)
    assert not (tmp_path / "m").exists()


def test_a_pickle_is_refused_and_does_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import pickle

    canary, carrier = tmp_path / "canary", tmp_path / "model.pkl"
    carrier.write_bytes(pickle.dumps(Calls(eval, code(canary))))
    biased(seed=1).to_csv(tmp_path / "rows.csv", index=False)
    asked = ["mitigate", str(carrier), "--data", str(tmp_path / "rows.csv"), "--target", "y"]
    asked += ["--positive-label", "1", "--sensitive-features", "race", "--method", "grid-search"]
    assert run([*asked, "--out", str(tmp_path / "m")]) == 5
    assert "it is a pickle" in capsys.readouterr().err
    assert not canary.exists()
    assert run([*asked, "--out", str(tmp_path / "m"), "--memory-limit", "0"]) == 2
    assert "memory limit 0 is out of range" in capsys.readouterr().err
