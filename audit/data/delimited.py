"""CSV and its relatives -> a data frame: comma, tab, semicolon or bar, told by the header."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.cells import MISSING_TEXTS, is_number
from evenhand.audit.data.limits import MAX_CELL, check_width, name_columns
from evenhand.audit.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

DELIMITERS = ",\t;|"
_LEADING_ZERO = re.compile(r"(?:^|[\s,;|\"])-?0\d", re.MULTILINE)
_QUOTED = re.compile(r'"[^"]*"')


def delimiter_of(header: str) -> str:
    """What separates the cells of a header: the one of DELIMITERS that it has most outside quotes.

    >>> delimiter_of('"income, gross";age;sex'), delimiter_of("age")
    (';', ',')
    """
    bare = _QUOTED.sub("", header)
    return max(DELIMITERS, key=bare.count)


def read_delimited(
    text: str, source: object, as_text: Collection[str] | bool = ()
) -> tuple[pd.DataFrame, list[str]]:
    """The rows below the header. Columns in ``as_text`` (True: all) keep each cell's own text.

    Raises InputError, with the line, for rows of more or fewer cells than the header, quotes that
    are left open, and cells or names that are too long.
    """
    import pandas as pd

    delimiter = delimiter_of(text.lstrip().split("\n", 1)[0])
    header = _header(text, delimiter, source)
    names, notes = name_columns([name.strip() for name in header], source)
    try:
        with warnings.catch_warnings():
            # Rows longer than the header come as a warning and lose cells: that is an error here.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = _parse(text, delimiter, str if as_text is True else None)
            wanted = () if isinstance(as_text, bool) else as_text
            if as_text is not True and (wanted or _LEADING_ZERO.search(text)):
                raw = _parse(text, delimiter, str)
                _keep_codes(frame, raw)
                for place, name in enumerate(names):
                    if name in wanted:
                        frame[frame.columns[place]] = raw[raw.columns[place]]
    except (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError) as error:
        if "out of memory" in str(error):
            raise MemoryError from None
        raise InputError(
            f"{source} is not readable CSV: {' '.join(str(error).split())}",
            remedy="every row needs as many cells as the header; quote cells that hold commas",
        ) from None
    except OverflowError as error:
        raise InputError(f"{source} holds a number out of range: {error}", remedy="quote it") from (
            None
        )
    notes += _check_rows(text, delimiter, names, len(frame), source)
    frame.columns = pd.Index(names)
    return frame, notes + _formulas(frame)


def _header(text: str, delimiter: str, source: object) -> list[str]:
    rows = csv.reader(_lines(text), delimiter=delimiter, skipinitialspace=True)
    csv.field_size_limit(MAX_CELL)
    try:
        header = next(row for row in rows if row)
    except StopIteration:
        raise InputError(f"data file {source} is empty", remedy="pass a header and rows") from None
    except csv.Error as error:
        raise InputError(f"{source} is not readable CSV: {error}", remedy="check it") from None
    check_width(len(header), source)  # before pandas makes an object of each
    return header


def _lines(text: str) -> io.StringIO:
    return io.StringIO(text, newline="")


def _check_rows(
    text: str, delimiter: str, names: list[str], n_rows: int, source: object
) -> list[str]:
    """What pandas fills up or leaves out in silence: short rows, and lines with nothing on them."""
    rows = csv.reader(_lines(text), delimiter=delimiter, skipinitialspace=True)
    width, blank, number = len(names), 0, -1
    try:
        for row in rows:
            if len(row) <= 1 and not "".join(row).strip():
                blank += 1
                continue
            number += 1
            if len(row) == width:
                continue
            raise InputError(
                f"{source} line {rows.line_num}: {len(row)} cells where the header has {width} "
                f"(from column {names[min(len(row), width - 1)]!r})",
                remedy="every row needs as many cells as the header; leave a missing one empty",
            )
    except csv.Error as error:
        if "field larger" in str(error):
            raise InputError(
                f"{source} line {rows.line_num}: a cell has over {MAX_CELL:,} characters",
                remedy="is a quote left open? Shorten the cell, or leave the column out",
            ) from None
        raise InputError(
            f"{source} line {rows.line_num} is not readable CSV: {error}", remedy="check it"
        ) from None
    if number != n_rows:
        raise InputError(
            f"{source} reads as {n_rows} rows by one reader and as {number} by another",
            remedy="its quotes or line ends are not those of CSV: write it again",
        )
    return [f"{blank} blank lines were left out"] if blank else []


def _parse(text: str, delimiter: str, dtype: Any) -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(
        io.StringIO(text),
        sep=delimiter,
        skipinitialspace=True,
        keep_default_na=False,
        na_values=list(MISSING_TEXTS),
        index_col=False,
        low_memory=False,
        dtype=dtype,
    )


def _keep_codes(frame: pd.DataFrame, raw: pd.DataFrame) -> None:
    """A column with a cell like 02139 holds codes (postcodes, counties): it stays text.

    Read as numbers, 02139 would lose its zero, and 01 and 1 would become one group.
    """

    for column in frame.columns:
        if is_number(frame[column]):
            cells = raw[column].dropna()
            if cells.str.fullmatch(r"-?0\d+").any():
                frame[column] = raw[column]


_FORMULA = re.compile(r"[=@\t\r]|[+-][A-Za-z(]")


def _formulas(frame: pd.DataFrame) -> list[str]:
    """A note on cells that a spreadsheet would run. They are text here, and in every export."""
    import pandas as pd

    notes = []
    for place, name in enumerate(frame.columns):
        column = frame.iloc[:, place]
        if not (column.dtype == object or isinstance(column.dtype, pd.StringDtype)):
            continue
        distinct = column.dropna().unique()
        found = [c for c in distinct if isinstance(c, str) and _FORMULA.match(c)]
        if found:
            rows = column.isin(found)
            notes.append(
                f"column {name!r} has {int(rows.sum())} cells that a spreadsheet would run as a "
                f"formula (first: row {int(rows.to_numpy().argmax()) + 1}): they are text here"
            )
    return notes


def write_delimited(rows: list[list[str]]) -> str:
    """Rows of texts as CSV text in which every cell is quoted."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return out.getvalue()
