"""Impact ratios: a group's rate divided by the highest group's rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.measure.uncertainty.intervals import katz_log, normal_quantile
from evenhand.audit.reason import because


@dataclass(frozen=True)
class Selected:
    """``k`` of ``n`` people of one group were selected."""

    k: int
    n: int

    @property
    def rate(self) -> Fraction:
        """The exact selection rate; n >= 1."""
        return Fraction(self.k, self.n)


def highest(groups: Sequence[Selected]) -> Selected:
    """The group with the highest rate; of equal ones the one with the most people."""
    return max(groups, key=lambda g: (g.rate, g.n))


def impact_ratio(group: Selected, top: Selected, levels: Sequence[float]) -> Estimate:
    """The group's rate divided by the highest rate, with Katz's log interval.

    Where the group has no cases, or nobody in either group is left out, half a case is added to
    every cell for the interval alone (its lower end is 0 without cases). The highest group is
    taken as it was found: that it was chosen because its rate is high is not in the interval. Its
    own ratio is 1 by definition. Undefined where the highest rate is 0.

    Source: 6 RCNY 5-300 and 5-301; 29 CFR 1607.4(D); Katz et al. 1978.

    >>> round(impact_ratio(Selected(555, 1181), Selected(667, 1390), (0.95,)).value, 3)
    0.979
    """
    counts = {
        "selected": group.k,
        "assessed": group.n,
        "highest_selected": top.k,
        "highest_assessed": top.n,
    }
    if top.k == 0:
        return undefined(because("every-rate-is-zero"), n=group.n, counts=counts, method="Katz log")
    if group == top:
        method = "1 by definition: the highest rate of its table"
        own = tuple(Interval(low=1, high=1, level=x, method=method) for x in levels)
        return Estimate(1.0, group.n, own, counts, method)
    value = float(group.rate / top.rate)
    method = "Katz log, against the group with the highest rate"
    intervals = []
    for level in levels:
        if group.k > 0 and (group.k < group.n or top.k < top.n):
            found = katz_log(group.k, group.n, top.k, top.n, level)
        else:
            method = "Katz log with half a case added, against the group with the highest rate"
            found = _with_half_cases(group, top, level)
        low, high = min(found.low, value), max(found.high, value)
        intervals.append(Interval(low=low, high=high, level=level, method=found.method))
    return Estimate(value, group.n, tuple(intervals), counts, method)


def _with_half_cases(group: Selected, top: Selected, level: float) -> Interval:
    k1, n1, k2, n2 = group.k + 0.5, group.n + 1, top.k + 0.5, top.n + 1
    spread = normal_quantile(level) * math.sqrt(1 / k1 - 1 / n1 + 1 / k2 - 1 / n2)
    ratio = (k1 / n1) / (k2 / n2)
    low = 0.0 if group.k == 0 else ratio * math.exp(-spread)
    high = ratio * math.exp(spread)
    return Interval(low=low, high=high, level=level, method="Katz log, half a case added")


def selections_to_four_fifths(group: Selected, top: Selected) -> int:
    """How many more people of the group would have to be selected for four fifths of the highest
    rate; 0 where it is there already.

    >>> selections_to_four_fifths(Selected(3, 10), Selected(10, 20))  # 4/10 is 0.8 of 10/20
    1
    """
    needed = math.ceil(Fraction(4, 5) * top.rate * group.n)
    return max(0, needed - group.k)
