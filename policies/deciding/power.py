"""How many more rows would settle an inconclusive item, if the value stayed as it is.

Closed forms with the standard library's normal distribution: a planning aid, not a promise.
"""

from __future__ import annotations

import math
from typing import Literal

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.intervals import normal_quantile

# beyond this, "collect more rows" is no advice
_MOST_ROWS = 1_000_000_000


def further_rows_for_rate(k: int, n: int, threshold: float, level: float) -> int | None:
    """Rows beyond ``n`` until the Wilson interval of a rate that stays k/n leaves ``threshold``.

    ``level`` is two-sided. The threshold t lies in the Wilson interval of p over N rows as long as
    (p - t)^2 <= z^2 t (1 - t) / N, so N = z^2 t (1 - t) / (p - t)^2. None where p equals t, where
    t is 0 or 1, or where the number is beyond reason.
    """
    if n <= 0 or not 0 < threshold < 1:
        return None
    distance = k / n - threshold
    return _further(normal_quantile(level) ** 2 * threshold * (1 - threshold), distance**2, n)


def further_rows_by_width(
    value: float, interval: Interval, n: int, threshold: float, *, ratio: bool = False
) -> int | None:
    """Rows beyond ``n`` until the interval's near end clears ``threshold``.

    The distance from value to end shrinks with 1 / sqrt(n); for a ratio it does on the log scale.
    All groups are taken to grow in proportion. None where that cannot be said.
    """
    end = near_end(value, interval, threshold)
    if ratio:
        if min(value, end, threshold) <= 0:
            return None
        value, end, threshold = math.log(value), math.log(end), math.log(threshold)
    if n <= 0:
        return None
    return _further(n * (value - end) ** 2, (value - threshold) ** 2, n)


def near_end(value: float | None, interval: Interval, threshold: float) -> float:
    """The end of the interval that lies towards the threshold."""
    return interval.low if value is not None and threshold < value else interval.high


def rows_per_group_for_ratio(
    rate: float,
    *,
    threshold: float = 0.8,
    ratio: float = 1.0,
    level: float = 0.95,
    sided: Literal["one", "two"] = "two",
) -> int | None:
    """Rows per group for the lower Katz log bound of a ratio of two rates to clear ``threshold``.

    ``rate`` is the higher group's selection rate, ``ratio`` the true ratio, ``level`` the
    confidence. None where the true ratio does not clear the threshold. Raises ValueError for a
    rate outside (0, 1] or a ratio or threshold outside (0, 1].

    Source: Katz et al. 1978: var(log ratio) = (1 - p1) / (n p1) + (1 - p2) / (n p2).

    >>> rows_per_group_for_ratio(0.5)
    155
    """
    for name, given in (("rate", rate), ("ratio", ratio), ("threshold", threshold)):
        if not 0 < given <= 1:
            raise ValueError(f"{name}={given} must lie above 0 and not above 1")
    if ratio <= threshold:
        return None
    z = normal_quantile(level if sided == "two" else 2 * level - 1)
    lower = rate * ratio
    variance = (1 - rate) / rate + (1 - lower) / lower
    return math.ceil(z * z * variance / math.log(ratio / threshold) ** 2)


def _further(numerator: float, denominator: float, n: int) -> int | None:
    if denominator <= 0 or numerator > denominator * _MOST_ROWS:
        return None
    needed = numerator / denominator
    # equality leaves the threshold inside the interval, hence one row more
    return max(1, math.floor(needed) + 1 - n)
