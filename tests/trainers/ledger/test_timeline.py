"""The ledger's timeline: hand-made ledgers, whose steps are counted by hand."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from opacus.accountants import PRVAccountant

from evenhand.audit.files.chain import Chain
from evenhand.trainers.ledger.record import KINDS, OpenedLedger, read_ledger
from evenhand.trainers.ledger.run import RunLedger
from evenhand.trainers.ledger.timeline import timeline

DELTA = 1e-5
OPENED: dict[str, Any] = {
    "dataset_digest": "sha256:" + "a" * 64,
    "n_train": 1000,
    "unit": "row",
    "adjacency": "add/remove one row",
    "sampler": "Poisson",
    "accountant": "PRV",
    "noise": "operating system entropy",
    "noise_multiplier": 4.0,
    "max_grad_norm": 1.0,
    "sample_rate": 0.1,
    "delta": DELTA,
    "planned_steps": 60,
    "epsilon": 99.0,
    "epsilon_rdp": 99.0,
    "outside_guarantee": (),
    "versions": {},
}
CLOSED = {"epsilon": 99.0, "epsilon_rdp": 99.0, "weights_digest": "sha256:" + "b" * 64}


def written(path: Path, *lines: tuple[str, dict[str, Any]]) -> Path:
    chain = Chain(path / "ledger.jsonl", KINDS)
    for kind, body in lines:
        chain.append(kind, body)
    return chain.path


def opened(**changes: Any) -> tuple[str, dict[str, Any]]:
    body = OpenedLedger.model_validate({**OPENED, "writes_ahead": True, **changes})
    return "opened", body.model_dump(mode="json")


def prv(*segments: tuple[float, int]) -> float:
    """Opacus' own accountant, asked directly: noise and steps of each segment."""
    accountant = PRVAccountant()
    accountant.history = [(noise, 0.1, steps) for noise, steps in segments]
    with warnings.catch_warnings():  # its RDP bound, asked for the grid, ends at its last order
        warnings.filterwarnings("ignore", message="Optimal order is the")
        return float(accountant.get_epsilon(DELTA))


def test_steps_and_epsilon_of_a_run_that_was_paused(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        opened(),
        ("ahead", {"through": 20}),
        ("ahead", {"through": 40}),
        ("paused", {"executed_steps": 25}),  # fewer than were written ahead: those that were run
        opened(planned_steps=35, start_step=25),
        ("ahead", {"through": 35}),
        ("closed", {"executed_steps": 33, **CLOSED}),
    )
    record = read_ledger(file)
    told = timeline(file, record)
    entries = told["entries"]
    assert told["n_lines"] == 7
    assert [e["seq"] for e in entries] == [1, 2, 3, 4, 5, 6, 7]
    assert [e["event"] for e in entries] == [
        "opened",
        "ahead",
        "ahead",
        "paused",
        "opened",
        "ahead",
        "closed",
    ]
    # by hand: nothing, 20 and 40 written ahead, 25 run; then 25 + 0, 25 + 35, 25 + 33
    assert [e["steps"] for e in entries] == [0, 20, 40, 25, 25, 60, 58]
    assert entries[0]["epsilon"] == 0.0
    assert entries[3]["epsilon"] == entries[4]["epsilon"] == pytest.approx(prv((4.0, 25)), rel=0.02)
    assert entries[-1]["epsilon"] == pytest.approx(prv((4.0, 58)), rel=0.02)
    assert entries[-1]["epsilon"] == record.spending.epsilon  # the last line is the total
    assert all(e["at"].endswith("+00:00") for e in entries)


def test_a_segment_that_broke_off_counts_what_was_written_ahead(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        opened(),
        ("ahead", {"through": 30}),
        opened(noise_multiplier=8.0),
        ("ahead", {"through": 10}),
        ("closed", {"executed_steps": 10, **CLOSED}),
    )
    entries = timeline(file, read_ledger(file))["entries"]
    assert [e["steps"] for e in entries] == [0, 30, 30, 40, 40]
    assert entries[-1]["epsilon"] == pytest.approx(prv((4.0, 30), (8.0, 10)), rel=0.02)


def test_a_ledger_without_lines_ahead_is_spent_when_it_opens(tmp_path: Path) -> None:
    file = written(
        tmp_path, opened(writes_ahead=False), ("closed", {"executed_steps": 40, **CLOSED})
    )
    entries = timeline(file, read_ledger(file))["entries"]
    assert [e["steps"] for e in entries] == [60, 40]


def test_of_a_hundred_blocks_a_few_are_told_and_both_ends(tmp_path: Path) -> None:
    chain = Chain(tmp_path / "ledger.jsonl", KINDS)
    body = OpenedLedger.model_validate({**OPENED, "planned_steps": 300, "writes_ahead": True})
    chain.append("opened", body.model_dump(mode="json"))
    run = RunLedger(chain, body)
    for step in range(1, 301):
        run.authorise(step)
    chain.append("closed", {"executed_steps": 300, **CLOSED})
    told = timeline(chain.path, read_ledger(chain.path))
    assert told["n_lines"] == 102  # opened, a hundred blocks of three steps, closed
    entries = told["entries"]
    assert [entries[0]["event"], entries[-1]["event"]] == ["opened", "closed"]
    ahead = [e for e in entries if e["event"] == "ahead"]
    assert len(ahead) == 6
    assert (ahead[0]["steps"], ahead[-1]["steps"]) == (3, 300)
    assert [e["epsilon"] for e in ahead] == sorted(e["epsilon"] for e in ahead)
