"""Closed-form confidence intervals for rates, differences, ratios and means.

All but the mean need the standard library alone: packs ask for other levels when they are judged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.beta import inverse_incomplete_beta
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined

if TYPE_CHECKING:
    import numpy as np

Levels = Sequence[float]


def normal_quantile(level: float) -> float:
    """The standard normal quantile of a two-sided confidence level: 1.96 for 0.95."""
    if not 0 < level < 1:
        raise ValueError(f"level={level} must lie between 0 and 1")
    return NormalDist().inv_cdf(0.5 + level / 2)


def wilson(k: float, n: float, level: float = 0.95) -> Interval:
    """Wilson's score interval for a rate of ``k`` in ``n`` (n > 0; effective counts may be broken).

    Its coverage oscillates around the level: at 95 % it is 92.1 % for a rate of .01 in 100 rows,
    93.6 % for .1 in 100, 98.3 % for .01 in 20, and 94.3 to 96.4 % for .01, .1 and .5 in 1,000,
    .5 in 20 and 100, and .1 in 20 rows.

    Source: Wilson 1927; Brown, Cai and DasGupta 2001, section 3.1.1.

    >>> i = wilson(5, 10)
    >>> round(i.low, 4), round(i.high, 4)
    (0.2366, 0.7634)
    """
    _check_counts(k, n)
    z = normal_quantile(level)
    p = k / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # The closed form is exact at the ends; floating point is not.
    low = 0.0 if k == 0 else max(0.0, centre - half)
    high = 1.0 if k == n else min(1.0, centre + half)
    return Interval(low=low, high=high, level=level, method="Wilson score")


def clopper_pearson(k: int, n: int, level: float = 0.95) -> Interval:
    """The exact (conservative) binomial interval for ``k`` in ``n``, 0 <= k <= n, n >= 1.

    The ends are the rates at which k or more, or k or fewer, has probability (1 - level) / 2.

    Source: Clopper and Pearson 1934.
    """
    _check_counts(k, n)
    tail = (1 - level) / 2
    # P(X >= k | p) is the regularised incomplete beta function I_p(k, n - k + 1)
    low = 0.0 if k == 0 else inverse_incomplete_beta(tail, k, n - k + 1)
    high = 1.0 if k == n else inverse_incomplete_beta(1 - tail, k + 1, n - k)
    return Interval(low=low, high=high, level=level, method="Clopper-Pearson")


def _check_counts(k: float, n: float) -> None:
    if n <= 0 or not 0 <= k <= n:
        raise ValueError(f"k={k} of n={n} is no count of a rate")


def newcombe(k1: int, n1: int, k2: int, n2: int, level: float = 0.95) -> Interval:
    """Newcombe's hybrid score interval for ``k1/n1 - k2/n2``.

    Source: Newcombe 1998, method 10.
    """
    a, b = wilson(k1, n1, level), wilson(k2, n2, level)
    p1, p2 = k1 / n1, k2 / n2
    low = (p1 - p2) - math.hypot(p1 - a.low, b.high - p2)
    high = (p1 - p2) + math.hypot(a.high - p1, p2 - b.low)
    return Interval(low=max(-1.0, low), high=min(1.0, high), level=level, method="Newcombe")


def katz_log(k1: int, n1: int, k2: int, n2: int, level: float = 0.95) -> Interval:
    """Katz's log interval for the ratio of rates ``(k1/n1) / (k2/n2)``; needs k1, k2 >= 1.

    Source: Katz, Baptista, Azen and Pike 1978.
    """
    if k1 < 1 or k2 < 1:
        raise ValueError(f"katz_log needs at least one case in each group, got {k1} and {k2}")
    ratio = (k1 / n1) / (k2 / n2)
    spread = normal_quantile(level) * math.sqrt(1 / k1 - 1 / n1 + 1 / k2 - 1 / n2)
    return Interval(
        low=ratio * math.exp(-spread),
        high=ratio * math.exp(spread),
        level=level,
        method="Katz log",
    )


def rate(k: int, n: int, levels: Levels, *, empty: str) -> Estimate:
    """The rate ``k / n`` with Wilson intervals; undefined, because of ``empty``, when n == 0.

    >>> rate(3, 4, (0.95,), empty="no rows").value
    0.75
    >>> rate(0, 0, (0.95,), empty="no positive labels in this group").value is None
    True
    """
    counts = {"k": int(k), "n": int(n)}
    if n == 0:
        return undefined(empty, n=0, counts=counts, method="Wilson score")
    intervals = tuple(wilson(int(k), int(n), level) for level in levels)
    return Estimate(k / n, int(n), intervals, counts, "Wilson score")


def mean(
    values: Sequence[float] | np.ndarray, levels: Levels, *, empty: str = "no rows"
) -> Estimate:
    """The mean of ``values``, shape (n,), with Student's t intervals (n >= 2 for an interval)."""
    import numpy as np
    from scipy.stats import t

    x = np.asarray(values, dtype=float)
    n = int(x.size)
    method = "Student's t, mean over rows"
    if n == 0:
        return undefined(empty, n=0, method=method)
    centre = float(x.mean())
    if n == 1:
        return Estimate(centre, 1, method=method, reason="one row: no interval")
    error = float(x.std(ddof=1)) / math.sqrt(n)
    spreads = ((level, float(t.ppf(0.5 + level / 2, n - 1)) * error) for level in levels)
    intervals = tuple(
        Interval(low=centre - s, high=centre + s, level=level, method="Student's t")
        for level, s in spreads
    )
    return Estimate(centre, n, intervals, method=method)
