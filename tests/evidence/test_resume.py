"""An audit that is cut off at any moment is resumed, and finds the same to the byte."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from evenhand.audit.case.case import CaseWriter, read_case, verify_case
from evenhand.audit.case.work import lock_work, unfinished
from evenhand.audit.errors import InputError
from evenhand.audit.register.register import Register
from tests.evidence.conftest import Forked
from tests.evidence.contents import contents
from tests.evidence.rows import CHECKS, audit_line, write_rows
from tests.samples import finding, sample_plan


def finish(forked: Forked, where: Path) -> str:
    """Resumes where there is something to resume, else audits anew; how it went."""
    can = (where / "case").exists() or bool(unfinished(where, "case"))
    told = forked(audit_line("case", *(["--resume"] if can else [])), where)
    assert told["code"] == 0, told
    return "resumed" if can else "anew"


def check_killed(forked: Forked, where: Path, undisturbed: dict[str, bytes], what: str) -> str:
    if (where / "case").exists():
        assert verify_case(where / "case") == [], what  # never half a case
    how = finish(forked, where)
    assert contents(where / "case") == undisturbed, what
    entries = Register(f"sqlite:///{where / 'home' / 'register.sqlite'}").snapshot()
    assert [e.kind for e in entries if e.kind == "case"] == ["case"], what
    assert not [p for p in where.iterdir() if p.name.startswith(".case") and _has_run(p)], what
    return how


def _has_run(work: Path) -> bool:
    return (work / "run.json").exists()


def undisturbed(forked: Forked, where: Path) -> tuple[dict[str, bytes], int]:
    told = forked(audit_line("whole"), where)
    assert told["code"] == 0, told
    shutil.rmtree(where / "home")
    return contents(where / "whole"), told["operations"]


def killed_at(forked: Forked, where: Path, moments: list[int], whole: dict[str, bytes]) -> set[str]:
    how = set()
    for moment in moments:
        assert forked(audit_line("case"), where, die_at=moment)["code"] == -signal.SIGKILL
        how.add(check_killed(forked, where, whole, f"killed at operation {moment}"))
        shutil.rmtree(where / "case")
        shutil.rmtree(where / "home")
        for left in where.glob(".case.partial-*"):
            shutil.rmtree(left)
    return how


def test_killed_at_any_write_it_goes_on_to_the_same_findings(forked: Forked, where: Path) -> None:
    whole, operations = undisturbed(forked, where)
    # test_disk_faults.py kills what keeps the findings at every operation; here they are measured
    moments = [2, *(operations * part // 4 for part in (2, 3)), operations]
    assert "resumed" in killed_at(forked, where, moments, whole)


@pytest.mark.slow
def test_killed_at_every_single_write(forked: Forked, where: Path) -> None:
    whole, operations = undisturbed(forked, where)
    killed_at(forked, where, [*range(1, operations + 1)], whole)


def test_killed_while_measuring(forked: Forked, where: Path) -> None:
    whole, _ = undisturbed(forked, where)
    for tenths in (2, 5):
        forked(audit_line("case"), where, after=tenths / 10)
        if not (where / "case").exists():
            check_killed(forked, where, whole, f"killed after 0.{tenths} s")
        shutil.rmtree(where / "case", ignore_errors=True)
        shutil.rmtree(where / "home", ignore_errors=True)
        for left in where.glob(".case.partial-*"):
            shutil.rmtree(left)


def cut_off(forked: Forked, where: Path) -> None:
    """Leaves an audit of which some checks are finished."""
    for moment in range(40, 400, 10):
        forked(audit_line("case"), where, die_at=moment)
        kept = [p for p in where.glob(".case.partial-*/finished/*/*.json") if p.name[0] != "."]
        if len(kept) >= 2:
            return
        shutil.rmtree(where / "case", ignore_errors=True)
        for left in where.glob(".case.partial-*"):
            shutil.rmtree(left)
    raise AssertionError("no moment was found")


def test_only_the_same_audit_is_resumed(forked: Forked, where: Path) -> None:
    cut_off(forked, where)
    line = audit_line("case", "--resume")
    for option, value, said in [
        ("--seed", "5", "seed"),
        ("--threshold", "0.4", "threshold"),
        ("--level", "0.9", "level"),
        ("--checks", "data.*", "checks"),
    ]:
        told = forked([*line, option, value], where)
        assert told["code"] == 2, (option, told)
        assert said in told["err"], (option, told)
        assert "cannot be resumed" in told["err"]
    rows = (where / "rows.csv").read_bytes()
    write_rows(where, seed=4)
    told = forked(line, where)
    assert "the data changed" in told["err"], told
    (where / "rows.csv").write_bytes(rows)
    (work,) = unfinished(where, "case")
    run = json.loads((work / "run.json").read_text())
    changed = {**run, "versions": {**run["versions"], "code": "sha256:0"}}
    (work / "run.json").write_text(json.dumps(changed))
    assert "evenhand's source changed" in forked(line, where)["err"]
    (work / "run.json").write_text(json.dumps(run))
    assert forked(line, where)["code"] == 0
    environment = read_case(where / "case").environment
    assert environment.resumed  # and says which checks it did not measure again
    assert set(environment.resumed) < set(CHECKS.split(","))


def test_a_damaged_finished_check_is_measured_again(forked: Forked, where: Path) -> None:
    whole, _ = undisturbed(forked, where)
    cut_off(forked, where)
    kept = sorted(where.glob(".case.partial-*/finished/*/*.json"))
    data = bytearray(kept[0].read_bytes())
    data[len(data) // 2] ^= 1
    kept[0].write_bytes(data)
    kept[1].write_bytes(kept[1].read_bytes()[:-7])
    assert forked(audit_line("case", "--resume"), where)["code"] == 0
    assert contents(where / "case") == whole
    assert len(read_case(where / "case").environment.resumed) == len(kept) - 2


def test_nothing_to_resume_is_said(forked: Forked, where: Path) -> None:
    told = forked(audit_line("case", "--resume"), where)
    assert told["code"] == 2
    assert "nothing to resume" in told["err"]


def test_what_was_cut_off_is_listed_and_locked_while_it_is_written(
    forked: Forked, where: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from evenhand.audit.cli import run

    monkeypatch.chdir(where)
    cut_off(forked, where)
    assert run(["runs", "list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["unfinished"][0]["checks"] >= 2
    assert told["unfinished"][0]["resume"].endswith(f"--resume --out {where / 'case'}")
    assert "cut off" in {r["state"].split(",")[0] for r in told["runs"]}
    (work,) = unfinished(where, "case")
    handle = lock_work(work)
    assert unfinished(where, "case") == []
    with pytest.raises(InputError, match="another process"):
        CaseWriter(where / "case", sample_plan(), resume=work)
    os.close(handle)


def test_an_interrupt_says_how_to_go_on(
    where: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from evenhand.audit.cli import run
    from evenhand.audit.run import run as running

    monkeypatch.chdir(where)
    real, seen = running.run_check, []

    def interrupted(check, *arguments, **named):  # type: ignore[no-untyped-def]
        seen.append(check.id)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return real(check, *arguments, **named)

    monkeypatch.setattr(running, "run_check", interrupted)
    assert run(audit_line("case")) == 130
    assert "--resume --out case" in capsys.readouterr().err
    assert not (where / "case").exists()
    assert run(audit_line("case", "--resume")) == 0
    assert len(read_case(Path("case")).environment.resumed) == 2
    capsys.readouterr()


def test_work_without_a_finished_check_is_taken_away(tmp_path: Path) -> None:
    def failing(resumable: bool, finished: bool) -> None:
        with CaseWriter(tmp_path / "case", sample_plan()) as writer:
            if resumable:
                writer.resumable({})
            if finished:
                from evenhand.audit.case.finished import Finished

                found = finding("data.groups", "label_rate", 0.5)
                writer.finished.put("sha256:00", Finished("data.groups", (found,), {}))
            raise RuntimeError

    for resumable, finished, left in [(False, True, 0), (True, False, 0), (True, True, 1)]:
        with pytest.raises(RuntimeError):
            failing(resumable, finished)
        assert len(list(tmp_path.iterdir())) == left
