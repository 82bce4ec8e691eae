"""kill -9 at every step of a short private run: what is recorded is never less than what was spent.

A real process, killed by the kernel; the test reads what it left on the disk.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evenhand.trainers.private.accounting import spent
from evenhand.trainers.private.bracket import Segment

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def told(csv: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    folder = tmp_path_factory.mktemp("killed")
    done = subprocess.run(
        [sys.executable, "-m", "tests.trainers.killing", str(csv), str(folder)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "EVENHAND_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def cost(steps: int) -> float:
    # 140 of 280 rows a batch: rate 1/2, 3 epochs are 6 steps
    return spent([Segment(3.0, 0.5, steps)], 1e-4).epsilon


def test_every_step_was_killed_in_every_place(told: list[dict]) -> None:
    places = ("before writing ahead", "after writing ahead", "after the step")
    assert [(t["where"], t["kill"]) for t in told] == [(w, k) for w in places for k in range(1, 7)]


def test_recorded_epsilon_is_never_below_what_was_spent(told: list[dict]) -> None:
    for t in told:
        assert cost(t["recorded"]) >= cost(t["applied"]), t


def test_the_ledger_is_ahead_by_one_step_at_most(told: list[dict]) -> None:
    # six planned steps are written ahead one by one: the kill before the line has k - 1 of them
    for t in told:
        before = t["where"] == "before writing ahead"
        applied = t["kill"] if t["where"] == "after the step" else t["kill"] - 1
        assert (t["applied"], t["recorded"]) == (applied, t["kill"] - before), t


def test_a_killed_run_goes_on_and_counts_both_parts(told: list[dict]) -> None:
    # checkpoints each two steps: killed at 3 the last is after 2, killed at 6 after 4
    for t in told:
        if t["kill"] in (3, 6):
            left = 4 if t["kill"] == 3 else 2
            assert t["resumed"] == [t["recorded"], left], t
