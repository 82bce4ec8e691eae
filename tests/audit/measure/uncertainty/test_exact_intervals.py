"""Closed forms against SciPy, which is independent of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from evenhand.audit.measure.uncertainty.beta import incomplete_beta
from evenhand.audit.measure.uncertainty.intervals import clopper_pearson, normal_quantile, share
from tests.shares import share_ends

counts = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
levels = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99, 0.999])


@settings(max_examples=100, deadline=None)
@given(counts, levels)
def test_a_share_agrees_with_scipy(kn: tuple[int, int], level: float) -> None:
    k, n = kn
    found = share(k, n, level)
    assert (found.low, found.high) == pytest.approx(share_ends(k, n, level), abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(counts, levels)
def test_clopper_pearson_agrees_with_scipy(kn: tuple[int, int], level: float) -> None:
    k, n = kn
    expected = stats.binomtest(k, n).proportion_ci(level, method="exact")
    found = clopper_pearson(k, n, level)
    assert found.low == pytest.approx(expected.low, abs=1e-9)
    assert found.high == pytest.approx(expected.high, abs=1e-9)


@pytest.mark.parametrize(("k", "n"), [(3, 10_000_000), (5_000_000, 10_000_000)])
def test_clopper_pearson_of_many_rows(k: int, n: int) -> None:
    found = clopper_pearson(k, n, 0.95)
    assert found.low == pytest.approx(stats.beta.ppf(0.025, k, n - k + 1), rel=1e-6)
    assert found.high == pytest.approx(stats.beta.ppf(0.975, k + 1, n - k), rel=1e-6)


@settings(max_examples=200, deadline=None)
@given(st.floats(0, 0.999999), st.floats(1, 1000), st.floats(1, 1000))
def test_incomplete_beta_agrees_with_scipy(x: float, a: float, b: float) -> None:
    assert incomplete_beta(x, a, b) == pytest.approx(special.betainc(a, b, x), abs=1e-9)


def test_hand_computed_anchors() -> None:
    # Wilson of 500 of 1000: centre 0.5, half z*sqrt(1/4000 + z^2/4000000)/(1 + z^2/1000)
    # = 1.959964 * sqrt(0.00025096) / 1.0038415 = 0.0309307; the beta quantile lies at .0309 + .0003
    assert normal_quantile(0.95) == pytest.approx(1.959964, abs=1e-6)
    assert share(500, 1000, 0.95).low == pytest.approx(0.5 - 0.0309307, abs=4e-4)
    # one of two: m = 1, Clopper-Pearson's own lower end, 1 - (1 - p)^2 = .025
    assert share(1, 2, 0.95).low == pytest.approx(1 - 0.975**0.5, abs=1e-12)
    # none of n: the exact upper end solves (1 - p)^n = 0.025
    assert clopper_pearson(0, 20, 0.95).high == pytest.approx(1 - 0.025 ** (1 / 20), abs=1e-12)
    assert (clopper_pearson(0, 20, 0.95).low, clopper_pearson(20, 20, 0.95).high) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("k", "n", "threshold"),
    # one-sided exact 95 % bounds: the least number of passes that clears each official rate
    [(916, 1000, 0.90), (3861, 4000, 0.96), (292, 300, 0.95)],
)
def test_one_sided_gates_of_official_rates(k: int, n: int, threshold: float) -> None:
    assert clopper_pearson(k, n, 0.90).low >= threshold
    assert clopper_pearson(k - 1, n, 0.90).low < threshold


@pytest.mark.parametrize(("k", "n"), [(1, 0), (-1, 5), (6, 5)])
def test_impossible_counts_are_refused(k: int, n: int) -> None:
    for interval in (share, clopper_pearson):
        with pytest.raises(ValueError, match=f"k={k} of n={n}"):
            interval(k, n, 0.95)


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, 95.0])
def test_impossible_levels_are_refused(level: float) -> None:
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        normal_quantile(level)
