"""Calibration by group, areas by group and the threshold sweep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, roc_auc_score

from evenhand.audit.case.case import read_case
from evenhand.audit.measure.calibration import (
    equal_mass_bins,
    expected_calibration_error,
    recalibrate,
)
from evenhand.audit.measure.classification import RATES as GROUP_RATES
from evenhand.audit.measure.groups.spread import largest_difference
from evenhand.audit.measure.groups.sweep import RATES, sweep, wilson_bands
from evenhand.audit.measure.uncertainty.estimate import Estimate
from evenhand.audit.measure.uncertainty.intervals import newcombe, rate
from evenhand.audit.run.run import audit
from tests.audit.subjects import findings_of, one, stored_spec


def scored(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    s = rng.random(n)
    return pd.DataFrame(
        {
            "s": s.round(3),
            "y": (rng.random(n) < s).astype(int),
            "g": rng.choice(["a", "b"], n),
            "h": rng.choice(["u", "v"], n),
        }
    )


SCORED = {"predicted": None, "score": "s", "threshold": 0.5, "sensitive_features": ["g", "h"]}


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
    assert fit.slope.interval.high - fit.slope.value == pytest.approx(1.959964 * error, rel=1e-4)


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
    assert why in fit.slope.reason


def test_difference_of_two_groups_is_newcombes() -> None:
    # variances recovered from Wilson intervals are Newcombe's method itself
    groups = {
        "a": lambda levels: rate(30, 40, levels, empty=""),
        "b": lambda levels: rate(15, 50, levels, empty=""),
        "c": lambda levels: Estimate(None, 0, reason="no rows"),
    }
    found = largest_difference(groups, (0.95,))
    theirs = newcombe(30, 40, 15, 50)
    assert found.value == pytest.approx(0.75 - 0.3)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((theirs.low, theirs.high))
    assert found.counts == {"groups": 3, "groups_left_out": 1}
    assert "c (no rows)" in found.reason


def test_calibration_check_by_group_with_curves(tmp_path: Path) -> None:
    frame = scored(600)
    frame.loc[frame["g"] == "b", "y"] = 1 - frame.loc[frame["g"] == "b", "y"]
    spec = stored_spec(frame, tmp_path, checks=["fairness.calibration"], **SCORED)
    case = read_case(audit(spec, tmp_path / "case").path)
    found = list(case.findings)
    # b's labels are turned round: its slope is about -1, a's about 1
    assert one(found, "calibration_slope", group={"g": "a"}).value == pytest.approx(1, abs=0.35)
    assert one(found, "calibration_slope", group={"g": "b"}).value == pytest.approx(-1, abs=0.35)
    gap = one(found, "expected_calibration_error_difference", between=("g",))
    assert gap.interval is not None
    assert gap.interval.low > 0.2
    error = one(found, "expected_calibration_error", group={"g": "b"})
    curves = case.artifact(error.artifacts[0])["curves"]
    curve = next(c for c in curves if c["group"] == {"g": "b"})
    by_hand = sum(abs(b["positives"] - b["n"] * b["mean_score"]) for b in curve["bins"]) / error.n
    assert error.value == pytest.approx(by_hand)


def test_calibration_needs_probabilities(tmp_path: Path) -> None:
    frame = scored(100).assign(s=lambda f: 10 * f["s"])
    found = findings_of("fairness.calibration", frame, tmp_path, **{**SCORED, "threshold": 5})
    assert {f.status for f in found} == {"not_applicable"}


def test_areas_by_group_equal_scikit_learns(tmp_path: Path) -> None:
    frame = scored(400)
    found = findings_of("fairness.auc", frame, tmp_path, **SCORED)
    inside = frame["g"] == "a"
    parts = {
        "roc_auc_score": inside,
        "bpsn_auc": (inside & (frame["y"] == 0)) | (~inside & (frame["y"] == 1)),
        "bnsp_auc": (inside & (frame["y"] == 1)) | (~inside & (frame["y"] == 0)),
    }
    for name, rows in parts.items():
        theirs = roc_auc_score(frame["y"][rows], frame["s"][rows])
        assert one(found, name, group={"g": "a"}).value == pytest.approx(theirs)
    gap = one(found, "roc_auc_score_difference", between=("g",)).value
    areas = [one(found, "roc_auc_score", group={"g": g}).value for g in "ab"]
    assert gap == pytest.approx(abs(areas[0] - areas[1]))


def test_sweep_counts_equal_scikit_learns_confusion_matrix() -> None:
    frame = scored(300)
    thresholds = np.array([0.0, 0.25, 0.5, 0.999, 1.0])
    counts = sweep(frame["y"].to_numpy() == 1, frame["s"].to_numpy(), thresholds)
    for i, t in enumerate(thresholds):
        tn, fp, fn, tp = confusion_matrix(frame["y"], frame["s"] >= t, labels=[0, 1]).ravel()
        assert (counts.tp[i], counts.fp[i], counts.fn[i], counts.tn[i]) == (tp, fp, fn, tn)
    low, high = wilson_bands(np.array([5, 0]), np.array([10, 0]), 0.95)
    assert (low[0], high[0]) == pytest.approx((0.23659, 0.76341), abs=1e-5)  # Wilson, by hand
    assert np.isnan(low[1])


def test_every_rate_that_groups_have_is_swept() -> None:
    order = ("tn", "fp", "fn", "tp")
    for name, (top, bottom) in RATES.items():
        above, below, _ = GROUP_RATES[name]
        assert {order[i] for i in above} == set(top), name
        assert {order[i] for i in below} == set(bottom), name
    # recall is the true positive rate by another name; nobody's label depends on a threshold
    left = {"recall_score", "prevalence", "false_negatives_among_errors"}
    assert set(GROUP_RATES) - set(RATES) == left


def test_worst_threshold_gap_is_the_largest_of_the_sweep(tmp_path: Path) -> None:
    frame = scored(400)
    spec = stored_spec(frame, tmp_path, checks=["fairness.thresholds"], **SCORED)
    case = read_case(audit(spec, tmp_path / "case").path)
    name = "demographic_parity_difference_at_worst_threshold"
    found = one(list(case.findings), name, between=("g",))
    share = {
        g: np.array([(part["s"] >= t).mean() for t in np.linspace(0, 1, 101).round(12)])
        for g, part in frame.groupby("g")
    }
    assert found.value == pytest.approx(np.abs(share["a"] - share["b"]).max())
    stored = case.artifact(found.artifacts[0])
    assert stored["threshold"] == 0.5
    group = next(g for g in stored["groups"] if g["group"] == {"g": "a"})
    at = stored["thresholds"].index(0.5)
    assert group["tp"][at] + group["fp"][at] == (frame["s"][frame["g"] == "a"] >= 0.5).sum()
    assert group["bands"]["selection_rate"]["low"][at] < share["a"][50]


def test_without_labels_only_selection_is_swept(tmp_path: Path) -> None:
    found = findings_of("fairness.thresholds", scored(200), tmp_path, **{**SCORED, "target": None})
    assert {f.measure for f in found} == {
        "swept_threshold_count",
        "demographic_parity_difference_at_worst_threshold",
    }
