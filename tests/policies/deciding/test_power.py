"""Rows to settle an item: against formulas worked out apart, and by collecting them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from evenhand.audit.finding import Interval
from evenhand.policies.deciding.power import (
    RowsNeeded,
    near_end,
    rows_by_width,
    rows_for_gap,
    rows_for_rate,
)

Z = float(stats.norm.ppf(0.975))


def spans(k: int, n: int, threshold: float) -> bool:
    interval = stats.binomtest(k, n).proportion_ci(0.95, method="wilson")
    return bool(interval.low <= threshold <= interval.high)


def test_what_is_promised_is_kept_for_rates() -> None:
    """Truths between 0.6 and 1, 100 rows against 0.8; where it is open, as many more are drawn."""
    rng = np.random.default_rng(0)
    settled = []
    for truth in rng.uniform(0.6, 1.0, 2000):
        k = int(rng.binomial(100, truth))
        more = rows_for_rate(k, 100, 0.8, 0.95).sure
        if not spans(k, 100, 0.8) or more is None:
            continue
        settled.append(not spans(k + int(rng.binomial(more, truth)), 100 + more, 0.8))
    error = math.sqrt(0.8 * 0.2 / len(settled))
    assert len(settled) > 500 and abs(np.mean(settled) - 0.8) < 3.5 * error


def test_as_seen_is_kept_where_the_truth_is_what_was_seen() -> None:
    """85 of 100 against 0.8: further rows with a rate of 86 in 102, drawn 4,000 times."""
    rng = np.random.default_rng(1)
    rows = rows_for_rate(85, 100, 0.8, 0.95)
    assert rows.as_seen is not None and rows.sure is not None and rows.sure > rows.as_seen
    drawn = 85 + rng.binomial(rows.as_seen, 86 / 102, 4000)
    n = 100 + rows.as_seen
    # Wilson's interval leaves t where (p - t)^2 > z^2 t (1 - t) / n
    settled = (drawn / n - 0.8) ** 2 > Z * Z * 0.16 / n
    assert abs(settled.mean() - 0.8) < 3.5 * math.sqrt(0.16 / 4000) + 0.01


def test_a_width_by_hand() -> None:
    """Value 0.17 (0.08 to 0.28) of 580 rows against 0.1.

    Over N rows the half-width is 0.09 sqrt(580/N), and the value normal around 0.17 with the
    standard deviation s sqrt(1 - 580/N), s = 0.09 / 1.96 = 0.0459. At N = 580 + sure the chance
    Phi((0.07 - c)/tau) + Phi((-0.07 - c)/tau) is 0.8.
    """
    interval = Interval(low=0.08, high=0.28, level=0.95, method="bootstrap")
    rows = rows_by_width(0.17, interval, 580, 0.10)
    assert rows.sure is not None
    n = 580 + rows.sure
    c, tau = 0.09 * math.sqrt(580 / n), 0.09 / Z * math.sqrt(1 - 580 / n)
    chance = stats.norm.cdf((0.07 - c) / tau) + stats.norm.cdf((-0.07 - c) / tau)
    assert chance == pytest.approx(0.8, abs=0.001)
    # a ratio goes by its logarithm: the same numbers with exp around them
    ends = {"low": math.exp(0.08), "high": math.exp(0.28)}
    logs = Interval(**ends, level=0.95, method="Katz log")
    by_ratio = rows_by_width(math.exp(0.17), logs, 580, math.exp(0.10), ratio=True)
    assert (by_ratio.sure, by_ratio.as_seen) == (rows.sure, rows.as_seen)
    assert rows.zone is not None and by_ratio.zone is not None
    assert by_ratio.zone == pytest.approx([math.exp(end) for end in rows.zone])


def test_beyond_the_zone_any_truth_is_settled_four_times_in_five() -> None:
    """82 of 100 against 0.8, and the truth at either end of the zone: the rows are drawn 4,000
    times to those that were seen, and Wilson's interval leaves 0.8 in four of five."""
    rng = np.random.default_rng(2)
    rows = rows_for_rate(82, 100, 0.8, 0.95)
    assert rows.sure is not None and rows.zone is not None
    n = 100 + rows.sure
    for truth in rows.zone:
        drawn = (82 + rng.binomial(rows.sure, truth, 4000)) / n
        # towards the truth's side, where (p - t)^2 > z^2 t (1 - t) / n
        settled = (drawn - 0.8) * np.sign(truth - 0.8) > Z * math.sqrt(0.16 / n)
        assert abs(settled.mean() - 0.8) < 3.5 * math.sqrt(0.16 / 4000)
    assert rows.zone[0] < 0.8 < rows.zone[1]


@pytest.mark.parametrize("rates", [(0.3, 0.3, 0.3), (0.2, 0.3, 0.45)])
def test_beyond_the_zone_a_gap_is_settled(rates: tuple[float, ...]) -> None:
    cells = [(60, 300), (75, 300), (66, 300)]
    rows = rows_for_gap(cells, 0.1, 0.95)
    assert rows.sure is not None and rows.zone is not None
    low, high = rows.zone
    gap = max(rates) - min(rates)
    assert low < 0.1 < high and not low < gap < high
    rng, settled = np.random.default_rng(4), 0
    for _ in range(60):
        more = round(rows.sure / 3)
        drawn = zip(cells, rates, strict=True)
        again = [(k + int(rng.binomial(more, p)), n + more) for (k, n), p in drawn]
        settled += rows_for_gap(again, 0.1, 0.95) == RowsNeeded(None, None)
    assert settled >= 48


def kept(truths: Callable[[], np.ndarray], n: int, limit: float, tries: int) -> list[bool]:
    """Whether a gap of rates is settled against ``limit`` after the advised rows."""
    rng, settled = np.random.default_rng(3), []
    for _ in range(tries):
        rates = truths()
        cells = [(int(k), n) for k in rng.binomial(n, rates)]
        more = rows_for_gap(cells, limit, 0.95).sure
        if more is None:
            continue
        further = round(more / len(rates))
        again = [
            (k + int(rng.binomial(further, p)), n + further)
            for (k, _), p in zip(cells, rates, strict=True)
        ]
        settled.append(rows_for_gap(again, limit, 0.95) == RowsNeeded(None, None))
    return settled


def test_what_is_promised_is_kept_for_gaps_of_groups_alike() -> None:
    settled = kept(lambda: np.full(4, 0.3), 200, 0.1, 40)
    assert len(settled) >= 30 and np.mean(settled) > 0.8


def test_a_gap_that_was_picked_is_not_taken_for_the_true_one() -> None:
    """Ten groups that seem 0.13 apart by chance: taken as seen, "collect until it fails"; rates
    drawn together say that it will more likely pass."""
    cells = [(30 + shift, 100) for shift in (-6, -4, -2, -1, 0, 0, 1, 2, 4, 7)]
    rows = rows_for_gap(cells, 0.2, 0.95)
    assert rows.as_seen is not None and rows.sure is not None
    by_the_gap = rows_by_width(
        0.13, Interval(low=0.0, high=0.34, level=0.95, method="m"), 1000, 0.2
    )
    assert by_the_gap.sure is not None and rows.as_seen < by_the_gap.sure


def test_ratios_go_by_their_logarithm() -> None:
    open_ = rows_for_gap([(450, 1500), (250, 1000)], 0.8, 0.95, ratio=True)
    assert open_.sure is not None
    assert rows_for_gap([(450, 1500), (440, 1500)], 0.8, 0.95, ratio=True) == RowsNeeded(None, None)


def test_no_number_where_none_can_be_named() -> None:
    interval = Interval(low=0.0, high=0.2, level=0.95, method="bootstrap")
    nothing = RowsNeeded(None, None)
    assert rows_for_rate(8, 10, 1.0, 0.95) == nothing
    assert rows_for_rate(0, 0, 0.5, 0.95) == nothing
    assert rows_by_width(0.1, interval, 0, 0.05) == nothing
    assert rows_by_width(0.1, interval, 100, 0.05, ratio=True) == nothing
    assert rows_for_gap([(3, 10)], 0.1, 0.95) == nothing
    # a value that is the threshold stays there if it is the truth; but it hardly is
    at = rows_by_width(0.1, interval, 100, 0.1)
    assert at.as_seen is None and at.sure is not None


def test_a_cut_off_end_is_known_to_say_too_little() -> None:
    # 0.4 (0 to 0.6) against 0.1: the end towards 0.1 is 0, which may have been cut off
    cut = Interval(low=0.0, high=0.6, level=0.95, method="m")
    assert near_end(0.4, cut, 0.1) == 0.0
    assert near_end(0.05, cut, 0.1) == 0.6
