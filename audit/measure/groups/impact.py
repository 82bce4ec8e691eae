"""Impact ratios: a group's rate divided by the highest group's rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.groups.gaps import GroupCount, limits_of_rates, ratio_bounds
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.measure.uncertainty.weighted import Clustered, clustered
from evenhand.audit.reason import because

if TYPE_CHECKING:
    import numpy as np

METHOD = "Donner-Zou, against whichever group is highest"


@dataclass(frozen=True)
class Selected:
    """``k`` of ``n`` rows of one group were selected; ``sums`` where rows are of persons."""

    k: int
    n: int
    sums: Clustered | None = None

    @property
    def rate(self) -> Fraction:
        """The exact selection rate; n >= 1."""
        return Fraction(self.k, self.n)


def selected(
    k: int, n: int, persons: tuple[np.ndarray, np.ndarray] | None, *, is_selection: bool
) -> Selected:
    """A group of which ``k`` of ``n`` rows have the favourable outcome. ``persons``: each one's
    rows that are selected, and all, both of shape (persons,); not being selected counts where
    ``is_selection`` is False."""
    if persons is None:
        return Selected(k, n)
    chosen, rows = persons
    return Selected(k, n, clustered(chosen if is_selection else rows - chosen, rows))


def highest(groups: Sequence[Selected]) -> Selected:
    """The group with the highest rate; of equal ones the one with the most people."""
    return max(groups, key=lambda g: (g.rate, g.n))


def impact_ratio(group: Selected, table: Sequence[Selected], levels: Sequence[float]) -> Estimate:
    """The rate of ``group`` divided by the highest of ``table``, all compared groups (it is one).

    That the highest group was picked because its rate is high is in the interval: it is of the
    group's rate over the truly highest one, whichever group has that. The lower end is the lowest
    of Donner and Zou's ends against any other group, among which is the truly highest one; the
    upper end is the lowest of ends that hold for all pairs of the table together (Bonferroni), so
    that it also holds for a group that is picked because its ratio is low. The group found highest
    has a ratio of 1, and a lower end like any other. Undefined where the highest rate is 0.

    Source: 6 RCNY 5-300 and 5-301; 29 CFR 1607.4(D); Donner and Zou 2012; Berger 1982.

    >>> table = [Selected(555, 1181), Selected(667, 1390)]
    >>> round(impact_ratio(table[0], table, (0.95,)).value, 3)
    0.979
    """
    top = highest(table)
    counts = {
        "selected": group.k,
        "assessed": group.n,
        "highest_selected": top.k,
        "highest_assessed": top.n,
    }
    if group.sums is not None:
        counts["units"] = group.sums.persons
    if top.k == 0:
        return undefined(because("every-rate-is-zero"), n=group.n, counts=counts, method=METHOD)
    others = list(table)
    others.remove(group)
    pairs = len(table) * (len(table) - 1) // 2
    value = float(group.rate / top.rate)
    intervals = []
    for level in levels:
        low = _lowest(group, others, level)[0]
        high = _lowest(group, others, 1 - (1 - level) / max(1, pairs))[1]
        ends = {"low": min(max(low, 0.0), value), "high": max(min(high, 1.0), value)}
        intervals.append(Interval(**ends, level=level, method=METHOD))
    return Estimate(value, group.n, tuple(intervals), counts, METHOD)


def _lowest(group: Selected, others: Sequence[Selected], level: float) -> tuple[float, float]:
    """The lowest lower and the lowest upper end of the group's rate over another's."""
    import numpy as np

    if not others:
        return 1.0, 1.0
    own = limits_of_rates([GroupCount("", group.k, group.n, weights=group.sums)], level)
    counted = [GroupCount("", one.k, one.n, weights=one.sums) for one in others]
    low, high = ratio_bounds(own, limits_of_rates(counted, level))
    return float(np.min(low)), float(np.min(high))


def selections_to_four_fifths(group: Selected, top: Selected) -> int:
    """How many more people of the group would have to be selected for four fifths of the highest
    rate; 0 where it is there already.

    >>> selections_to_four_fifths(Selected(3, 10), Selected(10, 20))  # 4/10 is 0.8 of 10/20
    1
    """
    needed = math.ceil(Fraction(4, 5) * top.rate * group.n)
    return max(0, needed - group.k)
