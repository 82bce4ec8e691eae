"""The largest distance of a group's rate from the rate of everybody."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evenhand.audit.finding import Interval
from evenhand.audit.measure.groups.gaps import GroupCount, limits_of_rates, persons_of
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.measure.uncertainty.weighted import Weighted
from evenhand.audit.reason import because

METHOD = "a group against the rest, times the rest's share of all; variances recovered"
Sides = tuple[GroupCount, GroupCount]


def gap_to_overall(sides: Sequence[Sides], levels: Sequence[float]) -> Estimate:
    """max over groups of |rate - overall rate|, from each group and the rest of the people.

    A group with the share w of all rows (of their weight) is (1 - w) (own rate - the rest's) away
    from the overall rate, with two rates that share no rows: the variance of their difference is
    recovered from the limits of both. The lower end is the largest lower end of all groups together
    (Bonferroni), the upper end the largest one of each group by itself, among which is that of the
    group that is truly farthest. Shares are taken as they are in the data.

    Returns an Estimate in [0, 1]; undefined without two groups that have rows.

    Source: Newcombe 1998 and Zou and Donner 2008; Berger 1982. Coverage: docs/proof.md.
    """
    kept = [(own, rest) for own, rest in sides if own.n > 0 and rest.n > 0]
    counts = {"groups": len(sides), "groups_left_out": len(sides) - len(kept)}
    if not kept:
        why = because("fewer-than-two-groups-to-compare")
        return undefined(why, n=0, counts=counts, method=METHOD)
    counts |= persons_of(kept[0])
    n = sum(int(g.n) if g.rows is None else g.rows for g in kept[0])
    away = [_mass(rest) / (_mass(own) + _mass(rest)) for own, rest in kept]
    apart = [own.k / own.n - rest.k / rest.n for own, rest in kept]
    value = max(w * abs(d) for w, d in zip(away, apart, strict=True))
    intervals = []
    for level in levels:
        together = 1 - (1 - level) / len(kept)
        low = max(
            w * max(0.0, ends[0], -ends[1])
            for w, ends in zip(away, (_ends(s, together) for s in kept), strict=True)
        )
        high = max(
            w * max(-ends[0], ends[1])
            for w, ends in zip(away, (_ends(s, level) for s in kept), strict=True)
        )
        ends = {"low": min(low, value), "high": min(1.0, max(high, value))}
        intervals.append(Interval(**ends, level=level, method=METHOD))
    return Estimate(value, n, tuple(intervals), counts, METHOD)


def _mass(of: GroupCount) -> float:
    """The rows behind a rate, or their weight."""
    sums = of.weights
    return sums.cases + sums.others if isinstance(sums, Weighted) else of.n


def _ends(sides: Sides, level: float) -> tuple[float, float]:
    """Limits of the group's rate less the rest's."""
    rates, low, high = (x.tolist() for x in limits_of_rates(sides, level))
    apart = rates[0] - rates[1]
    below = math.hypot(rates[0] - low[0], high[1] - rates[1])
    above = math.hypot(high[0] - rates[0], rates[1] - low[1])
    return apart - below, apart + above
