"""The privacy ledger: what was spent, written before it is spent.

``ledger.jsonl`` is append-only; each line's digest covers the line and the digest before it. Lines:

opened       a segment: its dials, its planned steps, and which rows, store and settings it is of
ahead        steps up to this one may be taken; on the disk before the first of them is
checkpoint   the state after so many steps of the run was saved, and its digest
paused       the segment was interrupted after so many steps; what follows opens another
closed       the segment ended: steps taken, spending, digest of the weights that came of it

A segment that was neither paused nor closed counts the steps written ahead (all that were planned
where it has no ahead lines): a crash over-counts and never under-counts. Read without the store's
anchor (ledger_store.py), the last segment counts every planned step: lines could have been cut off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from evenhand.audit.claims import Composed, Privacy
from evenhand.audit.errors import InputError
from evenhand.audit.files.chain import GENESIS, Chain, altered, read_lines
from evenhand.audit.words.numbers import span
from evenhand.trainers.private.accounting import MAX_NOISE, Spent, spent
from evenhand.trainers.private.bracket import Segment, bracket
from evenhand.trainers.validate import Strict, checked

FILE = "ledger.jsonl"
_TOLERANCE = 1e-3
KINDS = ("opened", "ahead", "checkpoint", "paused", "closed")


class OpenedLedger(Strict):
    """The body of an opening line; ``epsilon`` is spent if every planned step is run.

    ``run`` and ``store`` say which run of which ledger store it is of ("" for a ledger without a
    store), ``rows_digest`` which keyed row hashes it covers. A segment that continues a run starts
    after its step ``start_step``. ``not_certified`` says why the guarantee does not hold as stated
    (a noise seed, say); () where it does. ``index_head`` anchors the store's index of runs.
    ``writes_ahead``: steps are authorised by ahead lines; False: by this line, all of them.
    ``preprocessing`` says of each input column whether its encoding is public. Epsilon is that of
    a row, or (``unit_column``) of all rows with one value there, ``rows_per_unit`` at most.
    ``memory`` is what ``physical_batch_size`` was found by (memory.py).
    """

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
    run: str = ""
    store: str = ""
    rows_digest: str = ""
    start_step: int = Field(default=0, ge=0)
    settings_digest: str = ""
    not_certified: tuple[str, ...] = ()
    grad_sample_mode: str = "hooks"
    world_size: int = Field(default=1, ge=1)
    index_seq: int = Field(default=0, ge=0)
    index_head: str = GENESIS
    writes_ahead: bool = False
    preprocessing: Mapping[str, str] = Field(default_factory=dict)
    unit_column: str = ""
    rows_per_unit: int = Field(default=1, ge=1)
    physical_batch_size: int | None = Field(default=None, ge=1)
    memory: Mapping[str, Any] | None = None


class Ahead(Strict):
    """The body of a line that authorises the segment's steps up to ``through``."""

    through: int = Field(ge=1)


class Checkpointed(Strict):
    """The body of a checkpoint's line: steps of the whole run so far, and the state's digest."""

    step: int = Field(ge=0)
    digest: str


class Paused(Strict):
    """The body of the line that an interrupted segment ends with."""

    executed_steps: int = Field(ge=0)


class Closed(Strict):
    """The body of a closing line: what was run, what it spent, and which weights came of it.

    ``n_not_finite`` counts per-example gradients that were not finite and counted as zero.
    """

    executed_steps: int = Field(ge=0)
    epsilon: float = Field(ge=0)
    epsilon_rdp: float = Field(ge=0)
    weights_digest: str
    n_not_finite: int = Field(default=0, ge=0)


@dataclass(frozen=True)
class LedgerRecord:
    """A ledger that was read and holds together; what is spent is of all its segments composed.

    ``is_closed`` is False where the last segment was not closed; ``n_abandoned`` counts segments
    that neither ended nor paused. ``weights_digest`` is that of the last segment, None where it was
    not closed. ``seq`` and ``head`` are the number and digest of the last line.
    """

    runs: tuple[OpenedLedger, ...]
    segments: tuple[Segment, ...]
    delta: float
    spending: Spent
    is_closed: bool
    n_abandoned: int
    weights_digest: str | None
    n_not_finite: int
    checkpoint: Checkpointed | None
    seq: int
    head: str
    heads: tuple[str, ...]

    @property
    def steps(self) -> int:
        """Steps that are counted, over all segments."""
        return sum(s.steps for s in self.segments)

    def _lower(self) -> float | None:
        """The least that the segments spend together; None for units of several rows."""
        if self.runs[-1].rows_per_unit > 1:
            return None
        limits = bracket(self.segments, self.delta)
        return limits.low if limits else None

    def to_privacy(self, composition: Composed | None = None) -> Privacy:
        """The privacy record that a model's maker states.

        ``composition`` is what the ledger store says of other runs on the same rows; without it
        the record says that the composition is unknown.
        """
        last = self.runs[-1]
        notes = [n for n in (*last.warnings, self.spending.note) if n]
        outside = list(last.outside_guarantee)
        if not self.is_closed:
            notes.append("a run was not closed: its planned steps are counted")
        if self.n_abandoned:
            notes.append(f"{self.n_abandoned} segments broke off: steps written ahead are counted")
        if self.n_not_finite:
            notes.append(f"{self.n_not_finite} gradients of rows were not finite: counted as zero")
            outside.append("how many gradients of rows were not finite")
        notes += [f"not certified: {reason}" for reason in last.not_certified]
        return Privacy(
            epsilon=self.spending.epsilon,
            delta=self.delta,
            unit=last.unit,
            max_rows_per_unit=last.rows_per_unit if last.unit_column else None,
            adjacency=last.adjacency,
            accountant=self.spending.accountant,
            sampler=last.sampler,
            noise_multiplier=last.noise_multiplier,
            max_grad_norm=last.max_grad_norm,
            sample_rate=last.sample_rate,
            steps=self.steps,
            n_train=last.n_train,
            epsilon_rdp=self.spending.epsilon_rdp,
            epsilon_lower=self._lower(),
            noise=last.noise,
            grad_sample_mode=last.grad_sample_mode,
            physical_batch_size=last.physical_batch_size,
            memory=dict(last.memory) if last.memory else None,
            is_certified=not any(run.not_certified for run in self.runs),
            not_certified=tuple(dict.fromkeys(r for run in self.runs for r in run.not_certified)),
            outside_guarantee=tuple(outside),
            preprocessing=dict(last.preprocessing),
            composition=composition or unknown_composition("there is no ledger store"),
            warnings=tuple(dict.fromkeys(notes)),
            is_closed=self.is_closed,
            n_segments=len(self.segments),
            run=last.run,
            store=last.store,
            ledger_head=self.head,
        )


def unknown_composition(reason: str) -> Composed:
    """The record of a composition that nobody here can add up."""
    return Composed(state="unknown", reason=f"composition unknown: {reason}")


def open_run(path: Path, run: OpenedLedger) -> Chain:
    """Writes an opening line; when this returns, it is on the disk.

    Raises InputError where the ledger is of other rows, AlteredEvidenceError where it is broken.
    """
    if path.exists():
        earlier = read_ledger(path).runs[0]
        if (earlier.dataset_digest, earlier.delta) != (run.dataset_digest, run.delta):
            raise InputError(
                "the ledger {path} is of other rows or another delta",
                remedy="start a new ledger: what is spent on other rows does not add up",
            )
    chain = Chain(path, KINDS)
    chain.append("opened", run.model_dump(mode="json"))
    return chain


def close_run(path: Path, run: Closed) -> None:
    """Writes the closing line of the segment that is open."""
    chain = Chain(path, KINDS)
    if chain.last_kind in ("", "paused", "closed"):
        raise InputError("the ledger {path} has no open run", remedy="open one first", path=path)
    chain.append("closed", run.model_dump(mode="json"))


@dataclass
class _Open:
    """A segment while its lines are read."""

    opened: OpenedLedger
    through: int = 0
    ended: Paused | Closed | None = None

    def steps(self, *, may_be_cut: bool) -> int:
        if self.ended is not None:
            return self.ended.executed_steps
        if may_be_cut or not self.opened.writes_ahead:
            return self.opened.planned_steps
        return self.through


def read_ledger(path: str | Path, *, is_anchored: bool = False) -> LedgerRecord:
    """Reads a ledger, checks its chain and counts again what its segments spend.

    ``is_anchored`` says that the caller has compared the last line with the store's anchor: then
    a last segment that is open counts the steps written ahead, not all planned ones.

    Raises InputError where there is none, and AlteredEvidenceError where a line was edited,
    removed or moved, or states less than its steps spend.
    """
    file = Path(path)
    lines = read_lines(file, kinds=KINDS, may_be_torn=True)
    segments: list[_Open] = []
    checkpoint = None
    for line in lines:
        if line["kind"] == "opened":
            segments.append(_Open(checked(OpenedLedger, line["body"], f"ledger {file}")))
            opened = segments[-1].opened
            _require_stated(file, opened.epsilon, opened, opened.planned_steps)
        elif not segments or segments[-1].ended is not None:
            raise altered(file, "it closes a run that is not open")
        elif line["kind"] == "checkpoint":
            checkpoint = checked(Checkpointed, line["body"], f"ledger {file}")
        else:
            _follow(file, segments[-1], line)
    last = segments[-1]
    ended = last.ended if isinstance(last.ended, Closed) else None
    counted = tuple(
        Segment(
            s.opened.noise_multiplier,
            s.opened.sample_rate,
            s.steps(may_be_cut=s is last and not is_anchored),
        )
        for s in segments
    )
    delta = segments[0].opened.delta
    return LedgerRecord(
        runs=tuple(s.opened for s in segments),
        segments=counted,
        delta=delta,
        spending=spent(counted, delta, rows_per_unit=max(s.opened.rows_per_unit for s in segments)),
        is_closed=ended is not None,
        n_abandoned=sum(s.ended is None for s in segments[:-1]),
        weights_digest=ended.weights_digest if ended else None,
        n_not_finite=ended.n_not_finite if ended else 0,
        checkpoint=checkpoint,
        seq=len(lines),
        head=str(lines[-1]["digest"]),
        heads=tuple(str(line["digest"]) for line in lines),
    )


def _follow(file: Path, segment: _Open, line: Mapping[str, Any]) -> None:
    """Takes in a line about the segment that is open: ahead, paused or closed."""
    what = f"ledger {file}"
    if line["kind"] == "ahead":
        through = checked(Ahead, line["body"], what).through
        if not segment.through < through <= segment.opened.planned_steps:
            raise altered(file, "steps written ahead do not grow, or are more than were planned")
        segment.through = through
        return
    if line["kind"] == "paused":
        segment.ended = checked(Paused, line["body"], what)
    else:
        segment.ended = checked(Closed, line["body"], what)
    if segment.ended.executed_steps > segment.opened.planned_steps:
        raise altered(file, "more steps were run than were planned")
    if isinstance(segment.ended, Closed):
        _require_stated(file, segment.ended.epsilon, segment.opened, segment.ended.executed_steps)


def _require_stated(file: Path, stated: float, run: OpenedLedger, steps: int) -> None:
    segment = Segment(run.noise_multiplier, run.sample_rate, steps)
    counted = spent([segment], run.delta, rows_per_unit=run.rows_per_unit)
    if counted.accountant != run.accountant:
        return  # PRV cannot run here and RDP's looser bound stands in: not comparable
    if stated < counted.epsilon * (1 - _TOLERANCE) - _TOLERANCE:
        low, high = span(stated, counted.epsilon)
        raise altered(file, f"it states epsilon={low}; its steps spend {high}")
