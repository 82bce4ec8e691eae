"""Which group sizes may be published, so that no small one can be read or worked out.

A group under ten people is withheld. Its size could often be worked out from the others: a total
minus the rest. So further groups are withheld (complementary suppression) until every withheld size
could be at least two different numbers, given everything that is published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

Group = frozenset[tuple[str, str]]  # (feature, value) pairs; empty for everybody
_MOST_CELLS = 400  # beyond it crossings are withheld as a whole: one linear programme a group


@dataclass(frozen=True)
class Range:
    """The least and the greatest size that a group can have, given what is published."""

    low: float
    high: float


def group_of(values: Mapping[str, str]) -> Group:
    """A group by its features' values.

    >>> group_of({"sex": "F"}) == group_of({"sex": "F"})
    True
    """
    return frozenset(values.items())


def suppressed(sizes: Mapping[Group, int], *, minimum: int = 10) -> frozenset[Group]:
    """The groups whose size must not be published.

    Parameters
    ----------
    sizes   : people in each group: single features, crossings, and everybody (the empty group);
              a crossing of which other groups are there has nobody in it
    minimum : sizes from 1 to one below it are withheld; 0 is published

    Everybody's number is always published. Each round withholds, for one group whose size could be
    worked out, the smallest published group that says something about it. Above 400 cells all
    crossings are withheld, and single features are dealt with one by one.

    Source: Cox 1980; Fischetti and Salazar 2000 for the feasibility attack.
    """
    features = sorted({feature for group in sizes for feature, _ in group})
    cells = _cells(sizes, features)
    sizes = _with_empty(sizes, cells)
    if len(cells) > _MOST_CELLS:
        crossings = {g for g in sizes if len(g) > 1}
        singles = {g: n for g, n in sizes.items() if len(g) <= 1}
        parts = [{g: n for g, n in singles.items() if _features(g) <= {f}} for f in features]
        return frozenset(crossings).union(*(suppressed(p, minimum=minimum) for p in parts if p))
    withheld = {g for g, n in sizes.items() if g and 0 < n < minimum}
    while True:
        exposed = _first_exposed(sizes, cells, withheld)
        if exposed is None:
            return frozenset(withheld)
        others = [g for g, n in sizes.items() if g and g not in withheld and n > 0]
        if not others:
            return frozenset(withheld)
        # one that shares people with the exposed group first; then the smallest, then by name
        withheld.add(min(others, key=lambda g: (-_kin(g, exposed), sizes[g], sorted(g))))


def possible_sizes(
    sizes: Mapping[Group, int], withheld: frozenset[Group] | set[Group], group: Group
) -> Range:
    """What a reader who knows every published size can work out about one group's.

    Sizes are taken as not negative, not as whole: a range of less than 1 gives the size away.
    Raises ArithmeticError where the sizes contradict each other.
    """
    features = sorted({feature for one in sizes for feature, _ in one})
    cells = _cells(sizes, features)
    return _range(_with_empty(sizes, cells), cells, withheld, group)


def _cells(sizes: Mapping[Group, int], features: Sequence[str]) -> list[Group]:
    """Every crossing of all features' values: the unknowns that all sizes are sums of."""
    values: list[list[tuple[str, str]]] = [
        sorted({pair for group in sizes for pair in group if pair[0] == f}) for f in features
    ]
    count = 1
    for each in values:
        count *= len(each)
        if count > _MOST_CELLS:
            return [frozenset()] * (_MOST_CELLS + 1)
    return [frozenset(cell) for cell in product(*values)]


def _with_empty(sizes: Mapping[Group, int], cells: Sequence[Group]) -> dict[Group, int]:
    """The sizes with a 0 for each crossing that nobody is in: a missing row says as much."""
    found = dict(sizes)
    if len(cells) <= _MOST_CELLS:
        for features in {frozenset(_features(g)) for g in sizes}:
            for cell in cells:
                found.setdefault(frozenset(p for p in cell if p[0] in features), 0)
    return found


def _features(group: Group) -> set[str]:
    return {feature for feature, _ in group}


def _kin(group: Group, other: Group) -> int:
    """2 for groups of the same features, 1 where one may lie within the other, else 0."""
    if _features(group) == _features(other):
        # in a crossing, prefer a neighbour that shares all values but one
        return 2 + len(group & other)
    return int(group < other or other < group)


def _first_exposed(
    sizes: Mapping[Group, int], cells: Sequence[Group], withheld: set[Group]
) -> Group | None:
    for group in sorted(withheld, key=lambda g: (sizes[g], sorted(g))):
        found = _range(sizes, cells, withheld, group)
        if found.high - found.low < 1 - 1e-6:
            return group
    return None


def _range(
    sizes: Mapping[Group, int],
    cells: Sequence[Group],
    withheld: frozenset[Group] | set[Group],
    group: Group,
) -> Range:
    import numpy as np

    published = [g for g in sizes if g not in withheld]
    equal: np.ndarray = np.array([[g <= cell for cell in cells] for g in published], dtype=float)
    known = np.array([sizes[g] for g in published], dtype=float)
    goal = np.array([group <= cell for cell in cells], dtype=float)
    return linear_range(equal, known, goal)


def linear_range(matrix: np.ndarray, numbers: np.ndarray, goal: np.ndarray) -> Range:
    """The least and the greatest ``goal @ x`` over x >= 0 with ``matrix @ x = numbers``."""
    from scipy.optimize import linprog

    ends = []
    for sign in (1, -1):
        found = linprog(sign * goal, A_eq=matrix, b_eq=numbers, bounds=(0, None), method="highs")
        if found.status == 3:  # without bound: nothing at all is known
            ends.append(sign * -float("inf"))
        elif found.success:
            ends.append(sign * float(found.fun))
        else:
            raise ArithmeticError(f"published numbers do not add up: {found.message}")
    return Range(*ends)
