"""Exposure and nDCG: scikit-learn, by hand with ties, and coverage."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from evenhand.audit.measure.groups.exposure import (
    _without_each,
    exposure_limits,
    ndcg,
    ndcg_estimate,
    position_weights,
)
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
    perfect = ndcg_estimate(np.array([1.0] * 5 + [0] * 5), np.arange(10.0, 0, -1), (0.95,))
    assert (perfect.value, perfect.intervals) == (1.0, ())
    assert "every draw" in render(perfect.reason)
    # scores of positives lie 1 above those of negatives; the truth is that of very many rows
    rng = np.random.default_rng(0)

    def drawn(n: int) -> tuple[np.ndarray, np.ndarray]:
        relevance = (rng.random(n) < 0.4).astype(float)
        return relevance, relevance + rng.normal(size=n)

    truth = np.mean([ndcg(*drawn(100)) or 0.0 for _ in range(4000)])
    held = 0
    for _ in range(200):
        interval = ndcg_estimate(*drawn(100), (0.95,)).interval
        assert interval is not None
        held += interval.low <= truth <= interval.high
    assert held >= (0.95 - 3 * 0.0154) * 200  # less three standard errors


@pytest.mark.parametrize("digits", [0, 1, 6])
def test_leaving_out_each_row_is_ranking_anew(digits: int) -> None:
    rng = np.random.default_rng(digits)
    relevance = (rng.random(30) < 0.3).astype(float)
    score = (rng.normal(size=30) + relevance).round(digits)
    again = [ndcg(np.delete(relevance, i), np.delete(score, i)) for i in range(30)]
    assert _without_each(relevance, score) == pytest.approx(again, abs=1e-12)


def test_exposure_of_the_whole_ranking_is_certain_and_of_a_part_is_not() -> None:
    weights = position_weights(np.arange(100.0))
    weights = weights / weights.mean()
    low, high = exposure_limits(weights, 100, weights.max(), 0.95)
    assert low == pytest.approx(1, abs=0.03)
    assert high == pytest.approx(1, abs=0.03)
    # the ten at the top: 1 of 1.0 would be no better known than ten people can tell
    low, high = exposure_limits(weights[-10:], 100, weights.max(), 0.95)
    assert low < weights[-10:].mean() < high <= weights.max()
