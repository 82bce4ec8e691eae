"""Copy-in: what a stranger hands over is copied to a private folder before anybody reads it.

Regular files alone, each with one name on the disk: a symbolic link may point at a secret of this
machine, and so may a hard link. What is read afterwards is the copy, so nothing can be exchanged
between the look and the reading.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evenhand.audit.errors import InputError, LimitError, UnsafeModelError, nearest
from evenhand.audit.files.canonical import digest_path
from evenhand.audit.files.leftovers import make_folder, remove_folder
from evenhand.audit.words.phrases import phrase
from evenhand.audit.worker.isolation.levels import GIB

MAX_FILES = 10_000
MAX_DEPTH = 16
MAX_BYTES = 16 * GIB
_CHUNK = 1 << 20
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class CopiedModel:
    """A model as it was copied in: ``folder`` is private, ``model`` lies in it; ``digest`` is of
    the copy. The folder is deleted with the last use of this object."""

    folder: Path
    model: Path
    source: Path
    digest: str

    def scratch(self) -> Path:
        """A new folder beside the copy, for a worker to write into."""
        return Path(tempfile.mkdtemp(prefix="scratch-", dir=self.folder))


def copy_in(path: str | Path, *, before: str | Path | None = None) -> CopiedModel:
    """Copies the file or folder at ``path``; with ``before``, the file of what rows go through
    first, a folder of both (``evenhand.audit.models.formats.preprocessed``).

    Raises InputError where there is nothing or the disk is full, UnsafeModelError for links and
    for anything that is no regular file, LimitError (exit 6) for too many or too large files.
    """
    source = Path(path)
    _require_there(source, "model")
    if before is not None:
        _require_there(Path(before), "scaler or encoder")
    folder = make_folder()
    name = source.name if _PLAIN_NAME.fullmatch(source.name) else "model"
    (folder / "in").mkdir()
    target = folder / "in" / name
    try:
        if before is None:
            _Copying(source).run(source, target)
        else:
            target = folder / "in" / "both"
            target.mkdir()
            _Copying(source).run(source, target / "model")
            _Copying(Path(before)).run(Path(before), target / "preprocess")
        copied = CopiedModel(folder, target, source, digest_path(target))
        weakref.finalize(copied, _remove, folder, os.getpid())
        return copied
    except OSError as error:
        remove_folder(folder)
        raise InputError(
            "cannot copy model {source}: {strerror}",
            remedy=phrase(
                "check the rights on it, and the space in {parent} (set TMPDIR)",
                parent=folder.parent,
            )
            if error.errno in (errno.ENOSPC, errno.EDQUOT)
            else phrase("check the rights on it"),
            source=source,
            strerror=error.strerror or error,
        ) from None
    except BaseException:
        remove_folder(folder)
        raise


def _require_there(source: Path, what: str) -> None:
    if not os.path.lexists(source):
        siblings = (p.name for p in source.parent.glob("*")) if source.parent.is_dir() else ()
        raise InputError(
            "no {what} at {source}", remedy=nearest(source.name, siblings), what=what, source=source
        )


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # not in a fork of the process that copied
        remove_folder(folder)


class _Copying:
    """One copy, with what is left of its caps."""

    def __init__(self, source: Path) -> None:
        self._source = source
        self._files = 0
        self._bytes = 0

    def run(self, source: Path, target: Path) -> None:
        """Copies a file, or a folder and all below it."""
        handle = self._open(source, None)
        try:
            if stat.S_ISDIR(os.fstat(handle).st_mode):
                self._folder(handle, source, target, 0)
            else:
                self._file(handle, source, target)
        finally:
            os.close(handle)

    def _folder(self, handle: int, source: Path, target: Path, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise LimitError(
                "model {source} has folders in folders over {max_depth} deep",
                remedy="is it a model?",
                source=self._source,
                max_depth=MAX_DEPTH,
            )
        target.mkdir()
        for name in self._names(handle):
            opened = self._open(source / name, handle, name)
            try:
                if stat.S_ISDIR(os.fstat(opened).st_mode):
                    self._folder(opened, source / name, target / name, depth + 1)
                else:
                    self._file(opened, source / name, target / name)
            finally:
                os.close(opened)

    def _names(self, handle: int) -> Iterator[str]:
        with os.scandir(handle) as entries:
            names = []
            for entry in entries:
                self._files += 1
                if self._files > MAX_FILES:
                    raise LimitError(
                        "model {source} holds over {max_files} files",
                        remedy="pass the model's own folder",
                        source=self._source,
                        max_files=MAX_FILES,
                    )
                names.append(entry.name)
        yield from sorted(names)

    def _open(self, path: Path, folder: int | None, name: str | None = None) -> int:
        """Opens it without following a link and without waiting at a pipe."""
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
        try:
            handle = os.open(name if name is not None else path, flags, dir_fd=folder)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EMLINK):
                raise UnsafeModelError(
                    "{path} is a symbolic link",
                    remedy="a link can point at any file of this machine: pass a plain copy, e.g. "
                    "cp -rL {source} COPY",
                    path=path,
                    source=self._source,
                ) from None
            if error.errno == errno.ENXIO:  # a socket
                raise self._odd(path, "a socket") from None
            raise
        try:
            self._require_plain(os.fstat(handle), path)
        except BaseException:
            os.close(handle)
            raise
        return handle

    def _require_plain(self, found: os.stat_result, path: Path) -> None:
        if stat.S_ISDIR(found.st_mode):
            return
        if not stat.S_ISREG(found.st_mode):
            raise self._odd(path, "no regular file")
        if found.st_nlink > 1:
            raise UnsafeModelError(
                "{path} has {st_nlink} names on the disk (hard links)",
                remedy="it can be another file of this machine: pass a plain copy, e.g. "
                "cp -r {source} COPY",
                path=path,
                st_nlink=found.st_nlink,
                source=self._source,
            )

    def _odd(self, path: Path, what: str) -> UnsafeModelError:
        return UnsafeModelError(
            "{path} is {what}", remedy="remove it, or pass the model alone", path=path, what=what
        )

    def _file(self, handle: int, path: Path, target: Path) -> None:
        size = os.fstat(handle).st_size
        self._spend(size, path)
        copied = 0
        with target.open("xb") as out:
            while chunk := os.read(handle, _CHUNK):
                copied += len(chunk)
                if copied > size:  # it grew while it was read
                    self._spend(len(chunk), path)
                out.write(chunk)

    def _spend(self, size: int, path: Path) -> None:
        self._bytes += size
        free = shutil.disk_usage(tempfile.gettempdir()).free
        if self._bytes > MAX_BYTES:
            raise LimitError(
                "model {source} is over {max_bytes} GiB (at {path})",
                remedy="audit its stored predictions: evenhand audit --predictions FILE",
                source=self._source,
                max_bytes=MAX_BYTES // GIB,
                path=path,
            )
        if size > free:
            raise InputError(
                "{path} takes {size} bytes, {tempfile} has {free} left",
                remedy="set TMPDIR to a folder with more space",
                path=path,
                size=size,
                tempfile=tempfile.gettempdir(),
                free=free,
            )
