"""What is kept between runs: never older than the files, and no more than there is room for."""

from __future__ import annotations

import gc
import json
import os
import threading
from pathlib import Path

import pytest

from evenhand.audit.case.case import Case
from evenhand.audit.errors import AlteredEvidenceError
from evenhand.audit.files.canonical import canonical_bytes, digest_file
from evenhand.audit.register.register import Register
from evenhand.dashboard.cases import index, shelf, store
from evenhand.dashboard.cases.shelf import Shelf
from evenhand.dashboard.charts import groups as charts
from evenhand.dashboard.charts.drawing import Drawn
from evenhand.dashboard.frames import findings as frames
from evenhand.dashboard.i18n import Translator
from evenhand.dashboard.server import collecting
from tests.dashboard.sound_cases import alter, register_case, write_case
from tests.samples import finding, sample_findings

N_FINDINGS = len(sample_findings())


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every case that is read whole, in order."""
    done: list[Path] = []
    read = shelf.read_case

    def counted(path: Path) -> Case:
        done.append(path)
        return read(path)

    monkeypatch.setattr(shelf, "read_case", counted)
    return done


def test_a_list_reads_no_findings_and_a_case_is_read_once(home: Path, reads: list[Path]) -> None:
    path = write_case(home / "cases" / "a").path
    kept = Shelf()
    (stored,) = kept.cases([path])
    told = kept.excerpt(stored)
    assert (stored.name, told.n_findings) == ("loan-mlp", N_FINDINGS)
    accuracy = told.index.overall("accuracy_score")
    assert accuracy is not None
    assert accuracy.value == 0.9
    # gaps of one feature and of crossings are told, rates of groups are not
    assert {f.measure for f in told.index.by_id.values()} <= set(shelf.TOLD)
    assert not reads
    first = kept.cases([path])[0].case
    assert first is not None
    assert kept.cases([path])[0].case is first
    assert kept.index(first) is kept.index(first)
    assert reads == [path]


def test_the_index_finds_the_value_over_all_rows_of_the_same_check_only() -> None:
    whole = finding("fairness.group_rates", "selection_rate", 0.88)
    other = finding("other.check", "selection_rate", 0.1)
    made = index.build([*sample_findings(), other, whole], ["race", "sex"])
    assert made.overall("selection_rate", check="fairness.group_rates") is whole
    assert made.overall("selection_rate", check="fairness.gaps") is None
    assert made.statuses["error"] == 1
    assert {"other.check", "data.quality"} <= made.checks


def test_what_was_used_last_stays_when_there_is_no_room(home: Path, reads: list[Path]) -> None:
    paths = [write_case(home / "cases" / name, name=name).path for name in "abc"]
    kept = Shelf(most_findings=2 * N_FINDINGS)
    a, b, c = kept.cases(paths)
    for stored in (a, b, a, c, a):  # c puts b away, not a
        assert stored.case is not None
    assert reads == [paths[0], paths[1], paths[2]]
    assert b.case is not None
    assert reads[-1] == paths[1]
    narrow = Shelf(most_findings=1)
    assert [s.case is not None for s in narrow.cases(paths)] == [True] * 3  # one always fits


def test_an_altered_case_is_noticed_whatever_is_kept(home: Path) -> None:
    case = write_case(home / "cases" / "a")
    kept = Shelf()
    (stored,) = kept.cases([case.path])
    assert stored.case is not None
    alter(case)
    (seen,) = kept.cases([case.path])
    assert (seen.state, seen.case) == ("altered", None)
    for read in (lambda: kept.excerpt(stored), lambda: stored.case):
        with pytest.raises(AlteredEvidenceError, match="has changed"):
            read()


def test_a_folder_is_looked_at_once_a_second(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(shelf.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(shelf, "LOOK_AGAIN_S", 1.0)
    case, kept = write_case(home / "cases" / "a"), Shelf()
    for later in (0.0, 5.0):  # after opening it, and after having looked at it again
        now[0] += later
        assert kept.cases([case.path])[0].state == "sealed"
        now[0] += 0.9
        assert kept.cases([case.path])[0].state == "sealed"
    alter(case)
    assert kept.cases([case.path])[0].state == "sealed"
    now[0] += 0.2
    assert kept.cases([case.path])[0].state == "altered"


def test_bytes_that_change_without_a_trace_are_found_when_all_is_read_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = write_case(home / "cases" / "a")
    file = case.path / "findings.jsonl"
    kept, before = Shelf(), file.stat()
    assert kept.cases([case.path])[0].state == "sealed"
    file.write_bytes(file.read_bytes().replace(b"0.893", b"0.999"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert kept.cases([case.path])[0].state == "sealed"  # same name, size and time
    monkeypatch.setattr(shelf, "VERIFY_AGAIN_S", 0.0)
    assert kept.cases([case.path])[0].state == "altered"


def test_a_case_sealed_around_what_are_no_findings_is_marked(home: Path) -> None:
    case = write_case(home / "cases" / "a")
    (case.path / "findings.jsonl").write_text('{"accuracy_score": 1}\n')
    seal = json.loads((case.path / "seal.json").read_text("utf-8"))
    seal["files"]["findings.jsonl"] = digest_file(case.path / "findings.jsonl")
    (case.path / "seal.json").write_bytes(canonical_bytes(seal))
    kept = Shelf()
    (stored,) = kept.cases([case.path])
    assert stored.state == "sealed"  # until somebody reads it
    with pytest.raises(AlteredEvidenceError, match="does not hold findings"):
        _ = stored.case
    (stored,) = kept.cases([case.path])
    assert (stored.state, stored.case) == ("altered", None)
    assert "does not hold findings" in stored.problem


def test_many_who_ask_at_once_wait_for_one_reading(home: Path, reads: list[Path]) -> None:
    path = write_case(home / "cases" / "a").path
    (stored,) = (kept := Shelf()).cases([path])
    found: list[Case | None] = []
    asking = [threading.Thread(target=lambda: found.append(stored.case)) for _ in range(8)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(60)
    assert len(found) == 8
    assert all(case is found[0] for case in found)
    assert reads == [path]
    assert kept.cases([path])[0].case is found[0]


def test_the_register_is_read_again_with_every_entry_and_only_then(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, read, times = Shelf(), store.read_register, []
    monkeypatch.setattr(store, "read_register", lambda: times.append(1) or read())
    assert len(kept.register().entries) == 1
    kept.register()  # reading may put away the database's own log, and so change its files once
    settled = len(times)
    assert kept.register() is kept.register()
    assert len(times) == settled
    register_case(case)
    assert len(kept.register().entries) == 2
    Register().append("waiver", {"pack": "x"})
    assert len(kept.register().entries) == 3


def test_collecting_puts_aside_what_stays_and_frees_what_is_let_go() -> None:
    watch = collecting._Watch()
    before = gc.get_freeze_count()
    watch.settle()  # the first time always
    assert gc.get_freeze_count() > before
    watch._took_s, watch._before_s = 0.01, 0.01  # short: nothing is done
    frozen = gc.get_freeze_count()
    keep = [[] for _ in range(1000)]
    watch.settle()
    assert gc.get_freeze_count() <= frozen
    watch._took_s = 5.0
    watch.settle()
    aside = gc.get_freeze_count()
    del keep
    assert aside - gc.get_freeze_count() >= 1000  # freed although nobody collects them


def test_a_chart_is_drawn_once_for_the_same_numbers_and_language(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rates = [f for f in sample_findings() if f.measure == "selection_rate"]
    texts = []
    for lang, overall in (("en", 0.5), ("en", 0.5), ("zh", 0.5), ("en", 0.6)):
        t = Translator(lang)
        frame = frames.group_frame(rates, "race", {}, t)
        drawn = charts.group_chart(frame, t, measure="m", unit="rate", overall=overall)
        assert isinstance(drawn, Drawn)
        texts.append(drawn.text)
    assert texts[0] is texts[1]
    assert len(set(texts)) == 3
    spec = Drawn(texts[0]).to_dict()
    spec["layer"] = []
    assert Drawn(texts[0]).to_dict()["layer"]
