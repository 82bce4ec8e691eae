"""Ed25519 keys and signatures. Keys live in EVENHAND_HOME/keys: the private one for its owner only.

``evenhand.pem`` is the private key (PKCS 8, not encrypted, mode 0600), ``evenhand.pub`` the public
one (PEM). A key's name is the SHA-256 of its 32 public bytes.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evenhand.audit.errors import InputError
from evenhand.audit.files.canonical import digest_bytes
from evenhand.audit.files.disk import disk_error, sync_folder, write_whole
from evenhand.audit.words.phrases import as_is, phrase

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

PRIVATE, PUBLIC = "evenhand.pem", "evenhand.pub"
_HINT = phrase("make one with: openssl genpkey -algorithm ed25519 -out key.pem")


@dataclass(frozen=True)
class PublicKey:
    """What a signature is checked with; ``id`` is the SHA-256 of its bytes."""

    id: str
    key: Ed25519PublicKey

    def accepts(self, signature: str, message: bytes) -> bool:
        """Whether ``signature`` (base64) is this key's, of exactly these bytes."""
        from cryptography.exceptions import InvalidSignature

        try:
            self.key.verify(base64.b64decode(signature, validate=True), message)
        except (InvalidSignature, ValueError):
            return False
        # base64 ignores some trailing bits: only the canonical spelling counts.
        return base64.b64encode(base64.b64decode(signature)).decode() == signature

    def pem(self) -> bytes:
        """The key as PEM, to hand out."""
        from cryptography.hazmat.primitives import serialization as s

        return self.key.public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True)
class SigningKey:
    """A private key and its public half."""

    key: Ed25519PrivateKey
    public: PublicKey

    def sign(self, message: bytes) -> str:
        """The signature of ``message``, base64."""
        return base64.b64encode(self.key.sign(message)).decode()


def own_key(folder: Path) -> SigningKey:
    """The key in ``folder``, made at the first use (mode 0600, folder 0700)."""
    place = folder / PRIVATE
    if not place.exists():
        _make(folder)
    return read_signing_key(place)


def own_public(folder: Path) -> PublicKey | None:
    """The public key in ``folder``; None where no key has been made."""
    place = folder / PUBLIC
    return read_public_key(place) if place.exists() else None


def read_signing_key(path: Path) -> SigningKey:
    """A private Ed25519 key from PEM. Raises InputError for anything else."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError) as error:
        raise InputError(
            "{path} is no private key in PEM, or is encrypted", remedy=_HINT, path=path
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(
            "{path} is a {type}, not an Ed25519 key",
            remedy=_HINT,
            path=path,
            type=type(key).__name__,
        )
    return SigningKey(key, _public(key.public_key()))


def read_public_key(path: Path) -> PublicKey:
    """A public Ed25519 key from PEM. Raises InputError for anything else."""
    return public_key_of(_read(path), path)


def public_key_of(pem: bytes, where: object) -> PublicKey:
    """The public Ed25519 key that ``pem`` from ``where`` holds. Raises InputError for none."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    hint = "ask the signer for the file keys/evenhand.pub of their EVENHAND_HOME"
    try:
        key = load_pem_public_key(pem)
    except ValueError as error:
        raise InputError(
            "{where} is no public key in PEM", remedy=as_is(hint), where=where
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(
            "{where} is a {type}, not an Ed25519 key",
            remedy=as_is(hint),
            where=where,
            type=type(key).__name__,
        )
    return _public(key)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            "cannot read the key {path}: {strerror}",
            remedy=_HINT,
            path=path,
            strerror=error.strerror,
        ) from error


def _public(key: Ed25519PublicKey) -> PublicKey:
    return PublicKey(digest_bytes(key.public_bytes_raw()), key)


def _make(folder: Path) -> None:
    """Makes a key; of several that do so at once one wins, and all use that one."""
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    pem = Ed25519PrivateKey.generate().private_bytes(
        s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()
    )
    place_private(folder, PRIVATE, pem)
    write_whole(folder / PUBLIC, read_signing_key(folder / PRIVATE).public.pem())


def place_private(folder: Path, name: str, data: bytes) -> None:
    """Puts a file for its owner alone into ``folder`` (0700), unless it is there already: of
    several that do so at once one wins. Raises InputError where the disk refuses."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        partial = folder / f".{name}.{os.getpid()}.{os.urandom(4).hex()}"
        write_whole(partial, data, mode=0o600)
        try:
            os.link(partial, folder / name)  # fails where somebody was quicker
        except FileExistsError:
            pass
        finally:
            partial.unlink()
        sync_folder(folder)
    except OSError as error:
        raise disk_error(f"make a key in {folder}", error) from error
