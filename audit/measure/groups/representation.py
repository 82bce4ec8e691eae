"""The distance between the shares in a sample and declared shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate
from evenhand.audit.measure.uncertainty.intervals import normal_quantile, share

_MOST_SETS = 12  # groups whose 4,094 sets are all looked at


def total_variation(
    counts: Sequence[int], shares: Sequence[float], levels: Sequence[float]
) -> Estimate:
    """Half the sum of |share in the sample - declared share| over groups, in [0, 1].

    The distance is the largest excess of any set of groups. Its upper end is the largest upper
    limit of the excess of any set (above 12 groups: the distance plus z / (2 sqrt n)), since the
    true set's own limit is among them; its lower end follows from limits of all shares together
    (Bonferroni), and is 0 where the sample may well have the declared shares.

    Parameters
    ----------
    counts : rows of each group, at least one row in all
    shares : the declared share of each group, adding up to 1

    >>> total_variation([50, 50], [0.7, 0.3], (0.95,)).value  # (0.2 + 0.2) / 2
    0.2
    """
    total = sum(counts)
    method = f"lower end simultaneous over {len(counts)} shares, upper end of any set of groups"
    value = sum(abs(k / total - q) for k, q in zip(counts, shares, strict=True)) / 2
    intervals = []
    for level in levels:
        low = 0.0
        for k, q in zip(counts, shares, strict=True):
            i = share(k, total, 1 - (1 - level) / len(counts))
            low += max(0.0, i.low - q, q - i.high) / 2
        high = min(1.0, _upper(counts, shares, value, level))
        ends = {"low": min(low, value), "high": max(value, high)}
        intervals.append(Interval(**ends, level=level, method=method))
    return Estimate(round(value, 15), total, tuple(intervals), {"groups": len(counts)}, method)


def _upper(counts: Sequence[int], shares: Sequence[float], value: float, level: float) -> float:
    total = sum(counts)
    if len(counts) > _MOST_SETS:
        return value + normal_quantile(level) / (2 * math.sqrt(total))
    best = value
    for size in range(1, len(counts)):
        for chosen in combinations(range(len(counts)), size):
            inside = share(sum(counts[i] for i in chosen), total, level)
            best = max(best, inside.high - math.fsum(shares[i] for i in chosen))
    return best
