"""Files and databases -> one table, with typed errors; files are told apart by content.

A table keeps every row and cell that the source has. What was changed on the way in (a repeated
column kept once, blank lines left out) is in ``Table.notes``. Readers are in
``evenhand.audit.sources``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.canonical import digest_bytes
from evenhand.audit.errors import InputError, LimitError, nearest
from evenhand.audit.rows_on_disk import available_memory
from evenhand.audit.sources.arrow_files import ARROW, OLD_FEATHER, PARQUET, read_arrow, read_parquet
from evenhand.audit.sources.database import is_url, read_database, read_sqlite, without_secrets
from evenhand.audit.sources.delimited import (
    MISSING_TEXTS,
    read_delimited,
    types_of,
    write_delimited,
)
from evenhand.audit.sources.excel import is_workbook, read_workbook
from evenhand.audit.sources.json_lines import read_json_lines
from evenhand.audit.sources.limits import Limits, limited_memory
from evenhand.audit.sources.sqlite import MAGIC as SQLITE
from evenhand.audit.sources.texts import decode, gunzip
from evenhand.audit.sources.types import as_declared

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MISSING_TEXTS", "Table", "as_text", "read_table", "table_of", "texts"]
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


@dataclass(frozen=True)
class Table:
    """A data file as read: ``frame`` in the file's row order, its digest, and notes on reading.

    ``shapes`` tells the shape of the arrays whose bytes a column's cells hold (images), ``types``
    what each column was read as: number, category, text, boolean, date or bytes.
    """

    frame: pd.DataFrame
    source: str
    digest: str
    notes: tuple[str, ...] = ()
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)

    def require(self, columns: Iterable[str], role: str) -> None:
        """Raises InputError, with near matches, unless every column is there."""
        for column in columns:
            if column not in self.frame.columns:
                raise InputError(
                    f"{role} {column!r} is not a column of {self.source}",
                    remedy=nearest(column, self.frame.columns),
                )


def read_table(
    path: str | Path,
    *,
    types: Mapping[str, str] | None = None,
    encoding: str | None = None,
    limits: Limits | None = None,
) -> Table:
    """Reads a data file, images (see ``evenhand.audit.images``) or a table of a database.

    CSV and its relatives (also packed with gzip), Parquet, Arrow, JSON lines, Excel and SQLite
    files are told apart by content; ``FILE#NAME`` names a sheet or a table in them. A database is
    ``URL#table``, a URL of SQLAlchemy. ``types`` declares what columns hold (see
    ``evenhand.audit.sources.types``), ``encoding`` that of text without a mark (UTF-8).

    Raises InputError for a missing, empty or malformed source, a cell that breaks a declared type,
    and a column name that is repeated with cells that differ; LimitError (exit 6) for what would
    take too much memory or time.
    """
    from evenhand.audit.images import holds_images, read_images

    limits, declared = limits or Limits(), types or {}
    if is_url(path):
        frame, notes = read_database(str(path), limits)
        return _from_database(frame, without_secrets(str(path)), notes, declared)
    file, part = _file_and_part(path)
    if holds_images(file):
        table = read_images(file)
        frame = as_declared(table.frame, declared, file, as_text)
        return replace(table, frame=frame, types=types_of(frame, declared))
    start, size = _look(file)
    source = str(path) if part else str(file)
    if start.startswith(SQLITE):
        frame, notes = read_sqlite(file, part, limits)
        return _from_database(frame, source, notes, declared)
    with limited_memory(size, file, limits):
        raw = file.read_bytes()
        frame, notes = _parse(raw, file, part, declared, encoding, limits)
        if frame.shape[0] == 0:
            raise InputError(f"data file {file} has a header and no rows", remedy="add rows")
        frame = as_declared(frame, declared, file, as_text)
    read_as = types_of(frame, declared)
    return Table(frame, source, digest_bytes(raw), tuple(notes), types=read_as)


def _file_and_part(path: str | Path) -> tuple[Path, str | None]:
    """The file, and the sheet or table that ``FILE#NAME`` names."""
    file = Path(path)
    before, mark, part = str(path).rpartition("#")
    if mark and not file.exists() and Path(before).is_file():
        return Path(before), part
    return file, None


def _look(file: Path) -> tuple[bytes, int]:
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


def _from_database(
    frame: pd.DataFrame, source: str, notes: list[str], declared: Mapping[str, str]
) -> Table:
    """A table whose digest is that of its rows, in an order that depends on their contents."""
    if frame.shape[0] == 0:
        raise InputError(f"{source} has no rows", remedy="name another table")
    merged, repeated = _merge_repeated(frame, source)
    ordered = merged.iloc[canonical_order(merged)].to_csv(index=False)
    made = as_declared(merged, declared, source, as_text)
    digest = digest_bytes(ordered.encode("utf-8", "surrogatepass"))
    return Table(made, source, digest, (*notes, *repeated), types=types_of(made, declared))


def table_of(frame: Any, source: str = "data frame") -> Table:
    """A table from a data frame in memory; its digest is that of its CSV text.

    ``frame`` is of pandas, or any that narwhals knows (Arrow tables, Polars frames, lazy ones too).
    Raises InputError for anything else.
    """
    import narwhals as nw
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        try:
            known = nw.from_native(frame)
        except TypeError:
            raise InputError(
                f"{type(frame).__name__} is no data frame",
                remedy="pass a pandas, Polars or Arrow table, or write a file",
            ) from None
        frame = (known.collect() if isinstance(known, nw.LazyFrame) else known).to_pandas()
    merged, notes = _merge_repeated(frame.reset_index(drop=True), Path(source))
    text = merged.to_csv(index=False).encode()
    return Table(merged, source, digest_bytes(text), tuple(notes), types=types_of(merged, {}))


def _parse(
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
    merged, repeated = _merge_repeated(frame, file)
    return merged, [*notes, *repeated]


def _merge_repeated(frame: pd.DataFrame, file: object) -> tuple[pd.DataFrame, list[str]]:
    """Keeps a column name that is repeated with identical cells once; refuses it otherwise."""
    names = [str(c) for c in frame.columns]
    first: dict[str, int] = {}
    notes: list[str] = []
    for position, name in enumerate(names):
        if name not in first:
            first[name] = position
            continue
        if not frame.iloc[:, first[name]].equals(frame.iloc[:, position]):
            raise InputError(
                f"column name {name!r} is repeated in {file} with cells that differ",
                remedy=f"rename columns {first[name] + 1} and {position + 1}",
            )
        notes.append(
            f"column {name!r} is repeated with identical cells "
            f"(columns {first[name] + 1} and {position + 1}): kept once"
        )
    merged = frame.iloc[:, list(first.values())].copy()
    merged.columns = list(first)
    return merged, notes


def as_text(value: Any) -> str:
    """One cell as the text that labels and groups are compared by: 1 and 1.0 are the same, "1".

    >>> as_text(1.0), as_text(1), as_text(True), as_text(" a")
    ('1', '1', 'true', ' a')
    """
    if isinstance(value, bytes):  # pixels: as a name they would be as long as the picture
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):  # numpy's own bool
        return "true" if value else "false"
    if isinstance(value, Real):
        try:
            number = float(value)
        except OverflowError:  # a whole number past 1e308: its own digits
            return str(value)
        if number.is_integer() and abs(number) < 2**53:
            return str(int(number))
    return str(value)


def texts(column: pd.Series[Any]) -> tuple[Any, Any]:
    """A column as an object array of texts and a boolean array that is True where it is missing."""
    import numpy as np
    import pandas as pd

    try:
        codes, uniques = pd.factorize(column)
    except TypeError:  # cells that are lists or records have no hash: they go by their text
        codes, uniques = pd.factorize(column.map(str, na_action="ignore"))
    names = np.array([as_text(u) for u in uniques] + [""], dtype=object)
    return names[codes], codes < 0


def match_label(given: str, labels: Iterable[str]) -> str | None:
    """The label that ``given`` means: the same text, or the same number ("1.0" for "1"), or the
    same truth value ("True" for "true"); None if there is none.

    >>> match_label("1.0", ["0", "1"]), match_label("True", ["false", "true"])
    ('1', 'true')
    """
    known = list(labels)
    if given in known:
        return given
    try:
        number = float(given)
    except ValueError:
        lowered = given.lower()
        return lowered if lowered in ("true", "false") and lowered in known else None
    return next((k for k in known if _number(k) == number), None)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def canonical_order(frame: pd.DataFrame, *, last: Iterable[str] = ()) -> Any:
    """Row positions in an order that depends on the rows' contents alone, not on their order.

    Columns in ``last`` (the sensitive features) only break ties, so that renaming groups does not
    reorder rows. Equal rows may come in any order among themselves: they are interchangeable.
    """
    import numpy as np
    import pandas as pd

    tail = sorted(set(last) & set(frame.columns))
    head = sorted(set(frame.columns) - set(tail))

    def row_hash(columns: list[str]) -> Any:
        if not columns:
            return np.zeros(len(frame), dtype=np.uint64)
        plain = pd.DataFrame({c: texts(frame[c])[0] for c in columns})
        return pd.util.hash_pandas_object(plain, index=False).to_numpy()

    return np.lexsort((row_hash(tail), row_hash(head)))
