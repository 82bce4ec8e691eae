"""Turns among processes that want the same lock: first come, first served.

SQLite's own waiting is a sleep that grows, so that of eight writers some never get in. Here each
writer takes a numbered ticket: a file that it keeps locked. It waits for the next lower ticket
only. A ticket whose owner died is unlocked by the kernel, and the next in line clears it away.

Fairness is all that this gives. That no two write at once is the database's own lock.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows: there the database's lock alone orders the writers
    fcntl = None  # type: ignore[assignment]

PATIENCE = 60.0  # seconds in line; then the database's own lock decides
_POLL = 0.001


@contextmanager
def turn(folder: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Waits until every earlier caller with the same ``folder`` has left the block."""
    ticket = _take(folder)
    if ticket is None:
        yield
        return
    number, handle = ticket
    try:
        _wait(folder, number, time.monotonic() + patience)
        try:
            yield
        finally:
            (folder / str(number)).unlink(missing_ok=True)
    finally:
        os.close(handle)


def _take(folder: Path) -> tuple[int, int] | None:
    """A ticket's number and its locked file; None where the file system knows no locks."""
    if fcntl is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    door = os.open(folder / "door", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(door, fcntl.LOCK_EX)
        number = max(_tickets(folder), default=0) + 1
        handle = os.open(folder / str(number), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        fcntl.flock(handle, fcntl.LOCK_EX)
        return number, handle
    except OSError:
        return None  # some network file systems: the writers are ordered by the database alone
    finally:
        os.close(door)


def _tickets(folder: Path) -> list[int]:
    return sorted(int(name) for name in os.listdir(folder) if name.isdigit())


def _wait(folder: Path, number: int, deadline: float) -> None:
    for earlier in reversed([n for n in _tickets(folder) if n < number]):
        try:
            handle = os.open(folder / str(earlier), os.O_RDWR)
        except FileNotFoundError:
            return  # it has had its turn, and so has everybody before it
        try:
            if not _unlocked(handle, deadline) or os.fstat(handle).st_nlink == 0:
                return
            (folder / str(earlier)).unlink(missing_ok=True)  # its owner died in line
        finally:
            os.close(handle)


def _unlocked(handle: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL)
