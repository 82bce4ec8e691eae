"""Quality of explanations of models that are written out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.audit.attribution.subjects import (
    FunctionPredictor,
    RegressionPredictor,
    findings,
    subject_of,
    value,
)
from tests.audit.checks.explanation.additive import additive_model, rows


def by_id(found: list[Any]) -> dict[str, Any]:
    return {f.id: f for f in found}


def test_an_additive_model_is_explained_without_error(tmp_path: Path) -> None:
    subject, spec = subject_of(tmp_path, rows(), additive_model())
    found = findings("quality", subject, spec)
    assert value(found, "infidelity") == pytest.approx(0.0, abs=1e-18)
    assert value(found, "relative_infidelity") == pytest.approx(0.0, abs=1e-12)
    # Shapley values and feature ablation of a sum are the same
    for measure in ("method_rank_correlation", "method_kendall_tau", "method_top_k_overlap"):
        assert value(found, measure) == pytest.approx(1.0)
    assert value(found, "deletion_gain") > 0
    assert value(found, "insertion_gain") > 0
    assert value(found, "randomisation_rank_correlation") < 0.5
    closed = next(f for f in found if f.measure == "closed_form_gap")
    assert (closed.status, closed.value) == ("not_applicable", None)


def test_infidelity_of_an_interaction_by_hand(tmp_path: Path) -> None:
    def both(frame: pd.DataFrame) -> Any:
        return 0.2 + 0.6 * ((frame["a"] > 0) & (frame["b"] > 0))

    # half of the rows have both: the typical row (lower median) has neither
    frame = pd.DataFrame({"a": [1, 1, 0, 0] * 6, "b": [1, 1, 0, 0] * 6, "y": [1, 1, 0, 0] * 6})
    subject, spec = subject_of(tmp_path, frame, FunctionPredictor(("a", "b"), both))
    found = findings("quality", subject, spec)
    # a row with both: Shapley values 0.3 and 0.3. Taking a, b or both away lowers the score by
    # 0.6 each; promised are 0.3, 0.3 and 0.6: (0.09 + 0.09 + 0) / 3 = 0.06. The others have 0.
    assert value(found, "infidelity") == pytest.approx(0.03)
    assert value(found, "relative_infidelity") == pytest.approx(0.06 / 0.36)
    # curves of those rows: 0.6 at once gone (area 0.6 / 4), and back with the second alone
    assert value(found, "deletion_area") == pytest.approx(0.5 * 0.6 / 4)
    assert value(found, "insertion_area") == pytest.approx(0.5 * 0.6 / 4)
    assert value(found, "deletion_gain") == pytest.approx(0.0, abs=1e-12)


def test_the_important_columns_are_those_of_permutation_importance(tmp_path: Path) -> None:
    def logistic(frame: pd.DataFrame) -> Any:
        inside = 2 * frame["a"] + frame["b"] + 0.3 * frame["c"]
        return 1 / (1 + np.exp(-inside.to_numpy(dtype=float)))

    frame = rows(600, seed=3)
    labels = (np.random.default_rng(3).random(600) < logistic(frame)).astype(int)
    model = FunctionPredictor(("a", "b", "c", "d"), logistic)
    subject, spec = subject_of(tmp_path, frame.assign(y=labels), model)
    assert value(findings("quality", subject, spec), "importance_rank_correlation") >= 0.8
    without, spec = subject_of(tmp_path, frame.drop(columns="y"), model, target=None)
    found = findings("quality", without, spec)
    importance = next(f for f in found if f.measure == "importance_rank_correlation")
    assert importance.status == "not_applicable"


def test_a_linear_model_is_held_against_its_closed_form(tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    frame = rows()
    fitted = LinearRegression().fit(frame[list("abcd")], frame["a"] * 3 - frame["d"])
    model: Any = RegressionPredictor(tuple("abcd"), lambda f: fitted.predict(f[list("abcd")]))
    model.estimator = fitted
    subject, spec = subject_of(tmp_path, frame.assign(y=frame["a"] * 3), model)
    found = findings("quality", subject, spec)
    assert value(found, "closed_form_gap") == pytest.approx(0.0, abs=1e-12)
    assert {f.unit for f in found if f.measure == "deletion_area"} == {"target unit"}
