"""What surrounds a training loop: the ledger of a private run, checkpoints, Ctrl-C, resuming."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from evenhand.audit.claims import Privacy
from evenhand.audit.errors import AlteredEvidenceError, InputError
from evenhand.trainers import distributed
from evenhand.trainers.fitting import checkpoint
from evenhand.trainers.fitting.checkpoint import Due, Interrupts, Saved
from evenhand.trainers.fitting.loop import LoopState
from evenhand.trainers.ledger.entries import closing_entry, opening_entry
from evenhand.trainers.ledger.rows import RowSet
from evenhand.trainers.ledger.run import RunLedger
from evenhand.trainers.ledger.store import LedgerStore

if TYPE_CHECKING:
    import torch

    from evenhand.trainers.private.plan import NoisePlan


@dataclass
class TrainingSession:
    """One run of ``train``. Used as a context manager around the training loop.

    ``rows`` are the training rows as bytes, asked for once, by private runs alone. ``folder`` is
    where checkpoints go (None: nowhere). In a process that is not the first of several it writes
    nothing.
    """

    rows: Callable[[], Iterable[bytes]]
    dataset_digest: str = ""
    outside: tuple[str, ...] = ()
    preprocessing: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    resume: bool = False
    every: int | None = None
    is_first: bool = True
    run_ledger: RunLedger | None = None
    _saved: Saved | None = None
    _store: LedgerStore = field(default_factory=LedgerStore)
    _row_set: RowSet | None = None
    _interrupts: Interrupts = field(default_factory=Interrupts)
    _settings: Mapping[str, Any] = field(default_factory=dict)

    def __enter__(self) -> TrainingSession:
        self._interrupts.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._interrupts.__exit__(kind, error, trace)
        if error is not None and self.run_ledger is not None:
            error.add_note(f"the privacy ledger of this run is kept at {self.run_ledger.path}")

    def begin(
        self, module: torch.nn.Module, optimizer: Any, settings: Mapping[str, Any]
    ) -> LoopState:
        """Where the loop starts: at step 0, or (resuming) where the last checkpoint stands, with
        weights and optimizer state put back.

        Raises InputError for changed settings and where nothing can be resumed,
        AlteredEvidenceError for a checkpoint or ledger store that was rolled back.
        """
        self._settings = settings
        if not self.resume:
            self._require_nothing_unfinished()
            return LoopState()
        if self.folder is None:
            raise InputError("there is nothing to resume", remedy="leave resume out")
        saved = checkpoint.load(self.folder)
        saved.require_settings(settings)
        if saved.ledger is not None:
            self._require_latest(saved)
        saved.restore(module, optimizer)
        self._saved = saved
        return saved.standing

    @property
    def started_at(self) -> int:
        """The step after which this process went on; 0 for a run from its start."""
        return self._saved.step if self._saved else 0

    def open_ledger(self, plan: NoisePlan, start_step: int) -> None:
        """Enters a private run, or its next segment, into the store; no step is authorised yet."""
        if not self.is_first:
            return
        opened = opening_entry(
            plan,
            self.dataset_digest,
            self.outside,
            preprocessing=self.preprocessing,
            start_step=start_step,
        )
        if self._saved is not None:
            run = str((self._saved.ledger or {}).get("run"))
            self.run_ledger = self._store.resume_run(run, opened)
        else:
            self.run_ledger = self._store.open_run(opened, self.row_set)

    @property
    def row_set(self) -> RowSet:
        """The keyed hashes of the training rows."""
        if self._row_set is None:
            self._row_set = self._store.row_set(self.rows())
        return self._row_set

    def authorise(self, step: int) -> None:
        """Called before each private step of this segment (from 1): writes ahead what it costs."""
        if self.run_ledger is not None:
            self.run_ledger.authorise(step)
        elif self.is_first:
            raise InputError(
                "a private step without a ledger", remedy="open the ledger before the first step"
            )

    def after_step(
        self,
        module: torch.nn.Module,
        optimizer: Any,
        extra: Callable[[], tuple[Mapping[str, Any], Mapping[str, torch.Tensor]]] | None = None,
    ) -> Callable[[LoopState], None]:
        """What the loop calls after each step: saves when due; on Ctrl-C saves and stops."""
        due = Due(self.every)

        def after(standing: LoopState) -> None:
            is_asked = distributed.anyone(self._interrupts.is_asked)
            if self.folder is not None and self.is_first and (is_asked or due.now(standing.step)):
                self._save(module, optimizer, standing, *(extra() if extra else ({}, {})))
            if is_asked:
                raise self._stopped(standing)

        return after

    @property
    def extra(self) -> Mapping[str, Any]:
        """What a resumed run's checkpoint kept beside the loop's state."""
        return self._saved.extra if self._saved else {}

    def extra_tensors(self, name: str) -> dict[str, torch.Tensor]:
        """Tensors that a resumed run's checkpoint kept under ``name``."""
        return self._saved.group(name) if self._saved else {}

    def mark_plain(self, weights_digest: str, started_from: str | None) -> tuple[str, ...]:
        """Notes in the store which rows these weights hold; says so where it cannot be written."""
        if not self.is_first:
            return ()
        try:
            self._store.mark_plain(self.row_set, weights_digest, started_from)
        except (InputError, OSError) as error:
            return (
                f"the rows of this run could not be noted in the ledger store ({error}): a private "
                "run that starts from this model can't tell whether they share any",
            )
        return ()

    def close(
        self, plan: NoisePlan, executed_steps: int, weights_digest: str, n_not_finite: int = 0
    ) -> None:
        """Ends the run in the ledger: what was executed, and which weights came of it."""
        if self.run_ledger is not None:
            self.run_ledger.close(closing_entry(plan, executed_steps, weights_digest, n_not_finite))

    def privacy(self) -> Privacy:
        """The privacy record of the run that was closed, composed with others on its rows."""
        if self.run_ledger is None:
            raise InputError("there is no ledger of this run", remedy="open one before training")
        record = self._store.read_run(self.run_ledger.run)
        return record.to_privacy(self._store.composition_of(record))

    def finish(self) -> None:
        """Removes the checkpoints: the model folder is there now."""
        if self.folder is not None and self.is_first and self.folder.exists():
            import shutil

            shutil.rmtree(self.folder, ignore_errors=True)

    def _save(
        self,
        module: torch.nn.Module,
        optimizer: Any,
        standing: LoopState,
        extra: Mapping[str, Any],
        tensors: Mapping[str, torch.Tensor],
    ) -> None:
        folder = self.folder or Path()
        anchor = self.run_ledger.anchor if self.run_ledger else None
        digest = checkpoint.save(
            folder,
            module,
            optimizer,
            standing,
            settings=self._settings,
            ledger=anchor,
            extra=extra,
            extra_tensors=tensors,
        )
        if self.run_ledger:
            self.run_ledger.checkpoint(standing.step, digest)
        checkpoint.keep_only(folder, standing.step)

    def _stopped(self, standing: LoopState) -> KeyboardInterrupt:
        if self.run_ledger:
            self.run_ledger.pause(standing.step - self.run_ledger.opened.start_step)
        stopped = KeyboardInterrupt()
        if self.folder is not None:
            stopped.add_note(f"stopped after step {standing.step}: go on with --resume")
        return stopped

    def _require_nothing_unfinished(self) -> None:
        if self.folder is not None and self.is_first and any(self.folder.glob("step-*[0-9]")):
            raise InputError(
                "{folder} holds a run that was interrupted",
                remedy="go on with --resume, or remove that folder to start again",
                folder=self.folder,
            )

    def _require_latest(self, saved: Saved) -> None:
        """The checkpoint must be the last one that the ledger knows, and the ledger must go on
        from where the checkpoint saw it."""
        anchor = saved.ledger or {}
        run = str(anchor.get("run"))
        self._store.require_reached(run, int(anchor.get("seq", 0)), str(anchor.get("head")))
        known = self._store.read_run(run).checkpoint
        if known is None or (known.step, known.digest) != (saved.step, saved.digest):
            at = "none" if known is None else f"one after step {known.step}"
            raise AlteredEvidenceError(
                "the checkpoint after step {step} was rolled back or never entered: the "
                "ledger's last is {at}",
                remedy="restore the latest checkpoint, or start the run again",
                step=saved.step,
                at=at,
            )
