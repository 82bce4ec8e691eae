from __future__ import annotations

import json
from pathlib import Path

import pytest

from evenhand.audit.errors import AlteredEvidenceError, InputError
from evenhand.audit.files.canonical import canonical_bytes, digest_json
from evenhand.trainers.ledger.record import close_run, open_run, read_ledger
from tests.trainers.ledger.entries import EXECUTED, FULL, PART, PLANNED, closed, opened


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Two runs, each closed after 40 of its 60 planned steps."""
    path = tmp_path / "ledger.jsonl"
    for _ in range(2):
        open_run(path, opened())
        close_run(path, closed())
    return path


def test_a_closed_run_counts_what_was_executed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    open_run(path, opened())
    close_run(path, closed())
    record = read_ledger(path)
    assert record.spending.epsilon == PART.epsilon and record.is_closed
    assert record.to_privacy().steps == EXECUTED
    assert record.weights_digest == "sha256:" + "b" * 64
    json.dumps(record.to_privacy().to_json())


def test_an_open_run_counts_what_was_planned(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    open_run(path, opened())
    record = read_ledger(path)
    assert record.spending.epsilon == FULL.epsilon > PART.epsilon
    assert not record.is_closed and record.weights_digest is None
    assert "not closed" in record.to_privacy().warnings[0]


def test_runs_compose(ledger: Path) -> None:
    record = read_ledger(ledger)
    assert record.to_privacy().steps == 2 * EXECUTED
    assert PART.epsilon < record.spending.epsilon < 2 * PART.epsilon


def test_an_abandoned_run_stays_counted_in_full(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    open_run(path, opened())
    open_run(path, opened())
    close_run(path, closed())
    record = read_ledger(path)
    assert [s.steps for s in record.segments] == [PLANNED, EXECUTED]
    assert record.n_abandoned == 1 and "broke off" in record.to_privacy().warnings[0]


def edit(text: str) -> str:
    return text.replace('"planned_steps":60', '"planned_steps":6', 1)


def respaced(text: str) -> str:
    return text.replace('"kind":"opened"', '"kind": "opened"', 1)


def without_line(number: int):
    def change(text: str) -> str:
        lines = text.splitlines(keepends=True)
        return "".join(lines[:number] + lines[number + 1 :])

    return change


def swapped(text: str) -> str:
    a, b, c, d = text.splitlines(keepends=True)
    return c + d + a + b


def rechained_with_less(text: str) -> str:
    """A forger who knows the format: one line cheaper, and every digest made to fit."""
    previous, out = "sha256:" + "0" * 64, []
    for line in map(json.loads, text.splitlines()):
        line.pop("digest")
        if line["kind"] == "closed":
            line["body"]["epsilon"] = 0.01
        line["previous"] = previous
        line["digest"] = previous = digest_json(line)
        out.append(canonical_bytes(line).decode() + "\n")
    return "".join(out)


@pytest.mark.parametrize(
    "change",
    [
        edit,
        respaced,
        swapped,
        rechained_with_less,
        without_line(0),
        without_line(1),
        without_line(2),
        lambda text: text.replace('"seq":2', '"seq":3'),
        lambda text: text + "{}\n",
        lambda text: text + "\n",
        lambda text: text.replace("opened", "started"),
        lambda text: "",
        lambda text: "[" * 100_000 + "\n",
    ],
)
def test_tampering_is_found(ledger: Path, change) -> None:
    ledger.write_text(change(ledger.read_text()))
    with pytest.raises(AlteredEvidenceError):
        read_ledger(ledger)


def test_every_single_byte_counts(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    open_run(path, opened())
    whole = path.read_bytes()
    for position in range(0, len(whole) - 1, 7):
        changed = bytearray(whole)
        changed[position] ^= 1
        path.write_bytes(bytes(changed))
        with pytest.raises(AlteredEvidenceError):
            read_ledger(path)


@pytest.mark.parametrize("cut", ["whole line", "half a line"])
def test_a_lost_closing_line_over_counts(ledger: Path, cut: str) -> None:
    both = read_ledger(ledger).spending.epsilon
    text = ledger.read_text()
    lines = text.splitlines(keepends=True)
    ledger.write_text("".join(lines[:3]) if cut == "whole line" else text[:-100])
    record = read_ledger(ledger)
    assert record.spending.epsilon > both and not record.is_closed


def test_nothing_is_appended_behind_half_a_line(ledger: Path) -> None:
    ledger.write_text(ledger.read_text()[:-100])
    with pytest.raises(AlteredEvidenceError):
        close_run(ledger, closed())


def test_more_steps_than_planned_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    open_run(path, opened())
    close_run(path, closed(executed_steps=PLANNED + 1, epsilon=50))
    with pytest.raises(AlteredEvidenceError, match="more steps"):
        read_ledger(path)


def test_runs_on_other_rows_do_not_share_a_ledger(ledger: Path) -> None:
    with pytest.raises(InputError, match="other rows"):
        open_run(ledger, opened(dataset_digest="sha256:" + "c" * 64))


def test_closing_without_an_open_run_is_refused(ledger: Path) -> None:
    with pytest.raises(InputError, match="no open run"):
        close_run(ledger, closed())


def test_no_ledger_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the ledger"):
        read_ledger(tmp_path / "ledger.jsonl")
