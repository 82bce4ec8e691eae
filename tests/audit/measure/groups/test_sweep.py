"""Counts at every threshold against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from evenhand.audit.measure.classification import RATES as GROUP_RATES
from evenhand.audit.measure.groups.sweep import RATES, share_bands, sweep
from tests.audit.checks.fairness.scored import scored
from tests.shares import share_ends


def test_sweep_counts_equal_scikit_learns_confusion_matrix() -> None:
    frame = scored(300)
    thresholds = np.array([0.0, 0.25, 0.5, 0.999, 1.0])
    counts = sweep(frame["y"].to_numpy() == 1, frame["s"].to_numpy(), thresholds)
    for i, t in enumerate(thresholds):
        tn, fp, fn, tp = confusion_matrix(frame["y"], frame["s"] >= t, labels=[0, 1]).ravel()
        assert (counts.tp[i], counts.fp[i], counts.fn[i], counts.tn[i]) == (tp, fp, fn, tn)
    low, high = share_bands(np.array([5, 0]), np.array([10, 0]), 0.95)
    assert (low[0], high[0]) == pytest.approx(share_ends(5, 10), abs=1e-9)
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
