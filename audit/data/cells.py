"""What a cell is, decided here alone: a number, a text, a truth value, bytes, or missing.

Every reader (files, databases, frames in memory, streams) hands its columns to ``settled``; whoever
asks later whether a column holds numbers asks ``is_number``. Cells that are texts by their format
(CSV) are read by ``read_texts``, by the same rule whether they are in memory or on disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.written.numbers import DecimalSign, number_with, plain_number

if TYPE_CHECKING:
    import pandas as pd

# The texts that mean "no value". "None" is not among them: it is a value in real data (a housing
# type, an education level), and a value silently turned into a missing one loses people.
MISSING_TEXTS = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")
_TRUTH = ("True", "TRUE", "true", "False", "FALSE", "false")
_WHOLE = re.compile(r"[ \t]*[+-]?[0-9]+[ \t]*")
_CODE = re.compile(r"-?0[0-9]+")
_EXACT = 1 << 53  # whole numbers below it are the same as floats


def number_in(text: str) -> float | None:
    """The plain decimal number that a text is; None for anything else.

    Python's own ``float`` takes "1_0" for 10 and digits of any script, which makes one group of
    two; here a number is what CSV readers take for one.

    >>> [number_in(t) for t in ("1.50", "-2e3", "1_0", "nan", "")]
    [1.5, -2000.0, None, None, None]
    """
    return plain_number(text)


def read_texts(cells: Iterable[str], decimal: DecimalSign | None = None) -> Mapping[str, Any]:
    """What the texts of one column are, together: numbers if all are, or truth values, or texts.

    One cell with a leading zero (02139) makes codes of all of them, which stay texts. Where a
    ``decimal`` sign is declared, numbers that are written with it and with thousands signs count.

    >>> read_texts(["1", "2.5"]), read_texts(["01", "2"]), read_texts(["1_0", "10"])
    ({'1': 1.0, '2.5': 2.5}, {'01': '01', '2': '2'}, {'1_0': '1_0', '10': '10'})
    >>> read_texts(["1.200,5", "3"], ",")
    {'1.200,5': 1200.5, '3': 3.0}
    """
    known = list(cells)
    if known and all(c in _TRUTH for c in known):
        return {c: c.lower() == "true" for c in known}
    if decimal is not None and any(sign in c for c in known for sign in ",.'\u2019\u00a0\u202f "):
        by_sign = {c: number_with(c, decimal) for c in known}
        if known and all(v is not None for v in by_sign.values()):
            whole = all(_is_whole(v) for v in by_sign.values()) and decimal not in "".join(known)
            return {c: int(v) if whole else v for c, v in by_sign.items() if v is not None}
    if not all(plain_number(c) is not None for c in known) or any(
        _CODE.fullmatch(c) for c in known
    ):
        return {c: c for c in known}
    if all(_WHOLE.fullmatch(c) for c in known):
        return {c: int(c) for c in known}
    return {c: float(c) for c in known}


def _is_whole(value: float | None) -> bool:
    return value is not None and value.is_integer() and abs(value) < _EXACT


def plain(value: Any) -> Any:
    """One value of a typed source as what it means: exact decimals are numbers, bytes that are
    UTF-8 are text; anything else is itself.

    >>> plain(Decimal("1.50")), plain(Decimal("3")), plain(b"F"), plain(b"\\xff")
    (1.5, 3, 'F', b'\\xff')
    """
    if isinstance(value, Decimal):
        if not value.is_finite():
            return float(value)
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes | bytearray | memoryview):
        try:
            return bytes(value).decode("utf-8")
        except UnicodeDecodeError:
            return bytes(value)
    return value


def is_missing(value: Any) -> bool:
    """Whether one value is none: null, not a number, or a text without anything in it.

    >>> is_missing(None), is_missing(float("nan")), is_missing(" "), is_missing(0)
    (True, True, True, False)
    """
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or value != value


def is_number(column: pd.Series[Any]) -> bool:
    """Whether a column holds numbers, by its type: truth values and complex numbers are none."""
    import pandas as pd

    kinds = pd.api.types
    return kinds.is_numeric_dtype(column.dtype) and not (
        kinds.is_bool_dtype(column.dtype) or kinds.is_complex_dtype(column.dtype)
    )


def settled(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with every column of the kind that its cells have, whichever reader gave them.

    Exact decimals and mixed numbers become numbers, UTF-8 bytes texts (other bytes stay), texts
    without anything in them missing. Columns that are settled already are passed on as they are.
    """
    import pandas as pd

    made = [_settled(frame.iloc[:, i]) for i in range(frame.shape[1])]
    if all(new is None for new in made):
        return frame
    kept = [frame.iloc[:, i] if new is None else new for i, new in enumerate(made)]
    out = pd.concat(kept, axis=1)
    out.columns = frame.columns
    return out


def _settled(column: pd.Series[Any]) -> pd.Series[Any] | None:
    """The column as it should be; None where it is already."""
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        odd = [c for c in column.cat.categories if is_missing(c) or plain(c) is not c]
        return _settled(column.astype(object)) if odd else None
    if isinstance(column.dtype, pd.StringDtype):
        blank = _blank(column)
        return column.mask(blank) if blank.any() else None
    if column.dtype != object:
        return None
    known = column.dropna()
    kinds = {type(v) for v in known}
    if not kinds or kinds <= {bool}:
        return None
    if all(issubclass(kind, bytes | bytearray | memoryview) for kind in kinds):
        return _decoded(column, known)
    if any(issubclass(kind, Decimal) for kind in kinds):
        column = column.map(plain, na_action="ignore").astype(object)
        known = column.dropna()
        kinds = {type(v) for v in known}
    if all(_is_real(kind) for kind in kinds):
        return _numbers(column, known)
    if str in kinds:
        blank = column.map(lambda v: isinstance(v, str) and is_missing(v)).astype(bool)
        return column.mask(blank, None) if blank.any() else None
    return column


def _is_real(kind: type) -> bool:
    import numpy as np

    whole_or_real = issubclass(kind, int | float | np.integer | np.floating)
    return whole_or_real and not issubclass(kind, bool)


def _blank(column: pd.Series[Any]) -> pd.Series[Any]:
    distinct = [c for c in column.dropna().unique() if is_missing(c)]
    return column.isin(distinct) if distinct else column.isna() & False


def _decoded(column: pd.Series[Any], known: pd.Series[Any]) -> pd.Series[Any] | None:
    texts = known.map(plain)
    if not texts.map(lambda v: isinstance(v, str) and v.replace("\t", " ").isprintable()).all():
        return None
    made = texts.reindex(column.index).astype("str")
    blank = _blank(made)
    return made.mask(blank) if blank.any() else made


def _numbers(column: pd.Series[Any], known: pd.Series[Any]) -> pd.Series[Any] | None:
    """Whole numbers that a float would not keep apart stay as they are."""
    import pandas as pd

    has_missing = len(known) < len(column)
    largest = max((abs(v) for v in known if isinstance(v, int)), default=0)
    if largest >= (_EXACT if has_missing else 1 << 63):
        return None
    return pd.to_numeric(column)


def types_of(frame: pd.DataFrame, declared: Mapping[str, str]) -> dict[str, str]:
    """What each column was read as: the declared type, else number, boolean, date, text, bytes."""
    import pandas as pd

    def inferred(column: Any) -> str:
        if isinstance(column.dtype, pd.CategoricalDtype):
            return "category"
        kinds = pd.api.types
        if kinds.is_bool_dtype(column.dtype):
            return "boolean"
        if kinds.is_numeric_dtype(column.dtype):
            return "number"
        if kinds.is_datetime64_any_dtype(column.dtype):
            return "date"
        told = kinds.infer_dtype(column, skipna=True) if column.dtype == object else "string"
        return {"string": "text", "empty": "text"}.get(told, told)

    return {str(n): declared.get(str(n)) or inferred(frame[n]) for n in frame.columns}
