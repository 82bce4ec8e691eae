"""Which cell an estimator could not take: scikit-learn says what is wrong, and not where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.table import as_text, texts
from evenhand.audit.data.types import is_truth
from evenhand.audit.data.written.declared import option
from evenhand.audit.errors import RowError
from evenhand.audit.words.phrases import Phrase, phrase

if TYPE_CHECKING:
    import pandas as pd

_NO_NUMBER = re.compile(
    r"convert (?:string|np\.str_|complex)[^:]*: (?P<cell>'.*'|\".*\")", re.DOTALL
)
_NOT_MET = re.compile(r"unknown categories \[(?P<cells>.*?)\]", re.DOTALL)


def blamed(
    frame: pd.DataFrame, said: str, known: Mapping[str, tuple[str, ...]], otherwise: Phrase | str
) -> RowError | None:
    """The error that names column, cell and row of what an estimator refused, as ``said``; None
    where that can't be told. ``known`` are the categories that it was fitted on, by column,
    ``otherwise`` is the remedy where none is better."""
    if _NOT_MET.search(said):
        return _never_met(frame, known)
    if found := _NO_NUMBER.search(said):
        return _no_number(frame, found["cell"][1:-1], otherwise)
    if "infinity" in said:
        return _infinite(frame)
    return None


def _never_met(frame: pd.DataFrame, known: Mapping[str, tuple[str, ...]]) -> RowError | None:
    import numpy as np

    for column in (c for c in known if c in frame.columns):
        names, missing = texts(frame[column])
        strange = np.flatnonzero(~np.isin(names, list(known[column])) & ~missing)
        if strange.size:
            cells = {*names[~missing], *known[column]}
            knows = phrase(
                "it knows {order}; map the cell, or leave it empty",
                order=", ".join(repr(k) for k in known[column][:8]),
            )
            return RowError(
                "input column {column!r} holds {names!r} in {row}, a category that the model "
                "was not trained on ({strange_size} such rows)",
                int(strange[0]),
                remedy=_as_truth(column) if all(map(is_truth, cells)) else knows,
                column=column,
                names=str(names[strange[0]]),
                strange_size=strange.size,
            )
    return None


def _no_number(frame: pd.DataFrame, cell: str, otherwise: Phrase | str) -> RowError | None:
    import numpy as np

    for column in map(str, frame.columns):
        cells = frame[column]
        held = np.flatnonzero(np.array([isinstance(v, str) and v == cell for v in cells]))
        if held.size:
            is_yes_or_no = all(is_truth(v) for v in cells.dropna().unique())
            return RowError(
                "input column {column!r} holds {cell!r} in {row}, where the model was fitted on "
                "numbers ({n} such rows)",
                int(held[0]),
                remedy=_as_truth(column) if is_yes_or_no else otherwise,
                column=column,
                cell=cell,
                n=held.size,
            )
    return None


def _as_truth(column: str) -> Phrase:
    return phrase(
        "where it says yes or no, declare that: {option}",
        option=option("types", f"{column}=boolean"),
    )


def _infinite(frame: pd.DataFrame) -> RowError | None:
    import numpy as np

    for column in map(str, frame.columns):
        values: Any = frame[column]
        if values.dtype.kind == "f" and np.isinf(values).any():
            places = np.flatnonzero(np.isinf(values))
            return RowError(
                "input column {column!r} holds {cell} in {row}, which is not a finite number "
                "({n} such rows)",
                int(places[0]),
                remedy="correct the cell, or leave it empty where no value is known",
                column=column,
                cell=as_text(values.iloc[places[0]]),
                n=places.size,
            )
    return None
