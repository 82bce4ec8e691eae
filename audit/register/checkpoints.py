"""Signed checkpoints of the register, kept outside its database: how truncation is caught.

One JSON line for each append: how many entries there are, the last one's digest, the time, the
digest of the line before, and an Ed25519 signature over all that. A database cut off at the end,
emptied, or replaced by an older copy no longer fits the last line. Whoever can cut both files, and
copies of them nowhere else, is not caught: EVENHAND_CHECKPOINTS names a second place.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evenhand.audit.case.signing import PublicKey, own_key
from evenhand.audit.errors import InputError
from evenhand.audit.files.canonical import canonical_bytes, digest_bytes
from evenhand.audit.files.chain import GENESIS
from evenhand.audit.files.disk import append_line, disk_error, overwrite

SCHEMA = "evenhand-checkpoint/1"
_TAIL = 4096  # bytes; a line has about 450


@dataclass(frozen=True)
class Last:
    """The last line of a file of checkpoints, its signature unchecked."""

    count: int
    head: str
    line: bytes


class Checkpoints:
    """The checkpoints in ``path``; what is added is copied to each of ``copies``."""

    def __init__(self, path: Path, keys: Path, copies: Sequence[Path] = ()) -> None:
        self.path = path
        self.keys = keys
        self.copies = tuple(copies)
        self._pending = path.with_suffix(".pending")

    def intend(self, count: int) -> None:
        """Says that entry ``count`` is about to be written: a crash then is no missing line."""
        try:
            overwrite(self._pending, str(count).encode())
        except OSError as error:
            raise disk_error(f"write {self._pending}", error) from error

    def pending(self) -> int:
        """The entry that a writer said it would write, and has not yet signed; 0 for none."""
        try:
            text = self._pending.read_text("ascii")
        except (FileNotFoundError, UnicodeDecodeError):
            return 0
        return int(text) if text.isdigit() else 0

    def places(self) -> tuple[Path, ...]:
        """Every file that a line is written to: its own, and the copies."""
        return (self.path, *self.copies)

    def last(self, place: Path | None = None) -> Last | None:
        """The last whole line (of a copy); None where there is none that can be read."""
        try:
            with (place or self.path).open("rb") as handle:
                size = handle.seek(0, os.SEEK_END)
                handle.seek(max(0, size - _TAIL))
                whole = handle.read().rpartition(b"\n")[0]
        except FileNotFoundError:
            return None
        line = whole.rpartition(b"\n")[2]
        try:
            body = json.loads(line)
            return Last(int(body["count"]), str(body["head"]), line)
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    def add(self, count: int, head: str, *, late: bool = False) -> None:
        """Signs that the register has ``count`` entries and ends with ``head``.

        ``late`` marks what the next writer signs because the entry's own writer was killed.
        """
        self._drop_torn_line()
        last = self.last()
        key = own_key(self.keys)
        body: dict[str, Any] = {
            "schema": SCHEMA,
            "count": count,
            "head": head,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "previous": digest_bytes(last.line) if last else GENESIS,
            "late": late,
            "key": key.public.id,
        }
        line = canonical_bytes({**body, "signature": key.sign(canonical_bytes(body))}) + b"\n"
        for place in self.places():
            try:
                append_line(place, line)
            except OSError as error:
                raise InputError(
                    "entry {count} is in the register, but its checkpoint could not be written "
                    "to {place}: the disk says: {strerror}",
                    remedy="mend that; the next entry signs this one too",
                    count=count,
                    place=place,
                    strerror=error.strerror,
                ) from error
        self._pending.write_bytes(b"")  # unflushed: a stale intent does no harm

    def _drop_torn_line(self) -> None:
        """Takes away a last line without its end: its writer was killed, or lost power."""
        if not self.path.exists():
            return
        with self.path.open("r+b") as handle:
            start = max(0, handle.seek(0, os.SEEK_END) - _TAIL)
            handle.seek(start)
            tail = handle.read()
            if tail and not tail.endswith(b"\n"):
                handle.truncate(start + tail.rfind(b"\n") + 1)


def problems(
    lines: bytes,
    digests: Sequence[str],
    known: Sequence[PublicKey],
    *,
    where: Path,
    before: Sequence[bytes] | None,
) -> list[str]:
    """What is wrong with checkpoints ``lines`` of a register whose entries have ``digests``.

    The first line's count is 1, or it names the line that it goes on from, which is in one of
    ``before``, other files of checkpoints. None: others wrote entries too, so that it may be any.
    """
    complaints: list[str] = []
    keys = {k.id: k for k in known}
    if lines and not lines.endswith(b"\n"):
        complaints.append(f"{where}: the last line is cut off")
    previous: str | None = None
    most = 0
    for number, line in enumerate(lines.split(b"\n")[:-1], start=1):
        name = f"{where} line {number}"
        body = _body(line)
        if body is None:
            complaints.append(f"{name} is no checkpoint")
        else:
            complaints += [
                f"{name} {p}" for p in _line_problems(body, digests, keys, previous, most)
            ]
            if number == 1 and before is not None and not _begins(body, before):
                complaints.append(
                    f"{name} is of {body['count']} entries, and goes on from no line known"
                )
            most = max(most, body["count"])
        previous = digest_bytes(line)
    return complaints


def _begins(body: dict[str, Any], before: Sequence[bytes]) -> bool:
    if body["count"] == 1:
        return bool(body["previous"] == GENESIS)
    named = {digest_bytes(line) for text in before for line in text.split(b"\n")[:-1]}
    return body["previous"] in named


def signed_heads(lines: bytes, known: Sequence[PublicKey]) -> dict[int, str]:
    """Count -> head of every checkpoint that a known key signed for an entry of its own."""
    keys, found = {k.id: k for k in known}, {}
    for line in lines.split(b"\n")[:-1]:
        body = _body(line)
        if body is None or body.get("late") is not False or body["key"] not in keys:
            continue
        signed = canonical_bytes({k: v for k, v in body.items() if k != "signature"})
        if keys[body["key"]].accepts(body["signature"], signed):
            found[body["count"]] = body["head"]
    return found


def _body(line: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(line)
        whole = body["schema"] == SCHEMA and canonical_bytes(body) == line
        types = isinstance(body["count"], int) and body["count"] > 0
        texts = all(
            isinstance(body[k], str) for k in ("head", "at", "previous", "key", "signature")
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return body if whole and types and texts else None


def _line_problems(
    body: dict[str, Any],
    digests: Sequence[str],
    keys: dict[str, PublicKey],
    previous: str | None,
    before: int,
) -> list[str]:
    complaints = []
    count, at = body["count"], body["at"]
    signed = canonical_bytes({k: v for k, v in body.items() if k != "signature"})
    key = keys.get(body["key"])
    if key is None:
        complaints.append(f"is signed by a key that is not known here ({body['key'][:19]}…)")
    elif not key.accepts(body["signature"], signed):
        complaints.append("has a signature that is not its key's")
    if previous is not None and body["previous"] != previous:
        complaints.append("does not follow the line before it: lines were removed or reordered")
    if count < before:
        complaints.append("goes back in the count")
    if count > len(digests):
        gone = count - len(digests)
        complaints.append(f"says {count} entries at {at}: the last {gone} of the register are gone")
    elif digests[count - 1] != body["head"]:
        complaints.append(
            f"says another entry {count} at {at}: the register was replaced or rewritten"
        )
    return complaints
