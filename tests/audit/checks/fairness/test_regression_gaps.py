"""Gaps of predicted numbers against Fairlearn, by hand and by simulation."""

from __future__ import annotations

from pathlib import Path

import fairlearn.metrics as fl
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from evenhand.audit.words.reasons import render
from tests.audit.subjects import findings_of, one


def test_regression_gaps_equal_fairlearns_and_the_worst_group_is_bounded(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    n = 400
    frame = pd.DataFrame({"y": rng.normal(50, 9, n), "g": rng.choice(["a", "b", "c"], n)})
    frame["yhat"] = frame["y"] + rng.normal(0, 3, n) + 2.0 * (frame["g"] == "b")
    found = findings_of(
        "fairness.regression_gaps",
        frame,
        tmp_path,
        task="regression",
        positive_label=None,
        sensitive_features=["g"],
    )
    functions = {
        "mean_prediction_difference": fl.mean_prediction,
        "mean_absolute_error_difference": sk.mean_absolute_error,
        "mean_error_difference": lambda y, p: float((p - y).mean()),
    }
    for name, function in functions.items():
        theirs = fl.MetricFrame(
            metrics=function,
            y_true=frame["y"],
            y_pred=frame["yhat"],
            sensitive_features=frame["g"],
        )
        mine = one(found, name, between=("g",))
        assert mine.value == pytest.approx(theirs.difference(), abs=1e-9), name
        assert mine.interval is not None and mine.interval.low <= mine.value <= mine.interval.high
    for name in ("mean_absolute_error_group_max", "mean_squared_error_group_max"):
        worst = getattr(fl, name)(frame["y"], frame["yhat"], sensitive_features=frame["g"])
        mine = one(found, name)
        assert mine.value == pytest.approx(worst, abs=1e-9)
        assert render(mine.reason) == "worst group: g=b"


def test_the_interval_of_a_regression_gap_covers(tmp_path: Path) -> None:
    from evenhand.audit.checks.fairness.regression_gaps import _spread

    rng = np.random.default_rng(9)
    hits = 0
    for _ in range(400):
        groups = {"a": rng.normal(0, 1, 30), "b": rng.normal(0.5, 3, 60)}
        interval = _spread(groups, (0.95,)).interval
        assert interval is not None
        hits += interval.low <= 0.5 <= interval.high
    assert hits / 400 >= 0.917  # three standard errors of 0.011 under 0.95


def test_quantiles_of_errors_by_group(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"y": rng.normal(size=200), "g": ["a", "b"] * 100})
    frame["yhat"] = frame["y"] + np.arange(200) / 10
    found = findings_of(
        "fairness.regression_gaps",
        frame,
        tmp_path,
        task="regression",
        positive_label=None,
        sensitive_features=["g"],
    )
    median = one(found, "error_quantile_50", group={"g": "a"})
    # a has the errors 0, 0.2, ... 19.8: the 40th and the 61st smallest are 7.8 and 12.0
    assert median.value == pytest.approx(9.9)
    assert median.interval is not None
    assert (median.interval.low, median.interval.high) == pytest.approx((7.8, 12.0))
