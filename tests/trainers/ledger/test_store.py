"""The store of all private runs: overlap, composition, rollback."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.errors import AlteredEvidenceError, InputError
from evenhand.trainers.data.rows import frame_rows
from evenhand.trainers.ledger.run import RunLedger
from evenhand.trainers.ledger.store import LedgerStore
from evenhand.trainers.private.accounting import spent
from evenhand.trainers.private.bracket import Segment
from tests.trainers.ledger.entries import closed, opened

DELTA = 1e-5


@pytest.fixture
def store(tmp_path: Path) -> LedgerStore:
    return LedgerStore(tmp_path / "ledger")


def people(first: int, last: int) -> list[bytes]:
    return [f"person {i}".encode() for i in range(first, last)]


def run(store: LedgerStore, rows: list[bytes], steps: int = 10, **dials: object) -> RunLedger:
    """A run of ``steps`` steps on ``rows``, not closed."""
    started = store.open_run(opened(**dials), store.row_set(rows))
    for step in range(1, steps + 1):
        started.authorise(step)
    return started


def test_rows_are_known_by_a_keyed_hash_alone(store: LedgerStore) -> None:
    rows = store.row_set([b"b", b"a", b"b"])
    key = (store.folder / "key").read_bytes()
    expected = sorted(
        int.from_bytes(hmac.new(key, r, hashlib.sha256).digest()[:8], "big") for r in (b"a", b"b")
    )
    assert rows.hashes.tolist() == expected and len(key) == 32
    assert stat.S_IMODE((store.folder / "key").stat().st_mode) == 0o600
    assert LedgerStore(store.folder).row_set([b"a", b"b"]).digest == rows.digest


def test_two_stores_know_the_same_row_by_different_hashes(tmp_path: Path) -> None:
    first, second = LedgerStore(tmp_path / "a"), LedgerStore(tmp_path / "b")
    assert first.row_set([b"x"]).digest != second.row_set([b"x"]).digest
    assert first.id != second.id and len(first.id) == 32


def test_no_row_is_in_the_store(store: LedgerStore) -> None:
    run(store, people(0, 50))
    for file in store.folder.rglob("*"):
        assert file.is_dir() or b"person" not in file.read_bytes()


def test_runs_on_overlapping_rows_compose(store: LedgerStore) -> None:
    run(store, people(0, 100), steps=10)
    run(store, people(75, 175), steps=20, noise_multiplier=3.0, epsilon=99, epsilon_rdp=99)
    run(store, people(500, 600), steps=30)
    # 25 of the first run's 100 rows are in the second, none in the third
    found = store.composition(store.row_set(people(0, 100)), delta=DELTA)
    assert (found.runs, found.overlap) == (2, 1.0)
    both = spent([Segment(4.0, 0.1, 10), Segment(3.0, 0.1, 20)], DELTA)
    assert found.epsilon == both.epsilon
    # a set that was never trained on shares 10 of its 40 rows with the first run
    other = store.composition(store.row_set(people(-30, 10)), delta=DELTA)
    assert (other.runs, other.overlap) == (1, 0.25)
    assert other.epsilon == spent([Segment(4.0, 0.1, 10)], DELTA).epsilon
    nobody = store.composition(store.row_set(people(900, 910)), delta=DELTA)
    assert (nobody.runs, nobody.epsilon) == (0, 0.0)


def test_a_planned_run_is_added_to_what_was_spent(store: LedgerStore) -> None:
    run(store, people(0, 100), steps=10)
    planned = (Segment(4.0, 0.1, 5),)
    found = store.composition(store.row_set(people(0, 100)), delta=DELTA, planned=planned)
    assert found.runs == 2 and found.epsilon == spent([Segment(4.0, 0.1, 15)], DELTA).epsilon


def test_the_order_of_rows_and_columns_changes_nothing(store: LedgerStore) -> None:
    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"]})
    turned = frame.iloc[[2, 0, 1]][["b", "a"]].assign(empty=np.nan)
    assert store.row_set(frame_rows(frame)).digest == store.row_set(frame_rows(turned)).digest
    edited = frame.assign(a=[1, 2, 4])
    first, second = store.row_set(frame_rows(frame)), store.row_set(frame_rows(edited))
    assert first.shared_with(second) == 2


def test_steps_are_written_ahead_one_by_one_in_a_short_run(store: LedgerStore) -> None:
    started = run(store, people(0, 9), steps=0)
    assert store.read_run(started.run).steps == 0
    for step in range(1, 61):
        started.authorise(step)
        assert store.read_run(started.run).steps == step  # 60 planned steps are 60 blocks of one
    with pytest.raises(InputError, match="beyond the 60"):
        started.authorise(61)


def test_a_long_run_writes_a_hundred_blocks_ahead(store: LedgerStore) -> None:
    started = run(store, people(0, 9), steps=0, planned_steps=1000, epsilon=99, epsilon_rdp=99)
    for step in range(1, 1001):
        started.authorise(step)
        assert store.read_run(started.run).steps >= step if step % 97 == 0 else True
    lines = started.path.read_text().splitlines()
    assert len(lines) == 101


def test_a_paused_segment_counts_what_was_executed(store: LedgerStore) -> None:
    started = run(store, people(0, 9), steps=7)
    started.pause(6)
    again = store.resume_run(started.run, opened(start_step=6, planned_steps=54))
    for step in range(1, 55):
        again.authorise(step)
    again.close(closed(executed_steps=54, epsilon=99, epsilon_rdp=99))
    record = store.read_run(started.run)
    assert [s.steps for s in record.segments] == [6, 54] and record.is_closed
    with pytest.raises(InputError, match="has ended"):
        store.resume_run(started.run, opened())


def test_a_crash_between_line_and_anchor_is_no_rollback(store: LedgerStore) -> None:
    started = run(store, people(0, 9), steps=3)
    anchor = started.path.with_suffix(".anchor")
    before = anchor.read_bytes()
    started.authorise(4)
    anchor.write_bytes(before)
    assert store.read_run(started.run).steps == 4


def test_a_torn_line_is_cut_off_before_a_run_goes_on(store: LedgerStore) -> None:
    started = run(store, people(0, 9), steps=3)
    with started.path.open("ab") as handle:
        handle.write(b'{"seq": 9')
    assert store.read_run(started.run).steps == 3
    store.resume_run(started.run, opened(start_step=3, planned_steps=57)).authorise(1)
    assert store.read_run(started.run).steps == 4


def rolled_back(started: RunLedger) -> None:
    lines = started.path.read_text().splitlines(keepends=True)
    started.path.write_text("".join(lines[:-2]))


def forgotten(started: RunLedger) -> None:
    started.path.unlink()


def without_anchor(started: RunLedger) -> None:
    started.path.with_suffix(".anchor").unlink()


def with_a_cheaper_anchor(started: RunLedger) -> None:
    anchor = started.path.with_suffix(".anchor")
    anchor.write_text(json.dumps({**json.loads(anchor.read_text()), "steps": 1}))


def with_other_rows(started: RunLedger) -> None:
    (file,) = (started.path.parent.parent / "rows").iterdir()
    file.write_bytes(file.read_bytes()[:-8])


@pytest.mark.parametrize(
    "change", [rolled_back, forgotten, without_anchor, with_a_cheaper_anchor, with_other_rows]
)
def test_a_store_that_was_changed_is_refused(store: LedgerStore, change) -> None:
    started = run(store, people(0, 9), steps=5)
    change(started)
    with pytest.raises(AlteredEvidenceError, match="ledger store was rolled back"):
        store.composition(store.row_set(people(0, 9)), delta=DELTA)


def test_a_run_deleted_with_its_index_entry_is_missed_by_later_runs(store: LedgerStore) -> None:
    first = run(store, people(0, 9), steps=5)
    kept = run(store, people(0, 9), steps=5)
    for file in (first.path, first.path.with_suffix(".anchor"), store.folder / "index.jsonl"):
        file.unlink()
    with pytest.raises(AlteredEvidenceError, match="index"):
        store.composition_of(store.read_run(kept.run))


def test_a_store_taken_back_to_an_earlier_copy_is_refused(
    store: LedgerStore, tmp_path: Path
) -> None:
    started = run(store, people(0, 9), steps=5)
    shutil.copytree(store.folder, tmp_path / "copy")
    started.authorise(6)
    later = store.read_run(started.run)
    shutil.rmtree(store.folder)
    shutil.copytree(tmp_path / "copy", store.folder)
    # the copy is consistent in itself; what saw the later line knows better
    assert store.read_run(started.run).steps == 5
    with pytest.raises(AlteredEvidenceError, match="does not hold line"):
        store.composition_of(later)


def test_a_store_that_is_elsewhere_leaves_the_composition_unknown(
    store: LedgerStore, tmp_path: Path
) -> None:
    record = store.read_run(run(store, people(0, 9)).run)
    elsewhere = LedgerStore(tmp_path / "other")
    assert elsewhere.composition_of(record).state == "unknown"
    elsewhere.row_set([b"x"])
    found = elsewhere.composition_of(record)
    assert found.reason.startswith("composition unknown: its ledger store")
    assert store.composition_of(record).state == "known"


def test_a_run_of_another_store_is_not_epsilon_zero(store: LedgerStore) -> None:
    store.row_set([b"x"])
    with pytest.raises(InputError, match="has no run"):
        store.read_run("0" * 16)
    with pytest.raises(InputError, match="not a name"):
        store.read_run("../../etc/passwd")
