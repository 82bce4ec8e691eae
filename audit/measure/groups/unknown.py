"""What a gap could be if the rows whose sensitive value is missing were known.

Each unknown row belongs to some known group. Which, nobody knows: the assignment that makes the
gap widest, and the one that makes it narrowest, bound it. Both have closed forms:

- widest: for a pair of groups, every selected unknown row joins the one and every rejected row
  the other; the widest gap is that of the best pair;
- narrowest: the selected rows fill up the lowest rates, as water fills a basin, and the rejected
  rows pull down the highest; where the two levels meet, the gap can vanish. Rows may be split, so
  the true minimum is at most a fraction of a row's share above it, and never below.

Source: Manski 2003, chapter 1 (worst-case bounds without assumptions); Chen et al. 2019.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from evenhand.audit.measure.groups.gaps import Aggregate, Family, GroupCount, Scale, gap
from evenhand.audit.measure.uncertainty.estimate import Estimate
from evenhand.audit.measure.uncertainty.weighted import Clustered, rows_as_one

if TYPE_CHECKING:
    from evenhand.audit.measure.classification import RateCount

End = Literal["lowest", "highest"]
_HOW = {
    ("difference", "lowest"): "narrow it",
    ("difference", "highest"): "widen it",
    ("ratio", "lowest"): "lower it",
    ("ratio", "highest"): "raise it",
}


def widens(scale: Scale, end: End) -> bool:
    """Whether this end is the one at which the groups lie furthest apart."""
    return (scale == "difference") == (end == "highest")


def if_known(
    families: Sequence[Family],
    unknown: Sequence[tuple[float, float]],
    end: End,
    *,
    scale: Scale,
    levels: Sequence[float],
    rows: int,
    agg: Aggregate = "worst_case",
) -> Estimate:
    """The lowest or highest that a gap can be over all assignments of the unknown rows to the
    known groups. In a crossing, what is known of such a row is not used: the bounds hold, wider
    than they need be. Rows behind different rates of one gap are different people.

    Parameters
    ----------
    families : rates of the known groups; where the end ``widens``, the small ones too, since
               unknown rows may make any of them large
    unknown  : for each family, cases and rows among the rows whose group is unknown
    rows     : how many rows that are
    """
    assigned = []
    for family, (cases, n) in zip(families, unknown, strict=True):
        known = [g for g in family.groups if g.n > 0]
        if len(known) > 1:
            furthest = widest if scale == "difference" else lowest_ratio
            known = (furthest if widens(scale, end) else narrowest)(known, cases, n - cases)
        empty = [g for g in family.groups if g.n <= 0]
        assigned.append(replace(family, groups=(*known, *empty)))
    estimate = gap(assigned, scale=scale, levels=levels, agg=agg)
    how = f"{rows} unknown rows assigned to the groups that {_HOW[scale, end]}"
    return replace(
        estimate,
        counts={**estimate.counts, "unknown": rows},
        method=f"{how}; {estimate.method}",
    )


def apart_from_persons(
    family: Family, unknown: Sequence[RateCount], levels: Sequence[float]
) -> tuple[Family | None, tuple[float, float], int]:
    """The family, and cases and rows of unknown group, as rows that each are another's; and how
    many persons they are (0: they are so already).

    Where persons have several rows, whoever the unknown ones are given to, no group's rows tell
    more than those of the group (or of the unknown) in which a person's are most alike: all are
    counted as so many fewer. No family where some group is one person alone.
    """
    behind = [c for c in unknown if c.n > 0]
    rest = sum(c.k for c in behind), sum(c.n for c in behind)
    known = [g.weights for g in family.groups if isinstance(g.weights, Clustered)]
    sums = known + [c.weights for c in behind if isinstance(c.weights, Clustered)]
    if not sums:
        return family, rest, 0
    one = max(rows_as_one(each, levels) for each in sums)
    if one == math.inf:
        return None, rest, 0
    groups = tuple(replace(g, k=g.k / one, n=g.n / one, weights=None) for g in family.groups)
    scaled = rest[0] / one, rest[1] / one
    return replace(family, groups=groups), scaled, sum(each.persons for each in sums)


def widest(groups: Sequence[GroupCount], selected: float, rejected: float) -> list[GroupCount]:
    """The groups (two or more, rows each) after the assignment that makes their gap largest."""
    if len(groups) < 2:
        raise ValueError(f"{len(groups)} group is no gap")
    highest = [(g.k + selected) / (g.n + selected) for g in groups]
    lowest = [g.k / (g.n + rejected) for g in groups]
    top = sorted(range(len(groups)), key=lambda i: -highest[i])[:2]
    bottom = sorted(range(len(groups)), key=lambda i: lowest[i])[:2]
    pairs = [(i, j) for i in top for j in bottom if i != j]
    up, down = max(pairs, key=lambda pair: highest[pair[0]] - lowest[pair[1]])
    return _assigned(groups, up, down, selected, rejected)


def lowest_ratio(
    groups: Sequence[GroupCount], selected: float, rejected: float
) -> list[GroupCount]:
    """The groups after the assignment that makes the smallest rate / largest rate smallest."""
    highest = [(g.k + selected) / (g.n + selected) for g in groups]
    lowest = [g.k / (g.n + rejected) for g in groups]
    top = sorted(range(len(groups)), key=lambda i: -highest[i])[:2]
    bottom = sorted(range(len(groups)), key=lambda i: lowest[i])[:2]
    pairs = [(i, j) for i in top for j in bottom if i != j]

    def ratio(pair: tuple[int, int]) -> float:
        up, down = pair
        return lowest[down] / highest[up] if highest[up] > 0 else 1.0

    up, down = min(pairs, key=ratio)
    return _assigned(groups, up, down, selected, rejected)


def narrowest(groups: Sequence[GroupCount], selected: float, rejected: float) -> list[GroupCount]:
    """The groups after the assignment that makes their gap smallest (rows may be split)."""
    floor = _filled(groups, selected)
    flipped = [replace(g, k=g.n - g.k) for g in groups]
    ceiling = 1 - _filled(flipped, rejected)
    if floor < ceiling:
        return [_within(g, floor, ceiling) for g in groups]
    whole = sum(g.n for g in groups) + selected + rejected
    overall = (sum(g.k for g in groups) + selected) / whole
    # Every group can be brought to the overall rate; what is left over is spread at that rate.
    even = [_within(g, overall, overall) for g in groups]
    spare = whole - sum(g.n for g in even)
    return [
        replace(g, n=g.n * (1 + spare / (whole - spare)), k=g.k * (1 + spare / (whole - spare)))
        for g in even
    ]


def _assigned(
    groups: Sequence[GroupCount], up: int, down: int, selected: float, rejected: float
) -> list[GroupCount]:
    result = list(groups)
    result[up] = replace(groups[up], k=groups[up].k + selected, n=groups[up].n + selected)
    result[down] = replace(result[down], n=result[down].n + rejected)
    return result


def _filled(groups: Sequence[GroupCount], water: float) -> float:
    """The level to which ``water`` selected rows raise the lowest rates together."""
    order = sorted(groups, key=lambda g: g.k / g.n)
    cases = rows = 0.0
    level = 0.0
    for position, group in enumerate(order):
        cases, rows = cases + group.k, rows + group.n
        level = (cases + water) / (rows + water)
        following = order[position + 1] if position + 1 < len(order) else None
        if following is None or level <= following.k / following.n:
            return level
    return level


def _within(group: GroupCount, floor: float, ceiling: float) -> GroupCount:
    """The group with the fewest rows added that bring its rate into [floor, ceiling]."""
    rate = group.k / group.n
    if rate < floor and floor < 1:
        added = (floor * group.n - group.k) / (1 - floor)
        return replace(group, k=group.k + added, n=group.n + added)
    if rate > ceiling > 0:
        return replace(group, n=group.k / ceiling)
    return group
