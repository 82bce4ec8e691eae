"""A limit in bytes decides how many rows are in memory at once, and is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from evenhand.audit.cli import run as evenhand
from evenhand.audit.errors import InputError
from evenhand.trainers import train
from evenhand.trainers.plan import plan
from evenhand.trainers.private.dials import bytes_of
from evenhand.trainers.private.memory import available_bytes, peak_bytes

ROOT = Path(__file__).parents[3]
PRIVATE = {"noise_multiplier": 4, "delta": 1e-4}


def test_the_process_grows_by_no_more_than_the_limit() -> None:
    """The peak of resident memory, as the kernel counts it, over one step of 320 rows."""
    limit = 50_000_000
    done = subprocess.run(
        [sys.executable, "-m", "tests.trainers.memory_peak", str(limit)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=480,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = {(t["mode"], t["limit"]): t for t in map(json.loads, done.stdout.splitlines())}
    for mode in ("hooks", "ghost"):
        free, kept = told[mode, 0], told[mode, limit]
        assert free["at_once"] is None and free["grown"] > 1.5 * limit, mode
        assert kept["grown"] <= limit and 1 <= kept["at_once"] < 320, mode
        # and the estimate isn't wasteful: the whole batch takes at least what it says for tensors
        assert kept["bytes_per_row"] * 320 <= free["grown"] * 1.1, mode


def test_the_peak_of_tensors_by_hand() -> None:
    def work() -> None:
        first = torch.zeros(1000)  # 4,000 bytes
        second = first + 1  # 8,000 together
        del first
        third = second * 2  # the first is gone: 8,000
        fourth = third.view(10, 100)  # a view takes nothing
        fourth.add_(1)

    assert peak_bytes(work) == 8000


def test_sizes_in_words() -> None:
    assert [bytes_of(s) for s in ("1 GiB", "1.5 kB", "2MiB", "7", "3 TB")] == [
        1 << 30,
        1500,
        2 << 20,
        7,
        3 * 10**12,
    ]
    for wrong in ("much", "-1 GB", "1 XB", "GB"):
        with pytest.raises(ValueError, match="is not a size"):
            bytes_of(wrong)


def test_the_default_is_half_of_what_is_free(recipe: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    free = available_bytes(torch.device("cpu"))
    assert 0 < free < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    told = plan({**recipe, "private": PRIVATE})["private"]
    assert told["memory"]["limit_is"] == "half of the available memory"
    assert 0.25 * free < told["memory"]["limit_bytes"] < free
    assert told["physical_batch_size"] is None  # every row of this table would fit
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert available_bytes(torch.device("cpu")) == pytest.approx(free / 4, rel=0.2)


def test_a_limit_is_in_the_record_and_changes_no_cost(recipe: dict, tmp_path: Path) -> None:
    free = plan({**recipe, "batch_size": 128, "private": PRIVATE})["private"]
    given = {**recipe, "batch_size": 128, "private": {**PRIVATE, "memory_limit": "20 kB"}}
    told = train(given, out=tmp_path / "model").privacy
    assert told is not None and told.memory is not None
    assert told.memory["limit_bytes"] == 20_000
    size = told.physical_batch_size
    assert size == int(20_000 / 2 / told.memory["bytes_per_row"]) and size < 128
    for same in ("epsilon", "sample_rate", "noise_multiplier", "steps"):
        assert getattr(told, same) == free[same], same


def test_a_limit_that_one_row_exceeds_is_refused(
    recipe: dict, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="memory_limit=100 bytes"):
        plan({**recipe, "private": {**PRIVATE, "memory_limit": 100}})
    with pytest.raises(InputError, match="'lots' is not a size"):
        plan({**recipe, "private": {**PRIVATE, "memory_limit": "lots"}})
    command = ["train", "tabular", "--data", recipe["data"], "--target", "answer", "--plan"]
    command += ["--positive-label", "yes", "--private", "--memory-limit", "50kB"]
    assert evenhand(command) == 0
    told = capsys.readouterr().out
    assert "limit 50,000 (declared)" in told and "rows at once" in told
