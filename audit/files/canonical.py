"""Canonical JSON (RFC 8785) and SHA-256: the bytes that seals and chains are made of."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evenhand.audit.errors import InputError

_CHUNK = 1 << 20
MOST_EXACT = 2**53 - 1  # whole numbers beyond it are not the same in every reader of JSON
_SURROGATE = re.compile("[\ud800-\udfff]")


def canonical_bytes(value: Any) -> bytes:
    """``value`` (plain JSON types) as RFC 8785 bytes; equal values give equal bytes."""
    import rfc8785

    return rfc8785.dumps(value)


def unsealable(value: Any, *, most_deep: int = 64) -> str | None:
    """What in ``value`` no seal could hold, and where; None for plain JSON with canonical bytes.

    >>> unsealable({"a": [1, float("nan")]}), unsealable({"a": 2**53}), unsealable([None, "x"])
    ('a.1: nan is no finite number', 'a: 9007199254740992 is over 9007199254740991', None)
    """
    left: list[tuple[Any, tuple[object, ...]]] = [(value, ())]
    while left:
        part, place = left.pop()
        problem = _problem(part, len(place) > most_deep)
        if problem is not None:
            shown = ".".join(ascii(p)[1:-1][:100] if isinstance(p, str) else str(p) for p in place)
            return f"{shown}: {problem}" if shown else problem
        if isinstance(part, Mapping):
            left += [(key, (*place, "a key")) for key in part if not isinstance(key, str)]
            left += [(key, (*place, key)) for key in part if not str(key).isascii()]
            left += [(below, (*place, key)) for key, below in part.items()]
        elif isinstance(part, list | tuple):
            left += [(below, (*place, i)) for i, below in enumerate(part)]
    return None


def _problem(part: Any, is_too_deep: bool) -> str | None:
    if part is None or isinstance(part, bool):
        return None
    if isinstance(part, str):
        return "half a character (a lone surrogate)" if _SURROGATE.search(part) else None
    if isinstance(part, int):
        return None if abs(part) <= MOST_EXACT else f"{_digits(part)} is over {MOST_EXACT}"
    if isinstance(part, float):
        return None if math.isfinite(part) else f"{part} is no finite number"
    if isinstance(part, Mapping | list | tuple):
        return "it nests too deeply" if is_too_deep else None
    return f"a {type(part).__name__} is no JSON"


def _digits(number: int) -> str:
    """A whole number, however long: Python itself refuses to write thousands of digits."""
    return str(number) if number.bit_length() <= 128 else f"a number of {number.bit_length()} bits"


def digest_bytes(data: bytes) -> str:
    """SHA-256 as ``sha256:<hex>``."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_json(value: Any) -> str:
    """SHA-256 of the canonical JSON of ``value``."""
    return digest_bytes(canonical_bytes(value))


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes, read in chunks."""
    sha = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            sha.update(chunk)
    return "sha256:" + sha.hexdigest()


def digest_path(path: Path) -> str:
    """SHA-256 of a file, or of the sorted (name, digest) pairs of a folder's regular files."""
    if path.is_file():
        return digest_file(path)
    if not path.is_dir():
        raise InputError("no file or folder at {path}", remedy="check the path", path=path)
    return digest_json({name: digest_file(path / name) for name in relative_files(path)})


def relative_files(folder: Path) -> Iterator[str]:
    """Names of all files below ``folder``, with forward slashes, sorted."""
    yield from sorted(
        p.relative_to(folder).as_posix()
        for p in folder.rglob("*")
        if p.is_symlink() or not p.is_dir()
    )
