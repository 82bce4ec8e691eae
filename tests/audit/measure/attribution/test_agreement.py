"""Rank agreement, top columns and drift: held against SciPy and against hand-worked rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from evenhand.audit.measure.attribution import agreement as g
from evenhand.audit.measure.attribution.drift import drift
from evenhand.audit.words.reasons import render

LEVELS = (0.95,)


def noisy(rows: int, columns: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    one = rng.normal(size=(rows, columns))
    other = one + rng.normal(size=(rows, columns))
    one[: rows // 2] = np.round(one[: rows // 2])  # ties, some of them at zero
    return one, other


def test_rank_correlations_equal_scipys_with_ties() -> None:
    one, other = noisy(40, 7, 1)
    spearman, kendall = g.spearman(one, other), g.kendall(one, other)
    for row in range(len(one)):
        a, b = np.abs(one[row]), np.abs(other[row])
        assert spearman[row] == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)
        assert kendall[row] == pytest.approx(kendalltau(a, b).statistic, abs=1e-12)


def test_kendall_in_batches_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = noisy(25, 6, 2)
    whole = g.kendall(one, other)
    monkeypatch.setattr(g, "_PAIRS_AT_ONCE", 40)
    assert g.kendall(one, other).tolist() == whole.tolist()


@pytest.mark.parametrize("function", [g.spearman, g.kendall])
def test_rows_without_an_order_have_no_correlation(function: object) -> None:
    assert callable(function)
    level = np.array([[0.0, 0.0, 0.0], [2.0, -2.0, 2.0]])
    assert np.isnan(function(level, np.array([[1.0, 2.0, 3.0]] * 2))).all()
    assert np.isnan(function(np.ones((2, 1)), np.ones((2, 1)))).all()  # a single column


def test_the_sign_of_an_attribution_does_not_count() -> None:
    one = np.array([[3.0, -2.0, 1.0]])
    assert g.spearman(one, -one)[0] == pytest.approx(1.0)
    assert g.top_k_overlap(one, -one, 2)[0] == 1.0


def test_top_columns_by_hand() -> None:
    one = np.array([[5.0, 4.0, 3.0, 2.0], [5.0, 4.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    other = np.array([[5.0, 1.0, 3.0, 4.0], [0.0, 4.0, 5.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    found = g.top_k_overlap(one, other, 3)
    # {0,1,2} and {0,2,3} share 2 of 3; {0,1} (zeros are never on top) and {1,2,3} share 1 of 3
    assert found[:2] == pytest.approx([2 / 3, 1 / 3])
    assert math.isnan(found[2])
    assert g.top_k_overlap(one[:1], np.zeros((1, 4)), 3)[0] == 0.0


def test_a_mean_leaves_out_rows_without_a_value_and_says_so() -> None:
    found = g.mean_known(np.array([1.0, np.nan, 0.0, 0.5]), LEVELS, 0, 1, empty="nothing")
    assert found.value == pytest.approx(0.5)
    assert (found.n, found.counts["rows_left_out"]) == (3, 1)
    assert render(found.reason) == "1 rows without a value left out"
    # t with 2 degrees of freedom: 0.5 +- 4.303 * 0.5 / sqrt(3) reaches beyond both ends
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (0.0, 1.0)
    nothing = g.mean_known(np.array([np.nan]), LEVELS, 0, 1, empty="nothing")
    assert (nothing.value, render(nothing.reason), nothing.n) == (None, "nothing", 1)


def test_values_that_are_all_alike_still_have_an_interval() -> None:
    found = g.mean_known(np.ones(20), LEVELS, -1, 1, empty="nothing")
    assert found.value == 1.0
    # Wilson for 20 of 20 is [0.8389, 1]; on the scale from -1 to 1 the low end is 0.678
    assert found.interval is not None
    assert found.interval.low == pytest.approx(2 * 0.8389 - 1, abs=1e-3)
    assert found.interval.high == 1.0


def test_drift_by_hand() -> None:
    one = np.array([[4.0, 2.0, 1.0], [1.0, 0.0, 3.0]])
    other = np.array([[4.0, 1.0, 2.0], [1.0, 0.0, 3.0]])
    found = drift(one, other, ["a", "b", "c"], LEVELS, top_k=2)
    # row one: ranks 3 2 1 and 3 1 2 correlate at 1 - 6 * 2 / (3 * 8) = 0.5; row two: 1
    assert found.rank_correlation.value == pytest.approx(0.75)
    assert found.top_k_overlap.value == pytest.approx((1 / 2 + 1) / 2)
    assert found.change.value == pytest.approx(2 / 11)  # |2-1| + |1-2| over 4+1+2+1+3
    assert found.shares["a"] == pytest.approx((5 / 11, 5 / 11))
    assert found.to_json()["shares"]["c"] == pytest.approx({"a": 4 / 11, "b": 5 / 11})


def test_drift_of_models_that_ignore_their_input_is_undefined() -> None:
    nothing = np.zeros((5, 3))
    found = drift(nothing, nothing, ["a", "b", "c"], LEVELS)
    assert found.rank_correlation.value is None
    assert render(found.change.reason) == "every attribution of the other is zero"
    assert found.shares["a"] == (None, None)


def test_drift_of_a_single_column_has_no_order() -> None:
    found = drift(np.array([[1.0], [2.0]]), np.array([[1.0], [1.0]]), ["a"], LEVELS)
    assert render(found.rank_correlation.reason) == "one column has no order"
    assert render(found.top_k_overlap.reason) == "one column has no order"
    assert found.change.value == pytest.approx(0.5)
