"""Who vouches for an entry of the register: this home by a MAC, or a signature of a known key.

The chain's digests are no secret: whoever can write the database can put an entry behind the last
that fits. Therefore each entry has a voucher beside it: a MAC by the secret of the home that
entered it, and an Ed25519 signature by that home's key for those who cannot know the secret (other
homes on one PostgreSQL, recipients of an export). What nobody known vouches for is not judged.

Keys of others lie in ``EVENHAND_HOME/keys/known/*.pub``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal, Protocol

from evenhand.audit.case.secret import Secret, known_secret, own_secret
from evenhand.audit.case.signing import PublicKey, own_key, own_public, read_public_key
from evenhand.audit.register.checkpoints import signed_heads

By = Literal["mac", "signature", ""]
KNOWN = "known"  # the folder of others' public keys
_PURPOSE = "register entry"


@dataclass(frozen=True)
class Voucher:
    """What vouches for one entry: a MAC, and a signature with its key's name; "" where lacking."""

    mac: str = ""
    key: str = ""
    signature: str = ""


NO_VOUCHER = Voucher()


def make_voucher(keys: Path, digest: str) -> Voucher:
    """The voucher of the home with the folder ``keys`` for an entry with this digest."""
    signer = own_key(keys)
    message = _message(digest)
    mac = own_secret(keys).mac(_PURPOSE, message)
    return Voucher(mac, signer.public.id, signer.sign(message))


class Vouchable(Protocol):
    """What is looked at of an entry of the register."""

    @property
    def seq(self) -> int: ...
    @property
    def at(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def vouched(self) -> By: ...
    @property
    def voucher(self) -> Voucher: ...


@dataclass
class Vouching:
    """Tells who vouches for entries. Keys are read when the first signature has to be checked:
    what this home entered needs none."""

    folder: Path
    others: tuple[PublicKey, ...] = ()
    _keys: dict[str, PublicKey] | None = field(default=None, repr=False)
    _secret: Secret | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._secret = known_secret(self.folder)

    def by(self, digest: str, voucher: Voucher) -> By:
        """What vouches for the entry with this digest."""
        message = _message(digest)
        if self._secret is not None and self._secret.accepts(voucher.mac, _PURPOSE, message):
            return "mac"
        return "signature" if voucher.key and is_signed(digest, voucher, self.keys()) else ""

    def keys(self) -> Mapping[str, PublicKey]:
        """The keys that are known here, by name."""
        if self._keys is None:
            self._keys = {k.id: k for k in (*known_keys(self.folder), *self.others)}
        return self._keys


def known_keys(folder: Path) -> Iterable[PublicKey]:
    """One's own public key, and those of others that were put into the folder ``known``."""
    own = own_public(folder)
    others = sorted((folder / KNOWN).glob("*.pub"))
    return [*([own] if own else []), *(read_public_key(path) for path in others)]


def is_signed(digest: str, voucher: Voucher, keys: Mapping[str, PublicKey]) -> bool:
    """Whether one of ``keys`` signed the entry with this digest."""
    key = keys.get(voucher.key)
    return key is not None and key.accepts(voucher.signature, _message(digest))


def _message(digest: str) -> bytes:
    return b"evenhand-register-entry/1\n" + digest.encode()


def unvouched(
    entries: Sequence[Vouchable], known: Sequence[PublicKey], lines: bytes, notes: list[str]
) -> list[str]:
    """Entries that nobody known vouches for. Those that an older version signed a checkpoint of
    at the time become a note: they were entered here, and are to be attested again."""
    keys_by_id = {k.id: k for k in known}
    signed = signed_heads(lines, known)
    # from the first entry with a voucher on each has one: a version that vouches entered it
    first = min((e.seq for e in entries if e.voucher.key), default=len(entries) + 1)
    listed, older = [], []
    for e in entries:
        if is_signed(e.digest, e.voucher, keys_by_id):
            continue
        if e.vouched and e.voucher.key in keys_by_id:
            # the MAC serves here; whoever is handed the entry has the signature alone
            listed.append(f"entry {e.seq} ({e.kind}) has a signature that does not hold")
            continue
        if e.vouched == "signature" or (e.vouched and not e.voucher.key):
            continue  # by a key that this home was told of, or by its MAC alone
        if e.seq < first and signed.get(e.seq) == e.digest:
            older.append(e.seq)
        elif e.voucher.key and e.voucher.key not in keys_by_id:
            key = f"{e.voucher.key[:19]}…"
            listed.append(
                f"entry {e.seq} ({e.kind}) is signed by a key that is not known here ({key})"
            )
        else:
            listed.append(
                f"entry {e.seq} ({e.kind}) is vouched for by nobody: it was put in by hand"
            )
    if older:
        notes.append(
            f"{len(older)} entries up to {older[-1]} were entered by a version that did not "
            "vouch for each: what people stated there is not judged, attest again"
        )
    return listed


def unsigned(entries: Sequence[Vouchable], lines: bytes, pending: int, where: Path) -> list[str]:
    """Entries that this home vouches for and has no checkpoint of."""
    counts = {int(n) for n in re.findall(rb'"count":([0-9]+)', lines)} | {pending}
    gone = [e.seq for e in entries if e.vouched == "mac" and e.seq not in counts]
    if not gone:
        return []
    return [f"{where}: no checkpoint of {len(gone)} entries of this home, the first {gone[0]}"]


def clock(entries: Sequence[Vouchable]) -> list[str]:
    """Entries whose time is before that of the entry before them."""
    back = [b for a, b in pairwise(entries) if b.at < a.at]
    return [
        f"entry {e.seq} is of {e.at}, before the entry before it: a clock went back" for e in back
    ]
