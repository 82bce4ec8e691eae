"""Exported archives among the cases: each opened once, for as long as it is as it was.

An archive is read as a folder is, and nothing is written about it: its entries are the sender's.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from evenhand.audit.errors import EvenhandError, InputError
from evenhand.audit.files.canonical import digest_bytes
from evenhand.audit.files.disk import write_whole
from evenhand.audit.register import opening
from evenhand.audit.register.handover import HandedOver
from evenhand.audit.register.register import Entry, home
from evenhand.dashboard.server.identity import SignedIn

_KNOWN: dict[tuple[str, int, int], Path | EvenhandError] = {}
_LOCK = threading.Lock()


def place_of(path: Path) -> Path:
    """Where the case of the archive at ``path`` was unpacked; ``path`` itself where it can't be
    opened (see ``problem_of``)."""
    found = _opened(path)
    return found if isinstance(found, Path) else path


def problem_of(path: Path) -> EvenhandError | None:
    """Why the archive at ``path`` can't be opened; None where it can."""
    found = _opened(path)
    return found if isinstance(found, EvenhandError) else None


def received() -> list[Path]:
    """Where the archives that were uploaded here are opened; one that can't be is itself."""
    return [place_of(path) for path in sorted(_folder().glob("*.zip"))]


def receive(person: SignedIn, name: str, content: bytes) -> Path:
    """Keeps an archive that was uploaded, once, and opens it: where its case lies, to be read.

    Raises RefusedError for who may not, InputError and AlteredEvidenceError for what is no archive
    or was changed; nothing is kept of such a one.
    """
    person.require("start")
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in name)
    digest = digest_bytes(content).removeprefix("sha256:")
    path = _folder() / f"{plain.removesuffix('-zip').strip('-')[:60] or 'case'}-{digest[:12]}.zip"
    if not path.exists() or path.read_bytes() != content:
        write_whole(path, content)
    problem = problem_of(path)
    if problem is not None:
        path.unlink(missing_ok=True)
        raise problem
    return place_of(path)


def _folder() -> Path:
    return home() / "received"


def _opened(path: Path) -> Path | EvenhandError:
    try:
        told = path.stat()
    except OSError as error:
        return InputError(
            "cannot read {path}: {why}", remedy="check it", path=path, why=error.strerror
        )
    key = (str(path.resolve()), told.st_size, told.st_mtime_ns)
    with _LOCK:
        if key not in _KNOWN:
            try:
                _KNOWN[key] = opening.open_archive(path).case
            except EvenhandError as error:
                _KNOWN[key] = error
        return _KNOWN[key]


def archive_of(place: Path) -> Path | None:
    """The archive that the case at ``place`` is from; None for a folder."""
    opened = opening.archive_of(place)
    return opened.archive if opened else None


def handed_with(place: Path) -> HandedOver | None:
    """What came along with the case at ``place``; None for a folder or an older archive."""
    opened = opening.archive_of(place)
    return opened.handed if opened else None


def named(place: Path) -> Path:
    """What a command is to name for the case at ``place``."""
    return archive_of(place) or place


def entries_at(place: Path, here: Sequence[Entry]) -> tuple[Entry, ...]:
    """The entries that the case at ``place`` is judged by; ``here`` are this register's."""
    return opening.entries_at(place, here)


def require_folder(place: Path) -> None:
    """Raises InputError for a case from an archive: it is read, and nothing is written about it."""
    archive = archive_of(place)
    if archive is not None:
        raise InputError(
            "the case is from the archive {archive}, which is only read",
            remedy="ask its sender, or unpack it and open its folder",
            archive=archive,
        )
