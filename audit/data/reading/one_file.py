"""One file -> one table: what kind of file it is, by its first bytes, and its reader."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from evenhand.audit.data.cells import types_of
from evenhand.audit.data.formats.arrow_files import (
    ARROW,
    ARROW_STREAM,
    OLD_FEATHER,
    PARQUET,
    read_arrow,
    read_arrow_stream,
    read_parquet,
)
from evenhand.audit.data.formats.database import read_sqlite
from evenhand.audit.data.formats.decoding import decode, gunzip
from evenhand.audit.data.formats.delimited import read_delimited, write_delimited
from evenhand.audit.data.formats.excel import is_workbook, read_workbook
from evenhand.audit.data.formats.json_lines import read_json_lines
from evenhand.audit.data.formats.limits import Limits, read_within
from evenhand.audit.data.formats.sqlite import MAGIC as SQLITE
from evenhand.audit.data.noticed import noticed
from evenhand.audit.data.reading.rows_on_disk import available_memory
from evenhand.audit.data.table import (
    Table,
    canonical_order,
    explained_by,
    merge_repeated,
)
from evenhand.audit.data.types import read_cells
from evenhand.audit.data.written.declared import Reading
from evenhand.audit.errors import InputError, LimitError, nearest
from evenhand.audit.files.canonical import digest_bytes
from evenhand.audit.reason import Reason
from evenhand.audit.words.phrases import as_is

if TYPE_CHECKING:
    import pandas as pd


_Frame = tuple["pd.DataFrame", list[Reason]]


# First bytes of what is no table, what it is, and what to do with it.
_REFUSED = (
    (b"BZh", "packed with bzip2", "unpack it: bunzip2"),
    (b"\xfd7zXZ\0", "packed with xz", "unpack it: unxz"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd", "unpack it: unzstd"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it"),
    (b"Rar!", "a RAR archive", "unpack it"),
    (b"\xd0\xcf\x11\xe0", "an old or encrypted Excel file", "save it as .xlsx without a password"),
    (b"PK\x03\x04", "a zip archive that is no Excel workbook", "unpack it"),
    (b"\x89HDF", "an HDF5 file", "write it as Parquet"),
    (OLD_FEATHER, "a Feather file of version 1", "write it as version 2, or as Parquet"),
    (b"\x80\x04\x95", "a pickle, which runs whatever code it names", "write it as Parquet"),
    (b"\x80\x05\x95", "a pickle, which runs whatever code it names", "write it as Parquet"),
    (b"Obj\x01", "an Avro file", "write it as Parquet"),
    (b"ORC", "an ORC file", "write it as Parquet"),
)


def read_file(
    file: Path,
    part: str | None = None,
    *,
    reading: Reading | None = None,
    answers: Collection[str] = (),
    limits: Limits | None = None,
) -> Table:
    """One file that holds rows of cells (no images), told apart by content.

    ``part`` names a sheet or a table in it, as ``reading.sheet`` does; for the rest, and for what
    it raises, see ``evenhand.audit.data.reading.read.read_table``.
    """
    limits, reading = limits or Limits(), reading or Reading()
    if part and reading.sheet and part != reading.sheet:
        raise InputError(
            "two parts of {file} are named: {part!r} and --sheet {sheet!r}",
            remedy="name one",
            file=file,
            part=part,
            sheet=reading.sheet,
        )
    part = part or reading.sheet
    source = f"{file}#{part}" if part else str(file)
    start, _ = look(file)
    if start.startswith(SQLITE):
        with read_within(file, limits, grace=1.0):
            frame, notes = read_sqlite(file, part, limits)
            return table_of_rows(frame, source, notes, reading, answers)
    with read_within(file, limits):
        raw = file.read_bytes()
        frame, noted = parse_file(raw, file, part, reading, limits)
        with explained_by(noted):
            if frame.shape[0] == 0:
                raise InputError(
                    "data file {file} has a header and no rows", remedy="add rows", file=file
                )
            is_raw = _is_raw(raw, reading)
            frame = read_cells(frame, reading, file, answers=answers, is_raw=is_raw)
        said = tuple(noted) + noticed(frame, reading, answers)
    return Table(frame, source, digest_bytes(raw), said, types=types_of(frame, reading.types))


def file_and_part(path: str | Path) -> tuple[Path, str | None]:
    """The file, and the sheet or table that ``FILE#NAME`` names."""
    file = Path(path)
    before, mark, part = str(path).rpartition("#")
    if mark and not file.exists() and Path(before).is_file():
        return Path(before), part
    return file, None


def look(file: Path) -> tuple[bytes, int]:
    """The first bytes of a regular file and its size.

    Raises InputError for what is no table by its first bytes, LimitError for more than fits.
    """
    if file.is_dir():
        raise InputError(
            "data {file} is a folder without IDX files or a metadata.csv",
            remedy="pass a CSV, Parquet or JSONL file, or a folder of images",
            file=file,
        )
    try:
        if file.exists() and not file.is_file():
            raise InputError(
                "data {file} is no regular file", remedy="pass a plain file", file=file
            )
        with file.open("rb") as handle:
            start = handle.read(1 << 16)
        size = file.stat().st_size
    except FileNotFoundError:
        siblings = (p.name for p in file.parent.glob("*")) if file.parent.is_dir() else ()
        raise InputError(
            "no data file at {file}", remedy=nearest(file.name, siblings), file=file
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            "cannot read {file}: {reason_}",
            remedy="check the rights on it",
            file=file,
            reason_=reason,
        ) from (None)
    if not start.strip() and size == len(start):
        raise InputError(
            "data file {file} is empty", remedy="pass a file with a header and rows", file=file
        )
    for magic, what, remedy in _REFUSED:
        if start.startswith(magic) and not is_workbook(file):
            raise InputError(
                "data file {file} is {what}", remedy=as_is(remedy), file=file, what=what
            )
    room = available_memory()
    if room is not None and size > room:
        raise LimitError(
            "data file {file} has {size:,} bytes, {room:,} bytes of memory are free",
            remedy="write it as Parquet and count its rows on disk: --stream; or audit a sample",
            file=file,
            size=size,
            room=room,
        )
    return start, size


def table_of_rows(
    frame: pd.DataFrame,
    source: str,
    notes: Iterable[Reason],
    reading: Reading,
    answers: Collection[str],
) -> Table:
    """A table whose digest is that of its rows, in an order that depends on their contents."""
    if frame.shape[0] == 0:
        raise InputError("{source} has no rows", remedy="name another table", source=source)
    merged, repeated = merge_repeated(frame, source)
    ordered = merged.iloc[canonical_order(merged)].to_csv(index=False)
    made = read_cells(merged, reading, source, answers=answers)
    digest = digest_bytes(ordered.encode("utf-8", "surrogatepass"))
    said = (*notes, *repeated, *noticed(made, reading, answers))
    return Table(made, source, digest, said, types=types_of(made, reading.types))


def parse_file(
    raw: bytes, file: Path, part: str | None, reading: Reading, limits: Limits
) -> _Frame:
    """The cells as the file has them, and notes."""
    as_it_stands = [c for c, kind in reading.types.items() if kind in ("text", "category")]
    # Marks of one column alone are taken out later, when its name is known.
    marks = [m for m in map(str.strip, reading.missing) if ":" not in m]
    notes: list[Reason]
    if raw[:4] == PARQUET:
        frame, notes = read_parquet(raw, file, limits)
    elif raw[:6] == ARROW:
        frame, notes = read_arrow(raw, file, limits)
    elif raw[:4] == ARROW_STREAM:
        frame, notes = read_arrow_stream(raw, file, limits)
    elif raw[:4] == b"PK\x03\x04":
        rows, notes = read_workbook(raw, file, part, limits)
        with explained_by(notes):
            frame, more = read_delimited(write_delimited(rows), file, as_it_stands, marks)
        notes = [*notes, *more]
    else:
        if raw[:2] == b"\x1f\x8b":
            raw = gunzip(raw, file, limits)
        text, notes = decode(raw, file, reading.encoding)
        with explained_by(notes):
            plain = True if _is_raw(raw, reading) else as_it_stands
            frame, more = _of_text(text, file, plain, marks, limits)
        notes = [*notes, *more]
    merged, repeated = merge_repeated(frame, file)
    return merged, [*notes, *repeated]


def _is_raw(raw: bytes, reading: Reading) -> bool:
    """Whether the cells of a file are read as texts first: by another decimal sign than the point,
    what looks like a plain number (1.234) may be another one."""
    typed = (PARQUET, ARROW, ARROW_STREAM, b"PK\x03\x04", b"{")
    return reading.decimal == "," and not raw.lstrip()[:6].startswith(typed)


def _of_text(
    text: str, file: Path, as_it_stands: list[str] | bool, marks: list[str], limits: Limits
) -> _Frame:
    if text.lstrip().startswith("{"):
        return read_json_lines(text, file, limits)
    if text.lstrip().startswith(("[{", "[\n", "[ {")):
        raise InputError(
            "{file} is a JSON array, not JSON lines",
            remedy="write one object a line: jq -c '.[]'",
            file=file,
        )
    return read_delimited(text, file, as_it_stands, marks)
