"""Means of values in [0, 1], with intervals that do not collapse where all values are equal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import NO_ROWS, Estimate, undefined
from evenhand.audit.measure.uncertainty.intervals import share
from evenhand.audit.reason import Reasons

if TYPE_CHECKING:
    import numpy as np


def bounded_mean(
    values: np.ndarray, levels: Sequence[float], *, empty: Reasons = NO_ROWS
) -> Estimate:
    """The mean of ``values`` in [0, 1], shape (n,), with the interval of a share.

    Values in [0, 1] with mean p have a variance of at most p (1 - p), that of a share: for values
    of 0 and 1 this is that interval itself, for others it is conservative.

    Source: ``intervals.share``; Bhatia and Davis 2000 for the bound.

    >>> import numpy as np
    >>> round(bounded_mean(np.array([1.0, 1.0, 0.0, 0.0]), (0.95,)).interval.low, 3)
    0.068
    """
    n = int(values.size)
    method = "Wilson score, beta tails, for values between 0 and 1"
    if n == 0:
        return undefined(empty, n=0, method=method)
    p = min(1.0, max(0.0, math.fsum(values.tolist()) / n))
    intervals = []
    for level in levels:
        i = share(p * n, n, level)
        low, high = min(p, i.low), max(p, i.high)
        intervals.append(Interval(low=low, high=high, level=level, method=method))
    return Estimate(p, n, tuple(intervals), method=method)
