"""Impact ratios against published and hand-worked numbers."""

from __future__ import annotations

import pytest
from scipy.stats.contingency import relative_risk

from evenhand.audit.measure.groups.impact import (
    Selected,
    highest,
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
    top = highest([Selected(k, n) for n, k, _ in table.values()])
    digits = 2 if table is RACE else 3
    for n, k, printed in table.values():
        value = impact_ratio(Selected(k, n), top, (0.95,)).value
        assert value == pytest.approx(printed, abs=0.51 * 10**-digits + 0.001)


def test_the_interval_is_katzs_and_does_not_collapse() -> None:
    found = impact_ratio(Selected(30, 100), Selected(60, 120), (0.95,))
    theirs = relative_risk(30, 100, 60, 120).confidence_interval(0.95)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((theirs.low, theirs.high))
    nobody = impact_ratio(Selected(0, 20), Selected(60, 120), (0.95,)).interval
    assert nobody is not None
    assert nobody.low == 0
    assert 0 < nobody.high < 1
    everybody = impact_ratio(Selected(5, 5), Selected(9, 9), (0.95,)).interval
    assert everybody is not None
    assert everybody.low < 0.9


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
