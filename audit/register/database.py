"""The register's table: made, guarded by triggers, and locked for one writer at a time."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from evenhand.audit.errors import AlteredEvidenceError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine, Table

TABLE = "evenhand_register"
VOUCHER = "evenhand_voucher"
_LOCK = 7262187349  # a number of ours; whoever holds it writes, the others wait in line
_PREFIX = "sqlite:///"
_MOST_BYTES = 64 << 20  # of one entry
_APPEND_ONLY = "the register is append-only"
_REMOTE = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "glusterfs", "ceph", "lustre")


def sqlite_path(url: str) -> Path | None:
    """The file of a SQLite URL; None for another database."""
    return Path(url[len(_PREFIX) :]) if url.startswith(_PREFIX) else None


def make_engine(url: str, *, writes: bool = True) -> Engine:
    """An engine without a pool: no connection is carried into a forked process.

    Who only reads makes no file: a register on read-only media is opened as it lies there.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    path = sqlite_path(url)
    if path is not None and writes:
        path.parent.mkdir(parents=True, exist_ok=True)
    elif path is not None and not os.access(path.parent, os.W_OK):
        # SQLite would make files for its write-ahead log here; nobody can write behind its back.
        url = f"{_PREFIX}file:{quote(str(path.resolve()))}?mode=ro&immutable=1&uri=true"
    # 30 s is far more than an append takes, and writers stand in line before they ask.
    waits = {"timeout": 30} if path is not None else {}
    # As a URL a path would be read anew: "%20" in it is no space, and "?" ends no name.
    made = url if path is None or url.startswith(f"{_PREFIX}file:") else _url_of(path)
    return create_engine(made, isolation_level="AUTOCOMMIT", poolclass=NullPool, connect_args=waits)


def _url_of(path: Path) -> URL:
    from sqlalchemy import URL

    return URL.create("sqlite", database=str(path))


def table() -> Table:
    """The register's table."""
    from sqlalchemy import JSON, Column, Integer, MetaData, String, Table

    return Table(
        TABLE,
        MetaData(),
        Column("seq", Integer, primary_key=True, autoincrement=False),
        Column("at", String(40), nullable=False),
        Column("kind", String(20), nullable=False),
        Column("body", JSON, nullable=False),
        Column("previous", String(80), nullable=False, unique=True),
        Column("digest", String(80), nullable=False, unique=True),
    )


def vouchers() -> Table:
    """What vouches for entries, by their digest; see ``evenhand.audit.register.vouching``."""
    from sqlalchemy import Column, MetaData, String, Table

    return Table(
        VOUCHER,
        MetaData(),
        Column("digest", String(80), primary_key=True),
        Column("mac", String(100), nullable=False),
        Column("key", String(100), nullable=False),
        Column("signature", String(200), nullable=False),
    )


def has(connection: Connection, name: str) -> bool:
    """Whether the database has a table of this name."""
    from sqlalchemy import inspect

    return bool(inspect(connection).has_table(name))


def prepare(connection: Connection, *, writes: bool = True) -> None:
    """Settings of a connection; for who writes, the tables with their triggers where missing.

    Raises AlteredEvidenceError where something else bears the table's name: a view could go on for
    ever.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite:
        connection.exec_driver_sql("PRAGMA synchronous = FULL")
        connection.exec_driver_sql("PRAGMA trusted_schema = OFF")
        connection.connection.driver_connection.setlimit(  # type: ignore[union-attr]
            sqlite3.SQLITE_LIMIT_LENGTH, _MOST_BYTES
        )
        _require_table(connection)
    else:
        connection.exec_driver_sql("SET synchronous_commit = on")
    if writes and not _is_made(connection):
        if is_sqlite:
            path = Path(str(connection.engine.url.database))
            mode = "DELETE" if _is_remote(path) else "WAL"  # WAL needs memory shared by all writers
            connection.exec_driver_sql(f"PRAGMA journal_mode = {mode}")
        with transaction(connection):
            if not is_sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            table().metadata.create_all(connection)
            vouchers().metadata.create_all(connection)
            _add_triggers(connection)


def _require_table(connection: Connection) -> None:
    for name in (TABLE, VOUCHER):
        asked = f"SELECT type, sql FROM sqlite_master WHERE name = '{name}'"  # noqa: S608
        found = connection.exec_driver_sql(asked).first()
        if found is not None and (found[0] != "table" or "VIRTUAL" in str(found[1])[:20].upper()):
            raise AlteredEvidenceError(
                "the register was altered: its {name} is no plain table",
                remedy="restore it from a copy; nothing can be judged on an altered register",
                name=name,
            )


def _is_made(connection: Connection) -> bool:
    """Whether the newest trigger is there: then so is everything else."""
    catalogue = "sqlite_master" if connection.dialect.name == "sqlite" else "pg_trigger"
    column = "name" if connection.dialect.name == "sqlite" else "tgname"
    asked = f"SELECT 1 FROM {catalogue} WHERE {column} = '{VOUCHER}_no_change'"  # noqa: S608
    return connection.exec_driver_sql(asked).first() is not None


@contextmanager
def exclusive(connection: Connection) -> Iterator[None]:
    """One writer at a time, also between transactions; PostgreSQL serves them in order."""
    if connection.dialect.name == "sqlite":
        yield  # BEGIN IMMEDIATE locks the file; ``turns`` keeps the order
        return
    connection.exec_driver_sql(f"SELECT pg_advisory_lock({_LOCK})")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_LOCK})")


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    is_sqlite = connection.dialect.name == "sqlite"
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_sqlite else "BEGIN")
    try:
        yield
    except BaseException:
        if not is_sqlite or connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
            connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


def _add_triggers(connection: Connection) -> None:
    statements = _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL
    for statement in statements:
        connection.exec_driver_sql(statement)


# An insert that replaces a row removes it without the trigger on DELETE: hence the order.
_SQLITE = (
    *(
        f"CREATE TRIGGER IF NOT EXISTS {TABLE}_no_{action.lower()} BEFORE {action} ON {TABLE} "
        f"BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END"
        for action in ("UPDATE", "DELETE")
    ),
    f"CREATE TRIGGER IF NOT EXISTS {TABLE}_in_order BEFORE INSERT ON {TABLE} "  # noqa: S608
    f"WHEN NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM {TABLE}) "
    f"OR NEW.previous IN (SELECT previous FROM {TABLE}) "
    f"OR NEW.digest IN (SELECT digest FROM {TABLE}) "
    f"BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END",
    f"CREATE TRIGGER IF NOT EXISTS {VOUCHER}_no_delete BEFORE DELETE ON {VOUCHER} "
    f"BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END",
    f"CREATE TRIGGER IF NOT EXISTS {VOUCHER}_no_change BEFORE UPDATE ON {VOUCHER} "
    f"BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END",
)
_POSTGRESQL = (
    f"CREATE OR REPLACE FUNCTION {TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_APPEND_ONLY}'; END $$",
    f"CREATE OR REPLACE FUNCTION {TABLE}_order() RETURNS trigger LANGUAGE plpgsql AS "  # noqa: S608
    f"$$ BEGIN IF NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM {TABLE}) THEN "
    f"RAISE EXCEPTION '{_APPEND_ONLY}'; END IF; RETURN NEW; END $$",
    f"CREATE OR REPLACE TRIGGER {TABLE}_no_change BEFORE UPDATE OR DELETE ON {TABLE} "
    f"FOR EACH ROW EXECUTE FUNCTION {TABLE}_refuse()",
    f"CREATE OR REPLACE TRIGGER {TABLE}_no_truncate BEFORE TRUNCATE ON {TABLE} "
    f"FOR EACH STATEMENT EXECUTE FUNCTION {TABLE}_refuse()",
    f"CREATE OR REPLACE TRIGGER {TABLE}_in_order BEFORE INSERT ON {TABLE} "
    f"FOR EACH ROW EXECUTE FUNCTION {TABLE}_order()",
    f"CREATE OR REPLACE TRIGGER {VOUCHER}_no_change BEFORE UPDATE OR DELETE ON {VOUCHER} "
    f"FOR EACH ROW EXECUTE FUNCTION {TABLE}_refuse()",
)


def _is_remote(path: Path) -> bool:
    """Whether the file lies on a network file system, as far as the system tells."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    except OSError:
        return False
    whole = path.resolve()
    over = [(m[1], m[2]) for m in mounts if len(m) > 2 and whole.is_relative_to(m[1])]
    return max(over, key=lambda m: len(m[0]), default=("", ""))[1] in _REMOTE
