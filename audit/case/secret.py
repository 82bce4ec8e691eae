"""A home's secret: what a home wrote itself is told from what somebody put in its place.

``EVENHAND_HOME/keys/evenhand.secret`` holds 32 random bytes in hexadecimal, for its owner alone
(mode 0600), made at the first use. What is kept carries a MAC (HMAC-SHA-256, RFC 2104) of its
purpose and content. Whoever can read the file can make such MACs.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evenhand.audit.case.signing import place_private
from evenhand.audit.errors import InputError
from evenhand.audit.files.canonical import canonical_bytes

NAME = "evenhand.secret"
_BYTES = 32
_FIELD = "mac"  # of a record that is vouched for


@dataclass(frozen=True, repr=False)
class Secret:
    """The bytes that MACs are made with. They are never printed."""

    key: bytes

    def mac(self, purpose: str, message: bytes) -> str:
        """The MAC of a message, in hexadecimal; one made for another purpose is another."""
        whole = purpose.encode() + b"\0" + message
        return "hmac-sha256:" + hmac.new(self.key, whole, hashlib.sha256).hexdigest()

    def accepts(self, mac: str, purpose: str, message: bytes) -> bool:
        """Whether ``mac`` is this secret's, of exactly this purpose and message."""
        return hmac.compare_digest(mac.encode(), self.mac(purpose, message).encode())

    def vouch(self, purpose: str, record: Mapping[str, Any]) -> dict[str, Any]:
        """The record (plain JSON) with its MAC in it."""
        plain = {k: v for k, v in record.items() if k != _FIELD}
        return {**plain, _FIELD: self.mac(purpose, canonical_bytes(plain))}

    def vouches(self, purpose: str, record: Mapping[str, Any]) -> bool:
        """Whether this secret vouched for exactly this record."""
        plain = {k: v for k, v in record.items() if k != _FIELD}
        try:
            return self.accepts(str(record.get(_FIELD)), purpose, canonical_bytes(plain))
        except ValueError:  # what canonical JSON has no form for
            return False


def passing() -> Secret:
    """A secret that nobody keeps: what was written with another is not taken for one's own."""
    return Secret(os.urandom(_BYTES))


def own_secret(folder: Path) -> Secret:
    """The secret in ``folder``, made at the first use. Raises InputError for a damaged one."""
    place = folder / NAME
    if not place.exists():
        place_private(folder, NAME, os.urandom(_BYTES).hex().encode())
    found = known_secret(folder)
    assert found is not None
    return found


def known_secret(folder: Path) -> Secret | None:
    """The secret in ``folder``; None where none was made, or it is not ours to read."""
    place = folder / NAME
    try:
        key = bytes.fromhex(place.read_text("ascii"))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    except (OSError, ValueError) as error:
        raise _damaged(place) from error
    if len(key) != _BYTES:
        raise _damaged(place)
    return Secret(key)


def _damaged(place: Path) -> InputError:
    return InputError(
        "{place} holds no secret of this home",
        remedy="restore it from a copy; without it, what this home wrote is not known as its own",
        place=place,
    )
