"""A folder in the making: under a name of its own beside its place, then renamed into place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from evenhand.audit.errors import InputError
from evenhand.audit.files.disk import sync_folder


def require_free(place: Path, what: str, why: str) -> None:
    """Raises InputError where something is at ``place`` already (also a link to nowhere)."""
    if place.exists() or place.is_symlink():
        raise InputError(
            "{what} {place} exists already; {why}",
            remedy="choose another --out, or move the old one away",
            what=what,
            place=place,
            why=why,
        )


def partial_name(place: Path, prefix: str = "") -> Path:
    """A name beside ``place``, another one each time: a crashed run's folder may lie there still.

    It has the process in it, for where there are no locks.
    """
    return place.with_name(f"{prefix}{place.name}.partial-{os.getpid()}-{token_hex(3)}")


@contextmanager
def creating(place: Path, what: str) -> Iterator[None]:
    """An error of the disk while a folder is made as one that says what to do next."""
    try:
        yield
    except OSError as error:
        raise InputError(
            "cannot create the {what} {place}: {strerror}",
            remedy="choose an --out that you may write to",
            what=what,
            place=place,
            strerror=error.strerror,
        ) from error


def put_in_place(partial: Path, place: Path) -> None:
    """Renames the finished folder and flushes it. Raises OSError, also where ``place`` came to
    exist meanwhile."""
    sync_folder(partial)
    if place.exists():
        raise FileExistsError(f"{place} exists")
    partial.rename(place)
    sync_folder(place.parent)
