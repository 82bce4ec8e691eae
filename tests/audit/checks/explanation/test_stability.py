"""Stability of explanations: a bound by hand, and methods that draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.words.reasons import render
from tests.audit.attribution.subjects import (
    FunctionPredictor,
    RegressionPredictor,
    findings,
    subject_of,
    value,
)
from tests.audit.checks.explanation.additive import rows


def test_sensitivity_of_a_linear_model_stays_within_its_bound(tmp_path: Path) -> None:
    frame = rows(300).assign(y=lambda f: f["a"])
    model = RegressionPredictor(("a",), lambda f: 3 * f["a"])
    subject, spec = subject_of(tmp_path, frame, model)
    found = findings("stability", subject, spec, rows=300, radius=0.01)
    # one column: |3 noise| / |3 (a - baseline)|, the largest of four uniform draws: 0.8 of the
    # radius on average; held against the rows that are drawn (all of them)
    quartiles = np.quantile(frame["a"], [0.25, 0.75])
    radius = 0.01 * np.diff(quartiles)[0] / 1.3489795
    baseline = np.sort(frame["a"])[(300 - 1) // 2]
    away = np.abs(frame["a"] - baseline)
    expected = (radius * 0.8 / away[away > 0]).mean()
    assert value(found, "sensitivity") == pytest.approx(expected, rel=0.5)
    assert "1 rows without" in render(next(f for f in found if f.measure == "sensitivity").reason)


def test_methods_that_draw_are_asked_with_other_seeds(tmp_path: Path) -> None:
    def joint(frame: pd.DataFrame) -> Any:
        inside = frame["a"] * frame["b"] + frame["c"] * frame["d"]
        return 1 / (1 + np.exp(-inside.to_numpy(dtype=float)))

    model = FunctionPredictor(("a", "b", "c", "d"), joint)
    subject, spec = subject_of(tmp_path, rows().head(12), model)
    found = findings("stability", subject, spec, rows=5, draws=1, seeds=2, method="lime")
    assert 0 < value(found, "seed_rank_correlation") <= 1
    exact = findings("stability", subject, spec, rows=10)
    drawn = next(f for f in exact if f.measure == "seed_top_k_overlap")
    assert render(drawn.reason) == "shapley exact draws nothing: every seed gives the same"
