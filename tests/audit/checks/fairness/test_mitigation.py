"""Decisions drawn by lot, and sensitive features that are read: a model written out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.finding import Finding
from evenhand.audit.run.catalogue import check
from evenhand.audit.run.run import run_check
from evenhand.audit.words.reasons import render
from tests.audit.attribution.subjects import FunctionPredictor, subject_of
from tests.audit.subjects import findings_of, one

# of ten people four have a chance strictly between 0 and 1
CHANCES = [0.0, 0.2, 1.0, 1.0, 0.0, 0.5, 0.0, 0.9, 1.0, 0.4]


class Lots(FunctionPredictor):
    """A model that makes its decisions itself."""

    def decide(self, frame: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.predict_proba(frame)[:, 1] > 0.5, dtype=int)


def found(
    folder: Path, columns: tuple[str, ...], says: dict[str, Any], kind: type = FunctionPredictor
) -> list[Finding]:
    frame = pd.DataFrame({"chance": CHANCES, "g": list("uv" * 5), "y": [0, 1] * 5})
    model = kind(columns, lambda rows: np.asarray(rows["chance"], dtype=float))
    model.maker_says = says
    subject, spec = subject_of(folder, frame, model, sensitive_features=["g"])
    return list(run_check(check("fairness.mitigation"), subject, spec, (0.95,)))


def test_rows_that_are_decided_by_lot_are_counted(tmp_path: Path) -> None:
    says = {"mitigation": {"method": "threshold", "randomises": True}}
    told = found(tmp_path, ("chance", "g"), says, Lots)
    lots = one(told, "randomised_decision_rate")
    assert (lots.value, lots.n) == (pytest.approx(4 / 10), 10)
    assert render(lots.reason) == "mitigated by threshold"
    reads = one(told, "needs_sensitive_feature")
    assert (reads.value, render(reads.reason)) == (1.0, "reads g")


def test_a_model_that_states_nothing_draws_no_lots(tmp_path: Path) -> None:
    told = found(tmp_path, ("chance",), {})
    lots = one(told, "randomised_decision_rate")
    assert (lots.value, render(lots.reason)) == (0.0, "no mitigation is stated")
    assert one(told, "needs_sensitive_feature").value == 0.0


def test_stored_predictions_do_not_say(tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": [0, 1] * 10, "yhat": [1, 0] * 10})
    told = findings_of("fairness.mitigation", frame, tmp_path)
    assert {f.status for f in told} == {"not_applicable"}
    assert len(told) == 2
