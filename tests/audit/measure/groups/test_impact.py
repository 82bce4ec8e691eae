"""Impact ratios against published and hand-worked numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats.contingency import relative_risk

from evenhand.audit.measure.groups.gaps import Family, GroupCount, gap
from evenhand.audit.measure.groups.impact import (
    Selected,
    impact_ratio,
    selections_to_four_fifths,
)
from tests.audit.measure.groups.published import CROSSED

# 6 RCNY 5-301(b), the rule's own example: category -> (assessed, selected, printed impact ratio)
SEX = {"Male": (1390, 667, 1.0), "Female": (1181, 555, 0.979)}
RACE = {
    "Hispanic": (408, 204, 0.97),
    "White": (797, 412, 1.0),
    "Black": (390, 170, 0.84),
    "Native Hawaiian or Pacific Islander": (119, 52, 0.85),
    "Asian": (616, 302, 0.95),
    "Native American or Alaska Native": (41, 18, 0.85),
    "Two or more": (213, 96, 0.87),
}


@pytest.mark.parametrize("table", [SEX, RACE, CROSSED], ids=["sex", "race", "crossed"])
def test_the_rules_own_selection_tables(table: dict[object, tuple[int, int, float]]) -> None:
    everyone = [Selected(k, n) for n, k, _ in table.values()]
    digits = 2 if table is RACE else 3
    for n, k, printed in table.values():
        value = impact_ratio(Selected(k, n), everyone, (0.95,)).value
        assert value == pytest.approx(printed, abs=0.51 * 10**-digits + 0.001)


def test_the_interval_of_two_groups_is_that_of_their_ratio() -> None:
    table = [Selected(30, 100), Selected(60, 120)]
    found = impact_ratio(table[0], table, (0.95,)).interval
    groups = tuple(GroupCount(str(i), g.k, g.n) for i, g in enumerate(table))
    theirs = gap([Family("r", groups, "")], scale="ratio", levels=(0.95,)).interval
    assert found is not None and theirs is not None
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    # Katz's log interval is another method; with these counts they differ by a few hundredths
    katz = relative_risk(30, 100, 60, 120).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((katz.low, katz.high), abs=0.04)


def test_the_interval_does_not_collapse() -> None:
    table = [Selected(0, 20), Selected(60, 120)]
    nobody = impact_ratio(table[0], table, (0.95,)).interval
    assert nobody is not None
    assert nobody.low == 0
    assert 0 < nobody.high < 1
    table = [Selected(5, 5), Selected(9, 9)]
    everybody = impact_ratio(table[0], table, (0.95,)).interval
    assert everybody is not None
    assert everybody.low < 0.9


def test_the_lowest_of_ten_equal_groups_keeps_its_level() -> None:
    rng, held = np.random.default_rng(1), 0
    for _ in range(200):
        table = [Selected(int(k), 200) for k in rng.binomial(200, 0.3, 10)]
        lowest = min(table, key=lambda g: g.rate)
        interval = impact_ratio(lowest, table, (0.95,)).interval
        assert interval is not None
        held += interval.low <= 1 <= interval.high + 1e-12
    # Katz against the found top holds 39 %; 190 +- 3 is the level
    assert held >= 181


@pytest.mark.parametrize(
    ("group", "top", "more"),
    [
        ((3, 10), (10, 20), 1),  # 0.8 * 0.5 * 10 = 4
        ((4, 10), (10, 20), 0),
        ((39, 100), (1, 2), 1),
        ((0, 7), (7, 7), 6),  # 5.6 people are six
    ],
)
def test_how_many_more_selections_reach_four_fifths(
    group: tuple[int, int], top: tuple[int, int], more: int
) -> None:
    assert selections_to_four_fifths(Selected(*group), Selected(*top)) == more
