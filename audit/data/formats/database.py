"""One table or view of a database -> a data frame: read-only, by SQLAlchemy, within limits.

No SQL comes from outside: the names of schema, table and columns are looked up among those that the
database lists, and SQLAlchemy quotes them. Passwords stay out of every message and of the case.
"""

from __future__ import annotations

import re
import sqlite3
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.formats.limits import MAX_CELL, Limits, check_width, name_columns
from evenhand.audit.errors import EvenhandError, InputError, LimitError, nearest
from evenhand.audit.files.within import too_slow
from evenhand.audit.reason import Reason, Reasons, because

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import URL, Connection, Engine

MAX_ROWS = 5_000_000
MAX_CELLS = 100_000_000
MAX_BYTES = 512 << 20  # of texts and bytes, as they come
_BATCH = 5_000
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+_.-]*)://")
_TOO_SLOW = ("interrupt", "statement timeout", "max_execution", "max_statement")
# Up to the last @: a password may hold one. Rather too much is left out than too little.
_SECRET = re.compile(r"(?s:(?<=://).*@)|(?i:(password|passwd|pwd|token|secret|sslkey)=)[^&#\s]*")


@dataclass(frozen=True)
class DatabasePlace:
    """A database's URL, and the table in it that is named after ``#`` (with its schema)."""

    url: str
    table: str | None
    schema: str | None = None


def is_url(path: object) -> bool:
    """Whether ``path`` is a database's URL rather than a file's path.

    >>> is_url("sqlite:///x.db#people"), is_url("data/people.csv")
    (True, False)
    """
    return _URL.match(str(path)) is not None


def without_secrets(text: str) -> str:
    """``text`` without the user, the password and other secrets of the URLs in it.

    >>> without_secrets("postgresql://ann:s3cret@db:5432/loans#public.people")
    'postgresql://db:5432/loans#public.people'
    """
    return _SECRET.sub(lambda m: f"{m[1]}=***" if m[1] else "", text)


def relative_to(text: str, folder: Path) -> str:
    """The URL of a SQLite file, its path taken from ``folder``; other URLs as they are.

    >>> relative_to("sqlite:///x.db#people", Path("audits"))
    'sqlite:///audits/x.db#people'
    """
    start = "sqlite:///"
    return f"{start}{folder / text.removeprefix(start)}" if text.startswith(start) else text


def place_of(text: str) -> DatabasePlace:
    """The parts of ``URL#table`` or ``URL#schema.table``."""
    url, _, table = text.partition("#")
    schema, _, name = table.rpartition(".")
    return DatabasePlace(url, name or None, schema or None)


def read_database(text: str, limits: Limits) -> tuple[pd.DataFrame, list[Reason]]:
    """The rows of ``URL#table``, and notes.

    Raises InputError for a URL, table or driver that is not known, LimitError past the time, for
    too many rows, or for too long cells.
    """
    place, shown = place_of(text), without_secrets(text)
    with _named_errors(shown, place, limits):
        return _read_all(_engine(place, shown, limits), place, shown, limits)


def read_sqlite(file: Path, table: str | None, limits: Limits) -> tuple[pd.DataFrame, list[Reason]]:
    """The rows of a table of a SQLite file (the only one where none is named), and notes.

    Raises as ``read_database`` does.
    """
    place = place_of(f"#{table or ''}")
    with _named_errors(str(file), place, limits):
        return _read_all(_sqlite(file, limits), place, str(file), limits)


def _read_all(
    engine: Engine, place: DatabasePlace, shown: str, limits: Limits
) -> tuple[pd.DataFrame, list[Reason]]:
    try:
        with engine.connect() as connection:
            notes = _make_read_only(connection, limits)
            frame, more = _read(connection, place, shown, limits)
    finally:
        engine.dispose()
    return frame, [*notes, *more]


def _sqlite(file: Path, limits: Limits) -> Engine:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    from evenhand.audit.data.formats.sqlite import connect

    return create_engine("sqlite://", creator=lambda: connect(file, limits), poolclass=NullPool)


def _engine(place: DatabasePlace, shown: str, limits: Limits) -> Engine:
    from sqlalchemy import create_engine, make_url
    from sqlalchemy.exc import ArgumentError
    from sqlalchemy.pool import NullPool

    try:
        url = make_url(place.url)
        url.get_backend_name()
    except (ArgumentError, ValueError):
        raise InputError(
            "{shown} is not a database's URL",
            remedy="write e.g. sqlite:///people.db#table or postgresql+psycopg://host/db#table",
            shown=shown,
        ) from None
    if url.get_backend_name() == "sqlite":
        if url.get_driver_name() not in ("pysqlite", "") or not url.database or url.query:
            raise InputError(
                "{shown} names no SQLite file",
                remedy="write sqlite:///FILE#TABLE, without options",
                shown=shown,
            )
        return _sqlite(Path(url.database), limits)
    return create_engine(url, poolclass=NullPool, connect_args=_timeouts(url, limits))


def _timeouts(url: URL, limits: Limits) -> dict[str, Any]:
    """A server that doesn't answer is given up on, where the driver knows how."""
    is_postgres = url.get_backend_name() == "postgresql"
    known = url.get_driver_name() in ("psycopg", "psycopg2")
    return {"connect_timeout": max(2, round(limits.seconds / 2))} if is_postgres and known else {}


def _make_read_only(connection: Connection, limits: Limits) -> Reasons:
    """Asks the server for a transaction that can't write, and for its own limit on time."""
    from sqlalchemy import text

    milliseconds = max(1, round(limits.seconds * 1000))
    name = connection.dialect.name
    statements = {
        "postgresql": [
            "SET TRANSACTION READ ONLY",
            f"SET LOCAL statement_timeout = {milliseconds}",
            f"SET LOCAL lock_timeout = {milliseconds}",
        ],
        "mysql": [
            f"SET SESSION max_execution_time = {milliseconds}",
            "START TRANSACTION READ ONLY",
        ],
        "mariadb": [
            f"SET SESSION max_statement_time = {milliseconds / 1000:g}",
            "START TRANSACTION READ ONLY",
        ],
        "sqlite": [],  # its connection is opened so
    }.get(name)
    if statements is None:
        return because("not-asked-to-be-read-only", kind=name)
    for statement in statements:
        connection.execute(text(statement))
    return ()


def _read(
    connection: Connection, place: DatabasePlace, shown: str, limits: Limits
) -> tuple[pd.DataFrame, list[Reason]]:
    import pandas as pd
    from sqlalchemy import column, inspect, select, table
    from sqlalchemy.sql import quoted_name

    place = _known_table(inspect(connection), place, shown)
    names = _columns(inspect(connection), place, shown)
    check_width(len(names), shown)
    quoted: list[Any] = [column(quoted_name(name, quote=True)) for name in names]
    schema = None if place.schema is None else quoted_name(place.schema, quote=True)
    asked = select(*quoted).select_from(
        table(quoted_name(str(place.table), quote=True), *quoted, schema=schema)
    )
    most = min(MAX_ROWS, MAX_CELLS // max(1, len(names)))
    found = connection.execution_options(stream_results=True).execute(asked.limit(most + 1))
    columns: list[list[Any]] = [[] for _ in names]
    for batch in _batches(found, names, shown, limits):
        for cells, values in zip(columns, zip(*batch, strict=True), strict=True):
            cells.extend(values)
        if len(columns[0]) > most:
            raise LimitError(
                "{shown} has over {most:,} rows of {n_names} columns",
                remedy="write it as Parquet and count it with --stream, or make a view of a sample",
                shown=shown,
                most=most,
                n_names=len(names),
            )
    used, notes = name_columns(names, shown)
    made = {i: _series(cells) for i, cells in enumerate(columns)}
    frame = pd.DataFrame(made)
    frame.columns = pd.Index(used)
    return frame, notes


def _batches(
    found: Any, names: Sequence[str], shown: str, limits: Limits
) -> Iterator[list[tuple[Any, ...]]]:
    row = size = 0
    while batch := found.fetchmany(_BATCH):
        limits.check_time(shown)
        for values in batch:
            row += 1
            for name, value in zip(names, values, strict=True):
                if isinstance(value, str | bytes | memoryview):
                    length = len(value)
                    size += length
                    if length > MAX_CELL or size > MAX_BYTES:
                        over = MAX_CELL if length > MAX_CELL else MAX_BYTES
                        raise LimitError(
                            "{shown} row {row}, column {name!r}: over {over:,} characters {value}",
                            remedy="make a view without that column",
                            shown=shown,
                            row=row,
                            name=name,
                            over=over,
                            value="in one cell" if length > MAX_CELL else "so far",
                        )
        yield [tuple(values) for values in batch]


def _series(cells: list[Any]) -> pd.Series[Any]:
    """Cells as the driver gives them; decimals as numbers, other objects as themselves."""
    from decimal import Decimal

    import pandas as pd

    plain = [float(c) if isinstance(c, Decimal) else c for c in cells]
    plain = [bytes(c) if isinstance(c, memoryview) else c for c in plain]
    return pd.Series(plain, dtype=object).infer_objects()


def _known_table(inspector: Any, place: DatabasePlace, shown: str) -> DatabasePlace:
    """The place with the schema and table as the database lists them."""
    schema, wanted = place.schema, place.table
    schemas = inspector.get_schema_names()
    if schema is not None and schema not in schemas:
        dotted = f"{schema}.{wanted}"  # a table whose own name has a dot in it
        if dotted in _listed(inspector, None):
            return DatabasePlace(place.url, dotted, None)
        raise InputError(
            "{shown} has no schema {schema!r}",
            remedy=nearest(schema, schemas),
            shown=shown,
            schema=schema,
        )
    known = _listed(inspector, schema)
    if wanted is None:
        if len(known) != 1:
            raise InputError(
                "{shown} holds {n_known} tables and views: which one?",
                remedy="write {value}#TABLE; {value_2}",
                shown=shown,
                n_known=len(known),
                value=shown.split("#")[0],
                value_2=nearest("", known),
            )
        return DatabasePlace(place.url, known[0], schema)
    if wanted not in known:
        raise InputError(
            "{shown} has no table {wanted!r}",
            remedy=nearest(wanted, known),
            shown=shown,
            wanted=wanted,
        )
    return place


def _listed(found: Any, schema: str | None) -> list[str]:
    return [*found.get_table_names(schema=schema), *found.get_view_names(schema=schema)]


def _columns(found: Any, place: DatabasePlace, shown: str) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of types that SQLAlchemy doesn't know: none is used
        names = [str(c["name"]) for c in found.get_columns(place.table, schema=place.schema)]
    if not names:
        raise InputError(
            "{shown}: {table!r} has no columns",
            remedy="name another table",
            shown=shown,
            table=place.table,
        )
    return names


@contextmanager
def _named_errors(shown: str, place: DatabasePlace, limits: Limits) -> Iterator[None]:
    """What a driver says becomes an error of ours, without its SQL and without secrets."""
    from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

    try:
        yield
    except (EvenhandError, MemoryError):
        raise
    except NoSuchModuleError:
        scheme = _URL.match(place.url)
        raise InputError(
            "no driver of {scheme} is installed",
            remedy="pip install its SQLAlchemy dialect; PostgreSQL: 'evenhand[postgres]'",
            scheme=scheme["scheme"] if scheme else shown,
        ) from None
    except ImportError as error:
        raise InputError(
            "{shown} needs a driver that is not installed: {error}",
            remedy="install it; PostgreSQL: pip install 'evenhand[postgres]'",
            shown=shown,
            error=error,
        ) from None
    except (SQLAlchemyError, sqlite3.Error, OSError, ValueError, OverflowError, TypeError) as error:
        said = str(error.orig) if isinstance(error, DBAPIError) else str(error)
        said = _plain(said, place)
        timed_out = any(word in said for word in _TOO_SLOW)
        if limits.is_over or timed_out:
            raise too_slow(shown, limits.seconds) from None
        if "too big" in said:
            raise LimitError(
                "{shown}: a cell is over {max_cell:,} characters",
                remedy="make a view without that column",
                shown=shown,
                max_cell=MAX_CELL,
            ) from None
        raise InputError(
            "cannot read {shown}: {said}",
            remedy="check the URL, the table and your rights on it",
            shown=shown,
            said=said,
        ) from None


def _plain(said: str, place: DatabasePlace) -> str:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        password = make_url(place.url).password
    except (ArgumentError, ValueError):
        password = None
    first = without_secrets(" ".join(said.split()))[:300]
    return first.replace(str(password), "***") if password else first
