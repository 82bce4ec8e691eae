"""Exposure and nDCG: scikit-learn, by hand with ties, and coverage."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from evenhand.audit.measure.groups.exposure import ndcg, ndcg_estimate, position_weights
from evenhand.audit.words.reasons import render


def test_exposure_and_ndcg_equal_scikit_learns_with_ties() -> None:
    rng = np.random.default_rng(6)
    score = rng.integers(0, 6, 40).astype(float)
    relevance = rng.integers(0, 2, 40).astype(float)
    assert ndcg(relevance, score) == pytest.approx(ndcg_score([relevance], [score]))
    # three places, the last two tied: 1, and the mean of 1/log2(3) and 1/log2(4)
    shared = (1 / np.log2(3) + 1 / 2) / 2
    assert position_weights(np.array([2.0, 5.0, 2.0])) == pytest.approx([shared, 1, shared])
    assert ndcg(np.zeros(3), np.arange(3.0)) is None


def test_a_perfect_ranking_has_no_interval_and_a_faulty_one_covers_the_truth() -> None:
    perfect = ndcg_estimate(np.array([1.0] * 5 + [0] * 5), np.arange(10.0, 0, -1), (0.95,), [0])
    assert (perfect.value, perfect.intervals) == (1.0, ())
    assert "every draw" in render(perfect.reason)
    # scores of positives lie 1 above those of negatives; the truth is that of very many rows
    rng = np.random.default_rng(0)

    def drawn(n: int) -> tuple[np.ndarray, np.ndarray]:
        relevance = (rng.random(n) < 0.4).astype(float)
        return relevance, relevance + rng.normal(size=n)

    truth = np.mean([ndcg(*drawn(100)) or 0.0 for _ in range(4000)])
    held = 0
    for i in range(200):
        interval = ndcg_estimate(*drawn(100), (0.95,), [i]).interval
        assert interval is not None
        held += interval.low <= truth <= interval.high
    assert held >= (0.95 - 3 * 0.0154) * 200  # less three standard errors
