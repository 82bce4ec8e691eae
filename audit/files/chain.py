"""A hash-chained file of lines: each line's digest covers the line and the digest before it.

The privacy ledger of a run and the index of runs are such files. The register is such a chain in a
table: it shares the first digest and the digest of a line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evenhand.audit.errors import AlteredEvidenceError, InputError
from evenhand.audit.files.canonical import canonical_bytes, digest_json
from evenhand.audit.files.disk import append_line

GENESIS = "sha256:" + "0" * 64
_MAX_BYTES = 4 << 20


def line_digest(*, seq: int, at: str, kind: str, body: Any, previous: str) -> str:
    """The digest of one line of a chain, whether it is kept in a file or in a table."""
    return digest_json({"seq": seq, "at": at, "kind": kind, "body": body, "previous": previous})


class Chain:
    """Appends lines to one hash-chained file; each is on the disk when ``append`` returns."""

    def __init__(self, path: Path, kinds: tuple[str, ...]) -> None:
        """Opens the chain at ``path``, or starts one. Raises AlteredEvidenceError where broken."""
        self.path = path
        lines = read_lines(path, kinds=kinds) if path.exists() else []
        self.seq = len(lines)
        self.head = lines[-1]["digest"] if lines else GENESIS
        self.last_kind = lines[-1]["kind"] if lines else ""

    def append(self, kind: str, body: Mapping[str, Any]) -> None:
        """Writes one line and flushes it to the disk."""
        line: dict[str, Any] = {
            "seq": self.seq + 1,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "kind": kind,
            "body": body,
            "previous": self.head,
        }
        line["digest"] = line_digest(**line)
        append_line(self.path, canonical_bytes(line) + b"\n")
        self.seq, self.head, self.last_kind = self.seq + 1, line["digest"], kind


def read_lines(
    file: Path, *, kinds: tuple[str, ...], may_be_torn: bool = False
) -> list[dict[str, Any]]:
    """The lines of a chained file, each checked against the one before it.

    Raises InputError where there is none, AlteredEvidenceError where the chain does not hold.
    """
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise InputError("ledger {file} is over 4 MiB", remedy="is it a ledger?", file=file)
        raw = file.read_bytes()
    except OSError as error:
        raise InputError(
            "cannot read the ledger {file}: {strerror}",
            remedy="check the path; without its ledger what a model cost is not known",
            file=file,
            strerror=error.strerror,
        ) from None
    complete, newline, torn = raw.rpartition(b"\n")
    # A crash while a line is written leaves part of one. Nothing was spent on its account: no step
    # is taken before the line that authorises it is complete.
    if not newline or (torn and not may_be_torn):
        raise altered(file, "its last line is not complete")
    previous = GENESIS
    lines = []
    for number, text in enumerate(complete.split(b"\n"), start=1):
        line = _parse(file, number, text, kinds)
        if line["seq"] != number or line["previous"] != previous:
            raise altered(file, f"line {number} does not follow the line before it")
        previous = line["digest"]
        lines.append(line)
    return lines


def _parse(file: Path, number: int, text: bytes, kinds: tuple[str, ...]) -> dict[str, Any]:
    try:
        line = json.loads(text)
        content = {k: line[k] for k in ("seq", "at", "kind", "body", "previous")}
        # The very bytes count: another spelling of the same JSON was not written by us.
        intact = canonical_bytes({**content, "digest": line["digest"]}) == text
        intact = intact and line_digest(**content) == line["digest"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise altered(file, f"line {number} is not a ledger line") from None
    if not intact or line["kind"] not in kinds:
        raise altered(file, f"line {number} was changed")
    return dict(line)


def altered(file: Path, problem: str) -> AlteredEvidenceError:
    """The error for a ledger that is not as it was written."""
    return AlteredEvidenceError(
        "the ledger {file} was altered: {problem}",
        remedy="restore it from a copy; its epsilon cannot be relied on",
        file=file,
        problem=problem,
    )
