"""Rows of one person taken together, and jackknives: against the same done row by row."""

from __future__ import annotations

import numpy as np
import pytest

from evenhand.audit.measure.groups.gaps import GroupCount
from evenhand.audit.measure.groups.overall import gap_to_overall
from evenhand.audit.measure.multiclass import _jackknife_rows, macro_f1
from evenhand.audit.measure.paired import mcnemar_exact
from evenhand.audit.measure.paired_gap import PairedPeople, gap_change
from evenhand.audit.measure.paired_persons import paired_interval, sign_flip_p_value
from evenhand.audit.measure.recalibration import _errors, _newton, recalibrate
from evenhand.audit.measure.regression import ratio_of_sums
from evenhand.audit.measure.uncertainty.picked import (
    shortfall_p_values,
    shortfall_p_values_of_persons,
)
from evenhand.audit.measure.uncertainty.weighted import clustered


def test_sign_flips_of_single_rows_are_mcnemars_exact_test() -> None:
    for first, second in ((1, 9), (0, 0), (7, 7), (30, 12)):
        difference = np.array([1] * first + [-1] * second + [0] * 5)
        found = sign_flip_p_value(difference, np.arange(difference.size))
        assert found == pytest.approx(mcnemar_exact(first, second))


def test_sign_flips_of_persons_by_all_their_signs() -> None:
    """Sums 3, 2, -1, 2: of 16 signs, those whose total is 6 or more, or -6 or less, by hand."""
    unit = np.repeat([0, 1, 2, 3], [3, 2, 1, 4])
    difference = np.array([1, 1, 1, 1, 1, -1, 1, 1, 0, 0])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 4)).reshape(4, -1).T
    expected = (np.abs(signs @ [3, 2, -1, 2]) >= 6).mean()
    assert sign_flip_p_value(difference, unit) == pytest.approx(expected)
    # persons may be called anything, and come in any order
    order = np.random.default_rng(0).permutation(10)
    assert sign_flip_p_value(difference[order], 7 - unit[order]) == pytest.approx(expected)


def test_rows_that_all_agree_still_leave_room() -> None:
    interval = paired_interval(np.zeros(30, dtype=int), np.repeat(np.arange(10), 3))
    assert interval.low < 0 < interval.high < 0.5


def test_a_gap_of_persons_with_one_row_each_is_that_of_rows() -> None:
    rng = np.random.default_rng(1)
    table = rng.integers(5, 40, (3, 2, 2, 2)).astype(float)
    group, cells = [], []
    for place, rows in np.ndenumerate(table):
        one = np.zeros((2, 2, 2))
        one[place[1:]] = 1
        group += [place[0]] * int(rows)
        cells += [one] * int(rows)
    people = PairedPeople(np.array(group), np.arange(len(group)), np.array(cells))
    rates = ("true_positive_rate", "false_positive_rate")
    one, other = (gap_change(table, rates, seed=1, people=p) for p in (None, people))
    assert one.value == other.value and one.interval is not None and other.interval is not None
    assert other.interval.low == pytest.approx(one.interval.low, abs=0.02)
    assert other.interval.high == pytest.approx(one.interval.high, abs=0.02)


def test_the_jackknife_of_macro_f1_is_that_of_each_row_left_out() -> None:
    matrix = np.array([[20, 3, 2], [4, 15, 1], [0, 2, 6]])
    rows, n = np.repeat(np.arange(9), matrix.ravel()), int(matrix.sum())
    left = [
        macro_f1(np.bincount(np.delete(rows, i), minlength=9).reshape(3, 3), ()).value
        for i in range(n)
    ]
    variance = float(np.var(np.array(left, dtype=float))) * (n - 1)
    value = float(macro_f1(matrix, ()).value or 0.0)
    for side, found in enumerate(_jackknife_rows(matrix, range(3))):
        # with one more row of the worst (best) kind the variance is a little larger
        moved = (value * n + side) / (n + 1)
        assert 0.85 < found / (moved * (1 - moved) / variance) < 1


def test_the_jackknife_of_a_slope_is_near_that_of_refits() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=60)
    y = (rng.random(60) < 1 / (1 + np.exp(-x))).astype(float)
    beta = _newton(x, y)
    assert beta is not None
    code = np.repeat(np.arange(20), 3)
    refits = np.array([_newton(x[code != i], y[code != i]) for i in range(20)])
    by_hand = np.sqrt(((refits - beta) ** 2).sum(axis=0) * 19 / 20)
    p = 1 / (1 + np.exp(-beta[0] - beta[1] * x))
    design = np.column_stack([np.ones(60), x])
    information = (design * (p * (1 - p))[:, None]).T @ design
    wald = np.sqrt(np.diag(np.linalg.inv(information)))
    assert _errors(x, y, beta, code) == pytest.approx(np.maximum(by_hand, wald), rel=0.1)
    score = 1 / (1 + np.exp(-x))
    copies = recalibrate(np.tile(y, 4) > 0, np.tile(score, 4), (0.95,), np.tile(np.arange(60), 4))
    once = recalibrate(y > 0, score, (0.95,), np.arange(60))
    # four copies of each row say what one says, but for the information, which is fourfold
    assert copies.slope.interval is not None and once.slope.interval is not None
    assert copies.slope.interval.high == pytest.approx(once.slope.interval.high, rel=0.1)


def test_the_gap_to_everybody_by_hand() -> None:
    """30 of 100, 10 of 50, 60 of 150: overall 1/3; the distances are .033, .133 and .067."""
    groups = [(30, 100), (10, 50), (60, 150)]
    sides = [
        (GroupCount(str(i), k, n), GroupCount("rest", 100 - k, 300 - n))
        for i, (k, n) in enumerate(groups)
    ]
    found = gap_to_overall(sides, (0.95,))
    assert found.value == pytest.approx(1 / 3 - 0.2)
    assert found.interval is not None and 0 < found.interval.low < 2 / 15 < found.interval.high < 1


def test_the_test_of_the_top_counts_persons() -> None:
    """Five copies of each row say what one row says; taken for rows they say far more."""
    k, n = [30, 18, 25], [60, 60, 60]
    ones = [np.arange(m) < c for c, m in zip(k, n, strict=True)]
    copied = [clustered(5.0 * y, np.full(y.size, 5.0)) for y in ones]
    single = [clustered(y.astype(float), np.ones(y.size)) for y in ones]
    five, once = (shortfall_p_values_of_persons(g, seed=[1]) for g in (copied, single))
    # the variance of one row each is no less than that of independent rows: J / (J - 1) apart
    assert five == pytest.approx(once, abs=0.02)
    assert once == pytest.approx(shortfall_p_values(k, n, seed=[1]), abs=0.05)
    taken = shortfall_p_values([5 * c for c in k], [5 * m for m in n], seed=[1])
    assert taken[1] < 0.01 < once[1]


def test_texts_of_one_writer_count_once() -> None:
    rng = np.random.default_rng(5)
    top, bottom = rng.gamma(3, 1, 40), rng.gamma(3, 1, 40) + 1
    once = ratio_of_sums(top, bottom, (0.95,), empty=())
    copied = [np.tile(x, 3) for x in (top, bottom)]
    writers = np.tile(np.arange(40), 3)
    of_writers = ratio_of_sums(*copied, (0.95,), empty=(), units=writers)
    assert of_writers.value == pytest.approx(once.value)
    assert once.interval is not None and of_writers.interval is not None
    assert of_writers.interval.high == pytest.approx(once.interval.high)
    assert of_writers.counts["units"] == 40
