"""Shares of attribution and rank shifts between groups: by hand, and by simulation."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import spearmanr

from evenhand.audit.measure.attribution import groups as g
from evenhand.audit.measure.attribution.agreement import column_agreement
from evenhand.audit.words.reasons import render

LEVELS = (0.95,)


def test_the_share_of_attribution_by_hand() -> None:
    values = np.array([[3.0, -1.0, 0.0], [1.0, 2.0, -3.0]])
    # |3| + |1| of 10 on the first column; half of it and all of the third: (4 / 2 + 3) / 10
    assert g.attribution_share(values, np.array([1, 0, 0]), LEVELS).value == pytest.approx(0.4)
    found = g.attribution_share(values, np.array([0.5, 0, 1]), LEVELS)
    assert found.value == pytest.approx(0.5)
    assert found.interval is not None
    assert 0 <= found.interval.low <= 0.5 <= found.interval.high <= 1


def test_the_share_of_nothing_is_undefined() -> None:
    found = g.attribution_share(np.zeros((4, 2)), np.array([1, 0]), LEVELS)
    assert (found.value, render(found.reason)) == (None, "every attribution is zero")


def test_the_distance_of_orders_by_hand_and_its_largest_value() -> None:
    ranks = np.array([[1.0, 2, 3, 4], [2.0, 1, 3, 4], [4.0, 3, 2, 1]])
    # first and last: 9 + 1 + 1 + 9 = 20 of 4 * 15 / 3 = 20
    assert g.order_distance(ranks) == 1.0
    assert g.order_distance(ranks[:2]) == 2 / 20
    for columns in (2, 3, 4, 5):
        start = np.arange(1, columns + 1)
        apart = [((start - np.array(p)) ** 2).sum() for p in permutations(start)]
        assert max(apart) == columns * (columns**2 - 1) / 3  # by enumeration
    one, other = np.random.default_rng(2).permutation(9), np.arange(9)
    expected = (1 - spearmanr(one, other).statistic) / 2
    assert g.order_distance(np.array([one, other])) == pytest.approx(expected)


def test_group_means_and_ranks() -> None:
    values = np.array([[1.0, -4.0], [3.0, 0.0], [-10.0, 1.0]])
    means = g.group_means(values, np.array([0, 0, 1]), 2)
    assert means.tolist() == [[2.0, 2.0], [10.0, 1.0]]
    assert g.column_ranks(means).tolist() == [[1.5, 1.5], [1.0, 2.0]]


def planted(rng: np.random.Generator, n: int, shifted: bool) -> tuple[np.ndarray, np.ndarray]:
    scale = np.arange(8.0, 0.0, -1.0)
    codes = rng.integers(0, 2, n)
    values = rng.normal(size=(n, 8)) * scale
    if shifted:
        values[codes == 1] = values[codes == 1][:, ::-1]
    return values, codes


def test_a_planted_shift_is_found() -> None:
    values, codes = planted(np.random.default_rng(1), 400, shifted=True)
    found = g.rank_shift(values, codes, LEVELS, seed=(1,), permutations=199)
    assert found.shift.value == 1.0  # the order is reversed
    assert found.p_value == 1 / 200  # no shuffle moves as much: the least there can be
    assert found.shift.interval is not None
    assert found.shift.interval.high == 1.0


def test_the_permutation_test_keeps_its_size() -> None:
    p_values = null_p_values(60, permutations=39)
    # at most 10 % of the time p <= 0.1: of 60 trials 6 are expected, 12 is the 99 % point
    assert (p_values <= 0.1).sum() <= 12


@pytest.mark.slow
def test_the_permutation_test_keeps_its_size_over_many_trials() -> None:
    p_values = null_p_values(500, permutations=99)
    for size in (0.01, 0.05, 0.1, 0.2):
        limit = size + 3 * np.sqrt(size * (1 - size) / 500)
        assert (p_values <= size).mean() <= limit


def null_p_values(trials: int, permutations: int) -> np.ndarray:
    found = []
    for trial in range(trials):
        values, codes = planted(np.random.default_rng([7, trial]), 60, shifted=False)
        shift = g.rank_shift(values, codes, LEVELS, seed=(trial,), permutations=permutations)
        assert shift.p_value is not None
        found.append(shift.p_value)
    return np.array(found)


def test_intervals_of_shifts_hold_the_true_one() -> None:
    one, other = np.arange(8.0, 0, -1), np.array([5.0, 6, 7, 8, 1, 2, 3, 4])
    true = (9 + 1 + 1 + 9) * 2 / (8 * 63 / 3)  # the first four reversed, and so the last four
    held = 0
    for trial in range(25):
        rng = np.random.default_rng([3, trial])
        values = rng.normal(size=(100, 8)) * np.repeat([one, other], 50, axis=0)
        codes = np.repeat([0, 1], 50)
        found = g.rank_shift(values, codes, LEVELS, seed=(trial,), permutations=1).shift
        assert found.interval is not None
        held += found.interval.low <= true <= found.interval.high
    assert held >= 22  # 95 % of 25 are 23.75; fewer than 22 has chance 0.03


def test_the_names_of_groups_do_not_decide() -> None:
    values, codes = planted(np.random.default_rng(3), 80, shifted=False)
    one = g.rank_shift(values, codes, LEVELS, seed=(3,), permutations=99)
    other = g.rank_shift(values, 1 - codes, LEVELS, seed=(3,), permutations=99)
    assert one.shift.value == other.shift.value


@pytest.mark.parametrize(
    ("values", "codes", "reason"),
    [
        (np.ones((4, 1)), [0, 0, 1, 1], "one column has no order"),
        (np.ones((4, 2)), [0, 0, 0, 0], "fewer than two groups to compare"),
        (np.zeros((4, 2)), [0, 0, 1, 1], "every attribution is zero"),
    ],
)
def test_no_shift_without_an_order(values: np.ndarray, codes: list[int], reason: str) -> None:
    found = g.rank_shift(values, np.array(codes), LEVELS, seed=(1,), permutations=9)
    assert (found.shift.value, render(found.shift.reason), found.p_value) == (None, reason, None)


def test_a_group_of_one_row_has_a_mean() -> None:
    values = np.array([[1.0, 2.0, 0.5]] * 9 + [[2.0, 1.0, 0.5]])
    codes = np.array([0] * 9 + [1])
    found = g.rank_shift(values, codes, LEVELS, seed=(1,), permutations=199)
    assert found.shift.value == 2 / 8  # two columns change places: 1 + 1 of 3 * 8 / 3
    assert found.p_value is not None
    assert found.p_value > 0.05  # one shuffle in ten or so moves as much


def test_agreement_over_columns_is_spearmans() -> None:
    rng = np.random.default_rng(5)
    one = np.abs(rng.normal(size=(300, 5))) * [5, 4, 3, 2, 1]
    other = np.abs(rng.normal(size=(300, 5))) * [5, 4, 3, 1, 2]
    found = column_agreement(one, other, LEVELS, (5,))
    assert found.value == pytest.approx(1 - 6 * 2 / (5 * 24))  # two neighbours change places
    assert found.interval is not None
    assert found.interval.low <= 0.9 <= found.interval.high
    assert column_agreement(one[:, :1], other[:, :1], LEVELS, (5,)).value is None
    level = column_agreement(one, np.ones((300, 5)), LEVELS, (5,))
    assert render(level.reason) == "all columns are equal in one of the two: no order"
