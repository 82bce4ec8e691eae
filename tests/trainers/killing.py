"""Runs the same private training again and again, killed (SIGKILL) at another point each time.

Started by test_kill.py in a process of its own: one warm parent, a forked child a kill. For each it
prints a line of JSON: where the child was killed, the steps it had applied to the weights, what the
store says it spent, and what a run resumed from its checkpoint says in the end.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import torch

from evenhand.trainers import read_ledger, train
from evenhand.trainers.ledger import run as run_ledger
from evenhand.trainers.ledger.store import LedgerStore
from evenhand.trainers.private import dp_optimizers


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def count_steps_and_die_at(kill: int, where: str, pipe: int) -> None:
    """The child's optimizer tells the parent of each step that reaches the weights."""
    step = torch.optim.SGD.step
    taken = 0

    def counted(self: torch.optim.SGD, closure: object = None) -> None:
        nonlocal taken
        step(self)
        if not isinstance(self.param_groups[0]["lr"], float) or not counting:
            return
        taken += 1
        os.write(pipe, b"x")
        if where == "after the step" and taken == kill:
            die()

    append = run_ledger.RunLedger._append
    counting: list[int] = []

    def dying(self: run_ledger.RunLedger, kind: str, body: object, steps: int) -> None:
        counting.append(1)
        if kind == "ahead" and where == "before writing ahead" and steps == kill:
            die()
        append(self, kind, body, steps)
        if kind == "ahead" and where == "after writing ahead" and steps == kill:
            die()

    torch.optim.SGD.step = counted  # type: ignore[method-assign]
    run_ledger.RunLedger._append = dying  # type: ignore[method-assign]


def child(recipe: dict, out: Path, kill: int, where: str) -> int:
    """Forks a run that is killed; returns how many steps it applied."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        count_steps_and_die_at(kill, where, writing)
        train(recipe, out=out, checkpoint_every=2)
        os._exit(0)
    os.close(writing)
    told = 0
    while part := os.read(reading, 1024):
        told += len(part)
    os.close(reading)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, status
    return told


def main(data: str, folder: str) -> None:
    torch.set_num_threads(1)
    recipe = {
        "data": data,
        "target": "answer",
        "positive_label": "yes",
        "sensitive_features": ["sex"],
        "epochs": 3,
        "batch_size": 140,
        "optimizer": "sgd",
        "architecture": {"hidden": [2]},
        "private": {"noise_multiplier": 3, "delta": 1e-4, "public_rows": 280},
    }
    assert dp_optimizers.HooksOptimizer  # loaded before the first fork
    train(recipe, out=Path(folder) / "warm")
    os.environ["EVENHAND_HOME"] = str(Path(folder) / "home")
    for where in ("before writing ahead", "after writing ahead", "after the step"):
        for kill in range(1, 7):
            place = Path(folder) / f"{where.replace(' ', '-')}-{kill}"
            os.environ["EVENHAND_HOME"] = str(place)
            told = child(recipe, place / "model", kill, where)
            (run,) = LedgerStore().runs()
            line = {"where": where, "kill": kill, "applied": told, "recorded": run.record.steps}
            if kill in (3, 6):
                result = train(recipe, out=place / "model", resume=True)
                record = read_ledger(result.model / "ledger.jsonl")
                line["resumed"] = [s.steps for s in record.segments]
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
