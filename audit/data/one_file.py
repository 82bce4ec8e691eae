"""One file -> one table: what kind of file it is, by its first bytes, and its reader."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from evenhand.audit.data.arrow_files import ARROW, OLD_FEATHER, PARQUET, read_arrow, read_parquet
from evenhand.audit.data.cells import settled, types_of
from evenhand.audit.data.database import read_sqlite
from evenhand.audit.data.decoding import decode, gunzip
from evenhand.audit.data.delimited import read_delimited, write_delimited
from evenhand.audit.data.excel import is_workbook, read_workbook
from evenhand.audit.data.json_lines import read_json_lines
from evenhand.audit.data.limits import Limits, limited_memory
from evenhand.audit.data.rows_on_disk import available_memory
from evenhand.audit.data.sqlite import MAGIC as SQLITE
from evenhand.audit.data.table import Table, as_text, canonical_order, merge_repeated
from evenhand.audit.data.types import as_declared
from evenhand.audit.errors import InputError, LimitError, nearest
from evenhand.audit.files.canonical import digest_bytes

if TYPE_CHECKING:
    import pandas as pd


_Frame = tuple["pd.DataFrame", list[str]]


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
    types: Mapping[str, str] | None = None,
    encoding: str | None = None,
    limits: Limits | None = None,
) -> Table:
    """One file that holds rows of cells (no images), told apart by content.

    ``part`` names a sheet or a table in it; for the rest, and for what it raises, see
    ``evenhand.audit.data.reading.read_table``.
    """
    limits, declared = limits or Limits(), types or {}
    start, size = look(file)
    if start.startswith(SQLITE):
        frame, notes = read_sqlite(file, part, limits)
        source = f"{file}#{part}" if part else str(file)
        return table_of_rows(frame, source, notes, declared)
    with limited_memory(size, file, limits):
        raw = file.read_bytes()
        frame, notes = parse_file(raw, file, part, declared, encoding, limits)
        if frame.shape[0] == 0:
            raise InputError(f"data file {file} has a header and no rows", remedy="add rows")
        frame = as_declared(settled(frame), declared, file, as_text)
    source = f"{file}#{part}" if part else str(file)
    read_as = types_of(frame, declared)
    return Table(frame, source, digest_bytes(raw), tuple(notes), types=read_as)


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
            f"data {file} is a folder without IDX files or a metadata.csv",
            remedy="pass a CSV, Parquet or JSONL file, or a folder of images",
        )
    try:
        if file.exists() and not file.is_file():
            raise InputError(f"data {file} is no regular file", remedy="pass a plain file")
        with file.open("rb") as handle:
            start = handle.read(1 << 16)
        size = file.stat().st_size
    except FileNotFoundError:
        siblings = (p.name for p in file.parent.glob("*")) if file.parent.is_dir() else ()
        raise InputError(f"no data file at {file}", remedy=nearest(file.name, siblings)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read {file}: {reason}", remedy="check the rights on it") from (
            None
        )
    if not start.strip() and size == len(start):
        raise InputError(f"data file {file} is empty", remedy="pass a file with a header and rows")
    for magic, what, remedy in _REFUSED:
        if start.startswith(magic) and not is_workbook(file):
            raise InputError(f"data file {file} is {what}", remedy=remedy)
    room = available_memory()
    if room is not None and size > room:
        raise LimitError(
            f"data file {file} has {size:,} bytes, {room:,} bytes of memory are free",
            remedy="write it as Parquet and count its rows on disk: --stream; or audit a sample",
        )
    return start, size


def table_of_rows(
    frame: pd.DataFrame, source: str, notes: list[str], declared: Mapping[str, str]
) -> Table:
    """A table whose digest is that of its rows, in an order that depends on their contents."""
    if frame.shape[0] == 0:
        raise InputError(f"{source} has no rows", remedy="name another table")
    merged, repeated = merge_repeated(frame, source)
    ordered = merged.iloc[canonical_order(merged)].to_csv(index=False)
    made = as_declared(settled(merged), declared, source, as_text)
    digest = digest_bytes(ordered.encode("utf-8", "surrogatepass"))
    return Table(made, source, digest, (*notes, *repeated), types=types_of(made, declared))


def parse_file(
    raw: bytes,
    file: Path,
    part: str | None,
    declared: Mapping[str, str],
    encoding: str | None,
    limits: Limits,
) -> _Frame:
    as_it_stands = [c for c, kind in declared.items() if kind in ("text", "category")]
    if raw[:4] == PARQUET:
        frame, notes = read_parquet(raw, file, limits)
    elif raw[:6] == ARROW:
        frame, notes = read_arrow(raw, file, limits)
    elif raw[:4] == b"PK\x03\x04":
        rows, notes = read_workbook(raw, file, part, limits)
        frame, more = read_delimited(write_delimited(rows), file, as_it_stands)
        notes = [*notes, *more]
    else:
        if raw[:2] == b"\x1f\x8b":
            raw = gunzip(raw, file, limits)
        text, notes = decode(raw, file, encoding)
        if text.lstrip().startswith("{"):
            frame, more = read_json_lines(text, file, limits)
        elif text.lstrip().startswith(("[{", "[\n", "[ {")):
            raise InputError(
                f"{file} is a JSON array, not JSON lines",
                remedy="write one object a line: jq -c '.[]'",
            )
        else:
            frame, more = read_delimited(text, file, as_it_stands)
        notes = [*notes, *more]
    merged, repeated = merge_repeated(frame, file)
    return merged, [*notes, *repeated]
