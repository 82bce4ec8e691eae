"""No model gets the answers: the target, stored predictions, columns declared as outcomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.errors import InputError
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.subject.streamed import open_subject
from evenhand.audit.worker.opened import Opened
from tests.audit.people import people


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows, and a real model that was fitted with the answer among its inputs."""
    import skops.io
    from sklearn.tree import DecisionTreeClassifier

    folder = tmp_path_factory.mktemp("answers")
    frame = people().assign(days_late=lambda f: 30 * f["y"], paid=lambda f: 1 - f["y"])
    frame.to_parquet(folder / "d.parquet")
    read = ["self", "y", "days_late"]
    skops.io.dump(DecisionTreeClassifier().fit(frame[read], frame["y"]), folder / "m.skops")
    return folder


def spec_of(place: Path, **more: Any) -> Any:
    asked = {"model": str(place / "m.skops"), "data": str(place / "d.parquet")}
    return make_spec({**asked, "target": "y", "positive_label": 1, **more})


@pytest.mark.parametrize("stream", [False, True])
def test_a_saved_model_that_reads_the_target_is_refused(place: Path, stream: bool) -> None:
    with pytest.raises(InputError, match="reads 'y', which is the target: it would be given"):
        open_subject(spec_of(place, stream=stream))


class Reads:
    """A model of any format, as audits see it."""

    task, classes = "binary", ("0", "1")
    maker_says: dict[str, Any] = {}
    gradients = None

    def __init__(self, model_format: str, *columns: str) -> None:
        self.format, self.input_columns = model_format, columns

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        raise AssertionError("it was sent rows")


@pytest.mark.parametrize("model_format", ["onnx", "torch", "xgboost", "lightgbm", "endpoint"])
@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "'y', which is the target"),
        ({"target": "paid", "outcomes": ["y"]}, "'y', which is declared as an outcome"),
        ({"target": "paid", "outcomes": ["y", "days_late"]}, "days_late"),
        ({"target": "paid", "predicted": "y"}, "'y', which is the predicted column"),
        ({"target": "paid", "score": "y"}, "'y', which is the score column"),
    ],
)
def test_no_format_gets_an_answer(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    model_format: str,
    more: dict[str, Any],
    words: str,
) -> None:
    opened = Opened(Reads(model_format, "self", "y", "days_late"), place / "m", "sha256:0")
    monkeypatch.setattr("evenhand.audit.subject.subject.begin_model", lambda *_: lambda: opened)
    with pytest.raises(InputError, match="reads") as refused:
        open_subject(spec_of(place, **more))
    assert words in refused.value.message
    assert "--target" in refused.value.remedy


def test_other_columns_are_read(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Opened(Reads("onnx", "self", "days_late"), place / "m", "sha256:0")
    monkeypatch.setattr("evenhand.audit.subject.subject.begin_model", lambda *_: lambda: opened)
    subject = open_subject(spec_of(place, outcomes=["paid"]))
    assert subject.outcomes == ("paid",)


def test_an_outcome_is_a_column(place: Path) -> None:
    with pytest.raises(InputError, match="outcome 'payed' is not a column") as refused:
        open_subject(spec_of(place, outcomes=["payed"]))
    assert "paid" in refused.value.remedy
