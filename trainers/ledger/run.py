"""The ledger of a private run under way: steps are authorised before they are taken."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from evenhand.audit.errors import InputError
from evenhand.audit.files.chain import Chain
from evenhand.audit.files.disk import write_whole
from evenhand.trainers.ledger.record import Ahead, Checkpointed, Closed, OpenedLedger, Paused

_BLOCKS = 100  # lines written ahead a run: more cost time, fewer over-count more after a crash


class RunLedger:
    """The ledger of a run under way: steps are authorised here before they are taken."""

    def __init__(self, chain: Chain, opened: OpenedLedger, earlier_steps: int = 0) -> None:
        """``earlier_steps`` are those that the run's segments before this one count."""
        self.opened = opened
        self._chain = chain
        self._through = 0
        self._block = -(-opened.planned_steps // _BLOCKS)
        self._earlier = earlier_steps
        self._set_anchor(0)

    @property
    def run(self) -> str:
        """The run's name in the store."""
        return self.opened.run

    @property
    def path(self) -> Path:
        """The ledger's file."""
        return self._chain.path

    @property
    def anchor(self) -> dict[str, Any]:
        """What a checkpoint keeps of this ledger: run, its last line's number and digest, steps."""
        steps = self._earlier + self._through
        return {"run": self.run, "seq": self._chain.seq, "head": self._chain.head, "steps": steps}

    def authorise(self, step: int) -> None:
        """Makes sure that the segment's step ``step`` (from 1) is on the disk as spent."""
        if step <= self._through:
            return
        if step > self.opened.planned_steps:
            raise InputError(
                "step {step} is beyond the {planned_steps} that were planned",
                remedy="a private run ends when its planned steps are taken",
                step=step,
                planned_steps=self.opened.planned_steps,
            )
        through = min(self.opened.planned_steps, step + self._block - 1)
        self._append("ahead", Ahead(through=through), through)

    def checkpoint(self, step: int, digest: str) -> None:
        """Enters that the state after ``step`` steps of the run was saved."""
        self._append("checkpoint", Checkpointed(step=step, digest=digest), self._through)

    def pause(self, executed_steps: int) -> None:
        """Ends the segment without ending the run: it counts the steps that were taken."""
        self._append("paused", Paused(executed_steps=executed_steps), executed_steps)

    def close(self, closed: Closed) -> None:
        """Ends the run."""
        self._append("closed", closed, closed.executed_steps)

    def _append(self, kind: str, body: Any, steps: int) -> None:
        self._chain.append(kind, body.model_dump(mode="json"))
        self._set_anchor(steps)

    def _set_anchor(self, steps: int) -> None:
        self._through = steps
        text = json.dumps({k: v for k, v in self.anchor.items() if k != "run"})
        write_whole(self.path.with_suffix(".anchor"), text.encode())


def drop_torn_line(file: Path) -> None:
    """Cuts off the part of a line that a crash left: nothing was done on its account."""
    if not file.exists():
        return
    raw = file.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    if len(whole) < len(raw):
        with file.open("r+b") as handle:
            handle.truncate(len(whole))
            os.fsync(handle.fileno())
