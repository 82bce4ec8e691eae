"""Exported archives among the cases: each opened once, for as long as it is as it was.

An archive is read as a folder is, and nothing is written about it: its entries are the sender's.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from evenhand.audit.errors import EvenhandError, InputError
from evenhand.audit.register import opening
from evenhand.audit.register.handover import HandedOver
from evenhand.audit.register.register import Entry

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
