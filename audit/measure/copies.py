"""Columns that are a sensitive feature written otherwise: codes, one-hot parts, bins, another unit.

Reading one is reading the feature. A column is a copy where rows of one value are of one group (or
the other way round), so often that chance can't have done it.

Of ``n`` rows with ``K`` in a group, ``L`` values of a column can pick ``2**L`` sets of rows, and
there are ``C(n, K)`` sets of that size: under independence one of the column's sets is the group
with a chance of at most ``2**L / C(n, K)``. An identifier (``L = n``) fits by chance; a code with a
handful of values does not. Numbers with many values cut their order into ``R`` runs, which
``C(values - 1, R - 1)`` ways do. Where values hardly repeat, what is merely tied to the group fits
better than chance too, so values or runs must hold ten rows on average.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.cells import is_number, number_in
from evenhand.audit.data.table import texts

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_WRONG = 0.0005  # mean of both error rates: an area under the ROC curve that reads 1.000
_CHANCE = math.log(1e-9)
_SAME_ORDER = 0.999  # rank correlation from which numbers order people as the feature's do
_ROWS_A_PART = (
    10  # on average, of a value or run: one that holds a single row says nothing of others
)
_FEWEST = 20
_MOST_CELLS = 5_000_000  # of a table of values by groups


@dataclass(frozen=True)
class ColumnCopy:
    """A column that is ``features`` (one of them, or their crossing) written otherwise."""

    column: str
    features: tuple[str, ...]


def copies(
    inputs: pd.DataFrame, groups: pd.DataFrame, missing: pd.DataFrame
) -> dict[str, ColumnCopy]:
    """The copies among the columns of ``inputs``, by name.

    ``groups`` are the features' values as texts (object, shape (n, features)), ``missing`` (bool)
    says where there is none; rows without a value say nothing. Where a column is a copy of no
    single feature, the crossing of all of them is tried.
    """

    import numpy as np

    features = [str(f) for f in groups.columns]
    tried: list[tuple[tuple[str, ...], np.ndarray, np.ndarray]] = []
    for feature in features:
        names, known = groups[feature].to_numpy(), ~missing[feature].to_numpy(dtype=bool)
        tried.append(((feature,), names, known))
    if len(features) > 1:
        crossing = groups[features[0]].to_numpy(dtype=object)
        for feature in features[1:]:
            crossing = crossing + "\x1f" + groups[feature].to_numpy(dtype=object)
        absent = np.asarray(missing.to_numpy(dtype=bool).any(axis=1))
        tried.append((tuple(features), crossing, ~absent))
    found = {}
    for column in (str(c) for c in inputs.columns):
        values = _Values.of(inputs[column])
        for of, names, known in tried:
            if known.sum() >= _FEWEST and _is_copy(values, names, known, crossing=len(of) > 1):
                found[column] = ColumnCopy(column, of)
                break
    return found


@dataclass(frozen=True, eq=False)
class _Values:
    """A column's cells as positions among its distinct values (in order, where they are numbers),
    shape (n,); a missing cell is a value of its own. ``numbers`` are NaN but for numbers."""

    codes: np.ndarray
    numbers: np.ndarray | None

    @classmethod
    def of(cls, column: pd.Series[Any]) -> _Values:
        import numpy as np

        if is_number(column):
            numbers = column.to_numpy(dtype=float, na_value=np.nan)
            return cls(np.unique(numbers, return_inverse=True)[1], numbers)
        names, absent = texts(column)
        names = np.where(absent, "\x00", names.astype(str))
        return cls(np.unique(names, return_inverse=True)[1], None)


def _is_copy(values: _Values, names: np.ndarray, known: np.ndarray, *, crossing: bool) -> bool:
    import numpy as np

    codes = np.unique(values.codes[known], return_inverse=True)[1]
    groups, group = np.unique(names[known].astype(str), return_inverse=True)
    if codes.max() == 0 or groups.size < 2:
        return False
    if (codes.max() + 1) * groups.size > _MOST_CELLS:
        return not crossing and _same_order(values, names, known)
    table = np.zeros((codes.max() + 1, groups.size))
    np.add.at(table, (codes, group), 1)
    ordered = values.numbers is not None
    # The crossing of features is told in full or not at all: a group of it is one of a feature's.
    if not crossing and any(_tells(table, g, ordered=ordered) for g in range(groups.size)):
        return True
    if _is_told(table):
        return True
    return not crossing and _same_order(values, names, known)


def _tells(table: np.ndarray, group: int, *, ordered: bool) -> bool:
    """Whether the column's values pick out one group: ``table`` counts values by groups."""
    inside, total = table[:, group], table.sum(axis=1)
    picked = 2 * inside > total
    n, size = int(total.sum()), int(inside.sum())
    missed = float(inside[~picked].sum()) / size
    wrong = float((total - inside)[picked].sum()) / max(n - size, 1)
    if (missed + wrong) / 2 > _WRONG:
        return False
    parts, ways = total.size, total.size * math.log(2)
    if ordered:
        parts = 1 + int((picked[1:] != picked[:-1]).sum())
        ways = min(ways, math.log(2) + _log_ways(total.size - 1, parts - 1))
    return parts * _ROWS_A_PART <= n and ways - _log_ways(n, size) < _CHANCE


def _is_told(table: np.ndarray) -> bool:
    """Whether the feature's groups tell the column's value: a part of it, or its bins."""
    best = table.argmax(axis=0)
    n, own = table.sum(), table.sum(axis=1)
    for value in range(table.shape[0]):
        picked = best == value
        missed = float(table[value, ~picked].sum()) / own[value]
        wrong = float(table[:, picked].sum() - table[value, picked].sum()) / max(n - own[value], 1)
        if (missed + wrong) / 2 > _WRONG:
            return False
    splits = math.lgamma(n + 1) - sum(math.lgamma(float(k) + 1) for k in own)
    return table.shape[1] * math.log(table.shape[0]) - splits < _CHANCE


def _log_ways(n: int, k: int) -> float:
    """The logarithm of n choose k."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _same_order(values: _Values, names: np.ndarray, known: np.ndarray) -> bool:
    """Whether both are numbers that order people alike: a year of birth and an age."""
    import numpy as np

    if values.numbers is None:
        return False
    distinct, place = np.unique(names[known].astype(str), return_inverse=True)
    told = [number_in(str(name)) for name in distinct]
    if distinct.size < _FEWEST or any(number is None for number in told):
        return False
    own = np.array(told, dtype=float)[place]
    both = np.isfinite(values.numbers[known]) & np.isfinite(own)
    if both.mean() < 1 - _WRONG or np.ptp(values.numbers[known][both]) == 0:
        return False
    from scipy.stats import spearmanr

    return abs(float(spearmanr(values.numbers[known][both], own[both]).statistic)) >= _SAME_ORDER


class Rewriting:
    """What a copy holds for people of another group: learnt from the rows that are of it.

    A text, or a number with one value a group, becomes the group's most frequent value; other
    numbers keep their rank: the median of one group's ages becomes the median of the other's.
    """

    def __init__(self, column: pd.Series[Any], keys: np.ndarray) -> None:
        import numpy as np
        import pandas as pd

        self._cells = column.reset_index(drop=True)
        self._numbers = None
        if is_number(column):
            self._numbers = self._cells.to_numpy(dtype=float, na_value=np.nan)
        found = pd.Series(range(len(keys))).groupby(keys).indices
        self._rows: Mapping[Any, np.ndarray] = {key: np.asarray(at) for key, at in found.items()}
        self._keys = keys

    def knows(self, key: Any) -> bool:
        """Whether any row is of this group."""
        return key in self._rows

    def cells(self, rows: np.ndarray, key: Any) -> pd.Series[Any]:
        """The cells of ``rows`` (positions), were their people of the group ``key``."""
        import numpy as np

        there = self._rows[key]
        if self._numbers is None or np.unique(self._numbers[there]).size <= 1:
            common = self._cells.iloc[there].mode(dropna=False)
            return self._cells.iloc[[int(there[self._equal(there, common.iloc[0])][0])] * len(rows)]
        order = there[np.argsort(self._numbers[there], kind="stable")]
        at = np.array([self._rank(row) for row in rows.tolist()])
        return self._cells.iloc[order[np.minimum((at * len(order)).astype(int), len(order) - 1)]]

    def _equal(self, there: np.ndarray, value: Any) -> np.ndarray:
        import numpy as np

        cells = self._cells.iloc[there]
        found: np.ndarray = np.asarray(
            cells.isna() if value is None or value != value else cells == value
        )
        return found

    def _rank(self, row: int) -> float:
        """The middle of the row's rank among those of its own group, in [0, 1)."""
        assert self._numbers is not None
        own = self._numbers[self._rows[self._keys[row]]]
        mine = self._numbers[row]
        return float(((own < mine).sum() + 0.5 * (own == mine).sum()) / len(own))
