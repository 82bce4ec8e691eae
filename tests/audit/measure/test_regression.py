"""Measures of numbers against scikit-learn, by hand and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from evenhand.audit.measure import regression as r
from evenhand.audit.words.reasons import render


def test_regression_measures_equal_scikit_learns() -> None:
    rng = np.random.default_rng(1)
    actual = rng.normal(size=80)
    predicted = actual + rng.normal(scale=0.5, size=80)
    error = predicted - actual
    assert r.mean_absolute_error(error, ()).value == pytest.approx(
        metrics.mean_absolute_error(actual, predicted)
    )
    assert r.root_mean_squared_error(error, ()).value == pytest.approx(
        metrics.root_mean_squared_error(actual, predicted)
    )
    assert r.r2(actual, predicted, ()).value == pytest.approx(metrics.r2_score(actual, predicted))
    assert r.r2(np.ones(5), np.arange(5.0), ()).value is None


def test_r2_interval_covers_the_true_r2() -> None:
    # predicted = x, actual = x + e with unit variances: R2 = 1 - 1/2
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(400):
        x = rng.normal(size=200)
        interval = r.r2(x + rng.normal(size=200), x, (0.95,)).interval
        assert interval is not None
        covered += interval.low <= 0.5 <= interval.high
    assert covered / 400 >= 0.917


def test_ratio_of_sums_by_hand_and_by_simulation() -> None:
    # 6 bits over 3 characters, 2 over 1, nothing over 0: 8 / 4
    found = r.ratio_of_sums(np.array([6.0, 2.0, 0.0]), np.array([3, 1, 0]), (0.95,), empty="")
    assert (found.value, found.n) == (2.0, 2)
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(400):
        length = rng.integers(5, 50, size=150)
        bits = 2.0 * length + rng.normal(size=150) * length * 0.3
        interval = r.ratio_of_sums(bits, length, (0.95,), empty="").interval
        assert interval is not None
        covered += interval.low <= 2.0 <= interval.high
    assert covered / 400 >= 0.917
    assert render(r.ratio_of_sums(np.zeros(2), np.zeros(2), (), empty="short").reason) == "short"
