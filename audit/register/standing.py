"""How a case stands with the register: entered there, unknown to it, or another than was entered.

Anybody can edit a case and seal it anew: its own seal then holds. The register remembers which
digest this home sealed in a place, and which case came of a run that it announced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from evenhand.audit.case.environment import AnnouncedRun
from evenhand.audit.errors import AlteredEvidenceError
from evenhand.audit.register.register import Entry

State = Literal["registered", "unknown", "differs"]


@dataclass(frozen=True)
class Standing:
    """``state``, the register's ``entry`` that says so (None for an unknown case), and in words."""

    state: State
    entry: int | None
    said: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def standing(
    path: Path, digest: str, run: AnnouncedRun | None, entries: Sequence[Entry]
) -> Standing:
    """How the case at ``path`` with this digest stands; ``run`` is what its environment says."""
    cases = [e for e in entries if e.kind == "case" and e.vouched]
    for entry in cases:
        if entry.body.get("digest") == digest:
            said = f"entry {entry.seq} of this register"
            return Standing("registered", entry.seq, said)
    here, number = str(path.resolve()), _own_run(run, entries)
    for entry in reversed(cases):
        known = f"{entry.body.get('digest')} (entry {entry.seq})"
        if entry.body.get("path") == here:
            said = f"the register knows this case with another seal: {known}"
            return Standing("differs", entry.seq, said)
        if number is not None and entry.body.get("run") == number:
            said = f"the register knows the case of its run {number} with another seal: {known}"
            return Standing("differs", entry.seq, said)
    for entry in entries:
        if entry.kind == "case" and entry.body.get("digest") == digest:
            said = f"not known to this register: nobody known vouches for entry {entry.seq}"
            return Standing("unknown", None, said)
    said = "not in this register: that nobody sealed it anew is for a signature to show"
    return Standing("unknown", None, said)


def _own_run(run: AnnouncedRun | None, entries: Sequence[Entry]) -> int | None:
    """The run's number, if it was this register that announced it."""
    if run is None or not 0 < run.entry <= len(entries):
        return None
    return run.entry if entries[run.entry - 1].digest == run.entry_digest else None


def require_same(path: Path, found: Standing) -> None:
    """Raises AlteredEvidenceError for a case that differs from what was entered."""
    if found.state == "differs":
        raise AlteredEvidenceError(
            "case {path} was altered: {said}",
            remedy="do not rely on it: restore the case from a copy, or audit again",
            path=path,
            said=found.said,
        )
