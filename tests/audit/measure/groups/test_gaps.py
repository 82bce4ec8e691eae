"""Gaps: by hand, against Fairlearn where it is defined, and by simulation of their coverage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from evenhand.audit.measure.groups import gaps
from evenhand.audit.measure.groups.gaps import Family, GroupCount, Scale, gap
from evenhand.audit.measure.uncertainty.intervals import newcombe
from evenhand.audit.measure.uncertainty.score import share_limits
from evenhand.audit.words.reasons import render


def family(
    *counts: tuple[int, int], rate: str = "selection_rate", names: str = "abcdefghij"
) -> Family:
    groups = (GroupCount(name, k, n) for name, (k, n) in zip(names, counts, strict=False))
    return Family(rate, tuple(groups), "no rows")


def test_difference_and_ratio_by_hand() -> None:
    # a selects 2 of 4, b 1 of 4, c 4 of 5: difference 0.8 - 0.25, ratio 0.25 / 0.8
    three = family((2, 4), (1, 4), (4, 5))
    assert gap([three], scale="difference", levels=(0.95,)).value == pytest.approx(0.55)
    assert gap([three], scale="ratio", levels=(0.95,)).value == pytest.approx(0.3125)


def test_two_groups_give_newcombes_interval() -> None:
    found = gap([family((56, 70), (48, 80))], scale="difference", levels=(0.95,)).interval
    theirs = newcombe(56, 70, 48, 80)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_the_interval_of_two_equal_groups_starts_at_zero() -> None:
    found = gap([family((20, 50), (20, 50))], scale="difference", levels=(0.95,))
    assert found.value == 0
    assert found.interval is not None
    assert found.interval.low == 0
    # the gap may be in either direction: Newcombe's upper bound of 0.4 - 0.4
    assert found.interval.high == pytest.approx(newcombe(20, 50, 20, 50).high)


def test_equalized_odds_is_the_larger_of_two_gaps() -> None:
    # true positive rates 3/4 and 2/4, false positive rates 1/10 and 5/10: 0.4 is larger than 0.25
    found = gap(
        [family((3, 4), (2, 4), rate="tpr"), family((1, 10), (5, 10), rate="fpr")],
        scale="difference",
        levels=(0.95,),
    )
    assert found.value == pytest.approx(0.4)


def test_a_group_without_rows_is_left_out_and_named() -> None:
    groups = (GroupCount("a", 1, 4), GroupCount("b", 3, 4), GroupCount("c", 0, 0))
    found = gap([Family("tpr", groups, "no positive labels")], scale="difference", levels=(0.95,))
    assert found.value == pytest.approx(0.5)
    assert found.counts == {"groups": 3, "groups_left_out": 1}
    assert render(found.reason) == "left out: c (no positive labels)"


def test_one_group_left_is_no_gap() -> None:
    groups = (GroupCount("a", 1, 4), GroupCount("b", 0, 0))
    found = gap([Family("tpr", groups, "no positive labels")], scale="difference", levels=(0.95,))
    assert found.value is None
    assert "fewer than two groups" in render(found.reason)
    assert "b (no positive labels)" in render(found.reason)


def test_a_ratio_of_zeros_is_undefined_and_a_ratio_with_one_zero_is_zero() -> None:
    assert gap([family((0, 4), (0, 9))], scale="ratio", levels=(0.95,)).value is None
    found = gap([family((0, 40), (9, 40))], scale="ratio", levels=(0.95,))
    assert found.value == 0
    assert found.interval is not None
    assert found.interval.low == 0
    assert 0 < found.interval.high < 1


def test_names_and_order_change_nothing() -> None:
    counts = [(3, 40), (9, 31), (5, 12), (0, 22)]
    first = gap([family(*counts)], scale="difference", levels=(0.95, 0.9))
    other = gap([family(*counts[::-1], names="zyxw")], scale="difference", levels=(0.95, 0.9))
    assert first == other


def test_many_groups_are_quick_and_agree_with_blocks_of_any_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(3)
    groups = tuple(
        GroupCount(str(i), int(rng.integers(0, n + 1)), int(n))
        for i, n in enumerate(rng.integers(1, 200, size=400))
    )
    whole = gap([Family("r", groups, "")], scale="ratio", levels=(0.95,))
    monkeypatch.setattr("evenhand.audit.measure.groups.gaps._BLOCK", 7)
    assert gap([Family("r", groups, "")], scale="ratio", levels=(0.95,)) == whole


@pytest.mark.parametrize("scale", ["difference", "ratio"])
def test_the_value_lies_in_its_interval_and_wider_levels_are_wider(scale: Scale) -> None:
    rng = np.random.default_rng(5)
    defined = 0
    for _ in range(300):
        n = rng.integers(1, 60, size=int(rng.integers(2, 6)))
        counts = [(int(rng.integers(0, m + 1)), int(m)) for m in n]
        found = gap([family(*counts)], scale=scale, levels=(0.95, 0.8))
        if found.value is None:
            continue
        defined += 1
        wide, narrow = found.intervals
        assert wide.low - 1e-12 <= narrow.low <= found.value + 1e-12
        assert found.value - 1e-12 <= narrow.high <= wide.high + 1e-12
    assert defined >= 290  # a ratio of rates that are all 0 is undefined


@pytest.mark.parametrize("scale", ["difference", "ratio"])
def test_groups_passed_over_could_not_have_decided(scale: Scale) -> None:
    """The naive twin: the bounds of every ordered pair, none left out."""
    rng = np.random.default_rng(12)
    pair_bounds = gaps._difference_bounds if scale == "difference" else gaps.ratio_bounds
    best = np.max if scale == "difference" else np.min
    for _ in range(300):
        n = rng.integers(1, 50, size=int(rng.integers(2, 25)))
        k = np.array([rng.integers(0, m + 1) for m in n])
        bounded = (k / n, *share_limits(k, n, 0.995))
        low, high = pair_bounds(bounded, bounded)
        pairs = ~np.eye(n.size, dtype=bool)
        lowest, highest = gaps._bounds(bounded, scale)
        floor = max(0.0, float(best(low[pairs])))
        assert max(0.0, lowest) == pytest.approx(floor, abs=1e-12)
        assert min(1.0, highest) == pytest.approx(min(1.0, float(best(high[pairs]))), abs=1e-12)


def test_the_mean_of_two_gaps_by_hand() -> None:
    # gaps 3/4 - 2/4 and 5/10 - 1/10: mean 0.325; ratios 2/3 and 1/5: mean 13/30
    two = [family((3, 4), (2, 4), rate="tpr"), family((1, 10), (5, 10), rate="fpr")]
    mean = gap(two, scale="difference", levels=(0.95,), agg="mean")
    assert mean.value == pytest.approx(0.325)
    assert gap(two, scale="ratio", levels=(0.95,), agg="mean").value == pytest.approx(13 / 30)
    # two gaps: each one's far end at 97.5 %, and the mean of the ends
    each = [gaps._bounds(gaps.limits_of_rates(f.groups, 0.975), "difference") for f in two]
    assert mean.interval is not None
    high = (min(1.0, each[0][1]) + min(1.0, each[1][1])) / 2
    assert mean.interval.high == pytest.approx(high, abs=1e-4)


CASES = [
    ((0.5, 0.5), 100),
    ((0.1, 0.3), 100),
    ((0.5,) * 5, 20),
    ((0.1, 0.1, 0.1, 0.3, 0.2), 100),
    ((0.9, 0.95), 1000),
]


def coverage(rates: Sequence[float], n: int, scale: Scale, draws: int, seed: int = 11) -> float:
    """Share of simulated data sets whose 95 % interval holds the true gap."""
    rng = np.random.default_rng(seed)
    truth = max(rates) - min(rates) if scale == "difference" else min(rates) / max(rates)
    hits = total = 0
    for _ in range(draws):
        found = gap(
            [family(*((int(rng.binomial(n, p)), n) for p in rates))], scale=scale, levels=(0.95,)
        )
        if found.interval is not None:
            total += 1
            hits += found.interval.low - 1e-9 <= truth <= found.interval.high + 1e-9
    return hits / total


@pytest.mark.parametrize("scale", ["difference", "ratio"])
@pytest.mark.parametrize(("rates", "n"), CASES)
def test_coverage_is_at_least_nominal_within_simulation_error(
    rates: tuple[float, ...], n: int, scale: Scale
) -> None:
    # 400 draws at 95 %: standard error 0.011; three of them below 0.95 is 0.917. Intervals for
    # more than two groups are conservative, so there is no upper limit.
    assert coverage(rates, n, scale, 400) >= 0.917


def odds_coverage(rates: Sequence[float], n: int, scale: Scale, draws: int) -> float:
    """The same for the mean of the gaps in true and false positive rate, n rows of each label."""
    rng = np.random.default_rng(13)
    one = max(rates) - min(rates) if scale == "difference" else min(rates) / max(rates)
    hits = total = 0
    for _ in range(draws):
        families = [
            family(*((int(rng.binomial(n, p)), n) for p in rates), rate=r) for r in ("tpr", "fpr")
        ]
        found = gap(families, scale=scale, levels=(0.95,), agg="mean")
        if found.interval is not None:
            total += 1
            hits += found.interval.low - 1e-9 <= one <= found.interval.high + 1e-9
    return hits / total


@pytest.mark.parametrize("scale", ["difference", "ratio"])
@pytest.mark.parametrize(("rates", "n"), [((0.1, 0.3), 100), ((0.5, 0.5, 0.5), 50)])
def test_coverage_of_the_mean_of_two_gaps(rates: tuple[float, ...], n: int, scale: Scale) -> None:
    assert odds_coverage(rates, n, scale, 400) >= 0.917


@pytest.mark.slow
@pytest.mark.parametrize("scale", ["difference", "ratio"])
@pytest.mark.parametrize("p", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("n", [20, 100, 1000])
@pytest.mark.parametrize("groups", [2, 5])
def test_coverage_long(scale: Scale, p: float, n: int, groups: int) -> None:
    found = coverage((p,) * groups, n, scale, 4000)
    print(f"coverage p={p} n={n} groups={groups} {scale}: {found:.3f}")
    assert found >= 0.93
