"""Rows of persons: each one's are added up within a group before anything is squared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.data.table import texts
from evenhand.audit.errors import InputError
from evenhand.audit.words.phrases import phrase

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

BINARY = ("negative", "positive")


def four_of(table: np.ndarray) -> np.ndarray:
    """Binary counts as (groups, 4) in the order tn, fp, fn, tp; without labels, tn and tp."""
    import numpy as np

    if table.shape[-1] != len(BINARY):
        raise ValueError(
            phrase(
                "cells are of a binary task, these counts have {table_shape} classes",
                table_shape=table.shape[-1],
            )
        )
    if table.shape[1] == 2:
        return table.reshape(-1, 4)
    nothing = np.zeros_like(table[:, 0, 0])
    return np.stack([table[:, 0, 0], nothing, nothing, table[:, 0, 1]], axis=1)


@dataclass(frozen=True, eq=False)
class People:
    """Rows by group and person: ``group`` and ``unit`` of shape (m,), ``sums`` (m, K or 1, K).

    A person's rows are added up before anything is squared, so they are kept apart until the end.
    """

    group: np.ndarray
    unit: np.ndarray
    sums: np.ndarray

    @property
    def persons(self) -> int:
        """How many persons there are."""
        import numpy as np

        return int(np.unique(self.unit).size)

    def beside(self, other: People, groups: int) -> People:
        """Both, the other's groups numbered after the ``groups`` of this one; a person has one
        number in both. To be ``regrouped``: pairs of group and person may be repeated."""
        import numpy as np

        return People(
            np.concatenate([self.group, other.group + groups]),
            np.concatenate([self.unit, other.unit]),
            np.concatenate([self.sums, other.sums]),
        )

    def regrouped(self, where: np.ndarray) -> People:
        """The same with group i called ``where[i]``; a person's rows in one group are added up."""
        import numpy as np

        pairs = np.stack([where[self.group], self.unit])
        unique, of = np.unique(pairs, axis=1, return_inverse=True)
        sums = np.zeros((unique.shape[1], *self.sums.shape[1:]))
        np.add.at(sums, of.ravel(), self.sums)
        return People(unique[0], unique[1], sums)

    def within(self, groups: Sequence[int]) -> People:
        """The rows of these groups alone, which are called 0, 1, ... in their order."""
        import numpy as np

        kept = np.isin(self.group, groups)
        place = {g: i for i, g in enumerate(groups)}
        called = np.array([place[int(g)] for g in self.group[kept]], dtype=np.intp)
        return People(called, self.unit[kept], self.sums[kept])

    def by_group(self, groups: int) -> list[np.ndarray]:
        """A binary task's four sums of each person, (persons, 4), of each group."""
        import numpy as np

        four = four_of(self.sums)
        order = np.argsort(self.group, kind="stable")
        ends = np.searchsorted(self.group[order], np.arange(1, groups))
        return np.split(four[order], ends)


def people_of(
    group: np.ndarray,
    units: np.ndarray,
    cell: np.ndarray,
    weights: np.ndarray | None,
    shape: tuple[int, int],
) -> People:
    """From rows: group, person, place in a flat table of ``shape`` and weight, each (n,)."""
    import numpy as np

    pairs, of = np.unique(np.stack([group, units]), axis=1, return_inverse=True)
    slots = shape[0] * shape[1]
    flat = np.bincount(of.ravel() * slots + cell, weights, minlength=pairs.shape[1] * slots)
    return People(pairs[0], pairs[1], flat.reshape(-1, *shape).astype(float))


def units_of(frame: pd.DataFrame, column: str | None) -> np.ndarray | None:
    """Which rows are one person's, by ``column``: codes of shape (n,); None where every row is
    another's. Raises InputError for cells without a name, and for one person alone."""
    import pandas as pd

    if column is None:
        return None
    names, missing = texts(frame[column])
    if missing.any():
        raise nobodys_rows(column, int(missing.sum()))
    codes, known = pd.factorize(names)
    if len(known) < 2:
        raise one_person_alone(column)
    found: np.ndarray = codes
    return found if len(known) < len(frame) else None


def nobodys_rows(column: str, rows: int) -> InputError:
    """The error for rows that do not say whose they are."""
    return InputError(
        "unit column {column!r} is empty in {rows} rows",
        remedy="say whose rows they are, or remove them",
        column=column,
        rows=rows,
    )


def one_person_alone(column: str) -> InputError:
    """The error for a column that tells nobody apart."""
    return InputError(
        "unit column {column!r} holds one person alone",
        remedy="name the column that tells persons apart",
        column=column,
    )
