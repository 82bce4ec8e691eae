"""Counts per group: one pass over the predictions, mergeable between parts of the data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from audit.measure.classification import Confusion

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Cell:
    """One group: its name by feature, and its counts.

    Without labels ``confusion`` holds selected rows as tp and others as tn, and ``has_labels`` is
    False: only rates that need no labels may be read from it.
    """

    group: Mapping[str, str]
    confusion: Confusion
    has_labels: bool

    @property
    def n(self) -> int:
        """Rows in the group."""
        return self.confusion.n

    @property
    def name(self) -> str:
        """The group as people write it: ``race=black, sex=F``."""
        return ", ".join(f"{k}={v}" for k, v in self.group.items())


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
    import numpy as np
    import pandas as pd

    keys = pd.MultiIndex.from_frame(groups[list(features)])
    codes, names = pd.factorize(keys)
    truth = is_selected if is_positive is None else is_positive
    # 0 tn, 1 fp, 2 fn, 3 tp: one bincount gives the whole table.
    kind = 2 * truth.astype(np.int64) + is_selected.astype(np.int64)
    table = np.bincount(codes * 4 + kind, minlength=4 * len(names)).reshape(-1, 4)
    cells = [
        Cell(
            dict(zip(features, map(str, name), strict=True)),
            Confusion(tp=int(row[3]), fp=int(row[1]), fn=int(row[2]), tn=int(row[0])),
            is_positive is not None,
        )
        for name, row in zip(names, table, strict=True)
    ]
    return sorted(cells, key=lambda c: tuple(c.group.values()))


def total(cells: Iterable[Cell]) -> Confusion:
    """The counts of all cells together."""
    return sum((c.confusion for c in cells), Confusion(0, 0, 0, 0))
