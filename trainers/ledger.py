"""The privacy ledger: what was spent, written before it is spent.

``ledger.jsonl`` is append-only; each line's digest covers the line and the digest before it. A run
is opened, and that line is on the disk, before its first step; the line states every planned step.
It is closed when the run ends. A run that was never closed counts all its planned steps: a crash
over-counts and never under-counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from audit.canonical import canonical_bytes, digest_json
from audit.errors import AlteredEvidenceError, InputError
from trainers.accounting import MAX_NOISE, Segment, Spent, spent
from trainers.validate import Strict, checked

FILE = "ledger.jsonl"
GENESIS = "sha256:" + "0" * 64
_MAX_BYTES = 4 << 20
_TOLERANCE = 1e-3


class Opened(Strict):
    """The body of an opening line; ``epsilon`` is the cost if every planned step is run."""

    dataset_digest: str
    n_train: int = Field(ge=1)
    unit: str
    adjacency: str
    sampler: Literal["Poisson"]
    accountant: str
    noise: str
    noise_multiplier: float = Field(gt=0, le=MAX_NOISE)
    max_grad_norm: float = Field(gt=0)
    sample_rate: float = Field(gt=0, le=1)
    delta: float = Field(gt=0, lt=1)
    planned_steps: int = Field(ge=1, le=1_000_000_000)
    epsilon: float = Field(ge=0)
    epsilon_rdp: float = Field(ge=0)
    outside_guarantee: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    versions: Mapping[str, str]


class Closed(Strict):
    """The body of a closing line: what was run, what it cost, and which weights came of it."""

    executed_steps: int = Field(ge=0)
    epsilon: float = Field(ge=0)
    epsilon_rdp: float = Field(ge=0)
    weights_digest: str


@dataclass(frozen=True)
class LedgerRecord:
    """A ledger that was read and holds together; costs are of all its runs composed.

    ``is_closed`` is False where a run was not closed and its planned steps are counted.
    ``weights_digest`` is that of the last closed run, None where it was not closed.
    """

    runs: tuple[Opened, ...]
    segments: tuple[Segment, ...]
    delta: float
    cost: Spent
    is_closed: bool
    weights_digest: str | None
    head: str

    def to_privacy(self) -> dict[str, Any]:
        """The privacy record that a model's maker states: plain JSON types."""
        last = self.runs[-1]
        notes = [n for n in (*last.warnings, self.cost.note) if n]
        if not self.is_closed:
            notes.append("a run was not closed: its planned steps are counted")
        return {
            "epsilon": self.cost.epsilon,
            "delta": self.delta,
            "unit": last.unit,
            "adjacency": last.adjacency,
            "accountant": self.cost.accountant,
            "sampler": last.sampler,
            "noise_multiplier": last.noise_multiplier,
            "max_grad_norm": last.max_grad_norm,
            "sample_rate": last.sample_rate,
            "steps": sum(s.steps for s in self.segments),
            "n_train": last.n_train,
            "epsilon_rdp": self.cost.epsilon_rdp,
            "noise": last.noise,
            "outside_guarantee": list(last.outside_guarantee),
            "warnings": list(dict.fromkeys(notes)),
            "is_closed": self.is_closed,
            "ledger_head": self.head,
        }


def open_run(path: Path, run: Opened) -> None:
    """Writes the opening line; when this returns, it is on the disk.

    Raises InputError where the ledger is of other rows, AlteredEvidenceError where it is broken.
    """
    if path.exists():
        earlier = read_ledger(path).runs[0]
        if (earlier.dataset_digest, earlier.delta) != (run.dataset_digest, run.delta):
            raise InputError(
                f"the ledger {path} is of other rows or another delta",
                remedy="start a new ledger: costs on other rows do not add up",
            )
    _append(path, "opened", run.model_dump(mode="json"))


def close_run(path: Path, run: Closed) -> None:
    """Writes the closing line of the run that is open."""
    if _lines(path)[-1]["kind"] != "opened":
        raise InputError(f"the ledger {path} has no open run", remedy="open one first")
    _append(path, "closed", run.model_dump(mode="json"))


def read_ledger(path: str | Path) -> LedgerRecord:
    """Reads a ledger, checks its chain and counts again what its runs cost.

    Raises InputError where there is none, and AlteredEvidenceError where a line was edited,
    removed or moved, or states less than its steps cost.
    """
    file = Path(path)
    lines = _lines(file, may_be_torn=True)
    runs: list[Opened] = []
    segments: list[Segment] = []
    closed: Closed | None = None
    is_closed = True
    for line in lines:
        if line["kind"] == "opened":
            # An open run before this one was abandoned: its planned steps stay counted.
            is_closed = is_closed and (closed is not None or not runs)
            run, closed = checked(Opened, line["body"], f"ledger {file}"), None
            runs.append(run)
            segments.append(Segment(run.noise_multiplier, run.sample_rate, run.planned_steps))
            _require_stated(file, run.epsilon, run, run.planned_steps)
            continue
        if closed is not None or not runs:
            raise _altered(file, "it closes a run that is not open")
        closed = checked(Closed, line["body"], f"ledger {file}")
        run = runs[-1]
        if closed.executed_steps > run.planned_steps:
            raise _altered(file, "more steps were run than were planned")
        segments[-1] = Segment(run.noise_multiplier, run.sample_rate, closed.executed_steps)
        _require_stated(file, closed.epsilon, run, closed.executed_steps)
    delta = runs[0].delta
    return LedgerRecord(
        runs=tuple(runs),
        segments=tuple(segments),
        delta=delta,
        cost=spent(segments, delta),
        is_closed=is_closed and closed is not None,
        weights_digest=closed.weights_digest if closed else None,
        head=str(lines[-1]["digest"]),
    )


def _require_stated(file: Path, stated: float, run: Opened, steps: int) -> None:
    counted = spent([Segment(run.noise_multiplier, run.sample_rate, steps)], run.delta)
    if counted.accountant != run.accountant:
        return  # PRV cannot run here and RDP's looser bound stands in: not comparable
    if stated < counted.epsilon * (1 - _TOLERANCE) - _TOLERANCE:
        raise _altered(
            file, f"it states epsilon={stated:.4f}; its steps cost {counted.epsilon:.4f}"
        )


def _append(path: Path, kind: str, body: Mapping[str, Any]) -> None:
    lines = _lines(path) if path.exists() else []
    line: dict[str, Any] = {
        "seq": len(lines) + 1,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "kind": kind,
        "body": body,
        "previous": lines[-1]["digest"] if lines else GENESIS,
    }
    line["digest"] = digest_json(line)
    with path.open("ab") as handle:
        handle.write(canonical_bytes(line) + b"\n")
        handle.flush()
        os.fsync(handle.fileno())
    if not lines:
        # The file's name must outlive a crash too, not its bytes alone.
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _lines(file: Path, *, may_be_torn: bool = False) -> list[dict[str, Any]]:
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise InputError(f"ledger {file} is over 4 MiB", remedy="is it a ledger?")
        raw = file.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot read the ledger {file}: {error.strerror}", remedy="check the path"
        ) from None
    complete, newline, torn = raw.rpartition(b"\n")
    # A crash while a line is written leaves part of one. Nothing was spent on its account: a run
    # takes no step before its opening line is complete, and one that is not closed counts in full.
    if not newline or (torn and not may_be_torn):
        raise _altered(file, "its last line is not complete")
    previous = GENESIS
    lines = []
    for number, text in enumerate(complete.split(b"\n"), start=1):
        line = _parse(file, number, text)
        if line["seq"] != number or line["previous"] != previous:
            raise _altered(file, f"line {number} does not follow the line before it")
        previous = line["digest"]
        lines.append(line)
    return lines


def _parse(file: Path, number: int, text: bytes) -> dict[str, Any]:
    try:
        line = json.loads(text)
        content = {k: line[k] for k in ("seq", "at", "kind", "body", "previous")}
        # The very bytes count: another spelling of the same JSON was not written by us.
        intact = canonical_bytes({**content, "digest": line["digest"]}) == text
        intact = intact and digest_json(content) == line["digest"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _altered(file, f"line {number} is not a ledger line") from None
    if not intact or line["kind"] not in ("opened", "closed"):
        raise _altered(file, f"line {number} was changed")
    return dict(line)


def _altered(file: Path, problem: str) -> AlteredEvidenceError:
    return AlteredEvidenceError(
        f"the ledger {file} was altered: {problem}",
        remedy="restore it from a copy; its epsilon cannot be relied on",
    )
