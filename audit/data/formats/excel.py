"""Excel workbooks (.xlsx) -> a table of texts: cells as they are stored, formulas not evaluated."""

from __future__ import annotations

import io
import shlex
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from evenhand.audit.data.formats.limits import MAX_CELL, Limits, check_expansion, check_width
from evenhand.audit.data.table import explained_by
from evenhand.audit.errors import InputError, LimitError, nearest
from evenhand.audit.reason import Reason, Reasons, because, listed
from evenhand.audit.words.phrases import phrase

_MAX_CELLS = 20_000_000
_LOOKED_AT = 50  # rows in which a table is looked for
_DECLARATIONS = tuple(
    word.encode(code) for word in ("<!DOCTYPE", "<!ENTITY") for code in ("ascii", "utf-16-le")
) + tuple(word.encode("utf-16-be") for word in ("<!DOCTYPE", "<!ENTITY"))


def is_workbook(file: Path) -> bool:
    """Whether a file is a zip file with a workbook in it."""
    try:
        with zipfile.ZipFile(file) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return False


def read_workbook(
    raw: bytes, source: object, sheet: str | None, limits: Limits
) -> tuple[list[list[str]], list[Reason]]:
    """The rows of one sheet as texts, the header first, and notes.

    Where none is named it is the first, or the only one that holds a table; the notes say so where
    there are others.
    Numbers are written as Excel stores them, dates as ISO 8601, truth values as True and False.

    Raises InputError for a broken workbook, an unknown sheet, or where openpyxl is not installed;
    LimitError for a bomb.
    """
    try:
        import openpyxl
    except ImportError:
        raise InputError(
            "{source} is an Excel workbook, which needs openpyxl",
            remedy="pip install 'evenhand[excel]', or save it as CSV",
            source=source,
        ) from None
    _check_parts(raw, source, limits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and validations, which are not read
        return _read_book(openpyxl, raw, source, sheet, limits)


def _read_book(
    openpyxl: Any, raw: bytes, source: object, sheet: str | None, limits: Limits
) -> tuple[list[list[str]], list[Reason]]:
    try:
        book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, keep_links=False)
    except MemoryError:
        raise
    except Exception as error:  # openpyxl has no errors of its own: a broken part raises anything
        raise _unreadable(source, error) from None
    try:
        names = [s.title for s in book.worksheets]
        if not names or (sheet is not None and sheet not in names):
            raise InputError(
                "{source} has no sheet {sheet!r}",
                remedy="--sheet NAME; {sheet_2}",
                source=source,
                sheet=sheet,
                sheet_2=nearest(sheet or "", names),
            )
        chosen, notes = (sheet, ()) if sheet else _chosen(book, names, source)
        if sheet and names[1:]:
            notes = because("sheets", n=len(names), sheet=repr(sheet))
        with explained_by(notes):
            rows, more = _rows(book[chosen], source, limits)
            if len(rows) < 2:
                other = next((n for n in names if n != chosen), None)
                raise InputError(
                    "sheet {chosen!r} of {source} has no rows below a header",
                    remedy=phrase("name another: --sheet {other}", other=shlex.quote(other))
                    if other
                    else phrase("add rows"),
                    chosen=chosen,
                    source=source,
                )
    finally:
        book.close()
    return rows, [*notes, *more]


def _chosen(book: Any, names: list[str], source: object) -> tuple[str, Reasons]:
    """The first sheet, unless it holds no table and exactly one other does. Raises InputError where
    several others do."""
    first = names[0]
    if not names[1:]:
        return first, ()
    tables = [name for name in names if _holds_table(book[name])]
    if first in tables or not tables:
        return first, because("sheets", n=len(names), sheet=repr(first))
    if tables[1:]:
        raise InputError(
            "the first sheet of {source}, {first!r}, holds no table, and {n_tables} others do: "
            "{tables}",
            remedy="name one: --sheet {tables_2}",
            source=source,
            first=first,
            n_tables=len(tables),
            tables=", ".join(map(repr, tables[:10])),
            tables_2=shlex.quote(tables[0]),
        )
    others = listed(repr(n) for n in names if n != tables[0])
    return tables[0], because("sheet-chosen", sheet=repr(tables[0]), others=others)


def _holds_table(sheet: Any) -> bool:
    """Whether some line has two cells or more and the next with anything on it has two too."""
    before = 0
    sheet.reset_dimensions()
    for number, values in enumerate(sheet.iter_rows(values_only=True)):
        filled = sum(v is not None and str(v).strip() != "" for v in values)
        if before >= 2 and filled >= 2:
            return True
        if filled:
            before = filled
        if number > _LOOKED_AT:
            break
    return False


def _check_parts(raw: bytes, source: object, limits: Limits) -> None:
    """What is unpacked is measured while it is, and no part may declare entities."""
    unpacked = 0
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            check_expansion(sum(p.file_size for p in archive.infolist()), len(raw), source, limits)
            for part in archive.infolist():
                before = b""
                with archive.open(part) as handle:
                    while chunk := handle.read(1 << 20):
                        unpacked += len(chunk)
                        check_expansion(unpacked, len(raw), source, limits)
                        limits.check_time(source)
                        seen, before = before + chunk, chunk[-32:]
                        if any(word in seen for word in _DECLARATIONS):
                            raise InputError(
                                "{source}: its part {filename!r} declares XML entities",
                                remedy="no spreadsheet program writes that: do not trust it",
                                source=source,
                                filename=part.filename,
                            )
    except (InputError, LimitError, MemoryError):
        raise
    except Exception as error:  # zipfile raises its own, zlib's, lzma's, and RuntimeError
        raise _unreadable(source, error) from None


def _unreadable(source: object, error: Exception) -> InputError:
    told = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return InputError(
        "{source} is not a readable Excel workbook: {told}",
        remedy="save it again, or as CSV",
        source=source,
        told=told,
    )


def _rows(sheet: Any, source: object, limits: Limits) -> tuple[list[list[str]], list[Reason]]:
    """The rows with any value, as wide as the header, and notes."""
    rows: list[list[str]] = []
    kept = cells = formulas = width = 0
    is_headed = False
    sheet.reset_dimensions()  # what a sheet says of its size is not believed
    for number, values in enumerate(_read(sheet, source), start=1):
        limits.check_time(source)
        cells += len(values) + 1
        if cells > _MAX_CELLS:
            raise LimitError(
                "{source} has over {max_cells:,} cells",
                remedy="save it as CSV or Parquet",
                source=source,
                max_cells=_MAX_CELLS,
            )
        texts = [_text(v, source, number, i) for i, v in enumerate(values, start=1)]
        while texts and not texts[-1]:
            texts.pop()
        if not rows and not texts:
            continue  # empty rows above the header
        if len(texts) > width and is_headed:
            raise InputError(
                "{source} row {number}: {n_texts} cells where the header has {width}",
                remedy="give every column a name, or remove what lies beside the table",
                source=source,
                number=number,
                n_texts=len(texts),
                width=width,
            )
        if len(texts) > width:
            check_width(len(texts), source)
            width = len(texts)
        is_headed = is_headed or len(texts) > 1  # lines of one cell may be titles
        formulas += sum(isinstance(v, str) and v.startswith("=") for v in values)
        rows.append(texts)
        kept = len(rows) if texts else kept
    filled = [row + [""] * (width - len(row)) for row in rows[:kept] if any(row)]
    notes: list[Reason] = []
    if len(filled) < kept:
        notes += because("blank-rows", n=kept - len(filled))
    if formulas:
        notes += because("formulas", n=formulas)
    return filled, notes


def _read(sheet: Any, source: object) -> Iterator[tuple[Any, ...]]:
    rows = sheet.iter_rows(values_only=True)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except MemoryError:
            raise
        except Exception as error:  # as above: a broken cell raises anything
            raise _unreadable(source, error) from None
        yield row


def _text(value: Any, source: object, row: int, column: int) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, datetime):
        at_midnight = value.time() == time(0)
        return value.date().isoformat() if at_midnight else value.isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    text = str(value)
    if len(text) > MAX_CELL:
        raise InputError(
            "{source} row {row}, column {column}: the cell has {n_text:,} characters, "
            "over {max_cell:,}",
            remedy="shorten it, or leave the column out",
            source=source,
            row=row,
            column=column,
            n_text=len(text),
            max_cell=MAX_CELL,
        )
    if "\0" in text:
        raise InputError(
            "{source} row {row}, column {column} holds a zero byte",
            remedy="remove it",
            source=source,
            row=row,
            column=column,
        )
    return text
