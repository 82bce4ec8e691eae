"""Canonical JSON (RFC 8785) and SHA-256: the bytes that seals and chains are made of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evenhand.audit.errors import InputError

_CHUNK = 1 << 20


def canonical_bytes(value: Any) -> bytes:
    """``value`` (plain JSON types) as RFC 8785 bytes; equal values give equal bytes."""
    import rfc8785

    return rfc8785.dumps(value)


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
