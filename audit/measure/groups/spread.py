"""The largest difference between groups of any estimate that has an interval in every group."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from evenhand.audit.measure.groups.gaps import limits_gap
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.reason import because, listed, named

if TYPE_CHECKING:
    import numpy as np

EstimateAt = Callable[[Sequence[float]], Estimate]


def largest_difference(groups: Mapping[str, EstimateAt], levels: Sequence[float]) -> Estimate:
    """max - min over ``groups`` (name -> the group's estimate at given levels).

    For each ordered pair the variance of the difference is recovered from the two groups' own
    intervals, at a level that makes all pairs hold together (Bonferroni); the largest difference
    then lies between the largest lower and the largest upper bound (``gaps.limits_gap``).
    Groups without a value or an interval are left out, counted and named.

    Returns an Estimate >= 0 in the unit of the groups; undefined with fewer than two groups.

    Source: Zou and Donner 2008 for recovered variances; Hochberg and Tamhane 1987, chapter 2.
    """
    import numpy as np

    first = {name: at(levels[:1]) for name, at in groups.items()}
    kept = [n for n, e in first.items() if e.value is not None and e.interval is not None]
    left_out = sorted(set(first) - set(kept))
    why_not = {name: first[name].reason or because("no-interval") for name in left_out}
    note = because("left-out", names=listed(named(why_not))) if left_out else ()
    counts = {"groups": len(first), "groups_left_out": len(left_out)}
    if kept and all("units" in first[name].counts for name in kept):
        counts["units"] = sum(first[name].counts["units"] for name in kept)
    n = sum(first[name].n for name in kept)
    method = "variances recovered from the groups' own intervals"
    if len(kept) < 2:
        why = because("fewer-than-two-groups-to-compare")
        return undefined(why + note, n=n, counts=counts, method=method)

    def limits(level: float) -> tuple[np.ndarray, np.ndarray]:
        found = [groups[name]((level,)).interval for name in kept]
        ends = np.array([(i.low, i.high) for i in found if i is not None])
        return ends[:, 0], ends[:, 1]

    values = np.array([float(first[name].value or 0.0) for name in kept])
    kind = "the groups' own intervals"
    value, intervals = limits_gap(values, limits, levels=levels, kind=kind)
    return Estimate(value, n, intervals, counts, intervals[0].method, note)
