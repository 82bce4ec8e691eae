"""Our folders in TMPDIR: made for one process, and known for what they are when it was killed.

A process that ends takes its folders along; one that is killed can't. Each folder holds a file that
its process keeps locked: the system gives up the lock with the process, however it ends.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PREFIX = "evenhand-"
_MARK = ".of-a-process"
_UNMARKED_S = 7 * 86400.0  # by then a folder without the file is nobody's, not one being made

_held: dict[Path, int] = {}


@dataclass(frozen=True)
class Leftover:
    """A folder whose process is gone; ``size`` in bytes of what lies in it."""

    place: Path
    size: int


def make_folder() -> Path:
    """A new folder for this process, readable by this user alone; ``remove_folder`` ends it."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    with suppress(ImportError, OSError):  # without locks (Windows) it is told by its age
        import fcntl

        handle = os.open(folder / _MARK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _held[folder] = handle
    return folder


def remove_folder(folder: Path) -> None:
    """Removes a folder that ``make_folder`` made, with all that is in it."""
    shutil.rmtree(folder, ignore_errors=True)
    handle = _held.pop(folder, None)
    if handle is not None:
        os.close(handle)


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder of this process meanwhile."""
    folder = make_folder()
    try:
        yield folder
    finally:
        remove_folder(folder)


def leftovers() -> list[Leftover]:
    """Folders of ours in TMPDIR, of this user, whose process is gone."""
    found = []
    with os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            with suppress(OSError):
                if entry.name.startswith(PREFIX) and _is_nobodys(entry):
                    found.append(Leftover(Path(entry.path), _size(Path(entry.path))))
    return sorted(found, key=lambda left: left.place)


def _is_nobodys(entry: os.DirEntry[str]) -> bool:
    status = entry.stat(follow_symlinks=False)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != getattr(os, "getuid", lambda: 0)():
        return False
    try:
        import fcntl

        handle = os.open(Path(entry.path) / _MARK, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except (ImportError, FileNotFoundError):
        return time.time() - status.st_mtime > _UNMARKED_S
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False  # its process lives
    finally:
        os.close(handle)
    return True


def _size(folder: Path) -> int:
    return sum(
        os.lstat(os.path.join(base, name)).st_size
        for base, _, names in os.walk(folder)
        for name in names
    )
