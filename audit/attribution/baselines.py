"""Reference rows of raw columns: the default that is stated, and a declared one, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.cells import is_number
from evenhand.audit.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd

TYPICAL = "median or most frequent value of the audited rows"
DECLARED = "declared reference row"


def typical_row(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """One row of ``columns``: the lower median of numbers, the most frequent value of the rest.

    Each cell occurs in ``frame`` (so that an integer column stays one), and has its column's type;
    ties go to the value that is first as text. A column without any value stays missing.
    """
    import pandas as pd

    chosen = {str(c): frame[c].iloc[[_typical(frame[c])]].reset_index(drop=True) for c in columns}
    return pd.DataFrame(chosen)


def _typical(column: pd.Series[Any]) -> int:
    """The position of the typical value."""
    import numpy as np

    known = np.flatnonzero(column.notna().to_numpy())
    if not len(known):
        return 0
    values = column.iloc[known]
    if is_number(values):
        order = np.argsort(values.to_numpy(dtype=float), kind="stable")
        return int(known[order[(len(order) - 1) // 2]])
    counts = values.value_counts()
    best = sorted(counts[counts == counts.max()].index, key=str)[0]
    return int(known[(values == best).to_numpy().argmax()])


def declared_row(rows_given: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The declared baseline: one row with a value for each column. Raises InputError."""
    lacking = [c for c in columns if c not in rows_given.columns]
    if lacking:
        raise InputError(
            "the baseline has no value for column {lacking!r}",
            remedy=nearest(lacking[0], (str(c) for c in rows_given.columns)),
            lacking=lacking[0],
        )
    if len(rows_given) != 1:
        raise InputError(
            "the baseline has {n_given} rows",
            remedy="give exactly one row",
            n_given=len(rows_given),
        )
    return rows_given[list(columns)].reset_index(drop=True)
