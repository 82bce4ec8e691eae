"""CSV and its relatives -> a data frame: comma, tab, semicolon or bar, told by the header."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.cells import MISSING_TEXTS, is_number
from evenhand.audit.data.formats.limits import MAX_CELL, check_width, name_columns
from evenhand.audit.data.table import explained_by
from evenhand.audit.data.written.numbers import plain_number
from evenhand.audit.errors import InputError
from evenhand.audit.reason import Reason, Reasons, because, listed
from evenhand.audit.words.phrases import phrase

if TYPE_CHECKING:
    import pandas as pd

DELIMITERS = ",\t;|"
_LEADING_ZERO = re.compile(r"(?:^|[\s,;|\"])-?0\d", re.MULTILINE)
_START, _LOOKED_AT = 1 << 16, 30  # characters and lines in which the header is looked for
_SEP = re.compile(r"sep=(\\t|.)", re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"')


def delimiter_of(header: str) -> str:
    """What separates the cells of a header: the one of DELIMITERS that it has most outside quotes.

    >>> delimiter_of('"income, gross";age;sex'), delimiter_of("age")
    (';', ',')
    """
    bare = _QUOTED.sub("", header)
    return max(DELIMITERS, key=bare.count)


@dataclass(frozen=True)
class Start:
    """Where the table of a text begins: what parts its cells, and how many lines are above it."""

    delimiter: str
    above: int
    notes: Reasons


def start_of(text: str) -> Start:
    """Where the header is: below ``sep=;``, and below lines of one cell where more cells follow.

    A title is a line without a second cell (maybe filled up with empty ones) above a line that has
    at least two, none of them empty, as wide as what follows.
    """
    lines = text[:_START].split("\n")[:_LOOKED_AT]
    place = next((i for i, line in enumerate(lines) if line.strip()), 0)
    declared = _SEP.fullmatch(lines[place].strip("\r\ufeff \"'")) if lines else None
    if declared:
        sign = "\t" if declared[1] == "\\t" else declared[1]
        return Start(sign, place + 1, because("sep-line", sign=repr(sign)))
    first = delimiter_of(lines[place]) if lines else ","
    sign = max(DELIMITERS, key=lambda d: (_widest(lines, d), d == first))
    if _filled(lines[place], sign) >= 2 and not _is_title(lines[place:], sign):
        return Start(first, 0, ())
    for number in range(place + 1, len(lines)):
        cells = _cells(lines[number], sign)
        if _filled(lines[number], sign) < 2:
            continue
        below = [_cells(line, sign) for line in lines[number + 1 : number + 6] if line.strip()]
        is_header = all(c.strip() for c in cells) and not any(plain_number(c) for c in cells)
        as_wide = sum(len(row) == len(cells) for row in below)
        if not is_header or 2 * as_wide < len(below) or not as_wide:
            break
        if _filled(lines[place], sign) >= 2 and not _told_apart(cells, below):
            break
        filled = ([c for c in _cells(line, sign) if c.strip()] for line in lines[place:number])
        titles = [", ".join(c.strip() for c in row)[:60] for row in filled if row]
        said = because("lines-above", n=len(titles), lines=listed(map(repr, titles), 3))
        return Start(sign, number, said)
    return Start(first, 0, ())


def _is_title(lines: list[str], sign: str) -> bool:
    """Whether a first line of several cells may be a title in which the delimiter occurs
    ("Applicants, 2024"): most lines below have more cells or fewer, or it has a number in it."""
    cells = _cells(lines[0], sign)
    below = [len(_cells(line, sign)) for line in lines[1:] if line.strip()]
    others = sum(width != len(cells) for width in below)
    has_number = any(plain_number(cell.strip()) is not None for cell in cells)
    return bool(below) and (2 * others > len(below) or has_number)


def _told_apart(header: list[str], below: list[list[str]]) -> bool:
    """Whether a line of texts stands above a column of numbers, which no row of cells does."""
    rows = [row for row in below if len(row) == len(header)]
    return any(
        len(rows) > 1 and all(plain_number(row[i].strip()) is not None for row in rows)
        for i in range(len(header))
    )


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line.strip("\r")], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return [line]


def _filled(line: str, delimiter: str) -> int:
    return sum(bool(cell.strip()) for cell in _cells(line, delimiter))


def _widest(lines: list[str], delimiter: str) -> int:
    """How many lines have the most frequent number of cells that is above one."""
    widths = [len(_cells(line, delimiter)) for line in lines[1:] if line.strip()]
    several = [w for w in widths if w > 1]
    return max((several.count(w) for w in set(several)), default=0)


def read_delimited(
    text: str,
    source: object,
    as_text: Collection[str] | bool = (),
    missing: Collection[str] = (),
) -> tuple[pd.DataFrame, list[Reason]]:
    """The rows below the header. Columns in ``as_text`` (True: all) keep each cell's own text;
    cells in ``missing`` hold no value.

    Raises InputError, with the line, for rows of more or fewer cells than the header, quotes that
    are left open, and cells or names that are too long.
    """
    start = start_of(text)
    with explained_by(start.notes):
        frame, notes = _below(text, start, source, as_text, missing)
    return frame, [*start.notes, *notes]


def _below(
    text: str,
    start: Start,
    source: object,
    as_text: Collection[str] | bool,
    missing: Collection[str],
) -> tuple[pd.DataFrame, list[Reason]]:
    import pandas as pd

    delimiter, above = start.delimiter, start.above
    if above:
        text = text.split("\n", above)[above] if text.count("\n") >= above else ""
    header = _header(text, delimiter, source)
    names, noted = name_columns([name.strip() for name in header], source)
    notes: list[Reason] = list(noted)
    # First of all, since pandas says less of what is wrong with a row.
    blank, n_rows = _check_rows(text, delimiter, names, source, above)
    try:
        with warnings.catch_warnings():
            # Rows longer than the header come as a warning and lose cells: that is an error here.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = _parse(text, delimiter, str if as_text is True else None, missing)
            wanted = () if isinstance(as_text, bool) else as_text
            if as_text is not True and (wanted or _LEADING_ZERO.search(text)):
                raw = _parse(text, delimiter, str, missing)
                _keep_codes(frame, raw)
                for place, name in enumerate(names):
                    if name in wanted:
                        frame[frame.columns[place]] = raw[raw.columns[place]]
    except (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError) as error:
        if "out of memory" in str(error):
            raise MemoryError from None
        raise InputError(
            "{source} is not readable CSV: {error}",
            remedy="every row needs as many cells as the header; quote cells that hold commas",
            source=source,
            error=" ".join(str(error).split()),
        ) from None
    except OverflowError as error:
        raise InputError(
            "{source} holds a number out of range: {error}",
            remedy="quote it",
            source=source,
            error=error,
        ) from (None)
    if n_rows != len(frame):
        raise InputError(
            "{source} reads as {n_frame} rows by one reader and as {n_rows} by another",
            remedy="its quotes or line ends are not those of CSV: write it again",
            source=source,
            n_frame=len(frame),
            n_rows=n_rows,
        )
    notes += because("blank-lines", n=blank) if blank else ()
    frame.columns = pd.Index(names)
    return frame, [*notes, *_formulas(frame)]


def _header(text: str, delimiter: str, source: object) -> list[str]:
    rows = csv.reader(_lines(text), delimiter=delimiter, skipinitialspace=True)
    csv.field_size_limit(MAX_CELL)
    try:
        header = next(row for row in rows if row)
    except StopIteration:
        raise InputError(
            "data file {source} is empty", remedy="pass a header and rows", source=source
        ) from None
    except csv.Error as error:
        raise InputError(
            "{source} is not readable CSV: {error}", remedy="check it", source=source, error=error
        ) from None
    check_width(len(header), source)  # before pandas makes an object of each
    return header


def _lines(text: str) -> io.StringIO:
    return io.StringIO(text, newline="")


def _check_rows(
    text: str, delimiter: str, names: list[str], source: object, above: int
) -> tuple[int, int]:
    """How many lines have nothing on them, and the rows. Raises InputError for a short or a long
    row, which pandas fills up or leaves out in silence."""
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
            line = rows.line_num + above
            short = f" (from column {names[len(row)]!r})" if len(row) < width else ""
            is_first = number == 1
            above_it = f". Is line {above + 1} a title above the header? Remove it"
            raise InputError(
                "{source} line {line}: {n_row} cells where the header has {width}{short}",
                remedy=phrase(
                    "every row needs as many cells as the header; leave a missing one "
                    "empty{above_it}",
                    above_it=above_it if is_first and len(row) > width else "",
                ),
                source=source,
                line=line,
                n_row=len(row),
                width=width,
                short=short,
            )
    except csv.Error as error:
        line = rows.line_num + above
        if "field larger" in str(error):
            raise InputError(
                "{source} line {line}: a cell has over {max_cell:,} characters",
                remedy="is a quote left open? Shorten the cell, or leave the column out",
                source=source,
                line=line,
                max_cell=MAX_CELL,
            ) from None
        raise InputError(
            "{source} line {line} is not readable CSV: {error}",
            remedy="check it",
            source=source,
            line=line,
            error=error,
        ) from None
    return blank, number


def _parse(text: str, delimiter: str, dtype: Any, missing: Collection[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(
        io.StringIO(text),
        sep=delimiter,
        skipinitialspace=True,
        keep_default_na=False,
        na_values=[*MISSING_TEXTS, *missing],
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


def _formulas(frame: pd.DataFrame) -> Reasons:
    """A note on cells that a spreadsheet would run. They are text here, and in every export."""
    import pandas as pd

    notes: Reasons = ()
    for place, name in enumerate(frame.columns):
        column = frame.iloc[:, place]
        if not (column.dtype == object or isinstance(column.dtype, pd.StringDtype)):
            continue
        distinct = column.dropna().unique()
        found = [c for c in distinct if isinstance(c, str) and _FORMULA.match(c)]
        if found:
            rows = column.isin(found)
            first = int(rows.to_numpy().argmax()) + 1
            notes += because("would-be-formulas", column=repr(name), n=int(rows.sum()), row=first)
    return notes


def write_delimited(rows: list[list[str]]) -> str:
    """Rows of texts as CSV text in which every cell is quoted."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return out.getvalue()
