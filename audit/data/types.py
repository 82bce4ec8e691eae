"""What a column's cells mean: as declared, or as the cells tell; the same whoever read them.

A declared type is a promise about the data: the first cell that breaks it is named, with its row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.cells import is_number, read_texts, settled
from evenhand.audit.data.table import as_text
from evenhand.audit.data.written.dates import DateOrder, dates_in, likely_orders, orders_of
from evenhand.audit.data.written.declared import COLUMN_TYPES, Reading, option
from evenhand.audit.data.written.numbers import DecimalSign, disguise, dressed, plain_number
from evenhand.audit.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd

_TRUE = frozenset({"true", "1", "1.0", "yes", "y", "t", "on"})
_FALSE = frozenset({"false", "0", "0.0", "no", "n", "f", "off"})
_SHOWN = 3  # different cells that a remedy names


def read_cells(
    frame: pd.DataFrame,
    reading: Reading,
    source: object,
    *,
    answers: Collection[str] = (),
    is_raw: bool = False,
) -> pd.DataFrame:
    """The frame with each cell as what it means: the one place where that is decided.

    Marks of missing values become missing, written numbers numbers, codes of labels their words (in
    ``answers``: the target's and the predicted column, or where a column is named), and declared
    columns hold what is declared. ``is_raw``: the cells are texts of which nothing was read yet.

    Raises InputError for a declared column that isn't there, and a cell of another type.
    """
    import pandas as pd

    for named in reading.types:
        if named not in frame.columns:
            raise InputError(
                "types are declared for {named!r}, which is not a column of {source}",
                remedy=nearest(named, frame.columns),
                named=named,
                source=source,
            )
    frame = settled(frame)
    names = [str(c) for c in frame.columns]
    known = frozenset(names)
    made = {}
    for place, name in enumerate(names):
        column = frame.iloc[:, place]
        missing = reading.marks_missing(name, known)
        as_it_stands = reading.types.get(name) in ("text", "category")
        new = _without_marks(column, missing) if missing else column
        if is_text(new) and not as_it_stands and (is_raw or new is not column):
            new = _reread(new, reading.decimal)
        elif is_text(new) and not as_it_stands and reading.decimal:
            new = _reread(new, reading.decimal, least="disguised")
        if words := reading.labels_of(name, known, is_answer=name in answers):
            new = _worded(new, words)
        if new is not column:
            made[place] = new
    if made:
        columns = [made.get(i, frame.iloc[:, i]) for i in range(len(names))]
        joined = pd.concat(columns, axis=1)
        joined.columns = frame.columns
        frame = settled(joined)
    return as_declared(frame, reading.types, source, reading)


def is_text(column: pd.Series[Any]) -> bool:
    """Whether a column may hold texts, by its type."""
    import pandas as pd

    return column.dtype == object or isinstance(column.dtype, pd.StringDtype | pd.CategoricalDtype)


def is_marked(value: Any, marks: Collection[str]) -> bool:
    """Whether a cell is one of these texts, blanks around it aside, or the same number as one.

    >>> is_marked("? ", {"?"}), is_marked(-999.0, {"-999"}), is_marked("-999.0", {"-999"})
    (True, True, True)
    """
    text = as_text(value).strip()
    if text in marks:
        return True
    number = plain_number(text)
    return number is not None and as_text(number) in marks


def is_truth(value: Any) -> bool:
    """Whether a cell says yes or no, as a column that is declared to be boolean takes it.

    >>> is_truth("Yes"), is_truth(0), is_truth("ja")
    (True, True, False)
    """
    return as_text(value).strip().lower() in _TRUE | _FALSE


def _without_marks(column: pd.Series[Any], marks: Collection[str]) -> pd.Series[Any]:
    """The column with its marked cells missing; the same one where there are none."""
    numbers = [n for mark in marks if (n := plain_number(mark)) is not None]
    if is_number(column):
        is_out = column.isin(numbers) if numbers else None
    else:
        found = [v for v in column.dropna().unique() if is_marked(v, marks)]
        is_out = column.isin(found) if found else None
    if is_out is None or not is_out.any():
        return column
    if column.dtype == bool:
        column = column.astype(object)
    return column.mask(is_out)


def _reread(
    column: pd.Series[Any], decimal: DecimalSign | None, least: str = "any"
) -> pd.Series[Any]:
    """The texts of a column read together, as if the file held these alone; the same column where
    they stay texts. ``least``: "disguised" leaves plain numbers in texts as they are."""

    distinct = list(column.dropna().unique())
    if not distinct or not all(isinstance(v, str) for v in distinct):
        return column
    if least == "disguised" and all(plain_number(v) is not None for v in distinct):
        return column
    meant = read_texts(distinct, decimal)
    if all(isinstance(v, str) for v in meant.values()):
        return column
    plain = column.astype(object)
    return plain.map(meant, na_action="ignore").where(plain.notna(), None).infer_objects()


def _worded(column: pd.Series[Any], words: Mapping[str, str]) -> pd.Series[Any]:
    """Codes as their words; the same column where there are none of them."""
    exact = {v: _word(v, words) for v in column.dropna().unique()}
    meant = {v: word for v, word in exact.items() if word is not None}
    if not meant:
        return column
    plain = column.astype(object)
    named = plain.map(lambda v: meant.get(v, as_text(v)), na_action="ignore")
    return named.where(plain.notna(), None).astype("str")


def _word(value: Any, words: Mapping[str, str]) -> str | None:
    text = as_text(value)
    if text in words:
        return words[text]
    if text in ("true", "false"):  # a truth value, however the file spells it
        return next((w for code, w in words.items() if code.strip().lower() == text), None)
    number = plain_number(text)
    return None if number is None else words.get(as_text(number))


def as_declared(
    frame: pd.DataFrame,
    declared: Mapping[str, str],
    source: object,
    reading: Reading,
) -> pd.DataFrame:
    """The frame with the declared columns read as declared; missing cells stay missing.

    Raises InputError for a cell of another type with its row.
    """
    if not declared:
        return frame
    made = {
        name: _typed(frame[name], declared[name], f"{source} column {name!r}", reading)
        if name in declared
        else frame[name]
        for name in frame.columns
    }
    import pandas as pd

    return pd.DataFrame(made, columns=frame.columns)


def _typed(column: pd.Series[Any], kind: str, where: str, reading: Reading) -> pd.Series[Any]:
    import pandas as pd

    if kind in ("text", "category"):
        texts = column.map(as_text, na_action="ignore")
        return texts.astype(object).where(column.notna(), None).astype("str")
    if kind == "number":
        if pd.api.types.is_bool_dtype(column.dtype):
            raise _broken(column, column.notna(), where, kind)
        numbers = pd.to_numeric(column.astype(object), errors="coerce")
        if (numbers.isna() & column.notna()).any():
            numbers = _undressed(column, where, reading.decimal)
        return _kept(numbers, column, where, kind)
    if kind == "date":
        return _kept(_dates(column, where, reading.dates), column, where, kind)
    names = column.map(lambda c: as_text(c).strip().lower(), na_action="ignore")
    truths = names.map(lambda t: True if t in _TRUE else False if t in _FALSE else None)
    made = _kept(truths.astype(object), column, where, kind)
    return made.astype(bool) if not made.isna().any() else made


def _dates(column: pd.Series[Any], where: str, order: DateOrder | None) -> pd.Series[Any]:
    """Cells as moments; missing where they are none. Whole numbers are dates as 20260131 is."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return column
    if pd.api.types.is_bool_dtype(column.dtype):
        raise _broken(column, column.notna(), where, "date")
    if not is_number(column):
        aware = pd.to_datetime(column, errors="coerce", format="ISO8601")
        if not (aware.isna() & column.notna()).any():
            return aware  # as it is, with its zone
    cells = column.map(as_text, na_action="ignore").astype(object)
    distinct = cells.dropna().unique()
    fits = orders_of(distinct) or likely_orders(distinct)
    if len(fits) > 1 and order is None:
        raise InputError(
            "{where}: in {shown!r} the day may come before the month, or the month before the day",
            remedy="say which comes first: --dates dmy or --dates mdy",
            where=where,
            shown=str(cells.dropna().iloc[0]),
        )
    return dates_in(cells, order or (fits[0] if fits else None))


def _undressed(column: pd.Series[Any], where: str, decimal: DecimalSign | None) -> pd.Series[Any]:
    """Texts as numbers without thousands signs, currency and per cent; missing where they are none.

    Raises InputError where the decimal sign has to be declared, and for two currencies.
    """
    import pandas as pd

    distinct = [v for v in column.dropna().unique() if isinstance(v, str)]
    found = disguise(distinct, least=0.5)
    if found is None:
        return pd.to_numeric(column.astype(object), errors="coerce")
    sign = decimal or found.decimal
    if sign is None and "thousands-or-decimal" in found.wears:
        shown = next(t for t in distinct if "," in t or "." in t)
        raise InputError(
            "{where}: in {shown!r} the sign may be of thousands or of decimals",
            remedy="say which sign is of decimals: --decimal . or --decimal ,",
            where=where,
            shown=shown,
        )
    parts = {text: dressed(text) for text in distinct}
    currencies = sorted({p.currency for p in parts.values() if p is not None and p.currency})
    if len(currencies) > 1:
        raise InputError(
            "{where} holds amounts in {currencies}, which are not comparable",
            remedy="turn them into one currency first",
            where=where,
            currencies=" and ".join(currencies[:5]),
        )
    is_share = any(p is not None and p.percent for p in parts.values())
    meant = {
        text: part.value(sign or ".")
        for text, part in parts.items()
        if part is not None and part.percent == is_share
    }
    plain = column.astype(object)
    numbers = plain.map(lambda v: meant.get(v) if isinstance(v, str) else v, na_action="ignore")
    return pd.to_numeric(numbers, errors="coerce")


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
    others = list(dict.fromkeys(as_text(c) for c in column[lost]))
    marks = [f"{column.name}:{text}" for text in others] if len(others) <= _SHOWN else []
    looks_otherwise = kind == "number" and disguise([str(column.iloc[row])]) is not None
    way_out = "--decimal , or --decimal . says how it is written; " if looks_otherwise else ""
    return InputError(
        "{where}, row {row}: {shown} is no {what}, as declared ({lost} such cells)",
        remedy="{way_out}correct the cells, name those that mean none with {missing}, or declare "
        "another type: {column_types}",
        where=where,
        row=row + 1,
        shown=shown,
        what=what,
        lost=int(lost.sum()),
        way_out=way_out,
        missing=option("missing", *marks) if marks else "--missing",
        column_types=", ".join(COLUMN_TYPES),
    )
