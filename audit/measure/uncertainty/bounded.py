"""Means of values in [0, 1], with intervals that do not collapse where all values are equal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.measure.uncertainty.intervals import normal_quantile

if TYPE_CHECKING:
    import numpy as np


def bounded_mean(
    values: np.ndarray, levels: Sequence[float], *, empty: str = "no rows"
) -> Estimate:
    """The mean of ``values`` in [0, 1], shape (n,), with Wilson's interval for a share.

    Values in [0, 1] with mean p have a variance of at most p (1 - p), that of a share: for values
    of 0 and 1 this is Wilson's interval itself, for others it is conservative.

    Source: Wilson 1927; Bhatia and Davis 2000 for the bound.

    >>> import numpy as np
    >>> round(bounded_mean(np.array([1.0, 1.0, 0.0, 0.0]), (0.95,)).interval.low, 3)
    0.15
    """
    n = int(values.size)
    method = "Wilson score for values between 0 and 1"
    if n == 0:
        return undefined(empty, n=0, method=method)
    p = min(1.0, max(0.0, math.fsum(values.tolist()) / n))
    intervals = []
    for level in levels:
        z = normal_quantile(level)
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        low, high = min(p, max(0.0, centre - half)), max(p, min(1.0, centre + half))
        intervals.append(Interval(low=low, high=high, level=level, method=method))
    return Estimate(p, n, tuple(intervals), method=method)
