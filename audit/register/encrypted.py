"""Archives that only their recipients can read: the age format (age-encryption.org/v1).

Recipients are public keys (``age1...``; ``age-keygen`` makes a pair, ``ssh-ed25519 ...`` serves
too). The identity that opens one is a file of private keys, named by ``--identity`` or
EVENHAND_IDENTITY. What is encrypted is hidden, not signed: the archive inside carries signatures.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from evenhand.audit.errors import InputError

VARIABLE = "EVENHAND_IDENTITY"
SUFFIX = ".age"
_MARK = b"age-encryption.org/v1\n"


def is_encrypted(raw: bytes) -> bool:
    """Whether these bytes are an age file."""
    return raw.startswith(_MARK)


def encrypt(raw: bytes, recipients: Sequence[str]) -> bytes:
    """``raw`` for each of ``recipients`` to read. Raises InputError for what is no public key."""
    age = _library()
    return bytes(age.encrypt(raw, [_recipient(age, text) for text in recipients]))


def decrypt(raw: bytes, where: object) -> bytes:
    """What the age file ``where`` holds, by the identity that is named.

    Raises InputError where none is named, none fits, or the file was changed (which age does not
    tell apart).
    """
    named = os.environ.get(VARIABLE)
    if not named:
        raise InputError(
            "{where} is encrypted, and no identity is named",
            remedy="pass --identity FILE, the private key of its recipient",
            where=where,
        )
    age = _library()
    identities = _identities(age, Path(named))
    try:
        return bytes(age.decrypt(raw, identities))
    except age.DecryptError as error:
        raise InputError(
            "{where} can't be opened with the identity {named}: {why}",
            remedy="ask its sender for whom it was encrypted, and for the file again",
            where=where,
            named=named,
            why=error,
        ) from error


def _recipient(age: ModuleType, text: str) -> Any:
    kind = age.ssh if text.startswith("ssh-") else age.x25519
    try:
        return kind.Recipient.from_str(text.strip())
    except age.RecipientError as error:
        raise InputError(
            "{text!r} is no recipient: {why}",
            remedy="give the public key that age-keygen prints (age1...), or an ssh-ed25519 one",
            text=text,
            why=error,
        ) from error


def _identities(age: ModuleType, path: Path) -> list[Any]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(
            "cannot read {path}: {why}", remedy="check it", path=path, why=error.strerror
        ) from error
    try:
        if b"PRIVATE KEY-----" in raw:
            return [age.ssh.Identity.from_buffer(raw)]
        lines = (line.strip() for line in raw.decode("utf-8").splitlines())
        identities = [age.x25519.Identity.from_str(s) for s in lines if s and not s.startswith("#")]
    except (age.IdentityError, UnicodeDecodeError) as error:
        identities, why = [], str(error)
    else:
        why = "it is empty"
    if not identities:
        raise InputError(
            "{path} holds no identity: {why}",
            remedy="make one with age-keygen -o FILE, and send your sender its public key",
            path=path,
            why=why,
        )
    return identities


def _library() -> ModuleType:
    try:
        import pyrage
    except ModuleNotFoundError as error:
        raise InputError(
            "age files need the package pyrage", remedy="pip install 'evenhand[age]'"
        ) from error
    module: ModuleType = pyrage
    return module
