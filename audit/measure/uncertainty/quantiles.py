"""Quantiles with intervals that hold for any distribution: two order statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.reason import Reasons, because

if TYPE_CHECKING:
    import numpy as np

METHOD = "order statistics, binomial"


def quantile(values: np.ndarray, share: float, levels: Sequence[float]) -> Estimate:
    """The quantile of ``values``, shape (n,), at ``share`` in (0, 1): numpy's linear one.

    The r-th smallest value lies at or below the true quantile unless fewer than r of the n rows
    do, a binomial chance: so two order statistics bound it at the level at least, whatever the
    distribution. A bound that no order statistic gives (few rows, a share near 0 or 1) is missing,
    and then there is no interval.

    Source: David and Nagaraja 2003, "Order statistics", section 7.1.
    """
    import numpy as np
    from scipy.stats import binom

    n = int(values.size)
    if n == 0:
        return undefined(because("no-rows"), n=0, method=METHOD)
    value = float(np.quantile(values, share))
    ordered, intervals = np.sort(values), []
    reason: Reasons = ()
    for level in levels:
        tail = (1 - level) / 2
        # below[k] = P(at most k of n rows lie under the true quantile)
        below = binom.cdf(np.arange(n), n, share)
        lower = int(np.searchsorted(below, tail, side="right"))  # order statistic, from 1
        upper = int(np.searchsorted(below, 1 - tail, side="left")) + 1
        if lower < 1 or upper > n:
            reason = because("too-few-for-quantile", level=level, n=n)
            continue
        low, high = float(ordered[lower - 1]), float(ordered[upper - 1])
        ends = {"low": min(low, value), "high": max(high, value)}
        intervals.append(Interval(**ends, level=level, method=METHOD))
    if reason and len(intervals) < len(levels):
        intervals = []  # the first one stands for the first level
    return Estimate(value, n, tuple(intervals), method=METHOD, reason=reason)
