"""Files and databases -> one table, with typed errors; files are told apart by content.

A table keeps every row and cell that the source has. What was changed on the way in (a repeated
column kept once, blank lines left out) is in ``Table.notes``. Readers are in
``evenhand.audit.data.formats``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from evenhand.audit.data.cells import MISSING_TEXTS, settled, types_of
from evenhand.audit.data.formats.database import is_url, read_database, without_secrets
from evenhand.audit.data.formats.limits import Limits, read_within
from evenhand.audit.data.reading.one_file import file_and_part, read_file, table_of_rows
from evenhand.audit.data.table import Table, as_text, merge_repeated
from evenhand.audit.data.types import read_cells
from evenhand.audit.data.written.declared import Reading
from evenhand.audit.errors import InputError
from evenhand.audit.files.canonical import digest_bytes

_GRACE = 5.0  # seconds after which a database that doesn't keep its own time limit is left
__all__ = ["MISSING_TEXTS", "Table", "as_text", "read_table", "table_of"]


def read_table(
    path: str | Path,
    reading: Reading | None = None,
    *,
    answers: Collection[str] = (),
    limits: Limits | None = None,
) -> Table:
    """Reads a data file, images (see ``images``) or a table of a database.

    CSV and its relatives (also packed with gzip), Parquet, Arrow, JSON lines, Excel and SQLite
    files are told apart by content; ``FILE#NAME`` names a sheet or a table in them. A database is
    ``URL#table``, a URL of SQLAlchemy. ``reading`` is what is declared about the cells, ``answers``
    names the target's and the predicted column, of which its ``labels`` speak.

    Raises InputError for a missing, empty or malformed source, a cell that breaks a declared type,
    and a column name that is repeated with cells that differ; LimitError (exit 6) for what would
    take too much memory or time. Errors carry the notes on reading that may explain them.
    """
    from evenhand.audit.data.reading.images import holds_images, read_images

    limits, reading = limits or Limits(), reading or Reading()
    if is_url(path):
        shown = without_secrets(str(path))
        with read_within(_sqlite_of(str(path)), limits, shown=shown, grace=_GRACE):
            frame, notes = read_database(str(path), limits)
            return table_of_rows(frame, shown, notes, reading, answers)
    file, part = file_and_part(path)
    with read_within(file, limits):
        if holds_images(file):
            table = read_images(file)
            frame = read_cells(table.frame, reading, file, answers=answers)
            return replace(table, frame=frame, types=types_of(frame, reading.types))
        return read_file(file, part, reading=reading, answers=answers, limits=limits)


def _sqlite_of(url: str) -> Path:
    """The file that a URL names; of a server none, whose rows have caps of their own."""
    return Path(url.removeprefix("sqlite:///").partition("#")[0])


def known_frame(data: Any, *, or_else: str) -> Any:
    """A data frame of any library that narwhals knows as its own, lazy ones collected. Raises
    InputError for anything else; ``or_else`` is what can be done instead."""
    import narwhals as nw

    try:
        known = nw.from_native(data)
    except TypeError:
        raise InputError(
            "{type} is no data frame",
            remedy="pass a pandas, Polars or Arrow table, or {or_else}",
            type=type(data).__name__,
            or_else=or_else,
        ) from None
    return known.collect() if isinstance(known, nw.LazyFrame) else known


def table_of(frame: Any, source: str = "data frame") -> Table:
    """A table from a data frame in memory; its digest is that of its CSV text.

    ``frame`` is of pandas, or any that narwhals knows (Arrow tables, Polars frames, lazy ones too).
    Raises InputError for anything else.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        frame = known_frame(frame, or_else="write a file").to_pandas()
    merged, notes = merge_repeated(frame.reset_index(drop=True), Path(source))
    text = merged.to_csv(index=False).encode()
    made = settled(merged)
    return Table(made, source, digest_bytes(text), tuple(notes), types=types_of(made, {}))
