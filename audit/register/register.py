"""The register: one append-only, hash-chained table of plans, cases, signatures, attestations,
waivers and sign-offs.

SQLite under EVENHAND_HOME by default; any SQLAlchemy URL in EVENHAND_REGISTER. Each entry's digest
covers its number, time, kind, body and the digest before it, so that an edit, a deletion in the
middle or a reordering breaks the chain. Truncation at the end is caught by signed checkpoints
outside the database (``evenhand.audit.register.checkpoints``); EVENHAND_CHECKPOINTS names a second
file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from evenhand.audit.case.signing import PublicKey
from evenhand.audit.errors import AlteredEvidenceError, InputError
from evenhand.audit.files.canonical import canonical_bytes, digest_bytes
from evenhand.audit.files.chain import GENESIS, line_digest
from evenhand.audit.register import database
from evenhand.audit.register.checkpoints import Checkpoints
from evenhand.audit.register.checkpoints import problems as checkpoint_problems
from evenhand.audit.register.turns import turn
from evenhand.audit.register.vouching import (
    NO_VOUCHER,
    By,
    Voucher,
    Vouching,
    clock,
    make_voucher,
    unsigned,
    unvouched,
)
from evenhand.audit.words.phrases import as_is

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

Kind = Literal["plan", "case", "signature", "fact", "attestation", "waiver", "sign-off"]


def home() -> Path:
    """EVENHAND_HOME, by default ``./.evenhand``."""
    return Path(os.environ.get("EVENHAND_HOME") or ".evenhand")


def default_url() -> str:
    """EVENHAND_REGISTER, by default SQLite at ``EVENHAND_HOME/register.sqlite``."""
    given = os.environ.get("EVENHAND_REGISTER")
    return given or f"sqlite:///{(home() / 'register.sqlite').resolve()}"


@dataclass(frozen=True)
class Entry:
    """One line of the register. ``at`` is UTC, ISO 8601; ``body`` is plain JSON.

    ``vouched`` says what shows that it was entered: this home's MAC, or a known key's signature;
    "" for an entry that nobody known vouches for, which is not judged.
    """

    seq: int
    at: str
    kind: Kind
    body: Mapping[str, Any]
    previous: str
    digest: str
    vouched: By = ""
    voucher: Voucher = NO_VOUCHER

    def is_whole(self) -> bool:
        """Whether ``digest`` is that of the line as it stands."""
        try:
            return self.digest == line_digest(
                seq=self.seq,
                at=self.at,
                kind=self.kind,
                body=self.body,
                previous=self.previous,
            )
        except ValueError:  # numbers or texts that canonical JSON has no form for
            return False


def chain_problems(entries: Sequence[Entry]) -> list[str]:
    """What breaks the chain, in words; an empty list means that it holds."""
    problems: list[str] = []
    previous = GENESIS
    for position, entry in enumerate(entries, start=1):
        if entry.seq != position:
            problems.append(f"entry {position} is missing or out of order (found {entry.seq})")
        if entry.previous != previous:
            problems.append(f"entry {entry.seq} does not follow the entry before it")
        if not entry.is_whole():
            problems.append(f"entry {entry.seq} ({entry.kind}) was changed")
        previous = entry.digest
    return problems


@dataclass(frozen=True)
class RegisterState:
    """What ``Register.verify`` found: ``problems`` are alterations, ``notes`` are explained."""

    entries: tuple[Entry, ...]
    checkpoints: int
    problems: tuple[str, ...]
    notes: tuple[str, ...]


class Register:
    """Append-only access to the register at ``url``; the table is made when first needed."""

    def __init__(self, url: str | None = None) -> None:
        self.url = url or default_url()
        self._engines: dict[bool, Engine] = {}

    def append(self, kind: Kind, body: Mapping[str, Any]) -> Entry:
        """Adds one entry behind the last, signs a checkpoint, and returns the entry.

        Concurrent writers wait in line. When this returns, the entry is on the disk. Raises
        InputError where the database or the disk refuses.
        """
        import json

        if kind not in get_args(Kind):
            raise InputError(
                "unknown register entry kind {kind!r}", remedy=as_is(str(get_args(Kind))), kind=kind
            )
        plain = json.loads(canonical_bytes(dict(body)))
        table, signed, keys = database.table(), self._checkpoints(), home() / "keys"
        with self._connect() as connection, self._in_line(), database.exclusive(connection):
            with database.transaction(connection):
                last = connection.execute(
                    table.select().order_by(table.c.seq.desc()).limit(1)
                ).one_or_none()
                seq, previous = (last.seq + 1, last.digest) if last else (1, GENESIS)
                self._sign_late(connection, signed, last)
                signed.intend(seq)
                at = datetime.now(UTC).isoformat(timespec="milliseconds")
                digest = line_digest(seq=seq, at=at, kind=kind, body=plain, previous=previous)
                connection.execute(
                    table.insert().values(
                        seq=seq, at=at, kind=kind, body=plain, previous=previous, digest=digest
                    )
                )
                voucher = make_voucher(keys, digest)
                row = {"digest": digest, **asdict(voucher)}
                connection.execute(database.vouchers().insert().values(**row))
            signed.add(seq, digest)
        return Entry(seq, at, kind, plain, previous, digest, "mac", voucher)

    def _sign_late(self, connection: Connection, signed: Checkpoints, last: Any) -> None:
        """Signs the entry whose own writer, of this home, was killed before it could.

        Nothing else is signed in passing: neither what somebody put into the database, nor what a
        removed checkpoint stood for; ``verify`` shows both.
        """
        before, there = signed.last(), last.seq if last is not None else 0
        for place in signed.places():
            seen = signed.last(place)
            if seen is not None and seen.count > there:
                raise self._cut_off(seen.count, there)
        pending = signed.pending()
        if before is None and pending != there and there:
            own = self._read(connection, there)
            if own[0].vouched == "mac":
                raise AlteredEvidenceError(
                    "this home wrote entry {there} of {what}, and its checkpoints "
                    "at {signed_path} are gone",
                    remedy="restore them from a copy; nothing is entered until then",
                    there=there,
                    what=self._shown_url(),
                    signed_path=signed.path,
                )
        if not (before.count if before else 0) < pending <= there:
            return
        own = self._read(connection, pending)
        if own and own[0].vouched == "mac":
            signed.add(pending, own[0].digest, late=True)

    def entries(self) -> tuple[Entry, ...]:
        """Every entry in order, whatever its state (see ``snapshot``)."""
        if self._is_absent():
            return ()
        with self._connect(writes=False) as connection:
            return self._read(connection) if database.has(connection, database.TABLE) else ()

    def _read(self, connection: Connection, only: int | None = None) -> tuple[Entry, ...]:
        from sqlalchemy import select

        table, beside = database.table(), database.vouchers()
        has_vouchers = database.has(connection, database.VOUCHER)
        asked = select(
            *table.c, *([beside.c.mac, beside.c.key, beside.c.signature][: 3 * has_vouchers])
        )
        if has_vouchers:
            asked = asked.join_from(table, beside, table.c.digest == beside.c.digest, isouter=True)
        if only is not None:
            asked = asked.where(table.c.seq == only)
        try:
            rows = connection.execute(asked.order_by(table.c.seq)).all()
        except (ValueError, RecursionError) as error:
            raise AlteredEvidenceError(
                "the register {what} was altered: an entry is no JSON text ({error})",
                remedy="restore it from a copy; nothing can be judged on an altered register",
                what=self._shown_url(),
                error=error,
            ) from error
        vouching, found = Vouching(home() / "keys"), []
        for seq, at, kind, body, previous, digest, *beside_it in rows:
            voucher = Voucher(*(str(part or "") for part in beside_it))
            by = vouching.by(str(digest), voucher)
            found.append(Entry(seq, at, kind, body, previous, digest, by, voucher))
        return tuple(found)

    def snapshot(self) -> tuple[Entry, ...]:
        """Every entry, with the chain and the last checkpoint checked: what the judge reads.

        Raises AlteredEvidenceError where the chain is broken or cut off. ``verify`` checks more.
        """
        signed = self._checkpoints()
        # before the entries: others may add some meanwhile
        lasts = [last for place in signed.places() if (last := signed.last(place)) is not None]
        entries = self.entries()
        problems = chain_problems(entries)
        for last in lasts if not problems else ():
            if last.count > len(entries):
                raise self._cut_off(last.count, len(entries))
            if entries[last.count - 1].digest != last.head:
                problems = [f"entry {last.count} is not the one that was signed"]
        if not problems and signed.last() is None:
            first = next((e.seq for e in entries if e.vouched == "mac"), signed.pending())
            if first != signed.pending():
                problems = [f"this home wrote entry {first}, and its checkpoints are gone"]
        if problems:
            raise AlteredEvidenceError(
                "the register {what} was altered: {problems}",
                remedy="restore it from a copy; nothing can be judged on an altered register",
                what=self._shown_url(),
                problems="; ".join(problems[:5]),
            )
        return entries

    def stamp(self) -> tuple[object, ...] | None:
        """What changes with every entry: sizes and times of the files of a SQLite register.

        None where only the database itself can tell.
        """
        path = database.sqlite_path(self.url)
        if path is None:
            return None
        files = [path, path.with_name(f"{path.name}-wal"), self._checkpoints().path]
        told = [file.stat() if file.exists() else None for file in files]
        # an empty log comes and goes with who reads
        return tuple((s.st_size, s.st_mtime_ns) if s and s.st_size else None for s in told)

    def verify(self, known: Sequence[PublicKey], copies: Sequence[Path] = ()) -> RegisterState:
        """Checks the chain and every checkpoint, also those in ``copies``, against the entries."""
        signed = self._checkpoints()
        pending = signed.pending()
        files = list(dict.fromkeys([*signed.places(), *copies]))
        read = [path.read_bytes() if path.exists() else None for path in files]
        entries = self.entries()
        digests = [e.digest for e in entries]
        problems, notes = chain_problems(entries), list[str]()
        for place, lines in zip(files, read, strict=True):
            if lines is None:
                if entries or place is not signed.path:
                    problems.append(f"there are no checkpoints at {place}")
                continue
            others = [text for text in read if text is not None and text is not lines]
            before = None if place is signed.path and not self._is_local() else others
            problems += checkpoint_problems(lines, digests, known, where=place, before=before)
        own_lines = read[0] or b""
        last = signed.last()
        problems += unvouched(entries, known, own_lines, notes)
        late = len(entries) - (last.count if last else 0)
        if late > 0:
            said = f"the last {late} of {len(entries)} entries are under no checkpoint"
            if not self._is_local() or pending == len(entries) == (last.count if last else 0) + 1:
                notes.append(f"{said}: written elsewhere, or their writer was killed")
            elif read[0] is not None:
                problems.append(f"{said}: checkpoints were removed")
        if read[0] is not None:
            problems += unsigned(entries, own_lines, pending, signed.path)
        notes += clock(entries)
        if read[0] is not None and self._is_local():
            problems += _gaps(read[0], signed.path)
        count = own_lines.count(b"\n")
        return RegisterState(entries, count, tuple(problems), tuple(notes))

    def _checkpoints(self) -> Checkpoints:
        """The checkpoints beside a SQLite file; for another database those kept at home."""
        path = database.sqlite_path(self.url)
        if path is None:
            name = digest_bytes(self._shown_url().encode())[7:19]
            path = home() / f"register-{name}.db"
        copy = os.environ.get("EVENHAND_CHECKPOINTS")
        copies = (Path(copy),) if copy else ()
        return Checkpoints(path.with_suffix(".checkpoints"), home() / "keys", copies)

    def _is_local(self) -> bool:
        """Whether every writer of this register writes the same file of checkpoints."""
        return database.sqlite_path(self.url) is not None

    def _cut_off(self, signed: int, found: int) -> AlteredEvidenceError:
        return AlteredEvidenceError(
            "the register {what} was cut off: a checkpoint counts {signed} entries, "
            "{found} are there",
            remedy="restore it from a copy; nothing can be judged on an altered register",
            what=self._shown_url(),
            signed=signed,
            found=found,
        )

    def _is_absent(self) -> bool:
        path = database.sqlite_path(self.url)
        return path is not None and not path.exists()

    def _shown_url(self) -> str:
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError

        if database.sqlite_path(self.url) is not None:
            return self.url
        try:
            return make_url(self.url).render_as_string(hide_password=True)
        except ArgumentError as error:
            raise InputError(
                "EVENHAND_REGISTER is not a database URL",
                remedy="use e.g. sqlite:////path/register.sqlite or postgresql+psycopg://host/db",
            ) from error

    @contextmanager
    def _in_line(self) -> Iterator[None]:
        path = database.sqlite_path(self.url)
        if path is None:
            yield  # PostgreSQL's own lock serves in order
            return
        with turn(path.with_suffix(".queue")):
            yield

    @contextmanager
    def _connect(self, *, writes: bool = True) -> Iterator[Connection]:
        from sqlalchemy.exc import ArgumentError, SQLAlchemyError

        try:
            if writes not in self._engines:
                self._engines[writes] = database.make_engine(self.url, writes=writes)
            with self._engines[writes].connect() as connection:
                database.prepare(connection, writes=writes)
                yield connection
        except ModuleNotFoundError as error:
            raise InputError(
                "the register {what} needs the package {name}",
                remedy="pip install {name}",
                what=self._shown_url(),
                name=error.name,
            ) from error
        except ArgumentError as error:
            raise InputError(
                "EVENHAND_REGISTER is not a database URL",
                remedy="use e.g. sqlite:////path/register.sqlite or postgresql+psycopg://host/db",
            ) from error
        except (SQLAlchemyError, OSError) as error:
            cause = getattr(error, "orig", None) or error
            raise InputError(
                "cannot use the register {what}: {cause}",
                remedy="check the disk, EVENHAND_REGISTER or EVENHAND_HOME, and the rights on it",
                what=self._shown_url(),
                cause=cause,
            ) from error


def _gaps(lines: bytes, where: Path) -> list[str]:
    """Entries that no checkpoint was signed for, although every writer signs."""
    counts = [int(n) for n in re.findall(rb'"count":([0-9]+)', lines)]
    pairs = pairwise(counts)
    return [f"{where}: no checkpoint of entries {a + 1} to {b - 1}" for a, b in pairs if b > a + 1]
