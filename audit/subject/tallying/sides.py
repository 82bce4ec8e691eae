"""One group on the one side, everybody else whose group is known on the other."""

from __future__ import annotations

from evenhand.audit.data.grouping import UNKNOWN
from evenhand.audit.subject.tallying.counts import BINARY, Cell, Counts

_CALLED = ("own", "rest", "unknown")


def own_and_rest(counts: Counts, cell: Cell) -> tuple[Cell, Cell]:
    """The counts of one of the groups of ``counts``, and of all other rows of known group: rows,
    weights, and a person's rows added up on either side."""
    import numpy as np

    own = list(cell.group.values())
    names = counts.names.tolist()
    side = np.array([0 if n == own else 2 if UNKNOWN in n else 1 for n in names])
    table = np.zeros((3, *counts.table.shape[1:]), dtype=np.int64)
    np.add.at(table, side, counts.table)
    weights = None
    if counts.weights is not None:
        weights = np.zeros((len(counts.weights), *table.shape))
        for together, sums in zip(weights, counts.weights, strict=True):
            np.add.at(together, side, sums)
    people = None if counts.people is None else counts.people.regrouped(side)
    called = np.array(_CALLED, dtype=object)[:, None]
    cells = Counts(("side",), BINARY, called, table, weights, people=people).cells()
    return cells[0], cells[1]
