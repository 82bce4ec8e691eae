"""The largest difference of two groups is Newcombe's."""

from __future__ import annotations

import pytest

from evenhand.audit.measure.groups.spread import largest_difference
from evenhand.audit.measure.uncertainty.estimate import Estimate
from evenhand.audit.measure.uncertainty.intervals import newcombe, rate
from evenhand.audit.words.reasons import render


def test_difference_of_two_groups_is_newcombes() -> None:
    # variances recovered from Wilson intervals are Newcombe's method itself
    groups = {
        "a": lambda levels: rate(30, 40, levels, empty=""),
        "b": lambda levels: rate(15, 50, levels, empty=""),
        "c": lambda levels: Estimate(None, 0, reason="no rows"),
    }
    found = largest_difference(groups, (0.95,))
    theirs = newcombe(30, 40, 15, 50)
    assert found.value == pytest.approx(0.75 - 0.3)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((theirs.low, theirs.high))
    assert found.counts == {"groups": 3, "groups_left_out": 1}
    assert "c (no rows)" in render(found.reason)
