"""Calibration errors and recalibration: by hand, by scikit-learn, by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from evenhand.audit.measure.calibration import (
    equal_mass_bins,
    expected_calibration_error,
)
from evenhand.audit.measure.recalibration import recalibrate
from evenhand.audit.words.reasons import render


def test_calibration_error_of_two_bins_by_hand() -> None:
    # scores .2 .2 .2 .2 with one positive: |1/4 - .2| = .05; .8 .8 with one: |1/2 - .8| = .3
    score = np.array([0.2] * 4 + [0.8] * 2)
    truth = np.array([True, False, False, False, True, False])
    bins = equal_mass_bins(truth, score, 2)
    assert [(b.n, b.positives) for b in bins] == [(4, 1), (2, 1)]
    found = expected_calibration_error(bins, (0.95,))
    assert found.value == pytest.approx((4 * 0.05 + 2 * 0.3) / 6)


def test_bins_hold_equal_numbers_and_keep_equal_scores_together() -> None:
    score = np.random.default_rng(1).permutation(1000) / 1000
    truth = np.zeros(1000, dtype=bool)
    assert [b.n for b in equal_mass_bins(truth, score, 10)] == [100] * 10
    tied = np.array([0.5] * 90 + [0.7] * 10)
    assert [b.n for b in equal_mass_bins(truth[:100], tied, 10)] == [90, 10]


def test_calibration_errors_interval_covers_and_starts_at_zero_for_calibrated_scores() -> None:
    rng = np.random.default_rng(3)
    holds = {0.0: 0, 0.15: 0}
    for shift in holds:
        for _ in range(300):
            score = rng.uniform(0.2, 0.8, 500)
            truth = rng.random(500) < score + shift
            bins = equal_mass_bins(truth, score, 10)
            interval = expected_calibration_error(bins, (0.95,)).interval
            assert interval is not None
            holds[shift] += interval.low <= shift <= interval.high
            assert shift > 0 or interval.low < 0.05
    assert min(holds.values()) >= 0.95 * 300


def test_recalibration_equals_scikit_learns_unpenalised_fit() -> None:
    rng = np.random.default_rng(4)
    score = rng.beta(2, 2, 3000)
    logit = np.log(score / (1 - score))
    truth = rng.random(3000) < 1 / (1 + np.exp(-(0.4 + 0.6 * logit)))
    fit = recalibrate(truth, score, (0.95,))
    theirs = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(logit[:, None], truth)
    assert fit.slope.value == pytest.approx(theirs.coef_[0, 0], abs=1e-5)
    assert fit.intercept.value == pytest.approx(theirs.intercept_[0], abs=1e-5)
    # Wald's variance is the inverse of the information, worked out here from their fit
    p = theirs.predict_proba(logit[:, None])[:, 1]
    design = np.column_stack([np.ones_like(logit), logit])
    error = np.sqrt(np.linalg.inv((design * (p * (1 - p))[:, None]).T @ design)[1, 1])
    assert fit.slope.interval is not None
    # of a model that fits, the jackknife's variance is much the same
    assert fit.slope.interval.high - fit.slope.value == pytest.approx(1.96 * error, rel=0.02)
    assert fit.slope.interval.high - fit.slope.value > 1.96 * error


@pytest.mark.parametrize(
    ("truth", "score", "why"),
    [
        ([1, 1], [0.2, 0.7], "no negative labels"),
        ([0, 1, 1], [0.4, 0.4, 0.4], "all scores are equal"),
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], "separate the labels"),
    ],
)
def test_recalibration_that_has_no_answer_says_so(
    truth: list[int], score: list[float], why: str
) -> None:
    fit = recalibrate(np.array(truth, dtype=bool), np.array(score), (0.95,))
    assert fit.slope.value is None
    assert why in render(fit.slope.reason)
