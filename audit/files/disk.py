"""Files that are whole or absent: written under a temporary name, flushed, then renamed."""

from __future__ import annotations

import os
from pathlib import Path

from evenhand.audit.errors import InputError


def write_whole(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Writes ``data`` to ``path`` so that after a crash the file is the old one or the new one.

    Raises InputError that names the file and what the disk said.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.unlink(missing_ok=True)  # of a process of the same number that was killed
            write_new(partial, data, mode=mode)
            os.replace(partial, path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise disk_error(f"write {path}", error) from error


def disk_error(what: str, error: OSError) -> InputError:
    """An error of the disk (full, read-only, broken) as one that says what to do next."""
    return InputError(
        "cannot {what}: the disk says: {strerror}",
        remedy="free disk space or check the rights, or choose another place; then run it again",
        what=what,
        strerror=error.strerror or error,
    )


def sync_folder(folder: Path) -> None:
    """Flushes a folder's entries, so that a rename in it survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def append_line(path: Path, line: bytes) -> None:
    """Appends one line and flushes it; what could not be written whole is taken back.

    Raises OSError as the disk gives it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        before = os.fstat(handle).st_size
        try:
            _write_all(handle, line)
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, before)
            raise
    finally:
        os.close(handle)
    if is_new:
        sync_folder(path.parent)


def overwrite(path: Path, text: bytes) -> None:
    """Puts a few bytes in place of a file's own, and flushes them. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.ftruncate(handle, 0)
        _write_all(handle, text)
        os.fsync(handle)
    finally:
        os.close(handle)


def write_new(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Writes and flushes a file that is not there yet. Raises OSError, also where it is there."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        _write_all(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_all(handle: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]
