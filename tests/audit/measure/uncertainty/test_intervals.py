"""Intervals against published values, SciPy's own, and simulation."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty import intervals
from evenhand.audit.measure.uncertainty.intervals import (
    clopper_pearson,
    katz_log,
    mean,
    newcombe,
    normal_quantile,
    rate,
    share,
)
from evenhand.audit.words.reasons import render
from tests.shares import share_ends


@pytest.mark.parametrize(("k", "n"), [(0, 1), (0, 20), (1, 7), (5, 10), (81, 263), (100, 100)])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_a_share_has_the_further_of_scipys_wilson_and_beta_ends(
    k: int, n: int, level: float
) -> None:
    ours = share(k, n, level)
    assert (ours.low, ours.high) == pytest.approx(share_ends(k, n, level), abs=1e-11)
    theirs = stats.binomtest(k, n).proportion_ci(confidence_level=level, method="wilson")
    assert ours.low <= theirs.low + 1e-12
    assert ours.high >= theirs.high - 1e-12
    array = rate(k, n, (level,), empty="").interval
    assert array is not None
    assert (ours.low, ours.high) == pytest.approx((array.low, array.high), abs=1e-11)


def test_a_share_reaches_the_ends_exactly() -> None:
    assert share(0, 9).low == 0.0
    assert share(9, 9).high == 1.0


@pytest.mark.parametrize(
    ("counts", "published"),
    # Newcombe 1998, table II, method 10: 56/70 - 48/80 and 9/10 - 3/10
    [((56, 70, 48, 80), (0.0524, 0.3339)), ((9, 10, 3, 10), (0.1705, 0.8090))],
)
def test_newcombe_is_his_method_from_the_limits_of_both_shares(
    counts: tuple[int, int, int, int], published: tuple[float, float]
) -> None:
    k, n, j, m = counts
    (l1, u1), (l2, u2) = share_ends(k, n), share_ends(j, m)
    p, q = k / n, j / m
    found = newcombe(*counts)
    assert found.low == pytest.approx(p - q - math.hypot(p - l1, u2 - q), abs=1e-11)
    assert found.high == pytest.approx(p - q + math.hypot(u1 - p, q - l2), abs=1e-11)
    # his own limits, from Wilson's, lie inside
    assert found.low <= published[0]
    assert found.high >= published[1]


def test_katz_log_by_hand() -> None:
    # 30/100 against 20/100: ratio 1.5; se = sqrt(1/30 - 1/100 + 1/20 - 1/100) = sqrt(0.063333)
    found = katz_log(30, 100, 20, 100)
    spread = 1.959963985 * math.sqrt(1 / 30 - 1 / 100 + 1 / 20 - 1 / 100)
    assert found.low == pytest.approx(1.5 * math.exp(-spread), rel=1e-9)
    assert found.high == pytest.approx(1.5 * math.exp(spread), rel=1e-9)
    with pytest.raises(ValueError, match="at least one case"):
        katz_log(0, 10, 3, 10)


def test_normal_quantile() -> None:
    assert normal_quantile(0.95) == pytest.approx(1.959963984540054, abs=1e-12)


def test_a_rate_without_rows_is_undefined_with_its_reason() -> None:
    estimate = rate(0, 0, (0.95,), empty="no positive labels in this group")
    assert estimate.value is None
    assert estimate.intervals == ()
    assert render(estimate.reason) == "no positive labels in this group"


def test_a_rate_has_an_interval_for_every_level_asked() -> None:
    estimate = rate(30, 100, (0.95, 0.9), empty="")
    assert [i.level for i in estimate.intervals] == [0.95, 0.9]
    assert estimate.intervals[1].low > estimate.intervals[0].low


def test_mean_of_symmetric_values_has_scipys_t_interval() -> None:
    x = np.random.default_rng(1).normal(size=20)
    x = np.concatenate([x, -x])
    ours = mean(x, (0.9,))
    theirs = stats.t.interval(0.9, 39, loc=x.mean(), scale=stats.sem(x))
    assert ours.interval is not None
    assert (ours.interval.low, ours.interval.high) == pytest.approx(theirs, abs=1e-5)


def test_mean_of_one_row_has_no_interval_and_says_so() -> None:
    estimate = mean([2.0], (0.95,))
    assert (estimate.value, estimate.intervals) == (2.0, ())
    assert "one row" in render(estimate.reason)
    assert intervals.mean([], (0.95,)).value is None


def exact_coverage(interval: Callable[..., Interval], p: float, q: float, n: int) -> float:
    """The chance that a 95 % interval of two rates holds the truth: summed over all outcomes."""
    k = np.arange(n + 1)
    chances = np.outer(stats.binom.pmf(k, n, p), stats.binom.pmf(k, n, q))
    ratio = interval is katz_log
    truth = p / q if ratio else p - q
    held = total = 0.0
    for i, j in zip(*np.nonzero(chances > 1e-9), strict=True):
        if ratio and (i == 0 or j == 0):
            continue
        found = interval(int(i), n, int(j), n)
        total += chances[i, j]
        held += chances[i, j] * (found.low <= truth <= found.high)
    return float(held / total)


@pytest.mark.slow
@pytest.mark.parametrize("p", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("n", [20, 100, 1000])
def test_exact_coverage_of_every_closed_form(p: float, n: int) -> None:
    """No simulation: every outcome with its probability. Nominal 95 %.

    The limits here are what was found, so that a change of method shows.
    """
    k = np.arange(n + 1)
    chances = stats.binom.pmf(k, n, p)
    held = {}
    for name, one in (("share", share), ("clopper_pearson", clopper_pearson)):
        ends = [one(int(i), n) if chances[i] > 1e-9 else None for i in k]
        hits = [e is not None and e.low <= p <= e.high for e in ends]
        held[name] = float(chances[np.array(hits)].sum())
    held["newcombe"] = exact_coverage(newcombe, p, min(1.5 * p, 0.9), n)
    held["katz_log"] = exact_coverage(katz_log, p, min(1.5 * p, 0.9), n)
    print(f"p={p} n={n}", {name: round(chance, 4) for name, chance in held.items()})
    assert held["clopper_pearson"] >= 0.95
    assert held["newcombe"] >= 0.94
    few = n * p < 5
    assert held["share"] >= 0.94
    assert held["katz_log"] >= (0.92 if few else 0.94)
