"""The distance between the shares in a sample and declared shares."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate
from evenhand.audit.measure.uncertainty.intervals import share


def total_variation(
    counts: Sequence[int], shares: Sequence[float], levels: Sequence[float]
) -> Estimate:
    """Half the sum of |share in the sample - declared share| over groups, in [0, 1].

    The interval follows from Wilson intervals for all shares together (Bonferroni): it is
    conservative, and its lower end is 0 where the sample may well have the declared shares.

    Parameters
    ----------
    counts : rows of each group, at least one row in all
    shares : the declared share of each group, adding up to 1

    >>> total_variation([50, 50], [0.7, 0.3], (0.95,)).value  # (0.2 + 0.2) / 2
    0.2
    """
    total = sum(counts)
    method = f"Wilson score, simultaneous over {len(counts)} shares"
    value = sum(abs(k / total - q) for k, q in zip(counts, shares, strict=True)) / 2
    intervals = []
    for level in levels:
        low = high = 0.0
        for k, q in zip(counts, shares, strict=True):
            i = share(k, total, 1 - (1 - level) / len(counts))
            low += max(0.0, i.low - q, q - i.high) / 2
            high += max(abs(i.low - q), abs(i.high - q)) / 2
        ends = {"low": min(low, value), "high": max(value, min(1.0, high))}
        intervals.append(Interval(**ends, level=level, method=method))
    return Estimate(round(value, 15), total, tuple(intervals), {"groups": len(counts)}, method)
