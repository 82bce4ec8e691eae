"""The rows of a table that meet a condition. A missing cell meets no comparison: nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.cells import is_number
from evenhand.audit.data.table import as_text, texts
from evenhand.audit.data.written.filters import ORDERS, ColumnCompared, Condition, Value
from evenhand.audit.errors import InputError, nearest

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def rows_where(frame: pd.DataFrame, condition: Condition) -> np.ndarray:
    """Which rows meet it, bool of shape (rows,).

    Numbers are compared as numbers, dates as dates (a text in ISO form), other cells by their text
    as labels are; only numbers and dates have an order. Raises InputError for a column that is not
    there and a value that its cells can't be held against.
    """
    import numpy as np

    if isinstance(condition, ColumnCompared):
        return _compared(frame, condition)
    parts = [rows_where(frame, part) for part in condition.parts]
    if condition.word == "not":
        whole: np.ndarray = ~parts[0]
        return whole
    joined: np.ndarray = (np.logical_and if condition.word == "and" else np.logical_or).reduce(
        parts
    )
    return joined


def _compared(frame: pd.DataFrame, condition: ColumnCompared) -> np.ndarray:
    import numpy as np
    import pandas as pd

    name = condition.column
    if name not in frame.columns:
        raise InputError(
            "the condition names {name!r}, which is not a column of the data",
            remedy=nearest(name, map(str, frame.columns)),
            name=name,
        )
    column = frame[name]
    missing = column.isna().to_numpy()
    if condition.sign == "missing":
        return missing
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        moments = pd.to_datetime(column, utc=True).dt.tz_localize(None)
        cells: Any = moments.to_numpy(dtype="datetime64[ns]")
        values: Sequence[Any] = [_moment(name, v) for v in condition.values]
    elif is_number(column) and not pd.api.types.is_bool_dtype(column.dtype):
        cells = column.to_numpy(dtype=float, na_value=np.nan)
        values = [_number(name, v) for v in condition.values]
    elif condition.sign in ORDERS:
        raise InputError(
            "{name!r} holds texts, which {sign} does not compare",
            remedy="compare with ==, != or in (...); a column of numbers or dates that was read as "
            "text is declared with --types",
            name=name,
            sign=condition.sign,
        )
    else:
        cells = texts(column)[0]
        values = [as_text(v) for v in condition.values]
    found: np.ndarray = _held(cells, condition.sign, values) & ~missing
    return found


def _held(cells: Any, sign: str, values: Sequence[Any]) -> np.ndarray:
    import numpy as np

    if sign in ("in", "=="):
        return np.isin(cells, np.array(values, dtype=cells.dtype))
    if sign == "!=":
        return ~np.isin(cells, np.array(values, dtype=cells.dtype))
    (value,) = values
    found: np.ndarray = {
        "<": np.less,
        "<=": np.less_equal,
        ">": np.greater,
        ">=": np.greater_equal,
    }[sign](cells, value)
    return found


def _number(name: str, value: Value) -> float:
    from evenhand.audit.data.written.numbers import plain_number

    found = plain_number(value) if isinstance(value, str) else value
    if found is None:
        raise InputError(
            "{name!r} holds numbers, and {value!r} is none",
            remedy="compare with a number",
            name=name,
            value=value,
        )
    return found


def _moment(name: str, value: Value) -> Any:
    import pandas as pd

    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise InputError(
            "{name!r} holds dates, and {value!r} is none",
            remedy='compare with a date in ISO form: "1990-01-31"',
            name=name,
            value=value,
        ) from None
    at = pd.Timestamp(moment)
    plain = at if at.tzinfo is None else at.tz_convert("UTC").tz_localize(None)
    return plain.to_datetime64().astype("datetime64[ns]")
