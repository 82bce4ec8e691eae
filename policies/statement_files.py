"""Statements that people write into a file: one, or several with what they share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evenhand.audit.errors import InputError, nearest


def read_statement_file(path: Path, kind: str) -> dict[str, Any]:
    """A statement as YAML, for ``kind`` attestation or waiver. Raises InputError if malformed."""
    from evenhand.audit.files import safe_yaml

    document = safe_yaml.parse(safe_yaml.read_bytes(path), str(path))
    if not isinstance(document.data, dict):
        raise InputError(
            "{path} holds no mapping", remedy="see docs/packs.md: a mapping of keys", path=path
        )
    known = _FILE_KEYS[kind]
    for key in document.data:
        if key not in known:
            raise InputError(
                "{path} line {key}: unknown key {key_2!r}",
                remedy=nearest(str(key), known),
                path=path,
                key=document.line((key,)),
                key_2=key,
            )
    return dict(document.data)


def read_statements(path: Path, kind: str) -> list[dict[str, Any]]:
    """The statements of a file: itself, or those listed under ``statements``, which the keys beside
    them (``by``, ``role`` ...) hold for too. Raises InputError if malformed."""
    whole = read_statement_file(path, kind)
    listed = whole.pop("statements", None)
    if listed is None:
        return [whole]
    if not isinstance(listed, list) or not listed or not all(isinstance(x, dict) for x in listed):
        raise InputError(
            "{path}: statements is no list of statements",
            remedy="write each as - item: ITEM, with its own keys below",
            path=path,
        )
    for number, one in enumerate(listed, start=1):
        for key in one:
            if key == "statements" or key not in _FILE_KEYS[kind]:
                raise InputError(
                    "{path}, statement {number}: unknown key {key!r}",
                    remedy=nearest(str(key), _FILE_KEYS[kind][1:]),
                    path=path,
                    number=number,
                    key=key,
                )
    return [{**whole, **one} for one in listed]


_SIGNED = ("role", "expires", "bind", "system", "organisation")
_FILE_KEYS: Mapping[str, tuple[str, ...]] = {
    "attestation": ("statements", "item", "answer", "statement", "by", "evidence", *_SIGNED),
    "waiver": ("item", "reason", "owner", "approved_by", "compensating", *_SIGNED),
}
