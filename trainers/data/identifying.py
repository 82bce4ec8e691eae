"""Input columns that name rows (keys, e-mail addresses): refused in private training, told of in
plain training, since a model folder lists the values of categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evenhand.audit.data.table import texts
from evenhand.audit.errors import InputError
from evenhand.audit.measure.identifiers import identifiers

if TYPE_CHECKING:
    import pandas as pd

    from evenhand.trainers.recipe.recipe import Recipe


def told_identifiers(recipe: Recipe, train: pd.DataFrame, inputs: Sequence[str]) -> tuple[str, ...]:
    """A note for each input that names rows of ``train``.

    Raises InputError in private training for one that nobody named in ``inputs`` or declared
    public: what it would teach is of single people, and texts among its values would be published.
    """
    identified = identifiers(train[list(inputs)])
    if recipe.private is not None:
        public = recipe.public
        known = {*(recipe.inputs or ()), *(public.categories if public else ())}
        unasked = [] if public and public.data else [i for i in identified if i.column not in known]
        if unasked:
            names = ", ".join(each.column for each in unasked)
            raise InputError(
                "{unasked}: such a column names rows, and private training "
                "takes it as an input only where it is named",
                remedy="leave it out: --drop {value}; or name all inputs with "
                "--inputs, or list its values under public: categories",
                unasked="; ".join(map(str, unasked)),
                value=names.replace(", ", ","),
            )
    return tuple(
        f"{each}: the column names rows, and is an input all the same: it fits these rows alone"
        + (
            f" (leave it out: --drop {each.column})"
            if each.column not in (recipe.inputs or ())
            else ""
        )
        for each in identified
    )


def once(column: pd.Series, categories: Sequence[str]) -> int:
    """How many of ``categories`` a single row of ``column`` has."""
    import numpy as np

    names, is_missing = texts(column)
    values, times = np.unique(names[~is_missing].astype(str), return_counts=True)
    return int(np.isin(values[times == 1], list(categories)).sum())
