"""SQLite files: opened for reading alone, with limits on time, on cells and on what SQL may do."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

from evenhand.audit.data.formats.limits import MAX_CELL, Limits
from evenhand.audit.errors import InputError

MAGIC = b"SQLite format 3\0"
_STEPS = 10_000  # virtual machine instructions between two looks at the clock
_READS = frozenset(
    {
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_RECURSIVE,
        sqlite3.SQLITE_TRANSACTION,
    }
)
# What SQLAlchemy asks of a database to list its tables and columns, none of which writes.
_PRAGMAS = frozenset(
    {"table_info", "table_xinfo", "table_list", "index_list", "index_info", "foreign_key_list"}
    | {"database_list", "read_uncommitted"}
)
_FUNCTIONS_DENIED = frozenset(
    {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", "sqlite_dbpage"}
)


def connect(file: Path, limits: Limits) -> sqlite3.Connection:
    """A read-only connection. Past the time limit its statements are interrupted.

    Views and triggers are a stranger's SQL: what they may do is to read and to compute.
    """
    if not file.is_file():
        raise InputError("no SQLite file at {file}", remedy="check the path", file=file)
    with file.open("rb") as handle:
        if handle.read(len(MAGIC)) != MAGIC:
            raise InputError("{file} is not a SQLite file", remedy="check the path", file=file)
    where = f"file:{quote(str(file.resolve()))}?mode=ro"
    database = sqlite3.connect(where, uri=True, check_same_thread=False)
    try:
        _lock(database, limits)
    except BaseException:
        database.close()
        raise
    return database


def _lock(database: sqlite3.Connection, limits: Limits) -> None:
    for pragma in ("query_only = ON", "trusted_schema = OFF", "cell_size_check = ON"):
        database.execute(f"PRAGMA {pragma}")
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 4 * MAX_CELL)
    database.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    database.setlimit(sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 200)
    database.setlimit(sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0)
    database.set_progress_handler(lambda: int(limits.is_over), _STEPS)
    database.set_authorizer(_allow)


def _allow(
    action: int, first: str | None, second: str | None, schema: str | None, via: str | None
) -> int:
    if action == sqlite3.SQLITE_PRAGMA:
        allowed = first in _PRAGMAS
    elif action == sqlite3.SQLITE_FUNCTION:
        allowed = (second or "").lower() not in _FUNCTIONS_DENIED
    else:
        allowed = action in _READS
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY
