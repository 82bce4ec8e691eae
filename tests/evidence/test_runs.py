"""Every plan is on the register before it is scored, and every run on the same data is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.case.case import read_case
from evenhand.audit.cli import run
from evenhand.audit.register.register import Register
from tests.evidence.rows import audit_line, write_rows

ONE = "data.groups"


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path)
    return tmp_path


def line(out: str, *more: str) -> list[str]:
    return [*(a for a in audit_line(out, checks=ONE) if a != "--no-cache"), *more]


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_plan_comes_before_the_scores(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from evenhand.audit.run import run as running

    def no_scores(subject: object) -> None:
        entries = Register().snapshot()
        assert [e.kind for e in entries] == ["plan"]
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "score", no_scores)
    assert run(line("case")) == 130
    assert not Path("case").exists()
    monkeypatch.undo()


def test_runs_are_counted_and_a_changed_setting_is_another_plan(
    where: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes: list[list[str]] = [
        [],
        [],  # the same again
        ["--threshold", "0.4"],
        ["--seed", "5"],
        ["--min-group-size", "20"],
        ["--checks", "data.*"],
    ]
    for number, change in enumerate(changes):
        assert run(line(f"case-{number}", *change)) == 0
    # a merged group and a dropped row are other data: counted by themselves
    rows = Path("rows.csv").read_text().splitlines()
    Path("rows.csv").write_text("\n".join(rows[:-1]) + "\n")
    assert run(line("fewer")) == 0
    found = told(capsys, "runs", "list")["runs"]
    assert [(r["number"], r["in_all"]) for r in found] == [*((n, 6) for n in range(1, 7)), (1, 1)]
    assert found[0]["plans"] == 5  # of six runs, two had the same plan
    assert found[0]["plan"] == found[1]["plan"]
    assert all(r["state"].startswith("finished") for r in found)
    case = read_case("case-5")
    assert case.environment.run is not None
    assert case.environment.run.number == case.environment.run.in_all == 6
    shown = told(capsys, "runs", "show", "case-2")
    assert (shown["number"], shown["in_all"], shown["planned"]["threshold"]) == (3, 6, 0.4)
    assert shown["plan"] == read_case("case-2").files["plan.json"]
    assert run(["runs", "show", "no-such"]) == 2
    capsys.readouterr()
    assert run(["runs", "list"]) == 0
    assert "3 of 6" in capsys.readouterr().out


def test_a_renamed_model_is_still_counted_on_the_data(
    where: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line("a", "--name", "first")) == 0
    assert run(line("b", "--name", "second")) == 0
    (_, second) = told(capsys, "runs", "list")["runs"]
    assert (second["in_all"], second["on_data"]) == (1, 2)


def test_a_run_that_failed_is_counted(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = Path("rows.csv").read_text()
    assert run(line("case")) == 0
    header, first, *rest = text.splitlines()
    y, _, sex = first.split(",")
    Path("rows.csv").write_text("\n".join([header, f"{y},inf,{sex}", *rest]) + "\n")
    assert run(line("bad")) == 2
    (_, failed) = told(capsys, "runs", "list")["runs"]
    assert failed["case"] is None
    assert failed["state"].startswith("no case")


def test_an_unchanged_check_comes_from_the_cache(where: Path, own_home: Path) -> None:
    everything = ["--checks", "data.*,fairness.gaps,performance.*"]
    assert run(line("first", *everything)) == 0
    assert run(line("second", *everything)) == 0
    first, second = read_case("first"), read_case("second")
    assert second.files["findings.jsonl"] == first.files["findings.jsonl"]
    assert {k: v for k, v in second.files.items() if k.startswith("artifacts/")} == {
        k: v for k, v in first.files.items() if k.startswith("artifacts/")
    }
    assert first.environment.from_cache == ()
    assert second.environment.from_cache == tuple(c.id for c in second.plan.checks)
    assert run(line("third", *everything, "--no-cache")) == 0
    assert read_case("third").environment.from_cache == ()
    assert read_case("third").files["findings.jsonl"] == first.files["findings.jsonl"]
    for option, value in [("--seed", "1"), ("--threshold", "0.4"), ("--level", "0.9")]:
        assert run(line(f"with{option}", *everything, option, value)) == 0
        assert read_case(f"with{option}").environment.from_cache == ()
    # an option of one check leaves the others known
    Path("subject.yaml").write_text(
        "predictions: rows.csv\ntarget: y\nscore: score\nthreshold: 0.5\npositive_label: '1'\n"
        "sensitive_features: [sex]\nchecks: ['data.*', fairness.gaps, 'performance.*']\n"
    )
    assert run(["audit", "subject.yaml", "--out", "a", "--quiet"]) == 0
    text = Path("subject.yaml").read_text()
    Path("subject.yaml").write_text(text + "options: {fairness.gaps: {min_group_size: 20}}\n")
    assert run(["audit", "subject.yaml", "--out", "b", "--quiet"]) == 0
    known = list(read_case("b").environment.from_cache)
    assert known == [c.id for c in read_case("b").plan.checks if c.id != "fairness.gaps"]


def test_what_is_not_repeatable_is_never_cached(where: Path, own_home: Path) -> None:
    from evenhand.audit.case.finished import Finished
    from tests.samples import finding

    same = finding("data.groups", "label_rate", 0.5)
    energy = same.model_copy(update={"reproducible": False})
    crashed = finding("data.groups", "label_rate", None, status="error", reason="MemoryError")
    assert Finished("c", (same,), {}).is_repeatable
    assert not Finished("c", (same, energy), {}).is_repeatable
    assert Finished("c", (same, energy), {}).went_through  # kept for --resume alone
    assert not Finished("c", (crashed,), {}).went_through
