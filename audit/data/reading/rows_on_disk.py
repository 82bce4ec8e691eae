"""Files of rows that are never in memory together: what kind they are, and how to read on.

Parquet and Arrow files, folders of Parquet files (hive partitions included), CSV and TSV.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evenhand.audit.data.formats.decoding import decode, known_encoding
from evenhand.audit.data.formats.delimited import start_of
from evenhand.audit.data.formats.limits import Limits, read_within
from evenhand.audit.errors import InputError
from evenhand.audit.files.leftovers import own_folder
from evenhand.audit.reason import Reasons

if TYPE_CHECKING:
    import duckdb

Kind = Literal["parquet", "arrow", "folder", "csv", "other"]
# Measured peaks of an audit in memory: 30 to 85 bytes a cell of Parquet, 9 to 15 times a CSV file.
_BYTES_A_CELL, _TIMES_A_CSV = 100, 15
_BATCH = 65_536


_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
    "allow_persistent_secrets": "false",
}


def connected() -> duckdb.DuckDBPyConnection:
    """A new database in memory. No extension is loaded or fetched, whatever a file needs."""
    import duckdb

    return duckdb.connect(":memory:", config=_SETTINGS)


@dataclass(frozen=True)
class RowSource:
    """Rows for DuckDB: the relation to select from, and whether its cells are texts (CSV)."""

    relation: str
    is_text: bool
    notes: Reasons = ()


def kind_of(path: Path, encoding: str = "utf-8") -> Kind:
    """What is at ``path``, by content: text is taken as of ``encoding``. Raises InputError where
    nothing is."""
    if path.is_dir():
        return "folder" if next(path.rglob("*.parquet"), None) is not None else "other"
    if not path.is_file():
        raise InputError(
            "no data file at {path}", remedy="pass a Parquet, Arrow or CSV file", path=path
        )
    with path.open("rb") as handle:
        start = handle.read(1 << 16)
    if start[:4] == b"PAR1":
        return "parquet"
    if start[:6] == b"ARROW1":
        return "arrow"
    first = start.decode("utf-8-sig" if encoding == "utf-8" else encoding, "replace").lstrip()
    is_table = bool(first) and not first.startswith("{") and "\0" not in first
    return "csv" if is_table else "other"


def needed_in_memory(path: Path, kind: Kind) -> int:
    """About how many bytes an audit needs that holds all rows of a file in memory.

    Raises InputError for a broken file.
    """
    if kind == "csv":
        return path.stat().st_size * _TIMES_A_CSV
    import pyarrow.parquet as pq

    with _readable(path, kind):
        if kind == "arrow":
            found = _dataset(path, kind)
            return int(found.count_rows()) * len(found.schema.names) * _BYTES_A_CELL
        about = pq.ParquetFile(path).metadata
    return int(about.num_rows) * int(about.num_columns) * _BYTES_A_CELL


@contextmanager
def _readable(path: Path, kind: Kind) -> Iterator[None]:
    """What Arrow says of a broken file becomes an InputError."""
    import pyarrow as pa

    try:
        with read_within(path, Limits(), known=(pa.ArrowException, OSError, ValueError)):
            yield
    except (pa.ArrowException, OSError, ValueError) as error:
        first = " ".join(str(error).split())[:300]
        raise InputError(
            "{path} is not a readable {kind} file: {first}",
            remedy="write it again",
            path=path,
            kind=kind.capitalize(),
            first=first,
        ) from None


def available_memory() -> int | None:
    """Bytes that this process may still take: the system's, or its container's if less; None where
    neither says so."""
    found = []
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        found += [int(x.split()[1]) * 1024 for x in lines if x.startswith("MemAvailable:")]
        group = Path("/sys/fs/cgroup")
        limit = (group / "memory.max").read_text().strip()
        if limit.isdecimal():
            found.append(int(limit) - int((group / "memory.current").read_text()))
    except OSError:
        pass
    return min(found) if found else None


def open_source(database: Any, path: Path) -> RowSource:
    """``path`` as a relation of the DuckDB connection ``database``."""
    kind = kind_of(path)
    name = "".join(f"[{c}]" if c in "*?[" else c for c in str(path.resolve()))
    if kind == "folder":
        return RowSource(f"read_parquet({_literal(name + '/**/*.parquet')})", is_text=False)
    if kind == "parquet":
        return RowSource(f"read_parquet({_literal(name)})", is_text=False)
    if kind == "arrow":
        with _readable(path, kind):
            database.register("arrow_rows", _dataset(path, kind))
        return RowSource("arrow_rows", is_text=False)
    if kind == "other":
        raise InputError(
            "{path} is neither Parquet nor CSV, nor an Arrow file or a folder of Parquet files",
            remedy="write it as Parquet",
            path=path,
        )
    with path.open("rb") as handle:
        first = handle.read(1 << 16).decode("utf-8-sig", "replace")
    start = start_of(first)
    lines = first.split("\n")[start.above :]
    line = next((text for text in lines if text.strip()), "")
    options = (
        f"delim = {_literal(start.delimiter)}, header = true, quote = '\"', auto_detect = false"
        + (f", skip = {start.above}" if start.above else "")
    )
    columns = f"columns = {_columns(line, start.delimiter, path)}"
    return RowSource(
        f"read_csv({_literal(name)}, {options}, {columns})", is_text=True, notes=start.notes
    )


@contextmanager
def as_utf8(path: Path, encoding: str | None) -> Iterator[Path]:
    """The path of a file, or of a copy in UTF-8 where it is text in another encoding.

    Raises InputError for an encoding that is not known, and bytes that are no text in it.
    """
    name = known_encoding(encoding) if encoding else "utf-8"
    if name in ("utf-8", "utf-8-sig") or kind_of(path, name) != "csv":
        yield path
        return
    with own_folder() as folder:
        copy = folder / "rows.csv"
        try:
            with (
                path.open(encoding=name, newline="") as rows,
                copy.open("w", encoding="utf-8", newline="") as out,
            ):
                shutil.copyfileobj(rows, out)
        except UnicodeError:
            with path.open("rb") as handle:
                decode(handle.read(), path, encoding)  # says where
            raise
        yield copy


def read_batches(path: Path, columns: Sequence[str]) -> Iterator[Any]:
    """Some columns of a Parquet or Arrow file, or folder, as Arrow record batches.

    Raises InputError for other files: the cells of a CSV file have no types before all are read.
    """
    kind = kind_of(path)
    if kind not in ("parquet", "arrow", "folder"):
        raise InputError(
            "{path} can't be read batch by batch, as a model or a person's rows need: only "
            "Parquet and Arrow files have typed cells",
            remedy="write it as Parquet",
            path=path,
        )
    with _readable(path, kind):
        batches = _dataset(path, kind).to_batches(columns=list(columns), batch_size=_BATCH)
    while True:
        with _readable(path, kind):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def column_names(path: Path) -> list[str]:
    """The columns of a file that ``open_source`` reads."""
    import duckdb

    with connected() as database:
        source = open_source(database, path)
        try:
            found = database.execute(f"DESCRIBE FROM {source.relation}").fetchall()
        except duckdb.Error as error:
            first = str(error).strip().split("\n")[0]
            raise InputError(
                "cannot read {path}: {first}", remedy="check it", path=path, first=first
            ) from error
    return [str(row[0]) for row in found]


def _dataset(path: Path, kind: Kind) -> Any:
    import pyarrow.dataset as ds

    if kind == "folder":
        files = sorted(str(f) for f in path.rglob("*.parquet"))
        return ds.dataset(
            files, format="parquet", partitioning="hive", partition_base_dir=str(path)
        )
    return ds.dataset(str(path), format="ipc" if kind == "arrow" else "parquet")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _columns(line: str, delimiter: str, path: Path) -> str:
    read = csv.reader(io.StringIO(line.strip("\r")), delimiter=delimiter, skipinitialspace=True)
    try:
        names = next(read)
    except csv.Error as error:
        raise InputError(
            "{path} is not readable CSV: {error}",
            remedy="end its lines with \\n, or pass Parquet",
            path=path,
            error=error,
        ) from None
    quoted = ["'" + name.strip().replace("'", "''") + "': 'VARCHAR'" for name in names]
    return "{" + ", ".join(quoted) + "}"
