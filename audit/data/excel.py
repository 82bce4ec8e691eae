"""Excel workbooks (.xlsx) -> a table of texts: cells as they are stored, formulas not evaluated."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from evenhand.audit.data.limits import MAX_CELL, Limits, check_expansion, check_width
from evenhand.audit.errors import InputError, LimitError, nearest

_MAX_CELLS = 20_000_000
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
) -> tuple[list[list[str]], list[str]]:
    """The rows of one sheet as texts, the header first, and notes.

    The first sheet is read where none is named, and the notes say so where there are others.
    Numbers are written as Excel stores them, dates as ISO 8601, truth values as True and False.

    Raises InputError for a broken workbook, an unknown sheet, or where openpyxl is not installed;
    LimitError for a bomb.
    """
    try:
        import openpyxl
    except ImportError:
        raise InputError(
            f"{source} is an Excel workbook, which needs openpyxl",
            remedy="pip install 'evenhand[excel]', or save it as CSV",
        ) from None
    _check_parts(raw, source, limits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and validations, which are not read
        return _read_book(openpyxl, raw, source, sheet, limits)


def _read_book(
    openpyxl: Any, raw: bytes, source: object, sheet: str | None, limits: Limits
) -> tuple[list[list[str]], list[str]]:
    try:
        book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, keep_links=False)
    except MemoryError:
        raise
    except Exception as error:  # openpyxl has no errors of its own: a broken part raises anything
        raise _unreadable(source, error) from None
    try:
        names = [s.title for s in book.worksheets]
        if not names or (sheet is not None and sheet not in names):
            raise InputError(f"{source} has no sheet {sheet!r}", remedy=nearest(sheet or "", names))
        chosen = sheet or names[0]
        notes = [f"the workbook has {len(names)} sheets: {chosen!r} was read"] if names[1:] else []
        rows, more = _rows(book[chosen], source, limits)
    finally:
        book.close()
    return rows, notes + more


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
                                f"{source}: its part {part.filename!r} declares XML entities",
                                remedy="no spreadsheet program writes that: do not trust it",
                            )
    except (InputError, LimitError, MemoryError):
        raise
    except Exception as error:  # zipfile raises its own, zlib's, lzma's, and RuntimeError
        raise _unreadable(source, error) from None


def _unreadable(source: object, error: Exception) -> InputError:
    told = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return InputError(
        f"{source} is not a readable Excel workbook: {told}", remedy="save it again, or as CSV"
    )


def _rows(sheet: Any, source: object, limits: Limits) -> tuple[list[list[str]], list[str]]:
    """The rows with any value, as wide as the header, and notes."""
    rows: list[list[str]] = []
    kept = cells = formulas = width = 0
    sheet.reset_dimensions()  # what a sheet says of its size is not believed
    for number, values in enumerate(_read(sheet, source), start=1):
        limits.check_time(source)
        cells += len(values) + 1
        if cells > _MAX_CELLS:
            raise LimitError(
                f"{source} has over {_MAX_CELLS:,} cells", remedy="save it as CSV or Parquet"
            )
        texts = [_text(v, source, number, i) for i, v in enumerate(values, start=1)]
        while texts and not texts[-1]:
            texts.pop()
        if not width:
            check_width(len(texts), source)
            width = len(texts)
            if not width:
                continue  # empty rows above the header
        if len(texts) > width:
            raise InputError(
                f"{source} row {number}: {len(texts)} cells where the header has {width}",
                remedy="give every column a name, or remove what lies beside the table",
            )
        formulas += sum(isinstance(v, str) and v.startswith("=") for v in values)
        rows.append(texts + [""] * (width - len(texts)))
        kept = len(rows) if texts else kept
    filled = [row for row in rows[:kept] if any(row)]
    notes = [f"{kept - len(filled)} blank rows were left out"] if len(filled) < kept else []
    if formulas:
        notes.append(
            f"{formulas} cells hold formulas, which are not evaluated: they are their own text"
        )
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
            f"{source} row {row}, column {column}: the cell has {len(text):,} characters, "
            f"over {MAX_CELL:,}",
            remedy="shorten it, or leave the column out",
        )
    if "\0" in text:
        raise InputError(
            f"{source} row {row}, column {column} holds a zero byte", remedy="remove it"
        )
    return text
