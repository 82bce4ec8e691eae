"""For people whose decision the beam did not turn: every observed value, pairs, other people.

A beam follows the score upwards, and is blind where the score is flat (trees) or must fall first.
Three searches need no slope: each column at every value that was observed; two columns at once;
and the values of people who were decided favourably, of which as many as possible are put back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evenhand.audit.attribution.recourse.asking import Asking
from evenhand.audit.attribution.recourse.person import Moves, Person, moves_of
from evenhand.audit.attribution.recourse.space import Mutable

if TYPE_CHECKING:
    import numpy as np

_DONORS = 100  # nearest people decided favourably whose values are tried
_COLUMNS = 40  # whose values are taken from them, all at once
_REDUCED = 6  # of those that turn the decision, put back column by column


@dataclass(frozen=True, eq=False)
class Turned:
    """Rows that turn one person's decision; ``with_more`` says whether a change of more columns
    than are allowed does."""

    rows: list[np.ndarray]
    with_more: bool = False


def search_harder(
    asking: Asking, person: Person, donors: np.ndarray, most_changes: int, most: int
) -> Turned:
    """Rows that turn the person's decision, found by one search after another; each asks about
    ``most`` rows at most. ``donors`` are encoded rows of people decided favourably."""
    singles = _observed(asking, person, most)
    if singles:
        return Turned(singles)
    if most_changes > 1 and (found := _pairs(asking, person, most)):
        return Turned(found)
    return _given(asking, person, donors, most_changes, most)


def _observed(asking: Asking, person: Person, most: int) -> list[np.ndarray]:
    """Each column alone at every value that was observed."""
    import numpy as np

    every = [_with_all(column) for column in asking.space.mutable]
    moves = moves_of(asking.space, person.own, every, most)
    return _cheapest(asking, person, moves, np.arange(len(moves))[:, None])


def _with_all(column: Mutable) -> Mutable:
    return column if column.observed is None else replace(column, looked_at=column.observed)


def _pairs(asking: Asking, person: Person, most: int) -> list[np.ndarray]:
    """Two columns at once: of those that move the score most, as many values as ``most`` allows."""
    import numpy as np

    room = int((2 * most) ** 0.5)
    columns = list(asking.space.mutable)
    first = np.argsort(-np.round(_effect(person), 9), kind="stable")[: max(2, room // 3)]
    moves = moves_of(asking.space, person.own, columns, max(room, 2 * len(first)))
    kept = np.flatnonzero(np.isin(moves.column, first))
    if kept.size > room:
        kept = kept[np.unique(np.linspace(0, kept.size - 1, room).round().astype(int))]
    one, other = np.triu_indices(kept.size, k=1)
    apart = moves.column[kept[one]] != moves.column[kept[other]]
    return _cheapest(asking, person, moves, np.column_stack([kept[one[apart]], kept[other[apart]]]))


def _cheapest(asking: Asking, person: Person, moves: Moves, tried: np.ndarray) -> list[np.ndarray]:
    """The cheapest rows that turn the decision, of different columns, among sets of moves:
    ``tried`` has their positions, int of shape (sets, moves)."""
    import numpy as np

    if tried.size == 0:
        return []

    def make(part: slice) -> np.ndarray:
        z = np.repeat(person.own[None], len(tried[part]), axis=0)
        for moved in tried[part].T:
            z[np.arange(len(z)), moves.column[moved]] = moves.value[moved]
        return z

    turned, _ = asking.made(np.full(len(tried), person.row), make)
    good = np.flatnonzero(turned)
    order = good[np.argsort(moves.cost[tried[good]].sum(axis=1), kind="stable")]
    kept: dict[tuple[int, ...], np.ndarray] = {}
    for k in order.tolist():
        columns = tuple(sorted(moves.column[tried[k]].tolist()))
        if columns not in kept and len(kept) < 3:
            kept[columns] = make(slice(k, k + 1))[0]
    return list(kept.values())


def _given(
    asking: Asking, person: Person, donors: np.ndarray, most_changes: int, most: int
) -> Turned:
    """The values of the nearest people decided favourably, as far as they may be reached, of the
    columns that move the score most; then as few of them as turn the decision still."""
    import numpy as np

    if len(donors) == 0:
        return Turned([])
    space, own = asking.space, person.own
    allowed = np.repeat(own[None], len(donors), axis=0)
    for j in np.argsort(-np.round(_effect(person), 9), kind="stable")[:_COLUMNS].tolist():
        allowed[:, j] = space.mutable[j].nearest_allowed(float(own[j]), donors[:, j])
    near = np.argsort(space.cost(own[None], allowed), kind="stable")[:_DONORS]
    rows = allowed[near][space.changed(own[None], allowed[near]).any(axis=1)]
    if len(rows) == 0:
        return Turned([])
    turned, _ = asking.rows(np.full(len(rows), person.row), rows)
    rows = rows[turned][:_REDUCED]
    if len(rows) == 0:
        return Turned([])
    reduced = _put_back_in_parts(asking, person, rows, most)
    few = space.changed(own[None], reduced).sum(axis=1) <= most_changes
    return Turned(list(reduced[few]), with_more=not few.any())


def _effect(person: Person) -> np.ndarray:
    """How far a single change of each column moves the score at most, either way."""
    import numpy as np

    effect = np.zeros(person.own.size)
    known = ~np.isnan(person.gain)
    np.maximum.at(effect, person.moves.column[known], np.abs(person.gain[known]))
    return effect


def _put_back_in_parts(asking: Asking, person: Person, z: np.ndarray, most: int) -> np.ndarray:
    """Puts back what is not needed: halves of the changed columns, then quarters, down to one; of
    each row twice, the columns that move the score least first, and the costliest first.

    Source: Zeller and Hildebrandt 2002 (delta debugging) for the halving.
    """
    import numpy as np

    space, own = asking.space, person.own
    effect = _effect(person)
    z = np.concatenate([z, z])
    apart = space.apart(own[None], z)
    order = np.argsort(np.where(np.arange(len(z))[:, None] < len(z) // 2, effect, -apart), axis=1)
    queues = [o[space.changed(own, row)[o]] for o, row in zip(order, z, strict=True)]
    size = max(1, max(len(q) for q in queues) // 2)
    asked = 0
    while asked < most:
        steps = max(-(-len(q) // size) for q in queues)
        for step in range(steps):
            tried = z.copy()
            for k, queue in enumerate(queues):
                part = queue[step * size : (step + 1) * size]
                tried[k, part] = own[part]
            turned, _ = asking.rows(np.full(len(z), person.row), tried)
            z[turned] = tried[turned]
            asked += len(z)
        queues = [q[space.changed(own, row)[q]] for q, row in zip(queues, z, strict=True)]
        if size == 1:
            break
        size = max(1, size // 2)
    return z
