"""The register: one append-only, hash-chained table of cases, attestations, waivers, sign-offs.

SQLite under EVENHAND_HOME by default; any SQLAlchemy URL in EVENHAND_REGISTER. Each entry's digest
covers its number, time, kind, body and the digest before it, so that an edit, a deletion in the
middle or a reordering breaks the chain. (Truncation at the end is not visible from inside.)
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from audit.canonical import canonical_bytes, digest_json
from audit.errors import AlteredEvidenceError, InputError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Table

Kind = Literal["case", "attestation", "waiver", "sign-off"]
GENESIS = "sha256:" + "0" * 64
_TABLE = "evenhand_register"


def home() -> Path:
    """EVENHAND_HOME, by default ``./.evenhand``."""
    return Path(os.environ.get("EVENHAND_HOME") or ".evenhand")


def default_url() -> str:
    """EVENHAND_REGISTER, by default SQLite at ``EVENHAND_HOME/register.sqlite``."""
    given = os.environ.get("EVENHAND_REGISTER")
    return given or f"sqlite:///{(home() / 'register.sqlite').resolve()}"


@dataclass(frozen=True)
class Entry:
    """One line of the register. ``at`` is UTC, ISO 8601; ``body`` is plain JSON."""

    seq: int
    at: str
    kind: Kind
    body: Mapping[str, Any]
    previous: str
    digest: str

    def expected_digest(self) -> str:
        """What ``digest`` must be for the line as it stands."""
        return _entry_digest(self.seq, self.at, self.kind, self.body, self.previous)


def _entry_digest(seq: int, at: str, kind: str, body: Any, previous: str) -> str:
    return digest_json({"seq": seq, "at": at, "kind": kind, "body": body, "previous": previous})


def chain_problems(entries: Sequence[Entry]) -> list[str]:
    """What breaks the chain, in words; an empty list means that it holds."""
    problems: list[str] = []
    previous = GENESIS
    for position, entry in enumerate(entries, start=1):
        if entry.seq != position:
            problems.append(f"entry {position} is missing or out of order (found {entry.seq})")
        if entry.previous != previous:
            problems.append(f"entry {entry.seq} does not follow the entry before it")
        if entry.digest != entry.expected_digest():
            problems.append(f"entry {entry.seq} ({entry.kind}) was changed")
        previous = entry.digest
    return problems


class Register:
    """Append-only access to the register at ``url``; the table is made when first needed."""

    def __init__(self, url: str | None = None) -> None:
        self.url = url or default_url()
        self._engine: Engine | None = None

    def append(self, kind: Kind, body: Mapping[str, Any]) -> Entry:
        """Adds one entry behind the last and returns it; concurrent writers queue."""
        import json

        if kind not in get_args(Kind):
            raise InputError(f"unknown register entry kind {kind!r}", remedy=str(get_args(Kind)))
        plain = json.loads(canonical_bytes(dict(body)))
        table = _table()
        with self._exclusive() as connection:
            last = connection.execute(
                table.select().order_by(table.c.seq.desc()).limit(1)
            ).one_or_none()
            seq = last.seq + 1 if last else 1
            previous = last.digest if last else GENESIS
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            digest = _entry_digest(seq, at, kind, plain, previous)
            connection.execute(
                table.insert().values(
                    seq=seq, at=at, kind=kind, body=plain, previous=previous, digest=digest
                )
            )
        return Entry(seq, at, kind, plain, previous, digest)

    def entries(self) -> tuple[Entry, ...]:
        """Every entry in order, whatever its state (see ``snapshot``)."""
        if self._is_absent():
            return ()
        table = _table()
        with self._connect() as connection:
            rows = connection.execute(table.select().order_by(table.c.seq)).all()
        return tuple(Entry(r.seq, r.at, r.kind, r.body, r.previous, r.digest) for r in rows)

    def snapshot(self) -> tuple[Entry, ...]:
        """Every entry, with the chain checked: what the judge reads.

        Raises AlteredEvidenceError where the chain is broken.
        """
        entries = self.entries()
        problems = chain_problems(entries)
        if problems:
            raise AlteredEvidenceError(
                f"the register {self._shown_url()} was altered: " + "; ".join(problems[:5]),
                remedy="restore it from a copy; nothing can be judged on an altered register",
            )
        return entries

    def _is_absent(self) -> bool:
        path = self._sqlite_path()
        return path is not None and not path.exists()

    def _sqlite_path(self) -> Path | None:
        prefix = "sqlite:///"
        return Path(self.url[len(prefix) :]) if self.url.startswith(prefix) else None

    def _shown_url(self) -> str:
        from sqlalchemy.engine import make_url

        return make_url(self.url).render_as_string(hide_password=True)

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        from sqlalchemy import create_engine
        from sqlalchemy.exc import ArgumentError, SQLAlchemyError
        from sqlalchemy.pool import NullPool

        try:
            if self._engine is None:
                path = self._sqlite_path()
                if path is not None:
                    path.parent.mkdir(parents=True, exist_ok=True)
                # Writers queue for the one lock; 30 s is far more than an append takes.
                waits = {"timeout": 30} if path is not None else {}
                engine = create_engine(
                    self.url, isolation_level="AUTOCOMMIT", poolclass=NullPool, connect_args=waits
                )
                with engine.connect() as connection:
                    _create(connection)
                self._engine = engine
            with self._engine.connect() as connection:
                if connection.dialect.name == "sqlite":
                    connection.exec_driver_sql("PRAGMA synchronous = FULL")
                yield connection
        except ModuleNotFoundError as error:
            raise InputError(
                f"the register {self._shown_url()} needs the package {error.name}",
                remedy=f"pip install {error.name}",
            ) from error
        except ArgumentError as error:
            raise InputError(
                "EVENHAND_REGISTER is not a database URL",
                remedy="use e.g. sqlite:////path/register.sqlite or postgresql+psycopg://host/db",
            ) from error
        except (SQLAlchemyError, OSError) as error:
            cause = getattr(error, "orig", None) or error
            raise InputError(
                f"cannot use the register {self._shown_url()}: {cause}",
                remedy="check EVENHAND_REGISTER or EVENHAND_HOME and the rights on it",
            ) from error

    @contextmanager
    def _exclusive(self) -> Iterator[Connection]:
        with self._connect() as connection, _locked(connection):
            yield connection


def _table() -> Table:
    from sqlalchemy import JSON, Column, Integer, MetaData, String, Table

    return Table(
        _TABLE,
        MetaData(),
        Column("seq", Integer, primary_key=True, autoincrement=False),
        Column("at", String(40), nullable=False),
        Column("kind", String(20), nullable=False),
        Column("body", JSON, nullable=False),
        Column("previous", String(80), nullable=False, unique=True),
        Column("digest", String(80), nullable=False, unique=True),
    )


def _create(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    with _locked(connection):
        _table().metadata.create_all(connection)
        _add_triggers(connection)


@contextmanager
def _locked(connection: Connection) -> Iterator[None]:
    """A transaction that no other writer can run beside."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql("BEGIN")
        # A number of ours; whoever holds it writes, the others wait.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7262187349)")
    try:
        yield
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


def _add_triggers(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        for action in ("UPDATE", "DELETE"):
            connection.exec_driver_sql(
                f"CREATE TRIGGER IF NOT EXISTS {_TABLE}_no_{action.lower()} "
                f"BEFORE {action} ON {_TABLE} "
                "BEGIN SELECT RAISE(ABORT, 'the register is append-only'); END"
            )
