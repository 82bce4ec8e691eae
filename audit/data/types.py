"""What a column holds: declared by the user and then required of every cell, or told by the cells.

A declared type is a promise about the data: the first cell that breaks it is named, with its row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

from evenhand.audit.data.cells import is_number
from evenhand.audit.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd

ColumnType = Literal["number", "category", "text", "boolean", "date"]
COLUMN_TYPES: tuple[str, ...] = get_args(ColumnType)
_TRUE, _FALSE = frozenset({"true", "1", "1.0"}), frozenset({"false", "0", "0.0"})


def parse_types(given: Iterable[str]) -> dict[str, str]:
    """``["age=number", "zip=text"]`` as a mapping. Raises InputError for what is neither."""
    found: dict[str, str] = {}
    for part in given:
        column, equals, kind = part.rpartition("=")
        if not equals or kind not in COLUMN_TYPES:
            raise InputError(
                f"--types {part!r} is not COLUMN=TYPE",
                remedy=f"types: {', '.join(COLUMN_TYPES)}; e.g. --types age=number,zip=text",
            )
        found[column] = kind
    return found


def as_declared(
    frame: pd.DataFrame, declared: Mapping[str, str], source: object, as_text: Callable[[Any], str]
) -> pd.DataFrame:
    """The frame with the declared columns read as declared; missing cells stay missing.

    Raises InputError for a column that isn't there, and for a cell of another type with its row.
    """
    for column in declared:
        if column not in frame.columns:
            raise InputError(
                f"types are declared for {column!r}, which is not a column of {source}",
                remedy=nearest(column, frame.columns),
            )
    if not declared:
        return frame
    made = {
        name: _typed(frame[name], declared[name], f"{source} column {name!r}", as_text)
        if name in declared
        else frame[name]
        for name in frame.columns
    }
    import pandas as pd

    return pd.DataFrame(made, columns=frame.columns)


def _typed(
    column: pd.Series[Any], kind: str, where: str, as_text: Callable[[Any], str]
) -> pd.Series[Any]:
    import pandas as pd

    if kind in ("text", "category"):
        texts = column.map(as_text, na_action="ignore")
        return texts.astype(object).where(column.notna(), None).astype("str")
    if kind == "number":
        if pd.api.types.is_bool_dtype(column.dtype):
            raise _broken(column, column.notna(), where, kind)
        numbers = pd.to_numeric(column.astype(object), errors="coerce")
        return _kept(numbers, column, where, kind)
    if kind == "date":
        if is_number(column) or pd.api.types.is_bool_dtype(column.dtype):
            raise _broken(column, column.notna(), where, kind)
        dates = pd.to_datetime(column, errors="coerce", format="ISO8601")
        return _kept(dates, column, where, kind)
    names = column.map(lambda c: as_text(c).strip().lower(), na_action="ignore")
    truths = names.map(lambda t: True if t in _TRUE else False if t in _FALSE else None)
    made = _kept(truths.astype(object), column, where, kind)
    return made.astype(bool) if not made.isna().any() else made


def _kept(made: pd.Series[Any], column: pd.Series[Any], where: str, kind: str) -> pd.Series[Any]:
    """``made``, unless a cell that had a value has none in it."""
    lost = made.isna() & column.notna()
    if lost.any():
        raise _broken(column, lost, where, kind)
    return made


def _broken(column: pd.Series[Any], lost: pd.Series[Any], where: str, kind: str) -> InputError:
    row = int(lost.to_numpy().argmax())
    shown = repr(str(column.iloc[row])[:60])
    what = {"number": "number", "date": "date (write 2026-01-31)", "boolean": "truth value"}[kind]
    return InputError(
        f"{where}, row {row + 1}: {shown} is no {what}, as declared ({int(lost.sum())} such cells)",
        remedy=f"correct the cells, or declare another type: {', '.join(COLUMN_TYPES)}",
    )
