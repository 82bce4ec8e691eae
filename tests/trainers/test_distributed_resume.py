"""SIGTERM and kill -9 of a private run on two processes, and going on afterwards."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch
import yaml

from evenhand.trainers import read_ledger
from evenhand.trainers.fitting.checkpoint import unfinished_folder
from evenhand.trainers.ledger.store import LedgerStore
from tests.trainers.processes import torchrun

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available(), reason="torch was built without torch.distributed"
)
EPOCHS = 92  # 280 rows, 64 a batch: 4.375 steps an epoch, some 400 in all


def test_an_interrupted_and_a_killed_run_go_on_in_one_ledger(recipe: dict, tmp_path: Path) -> None:
    file, out, home = tmp_path / "recipe.yaml", tmp_path / "model", tmp_path / "home"
    private = {"noise_multiplier": 4, "delta": 1e-4}
    file.write_text(
        yaml.safe_dump({**recipe, "batch_size": 64, "epochs": EPOCHS, "private": private})
    )
    command = ("-m", "evenhand.trainers", str(file), "--out", str(out))
    store = LedgerStore(home / "ledger")

    with torchrun(home, *command) as run:
        run.wait_for("train: ")
        run.process.send_signal(signal.SIGTERM)  # as schedulers do; torchrun hands it on
        assert run.end() != 0
        assert any("go on with --resume" in line for line in run.said), "".join(run.said)
    (stopped,) = store.runs()
    # both stopped after the same step: what was executed is what is counted, none ahead of it
    at, planned = stopped.record.steps, stopped.record.runs[0].planned_steps
    assert 4 <= at < planned and stopped.record.checkpoint is not None
    assert stopped.record.checkpoint.step == at
    assert [p.name for p in unfinished_folder(out).iterdir()] == [f"step-{at:09d}"]

    with torchrun(home, *command, "--resume") as run:
        run.wait_for("train: ")
        run.kill()
    (killed,) = store.runs()
    assert killed.run == stopped.run and at < killed.record.steps <= planned
    assert not out.exists()

    with torchrun(home, *command, "--resume") as run:
        assert run.end() == 0, "".join(run.said)[-4000:]
    record = read_ledger(out / "ledger.jsonl")
    # the killed segment counts what was written ahead; the last one ran from the checkpoint on
    assert [s.steps for s in record.segments] == [at, killed.record.steps - at, planned - at]
    assert record.is_closed and record.n_abandoned == 1
    assert {opened.world_size for opened in record.runs} == {2}
    assert not unfinished_folder(out).exists()
