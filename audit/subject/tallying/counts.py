"""Counts per group: one pass over the predictions, mergeable between parts of the data.

``Counts`` holds, for every crossing of the features, how many rows have each true label and each
prediction. Every coarser grouping is a sum of its cells, so one pass over the rows serves each
feature, each pair, the crossing of all, and every level of the control features.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import RowError
from evenhand.audit.finding import group_name
from evenhand.audit.measure.classification import CellSums, Confusion, RateCount, rate_count
from evenhand.audit.subject.tallying.people import BINARY, People, four_of, people_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_MANY, _FEW = 100_000, 2_000  # rows above which, and objects in a sample up to which, addresses pay


def require_answers(is_missing: np.ndarray, column: str) -> None:
    """Raises RowError where a stored prediction is missing, bool array of shape (n,)."""
    if is_missing.any():
        raise RowError(
            "predicted column {column!r} is empty in {row} ({is_missing} such rows)",
            int(is_missing.argmax()),
            remedy="a missing prediction is a person without an answer: fill it, or remove the row",
            column=column,
            is_missing=int(is_missing.sum()),
        )


@dataclass(frozen=True)
class Cell:
    """One group: its name by feature, and its counts.

    Without labels ``confusion`` holds selected rows as tp and others as tn, and ``has_labels`` is
    False: only rates that need no labels may be read from it. ``weights`` holds the sums of the
    rows' weights, of their squares and of their fourth powers, each in the order tn, fp, fn, tp;
    None without weights.
    Where rows are of persons, it holds each person's own sums instead, shape (persons, 4).
    """

    group: Mapping[str, str]
    confusion: Confusion
    has_labels: bool
    weights: CellSums | None = None

    @property
    def n(self) -> int:
        """Rows in the group."""
        return self.confusion.n

    @property
    def name(self) -> str:
        """The group as people write it: ``race=black, sex=F``."""
        return group_name(self.group)

    @property
    def persons(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Each person's selected rows and all their rows; None where rows are no persons'."""
        if self.weights is None or isinstance(self.weights, tuple):
            return None
        return self.weights[:, [1, 3]].sum(axis=1), self.weights.sum(axis=1)

    def rate(self, name: str) -> RateCount:
        """Cases and rows behind one rate; with weights, effective ones (see ``rate_count``)."""
        return rate_count(self.confusion, name, self.weights)


@dataclass(frozen=True, eq=False)
class Counts:
    """Rows by group, true label and prediction.

    Parameters
    ----------
    features : the columns that make up a group
    classes  : the labels, K of them; a binary task has ("negative", "positive")
    names    : object array of texts, shape (groups, features), sorted, no row twice
    table    : int64, shape (groups, K, K): true label by prediction; (groups, 1, K) without labels
    weights  : float64, shape (3, groups, K or 1, K): sums of the rows' weights, of their squares
               and of their fourth powers; None without weights
    dropped  : rows left out because they have no true label
    people   : each person's rows (or sums of their weights) in each group; None where every row is
               another person's
    """

    features: tuple[str, ...]
    classes: tuple[str, ...]
    names: np.ndarray
    table: np.ndarray
    weights: np.ndarray | None = None
    dropped: int = 0
    people: People | None = None

    @property
    def n(self) -> int:
        """Rows counted."""
        return int(self.table.sum())

    @property
    def has_labels(self) -> bool:
        """Whether the true labels are known."""
        return bool(self.table.shape[1] == len(self.classes))

    def __add__(self, other: Counts) -> Counts:
        """The counts of both parts of the data: associative and commutative.

        Weighted sums are floats: they agree up to rounding, whatever the order. Persons must have
        the same numbers in both.
        """
        import numpy as np

        for what in ("features", "classes", "has_labels"):
            mine, theirs = getattr(self, what), getattr(other, what)
            if mine != theirs:
                raise ValueError(f"counts with {what} {mine} and {theirs} do not add up")
        if (self.weights is None) != (other.weights is None):
            raise ValueError("weighted and unweighted counts do not add up")
        if (self.people is None) != (other.people is None):
            raise ValueError("counts of persons' rows and of rows do not add up")
        people = None
        if self.people is not None and other.people is not None:
            people = self.people.beside(other.people, len(self.names))
        weights = None
        if self.weights is not None and other.weights is not None:
            weights = np.concatenate([self.weights, other.weights], axis=1)
        return _grouped(
            self.features,
            self.classes,
            np.concatenate([self.names, other.names]),
            np.concatenate([self.table, other.table]),
            weights,
            self.dropped + other.dropped,
            people,
        )

    def by(self, features: Sequence[str]) -> Counts:
        """The same rows grouped by some of the features alone, in the order given."""
        columns = [self.features.index(f) for f in features]
        return _grouped(
            tuple(features),
            self.classes,
            self.names[:, columns],
            self.table,
            self.weights,
            self.dropped,
            self.people,
        )

    def levels(self, control_features: Sequence[str]) -> Iterator[tuple[dict[str, str], Counts]]:
        """All rows first (with an empty name), then each level of the control features."""
        yield {}, self
        if not control_features:
            return
        columns = [self.features.index(f) for f in control_features]
        found = [tuple(row) for row in self.names[:, columns]]
        for level in sorted(set(found)):
            rows = [i for i, name in enumerate(found) if name == level]
            weights = None if self.weights is None else self.weights[:, rows]
            people = None if self.people is None else self.people.within(rows)
            part = replace(
                self,
                names=self.names[rows],
                table=self.table[rows],
                weights=weights,
                people=people,
            )
            yield dict(zip(control_features, level, strict=True)), part

    def groupings(
        self, control_features: Sequence[str] = ()
    ) -> Iterator[tuple[dict[str, str], Counts]]:
        """Each feature, each pair and the crossing of all that are no control features: over all
        rows (an empty name) and then within each level of the control features."""
        sensitive = [f for f in self.features if f not in control_features]
        for level, part in self.levels(control_features):
            for features in feature_sets(sensitive):
                yield level, part.by(features)

    def four(self) -> np.ndarray:
        """A binary task's counts (with weights: their sums), shape (groups, 4): tn, fp, fn, tp.

        Without labels, selected rows stand as tp and others as tn.
        """
        return four_of(self.table if self.weights is None else self.weights[0])

    def cells(self) -> list[Cell]:
        """A binary task's groups with their four counts, ordered by name."""
        import numpy as np

        flat = four_of(self.table)
        weights: Any = [None] * len(flat)
        if self.weights is not None:
            powers = (four_of(w).tolist() for w in self.weights)
            weights = [tuple(tuple(own) for own in cell) for cell in zip(*powers, strict=True)]
        if self.people is not None:
            weights = self.people.by_group(len(flat))
        rows = np.asarray(flat).tolist()
        return [
            Cell(
                dict(zip(self.features, name, strict=True)),
                Confusion(tp=row[3], fp=row[1], fn=row[2], tn=row[0]),
                self.has_labels,
                weight,
            )
            for name, row, weight in zip(self.names.tolist(), rows, weights, strict=True)
        ]


def _grouped(
    features: tuple[str, ...],
    classes: tuple[str, ...],
    names: np.ndarray,
    table: np.ndarray,
    weights: np.ndarray | None,
    dropped: int,
    people: People | None = None,
) -> Counts:
    """Adds up the rows of ``table`` that carry the same name, and sorts them by name."""
    import numpy as np

    keys = [tuple(row) for row in names.tolist()]
    order = sorted(set(keys))
    place = {name: i for i, name in enumerate(order)}
    where = np.array([place[k] for k in keys], dtype=np.intp)
    summed = np.zeros((len(order), *table.shape[1:]), dtype=np.int64)
    np.add.at(summed, where, table)
    together = None
    if weights is not None:
        together = np.zeros((len(weights), len(order), *table.shape[1:]))
        for own, sums in zip(together, weights, strict=True):
            np.add.at(own, where, sums)
    unique = np.array(order, dtype=object).reshape(len(order), len(features))
    regrouped = None if people is None else people.regrouped(where)
    return Counts(features, classes, unique, summed, together, dropped, regrouped)


def total(cells: Iterable[Cell]) -> Confusion:
    """The counts of all cells together."""
    return sum((c.confusion for c in cells), Confusion(0, 0, 0, 0))


def feature_sets(features: Sequence[str]) -> list[tuple[str, ...]]:
    """Each feature, each pair, and the crossing of all.

    >>> feature_sets(["race", "sex"])
    [('race',), ('sex',), ('race', 'sex')]
    """
    sets: list[tuple[str, ...]] = [(f,) for f in features]
    sets += combinations(features, 2)
    if len(features) > 2:
        sets.append(tuple(features))
    return sets


def group_rows(groups: pd.DataFrame, features: Sequence[str]) -> list[tuple[dict[str, str], Any]]:
    """All rows first (with an empty name), then the row positions of every group and crossing.

    Returns (the group by feature, int array of its rows).
    """
    import numpy as np

    found: list[tuple[dict[str, str], Any]] = [({}, np.arange(len(groups)))]
    for chosen in feature_sets(features):
        by_name = groups.reset_index(drop=True).groupby(list(chosen), sort=True).indices
        for name, rows in by_name.items():
            values = name if isinstance(name, tuple) else (name,)
            found.append((dict(zip(chosen, map(str, values), strict=True)), rows))
    return found


def control_levels(
    groups: pd.DataFrame, control_features: Sequence[str]
) -> list[tuple[dict[str, str], np.ndarray]]:
    """The whole data, then each level (or crossing of levels) of the control features.

    Returns (the level by feature, bool array of shape (n,) of its rows); the first is ({}, all).
    """
    import numpy as np

    levels: list[tuple[dict[str, str], np.ndarray]] = [({}, np.ones(len(groups), dtype=bool))]
    if control_features:
        columns = groups[list(control_features)]
        for values in sorted(set(columns.itertuples(index=False, name=None))):
            rows = (columns == list(values)).all(axis=1).to_numpy()
            levels.append((dict(zip(control_features, values, strict=True)), rows))
    return levels


def count_groups(
    groups: Any,
    features: Sequence[str],
    actual: np.ndarray | None,
    predicted: np.ndarray,
    *,
    classes: Sequence[str] = BINARY,
    weights: np.ndarray | None = None,
    units: np.ndarray | None = None,
) -> Counts:
    """Counts of rows in memory, over the crossing of ``features``.

    Parameters
    ----------
    groups    : data frame (or mapping of arrays) of columns of texts, each of shape (n,)
    actual    : positions in ``classes`` (bool or int), shape (n,); None without labels
    predicted : the same, shape (n,)
    weights   : float, shape (n,), finite and not negative; None without weights
    units     : codes of the persons whose rows they are, int of shape (n,); None where every row
                is another's
    """
    import numpy as np

    size, rows = len(classes), int(np.size(predicted))
    code, names = np.zeros(rows, dtype=np.int64), np.empty((1, 0), dtype=object)
    for feature in features:
        own, values = _factorized(groups[feature])
        if own.size and own.min() < 0:
            raise ValueError(f"feature {feature!r} has missing values; name them first")
        width = max(len(values), 1)
        code = code * width + own
        if len(names) * width > 4 * rows:  # a crossing of many values: keep those that occur
            kept, code = np.unique(code, return_inverse=True)
        else:
            kept = np.arange(len(names) * width)
        column = np.array([str(v) for v in values], dtype=object)
        names = np.column_stack([names[kept // width], column[kept % width]])
    truth = np.zeros(rows, dtype=np.int64) if actual is None else actual.astype(np.int64)
    height = 1 if actual is None else size
    flat = (code * height + truth) * size + predicted.astype(np.int64)
    shape, slots = (len(names), height, size), len(names) * height * size
    table = np.bincount(flat, minlength=slots).reshape(shape)
    sums = None
    if weights is not None:
        parts = (weights, weights**2, weights**4)
        sums = np.stack([np.bincount(flat, w, minlength=slots).reshape(shape) for w in parts])
    seen = table.sum(axis=(1, 2)) > 0
    kept_sums = None if sums is None else sums[:, seen]
    people = None
    if units is not None:
        place = np.cumsum(seen) - 1
        cell = truth * size + predicted.astype(np.int64)
        people = people_of(place[code], units, cell, weights, (height, size))
    return _grouped(tuple(features), tuple(classes), names[seen], table[seen], kept_sums, 0, people)


def _factorized(column: Any) -> tuple[np.ndarray, Any]:
    """Codes of shape (n,) and the distinct values they stand for; -1 where missing.

    A column of texts that came from ``data.reading.read`` refers to one object for each
    distinct text: then telling objects apart is enough, which is three times as fast as hashing
    every text.
    """
    import numpy as np
    import pandas as pd

    if column.dtype != object or len(column) <= _MANY:
        return pd.factorize(column)
    values = column.to_numpy() if isinstance(column, pd.Series) else column
    if len({id(v) for v in values[: _MANY // 10]}) > _FEW:
        return pd.factorize(column)
    import ctypes

    values = np.ascontiguousarray(values)
    # An object array is an array of addresses; ``values`` keeps the objects alive meanwhile.
    raw: Any = (ctypes.c_char * values.nbytes).from_address(values.ctypes.data)
    places = np.frombuffer(raw, dtype=np.intp)
    codes, distinct = pd.factorize(places)
    if len(distinct) > _MANY:
        return pd.factorize(column)
    first = np.zeros(len(distinct), dtype=np.intp)
    first[codes[::-1]] = np.arange(values.size - 1, -1, -1)
    # Equal texts may still be two objects: their codes are made one.
    own, texts = pd.factorize(values[first])
    return own[codes], texts


def cell_counts(
    groups: pd.DataFrame,
    features: Sequence[str],
    is_positive: np.ndarray | None,
    is_selected: np.ndarray,
) -> list[Cell]:
    """Counts for every group of ``features`` that has rows, ordered by name.

    Parameters
    ----------
    groups      : texts, shape (n, at least ``features``)
    is_positive : bool array of shape (n,), or None without labels
    is_selected : bool array of shape (n,)
    """
    return count_groups(groups, features, is_positive, is_selected).cells()
