"""Packs of git objects, and the files of a repository, read within limits.

A pack keeps an object whole or as a change of another one. Sizes are compared with what is allowed
before anything is unpacked, and what is unpacked never gets longer than it was announced.

Source: git's documentation, gitformat-pack(5).
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

MAX_OBJECT = 16 << 20  # bytes of one commit or folder
KINDS = {1: b"commit", 2: b"tree", 3: b"blob", 4: b"tag"}
_BASE_AT, _BASE_NAMED = 6, 7  # a change of the entry at a place, or of the object with an id
_CHUNK = 1 << 16


class GitError(Exception):
    """The repository can't be read as far as it is needed; says why."""


class GitPack:
    """A pack and its index of version 2. Files are opened for each look: there may be many."""

    def __init__(self, index: Path, inside: Path) -> None:
        self._index, self._inside = index, inside

    def offset(self, name: str) -> int | None:
        """Where the pack holds the object with this id."""
        file = opened(self._index, self._inside)
        if file is None:
            return None
        with file:
            if _bytes(file, 0, 8) != b"\xfftOc\0\0\0\x02":
                raise GitError("one of its packs has an index of a kind that is not read here")
            wanted, size = bytes.fromhex(name), len(name) // 2
            # how many ids begin with at most this byte, for each of 256
            counts = struct.unpack(">256I", _bytes(file, 8, 1024))
            first = counts[wanted[0] - 1] if wanted[0] else 0
            last, n, names = counts[wanted[0]], counts[255], 8 + 1024
            while first < last:
                middle = (first + last) // 2
                seen = _bytes(file, names + size * middle, size)
                if seen == wanted:
                    return _place(file, names + n * (size + 4), n, middle)
                first, last = (middle + 1, last) if seen < wanted else (first, middle)
            return None

    def read(self, at: int, width: int) -> tuple[int, bytes, int | str]:
        """Kind and content of the entry at a place, and what it is a change of: a place, or an id
        of ``width`` bytes."""
        file = opened(self._index.with_suffix(".pack"), self._inside)
        if file is None:
            raise GitError(f"the pack of {self._index.name} is missing")
        with file:
            file.seek(at)
            kind, size = _kind_and_size(file)
            base: int | str = 0
            if kind == _BASE_AT:
                base = at - _distance(file)
            elif kind == _BASE_NAMED:
                base = file.read(width).hex()
            elif kind not in KINDS:
                raise GitError("one of its packs is damaged")
            if size > MAX_OBJECT:
                raise GitError(f"an object of {size:,} bytes is over {MAX_OBJECT >> 20} MiB")
            content = inflated(file, size)
        if len(content) != size or (isinstance(base, int) and base < 0):
            raise GitError("one of its packs is damaged")
        return kind, content, base


def opened(path: Path, inside: Path) -> BinaryIO | None:
    """A regular file below ``inside``; None where there is none. No link is followed out of it."""
    try:
        if not (path.parent.resolve() / path.name).is_relative_to(inside):
            raise GitError(f"{path} lies outside of it, behind a link")
        flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
        # a pipe would be waited for, and a link followed
        flags |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
        handle = os.open(path, flags)
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError) as error:
        raise GitError(f"cannot read {path}: {error}") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise GitError(f"{path} is no regular file")
    return os.fdopen(handle, "rb")


def _bytes(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    found = file.read(size)
    if len(found) < size:
        raise GitError("one of its packs is cut off")
    return found


def _place(file: BinaryIO, table: int, n: int, row: int) -> int:
    """A place of an index: of 31 bits, or a row of the table of longer ones."""
    (at,) = struct.unpack(">I", _bytes(file, table + 4 * row, 4))
    if at < 1 << 31:
        return int(at)
    (far,) = struct.unpack(">Q", _bytes(file, table + 4 * n + 8 * (at - (1 << 31)), 8))
    return min(int(far), (1 << 63) - 1)


def _kind_and_size(file: BinaryIO) -> tuple[int, int]:
    """The head of a pack's entry: 3 bits of kind, and the size in groups of 4, 7, 7 ... bits."""
    byte = _bytes(file, file.tell(), 1)[0]
    kind, size, shift = byte >> 4 & 7, byte & 15, 4
    while byte & 128 and shift < 60:
        byte = _bytes(file, file.tell(), 1)[0]
        size |= (byte & 127) << shift
        shift += 7
    return kind, size


def _distance(file: BinaryIO) -> int:
    """How far back the entry is that this one changes; each further byte counts from one more."""
    byte = _bytes(file, file.tell(), 1)[0]
    back = byte & 127
    for _ in range(9):
        if not byte & 128:
            break
        byte = _bytes(file, file.tell(), 1)[0]
        back = ((back + 1) << 7) | (byte & 127)
    return max(back, 1)


def inflated(file: BinaryIO, most: int) -> bytes:
    """What the stream at the file's place unpacks to, at most ``most`` bytes and one."""
    unpacker, parts, left = zlib.decompressobj(), [], most + 1
    try:
        while left > 0 and not unpacker.eof:
            packed = unpacker.unconsumed_tail or file.read(_CHUNK)
            if not packed:
                break
            parts.append(unpacker.decompress(packed, left))
            left -= len(parts[-1])
    except zlib.error as error:
        raise GitError(f"an object of it is damaged: {error}") from None
    return b"".join(parts)


def changed(base: bytes, change: bytes) -> bytes:
    """``base`` changed as a delta says: pieces copied from it, and new ones between them."""
    try:
        size, at = _varint(change, 0)
        announced, at = _varint(change, at)
        if size != len(base) or announced > MAX_OBJECT:
            raise GitError("a change in one of its packs fits nothing")
        made, length = [], 0
        while at < len(change) and length <= announced:
            piece, at = _piece(base, change, at)
            made.append(piece)
            length += len(piece)
    except IndexError:
        raise GitError("a change in one of its packs is cut off") from None
    if length != announced:
        raise GitError("a change in one of its packs is damaged")
    return b"".join(made)


def _piece(base: bytes, change: bytes, at: int) -> tuple[bytes, int]:
    order, at = change[at], at + 1
    if not order & 128:
        if not order:
            raise GitError("a change in one of its packs is damaged")
        return change[at : at + order], at + order
    numbers = [0, 0]  # where in the base, and how much
    for bit in range(7):
        if order & 1 << bit:
            numbers[bit > 3] |= change[at] << 8 * (bit if bit < 4 else bit - 4)
            at += 1
    start, length = numbers[0], numbers[1] or 0x10000
    if start + length > len(base):
        raise GitError("a change in one of its packs is damaged")
    return base[start : start + length], at


def _varint(text: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while shift < 63:
        byte, at = text[at], at + 1
        value |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            break
    return value, at
