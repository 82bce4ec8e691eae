"""Rows to settle an item, against closed forms and by trying."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from evenhand.audit.finding import Interval
from evenhand.policies.deciding.power import (
    further_rows_by_width,
    further_rows_for_rate,
    rows_per_group_for_ratio,
)


@pytest.mark.parametrize(
    ("rate", "sided", "rows"),
    [
        # z^2 * 2 (1 - p) / p / ln(1.25)^2, e.g. 3.8415 * 2 / 0.049793 = 154.3
        (0.5, "two", 155),
        (0.3, "two", 361),
        (0.1, "two", 1389),
        (0.5, "one", 109),
        (0.3, "one", 254),
        (0.1, "one", 979),
    ],
)
def test_katz_anchors(rate: float, sided: str, rows: int) -> None:
    assert rows_per_group_for_ratio(rate, sided=sided) == rows  # type: ignore[arg-type]


def test_katz_bound_clears_at_that_size_and_not_before() -> None:
    def low(n: int, p1: float, p2: float) -> float:
        error = math.sqrt((1 - p1) / (n * p1) + (1 - p2) / (n * p2))
        return p2 / p1 * math.exp(-stats.norm.ppf(0.975) * error)

    rows = rows_per_group_for_ratio(0.4, ratio=0.9)
    assert rows is not None
    assert low(rows, 0.4, 0.36) >= 0.8 > low(rows - 1, 0.4, 0.36)


def test_a_ratio_that_does_not_clear_is_never_settled() -> None:
    assert rows_per_group_for_ratio(0.5, ratio=0.8) is None
    assert rows_per_group_for_ratio(0.5, ratio=0.5) is None
    for bad in ({"rate": 0.0}, {"rate": 1.2}, {"rate": 0.5, "ratio": 0.0}):
        with pytest.raises(ValueError, match="must lie above 0"):
            rows_per_group_for_ratio(**bad)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(20, 400),
    st.floats(0.05, 0.95),
    st.floats(0.0, 1.0),
    st.sampled_from([0.9, 0.95]),
)
def test_a_rate_is_settled_at_that_size_and_not_before(
    n: int, share: float, place: float, level: float
) -> None:
    k = round(n * share)
    p = k / n
    now = stats.binomtest(k, n).proportion_ci(level, method="wilson")
    threshold = now.low + place * (now.high - now.low)
    assume(abs(p - threshold) > 0.01)
    assume(0.01 < place < 0.99)
    rows = further_rows_for_rate(k, n, threshold, level)
    assert rows is not None

    def spans(total: int) -> bool:
        # Wilson at p, with a total that need not make p a whole count
        z = float(stats.norm.ppf(0.5 + level / 2))
        centre = (p + z * z / (2 * total)) / (1 + z * z / total)
        half = z / (1 + z * z / total) * math.sqrt(p * (1 - p) / total + z * z / (4 * total**2))
        return centre - half <= threshold <= centre + half

    assert not spans(n + rows)
    assert rows == 1 or spans(n + rows - 2)


def test_hand_computed_rate() -> None:
    # 60 of 80 is 0.75; against 0.7: 3.841459 * 0.21 / 0.0025 = 322.68, so 323 rows, 243 more
    assert further_rows_for_rate(60, 80, 0.7, 0.95) == 243


def test_width_shrinks_with_the_root_of_n() -> None:
    # value 0.17, upper half-width irrelevant: the threshold lies below, at distance 0.07 while the
    # low end is at distance 0.09: n grows by (9/7)^2 = 1.653; 580 * 1.653 = 958.8, 379 more
    interval = Interval(low=0.08, high=0.28, level=0.95, method="bootstrap")
    assert further_rows_by_width(0.17, interval, 580, 0.10) == 379
    # a ratio is scaled on the log scale: 600 * (ln(0.9/0.7) / ln(0.9/0.8))^2 = 2731.7
    ratio = Interval(low=0.7, high=1.0, level=0.95, method="Katz log")
    assert further_rows_by_width(0.9, ratio, 600, 0.8, ratio=True) == 2132


def test_simulated_means_are_settled_about_where_it_says() -> None:
    # a normal mean with sd 1: half-width z / sqrt(n); value 0.1 above the threshold at n = 100
    z = float(stats.norm.ppf(0.975))
    interval = Interval(low=0.1 - z / 10, high=0.1 + z / 10, level=0.95, method="Student's t")
    rows = further_rows_by_width(0.1, interval, 100, 0.0)
    assert rows is not None
    assert 0.1 - z / math.sqrt(100 + rows) > 0 > 0.1 - z / math.sqrt(100 + rows - 2)


def test_no_number_where_none_can_be_named() -> None:
    interval = Interval(low=0.0, high=0.2, level=0.95, method="bootstrap")
    assert further_rows_for_rate(8, 10, 0.8, 0.95) is None
    assert further_rows_for_rate(8, 10, 1.0, 0.95) is None
    assert further_rows_for_rate(0, 0, 0.5, 0.95) is None
    assert further_rows_by_width(0.1, interval, 100, 0.1) is None
    assert further_rows_by_width(0.1, interval, 0, 0.05) is None
    assert further_rows_by_width(0.1, interval, 100, 0.05, ratio=True) is None
    assert further_rows_by_width(0.1, interval, 100, 0.1 + 1e-9) is None


def test_a_cut_off_end_is_known_to_say_too_little() -> None:
    from evenhand.audit.finding import Interval
    from evenhand.policies.deciding.power import near_end

    # 0.4 (0 to 0.6) against 0.1: the end towards 0.1 is 0, which may have been cut off
    cut = Interval(low=0.0, high=0.6, level=0.95, method="m")
    assert near_end(0.4, cut, 0.1) == 0.0
    assert near_end(0.05, cut, 0.1) == 0.6
