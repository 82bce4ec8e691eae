"""The mean of bounded values: that of a share for zeros and ones."""

from __future__ import annotations

import numpy as np
import pytest

from evenhand.audit.measure.uncertainty.bounded import bounded_mean
from evenhand.audit.measure.uncertainty.intervals import share


def test_bounded_mean_is_that_of_a_share_for_zeros_and_ones() -> None:
    found = bounded_mean(np.array([1.0] * 7 + [0.0] * 13), (0.95,))
    theirs = share(7, 20)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((theirs.low, theirs.high))
    flat = bounded_mean(np.zeros(10), (0.95,)).interval
    assert flat is not None
    assert flat.high > 0.2
