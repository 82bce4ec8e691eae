"""Quantiles with intervals that hold for any distribution: two order statistics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.reason import Reasons, because

if TYPE_CHECKING:
    import numpy as np

METHOD = "order statistics, binomial"


def quantile(
    values: np.ndarray, share: float, levels: Sequence[float], units: np.ndarray | None = None
) -> Estimate:
    """The quantile of ``values``, shape (n,), at ``share`` in (0, 1): numpy's linear one.

    The r-th smallest value lies at or below the true quantile unless fewer than r of the n rows
    do, a binomial chance: so two order statistics bound it at the level at least, whatever the
    distribution. A bound that no order statistic gives (few rows, a share near 0 or 1) is missing,
    and then there is no interval.

    Where ``units`` tell persons apart, int of shape (n,), the bounds are the quantiles at the
    limits of the share of rows at or below the value, a person's rows together.

    Source: David and Nagaraja 2003, "Order statistics", section 7.1; Woodruff 1952 for persons.
    """
    import numpy as np
    from scipy.stats import binom

    n = int(values.size)
    if n == 0:
        return undefined(because("no-rows"), n=0, method=METHOD)
    value = float(np.quantile(values, share))
    if units is not None:
        return _of_persons(values, value, share, levels, units)
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


def _of_persons(
    values: np.ndarray, value: float, share: float, levels: Sequence[float], units: np.ndarray
) -> Estimate:
    import numpy as np

    from evenhand.audit.measure.uncertainty.persons import by_person
    from evenhand.audit.measure.uncertainty.weighted import (
        cluster_limits,
        clustered,
        rows_as_one,
    )

    method = "quantiles at the limits of the share below, a person's rows together"
    below = by_person((values <= value).astype(float), units)
    of = clustered(below, by_person(np.ones(values.size), units))
    if of.persons < 2:
        return Estimate(value, int(values.size), method=method, reason=because("one-person"))
    ordered, n, intervals = np.sort(values), int(values.size), []
    for level in levels:
        alone, tail = n / rows_as_one(of, (level,)), (1 - level) / 2
        if max(share**alone, (1 - share) ** alone) > tail:  # the truth may lie beyond all rows
            why = because("too-few-for-quantile", level=level, n=n)
            return Estimate(value, n, (), {"units": of.persons}, method, why)
        low, high = cluster_limits(of, level)
        # around the share that is asked for: that of the rows differs from it by part of a row;
        # outwards to the next row
        first = max(0, math.floor(n * (share - (of.share - low))) - 1)
        last = min(n - 1, math.ceil(n * (share + (high - of.share))))
        ends = {"low": min(float(ordered[first]), value), "high": max(float(ordered[last]), value)}
        intervals.append(Interval(**ends, level=level, method=method))
    return Estimate(value, n, tuple(intervals), {"units": of.persons}, method)
