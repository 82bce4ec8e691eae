"""Interrupted runs go on where they stood, and nowhere else."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch

from evenhand.audit.errors import AlteredEvidenceError, InputError
from evenhand.trainers import read_ledger, train
from evenhand.trainers.examples import CurvePoint
from evenhand.trainers.fitting import checkpoint
from evenhand.trainers.fitting.checkpoint import unfinished_folder
from evenhand.trainers.fitting.loop import LoopState
from evenhand.trainers.ledger.store import LedgerStore

PRIVATE = {"batch_size": 64, "private": {"noise_multiplier": 4, "delta": 1e-4}}


class StopError(Exception):
    pass


def stop_after(epoch: int):
    def progress(at: int, *_: object) -> None:
        if at == epoch:
            raise StopError

    return progress


def signalled(*numbers: int):
    def progress(at: int, *_: object) -> None:
        if at == 2:
            for number in numbers:
                os.kill(os.getpid(), number)

    return progress


def weights(path: Path) -> bytes:
    return (path / "weights.safetensors").read_bytes()


@pytest.fixture
def broken_off(recipe: dict, tmp_path: Path) -> Path:
    """A private run that broke off in its third epoch of four; checkpoints each step."""
    out = tmp_path / "model"
    with pytest.raises(StopError):
        train({**recipe, **PRIVATE}, out=out, progress=stop_after(3), checkpoint_every=1)
    return out


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
def test_a_resumed_plain_run_gives_the_weights_of_an_unbroken_one(
    recipe: dict, tmp_path: Path, optimizer: str
) -> None:
    given = {**recipe, "optimizer": optimizer, "learning_rate": 0.01}
    given["architecture"] = {"hidden": [8], "dropout": 0.3}
    whole = train(given, out=tmp_path / "whole")
    # 280 rows in batches of 64 are 5 steps an epoch; every 3 steps falls within epochs too
    with pytest.raises(StopError):
        train(given, out=tmp_path / "part", progress=stop_after(3), checkpoint_every=3)
    (left,) = unfinished_folder(tmp_path / "part").iterdir()
    assert left.name == "step-000000012"
    part = train(given, out=tmp_path / "part", resume=True)
    assert weights(part.model) == weights(whole.model)
    assert part.curves == whole.curves
    assert not unfinished_folder(tmp_path / "part").exists()


# torchrun hands on to its processes a signal that they may have had already
@pytest.mark.parametrize("numbers", [(signal.SIGINT,), (signal.SIGTERM, signal.SIGTERM)])
def test_ctrl_c_and_sigterm_wait_for_the_step_and_leave_a_state_to_go_on_from(
    recipe: dict, tmp_path: Path, numbers: tuple[int, ...]
) -> None:
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(KeyboardInterrupt) as caught:
        train({**recipe, **PRIVATE}, out=tmp_path / "model", progress=signalled(*numbers))
    assert "--resume" in " ".join(caught.value.__notes__)
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before
    (run,) = LedgerStore().runs()
    # 280 / 64 = 4.4 steps an epoch: the second ends at step 9 of 18; executed is what is counted
    assert (run.record.steps, run.record.runs[0].planned_steps) == (9, 18)
    result = train({**recipe, **PRIVATE}, out=tmp_path / "model", resume=True)
    record = read_ledger(result.model / "ledger.jsonl")
    assert [s.steps for s in record.segments] == [9, 9] and record.is_closed
    assert result.privacy is not None and result.privacy.composition.runs == 1
    assert [p["epoch"] for p in result.curves] == [1, 2, 3, 4]


def test_a_second_ctrl_c_does_not_wait() -> None:
    with checkpoint.Interrupts() as asked:
        os.kill(os.getpid(), signal.SIGTERM)
        assert asked.is_asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_resumed_private_run_goes_on_in_the_same_ledger(recipe: dict, broken_off: Path) -> None:
    (run,) = LedgerStore().runs()
    # stopped inside step 14, the third epoch's last: 14 were written ahead, 13 were saved
    assert run.record.steps == 14
    result = train({**recipe, **PRIVATE}, out=broken_off, resume=True)
    record = read_ledger(result.model / "ledger.jsonl")
    assert record.runs[0].run == record.runs[1].run == run.run
    assert [s.steps for s in record.segments] == [14, 5] and record.n_abandoned == 1
    assert record.spending.epsilon == result.epsilon


def test_a_second_start_does_not_overwrite_a_run_that_can_go_on(
    recipe: dict, broken_off: Path
) -> None:
    with pytest.raises(InputError, match="was interrupted") as caught:
        train({**recipe, **PRIVATE}, out=broken_off)
    assert "--resume" in caught.value.remedy


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"private": {"noise_multiplier": 2, "delta": 1e-4}}, "noise_multiplier"),
        ({"private": {"noise_multiplier": 4, "delta": 1e-4, "max_grad_norm": 9}}, "max_grad_norm"),
        ({"private": {"noise_multiplier": 4, "delta": 1e-4, "sample_rate": 0.5}}, "sample_rate"),
        ({"private": {"noise_multiplier": 4, "delta": 1e-5}}, "delta"),
        ({"architecture": {"hidden": [9]}}, "architecture"),
        ({"learning_rate": 0.7}, "learning_rate"),
        ({"seed": 5}, "seed"),
    ],
)
def test_changed_settings_are_refused(
    recipe: dict, broken_off: Path, changes: dict, named: str
) -> None:
    with pytest.raises(InputError, match=named):
        train({**recipe, **PRIVATE, **changes}, out=broken_off, resume=True)


def test_changed_rows_are_refused(recipe: dict, broken_off: Path, table, tmp_path: Path) -> None:
    table.assign(income=table["income"] + 1).to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(InputError, match="training_data_digest"):
        train(
            {**recipe, **PRIVATE, "data": str(tmp_path / "other.csv")}, out=broken_off, resume=True
        )


def test_rows_that_were_moved_alone_are_the_same_rows(
    recipe: dict, broken_off: Path, csv: Path, tmp_path: Path
) -> None:
    shutil.copy(csv, tmp_path / "moved.csv")
    assert train(
        {**recipe, **PRIVATE, "data": str(tmp_path / "moved.csv")}, out=broken_off, resume=True
    )


def test_a_checkpoint_that_was_rolled_back_is_refused(
    recipe: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "model"
    monkeypatch.setattr(checkpoint, "keep_only", lambda *_: None)
    with pytest.raises(StopError):
        train({**recipe, **PRIVATE}, out=out, progress=stop_after(3), checkpoint_every=1)
    folder = unfinished_folder(out)
    shutil.rmtree(checkpoint.load(folder).step and folder / "step-000000013")
    with pytest.raises(AlteredEvidenceError, match="rolled back or never entered"):
        train({**recipe, **PRIVATE}, out=out, resume=True)


def test_a_ledger_store_that_was_rolled_back_is_refused(recipe: dict, broken_off: Path) -> None:
    (file,) = (LedgerStore().folder / "runs").glob("*.jsonl")
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:4]))
    with pytest.raises(AlteredEvidenceError, match="rolled back"):
        train({**recipe, **PRIVATE}, out=broken_off, resume=True)


def test_a_missing_ledger_store_is_refused_and_not_epsilon_zero(
    recipe: dict, broken_off: Path
) -> None:
    shutil.rmtree(LedgerStore().folder)
    with pytest.raises(InputError, match="no run"):
        train({**recipe, **PRIVATE}, out=broken_off, resume=True)


def test_an_edited_checkpoint_is_refused(recipe: dict, broken_off: Path) -> None:
    (folder,) = unfinished_folder(broken_off).iterdir()
    state = folder / "state.json"
    state.write_text(state.read_text().replace('"step": 13', '"step": 1'))
    with pytest.raises(AlteredEvidenceError, match="rolled back or never entered"):
        train({**recipe, **PRIVATE}, out=broken_off, resume=True)
    (folder / "state.safetensors").write_bytes(b"")
    with pytest.raises(AlteredEvidenceError, match="tensors"):
        train({**recipe, **PRIVATE}, out=broken_off, resume=True)


def test_nothing_to_resume_is_said(recipe: dict, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to resume"):
        train(recipe, out=tmp_path / "model", resume=True)
    estimator = {k: v for k, v in recipe.items() if k not in ("epochs", "architecture")}
    with pytest.raises(InputError, match="in one go"):
        train({**estimator, "model": "logistic"}, out=tmp_path / "model", resume=True)


def test_noise_and_sampling_are_not_in_a_checkpoint(broken_off: Path) -> None:
    saved = checkpoint.load(unfinished_folder(broken_off))
    kinds = {name.split(".")[0] for name in saved.tensors}
    assert kinds <= {"module", "optimizer", "rng", "rng_cuda"}
    (state,) = unfinished_folder(broken_off).rglob("state.json")
    assert set(json.loads(state.read_text())["ledger"]) == {"run", "seq", "head", "steps"}


def test_a_state_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.1)
    module(torch.ones(4, 3)).sum().backward()
    optimizer.step()
    standing = LoopState(7, [CurvePoint(1, 0.25, None)], total=1.5, count=4)
    digest = checkpoint.save(tmp_path, module, optimizer, standing, settings={"a": 1})
    other = torch.nn.Linear(3, 2)
    fresh = torch.optim.Adam(other.parameters(), lr=9.0)
    saved = checkpoint.load(tmp_path)
    saved.restore(other, fresh)
    assert (saved.step, saved.digest, saved.standing) == (7, digest, standing)
    assert torch.equal(module.weight, other.weight) and fresh.param_groups[0]["lr"] == 0.1
    for optim, net in ((optimizer, module), (fresh, other)):
        optim.zero_grad()
        net(torch.full((2, 3), 0.5)).square().sum().backward()
        optim.step()
    assert torch.equal(module.weight, other.weight)
