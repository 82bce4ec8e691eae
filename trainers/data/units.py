"""Who is protected: a row, or a person (any unit) with all their training rows.

A guarantee for rows says little about a person who has many. ``unit`` names the column that
tells persons apart: a person's rows are held out together or not at all, at most
``max_rows_per_unit`` of them are trained on, and epsilon is that of a person, by group privacy.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from evenhand.audit.data.table import texts
from evenhand.audit.errors import InputError
from evenhand.trainers.data.rows import frame_rows
from evenhand.trainers.private.unit import ROW, Unit

if TYPE_CHECKING:
    import pandas as pd

    from evenhand.trainers.recipe.recipe import Recipe


def unit_of(recipe: Recipe) -> Unit:
    """Who a private recipe protects."""
    if recipe.unit is None or recipe.private is None:
        return ROW
    return Unit(recipe.unit, recipe.private.max_rows_per_unit or 1)


def require_units(frame: pd.DataFrame, column: str, what: str) -> None:
    """Raises InputError where the column is missing or a row does not say whose it is."""
    if column not in frame.columns:
        raise InputError(
            "unit={column!r} is not a column of {what}",
            remedy="name the column that tells persons apart",
            column=column,
            what=what,
        )
    n_missing = int(texts(frame[column])[1].sum())
    if n_missing:
        raise InputError(
            "{n_missing} rows of {what} have no {column!r}: whose they are decides how many count",
            remedy="fill them in, or leave these rows out",
            n_missing=n_missing,
            what=what,
            column=column,
        )


def capped(frame: pd.DataFrame, column: str, most: int, seed: int) -> pd.DataFrame:
    """At most ``most`` rows of each unit, in the order they came in.

    Which ones follows from ``seed`` and the unit's own rows alone, so that no unit has a say in
    what is kept of another; equal data keep equal rows.
    """
    import numpy as np

    start = hashlib.blake2b(str(seed).encode(), digest_size=16)

    def drawn(row: bytes) -> bytes:
        one = start.copy()
        one.update(row)
        return one.digest()

    lots = [drawn(row) for row in frame_rows(frame)]
    order = sorted(range(len(frame)), key=lots.__getitem__)
    rank = frame.iloc[order].groupby(texts(frame[column])[0][order]).cumcount().to_numpy()
    return frame.iloc[np.sort(np.array(order)[rank < most])]
