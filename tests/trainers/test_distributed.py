"""Two processes (gloo, CPU) train what one does: same accounting, equal weights, noise once."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.numpy import load_file

from evenhand.trainers import distributed, read_ledger, train
from tests.trainers.processes import torchrun

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available(), reason="torch was built without torch.distributed"
)
PRIVATE = {"private": {"noise_multiplier": 4, "delta": 1e-4}, "batch_size": 64, "epochs": 2}


@pytest.fixture(scope="module")
def folder(recipe: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left after training plainly and privately."""
    folder = tmp_path_factory.mktemp("ranks")
    # 280 rows in batches of 96: the last one has 88, and none divides by two alone
    (folder / "plain.yaml").write_text(yaml.safe_dump({**recipe, "batch_size": 93, "epochs": 2}))
    (folder / "private.yaml").write_text(yaml.safe_dump({**recipe, **PRIVATE}))
    with torchrun(folder / "home", "-m", "tests.trainers.ranks", str(folder)) as run:
        assert run.end() == 0, "".join(run.said)[-4000:]
    return folder


@pytest.mark.parametrize("name", ["plain", "private"])
def test_both_processes_end_with_the_same_weights(folder: Path, name: str) -> None:
    first, second = ((folder / f"{name}-{rank}.txt").read_text() for rank in (0, 1))
    assert first == second


def test_two_processes_take_the_steps_of_one(folder: Path, tmp_path: Path) -> None:
    one = train(folder / "plain.yaml", out=tmp_path / "one")
    alone = load_file(one.model / "weights.safetensors")
    together = load_file(folder / "plain" / "weights.safetensors")
    for name, tensor in alone.items():
        np.testing.assert_allclose(together[name], tensor, rtol=1e-3, atol=1e-5)


def test_the_accounting_is_that_of_one_process(folder: Path, tmp_path: Path) -> None:
    one = train(folder / "private.yaml", out=tmp_path / "one")
    alone = read_ledger(one.model / "ledger.jsonl")
    together = read_ledger(folder / "private" / "ledger.jsonl")
    assert together.segments == alone.segments and together.spending == alone.spending
    assert together.runs[0].world_size == 2 and alone.runs[0].world_size == 1
    assert together.is_closed and len(together.runs) == 1


def test_noise_is_added_once_and_is_that_of_one_process(folder: Path) -> None:
    # noise multiplier * norm / (rate * rows) = 1.5 * 0.4 / 8 = 0.075, on whichever process
    told = [json.loads((folder / f"told-{rank}.json").read_text()) for rank in (0, 1)]
    assert told[0]["noise"] == told[1]["noise"]
    for mean, deviation, n in told[0]["noise"]:
        assert deviation == pytest.approx(0.075, rel=6 / math.sqrt(2 * n))
        assert abs(mean) < 6 * 0.075 / math.sqrt(n)


def test_each_process_draws_from_rows_of_its_own_at_the_same_rate(folder: Path) -> None:
    for rank in (0, 1):
        n, *rows = json.loads((folder / f"told-{rank}.json").read_text())["drawn"]
        assert rows == list(range(rank, 20, 2))
        # 10 rows, 400 draws at 1/4: 1,000 expected, variance 750
        assert abs(n - 1000) < 6 * math.sqrt(750)


def test_alone_nothing_changes() -> None:
    assert (distributed.rank(), distributed.world_size()) == (0, 1)
    with distributed.processes():
        assert not torch.distributed.is_initialized()
    module = torch.nn.Linear(2, 2)
    assert distributed.add_up_plain(module) is module


def test_the_device_is_cuda_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert distributed.device() == torch.device("cuda", 1)
    monkeypatch.setenv("EVENHAND_DEVICE", "cpu")
    assert distributed.device() == torch.device("cpu")
    monkeypatch.delenv("EVENHAND_DEVICE")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert distributed.device() == torch.device("cpu")
