"""What holds rows for longer than was declared is found; copies go, sealed cases are named."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from evenhand.audit.case.case import read_case
from evenhand.audit.cli import run
from evenhand.audit.run.forgetting import PersonToForget, find
from evenhand.audit.run.retention import expired, holds_rows, last_day
from tests.audit.subjects import confusion_rows
from tests.source import ROOT, modules

TODAY = datetime.now(UTC).date()
STORED = ["--target", "y", "--predicted", "yhat", "--positive-label", "1", "--checks"]


def test_a_term_ends_after_its_days() -> None:
    # 30 days from 1 February 2026 are over on 3 March; that is the last day.
    assert last_day(30, "2026-02-01T23:59:00+00:00") == date(2026, 3, 3)
    assert last_day(30, None) is None and last_day(10**9, "2026-02-01") is None


def test_the_table_of_what_is_kept_names_every_folder_of_a_home() -> None:
    """What the source puts into EVENHAND_HOME stands in docs/evidence.md, or is no such place."""
    told = (ROOT / "docs" / "evidence.md").read_text("utf-8")
    table = told.partition("## What is kept of persons")[2].partition("MAC keys and")[0]
    found = set()
    for _, path in modules():
        found |= set(re.findall(r'home\(\) / "([\w.-]+)"', path.read_text("utf-8")))
    assert {"cache", "uploads", "received", "evidence", "models"} <= found
    known = {"cases"}  # a case is a row of its own, wherever it lies
    assert {name for name in found if f"EVENHAND_HOME/{name}" not in table} <= known


def test_what_is_of_rows() -> None:
    assert holds_rows({"people": [{"row": 3}]}) and holds_rows([{"a": {"texts": ["x"]}}])
    assert holds_rows({"n": 2, "selected": "AA=="})
    assert not holds_rows({"groups": [{"n": 3}], "columns": ["row"]}) and not holds_rows({})


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with two audits of one uploaded table, of which one declares 30 days."""
    monkeypatch.chdir(tmp_path)
    uploads = tmp_path / "evenhand-home" / "uploads" / "1"
    uploads.mkdir(parents=True)
    rows = [confusion_rows({"sex": sex}, tp=20, fp=5, fn=5, tn=20) for sex in ("f", "m")]
    pd.concat(rows).to_csv(uploads / "rows.csv", index=False)
    audit = ["audit", "--predictions", str(uploads / "rows.csv"), *STORED, "fairness.gaps", "-q"]
    audit += ["--sensitive-features", "sex"]
    assert run([*audit, "--keep-days", "30", "--out", "short"]) == 0
    return tmp_path


def in_days(days: int) -> list[tuple[str, str]]:
    return [(held.kind, held.place.name) for held in expired(TODAY + timedelta(days=days))]


def test_nothing_is_found_before_its_term_is_over(place: Path) -> None:
    assert read_case(place / "short").plan.keep_days == 30
    assert in_days(30) == []
    found = in_days(31)
    assert [kind for kind, _ in found] == ["cache", "case", "upload"]
    assert found[1:] == [("case", "short"), ("upload", "rows.csv")]


def test_an_upload_stays_while_another_case_may_have_it(place: Path) -> None:
    audit = ["audit", "--predictions", "evenhand-home/uploads/1/rows.csv", *STORED]
    assert run([*audit, "data.quality", "-q", "--out", "long"]) == 0  # no term is declared
    assert [kind for kind, _ in in_days(31)] == ["cache", "case"]


def test_copies_go_and_the_sealed_case_is_named(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from evenhand.audit.run import retention

    capsys.readouterr()
    assert run(["forget", "--expired"]) == 0
    assert capsys.readouterr().out == "nothing is kept here for longer than was declared\n"
    later = expired(TODAY + timedelta(days=31))
    monkeypatch.setattr(retention, "expired", lambda: later)
    assert run(["forget", "--expired"]) == 0
    said = capsys.readouterr().out
    assert "2 of these may go" in said and "write a report of it, or audit again" in said
    assert "short: artifacts/decisions.json" in said
    assert run(["forget", "--expired", "--remove", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["removed"] == 2
    assert not (place / "evenhand-home" / "uploads" / "1" / "rows.csv").exists()
    assert not list((place / "evenhand-home" / "cache").rglob("*.json"))
    assert run(["verify", "short", "--register"]) == 0  # the case is as it was sealed


def test_what_was_handed_over_is_named_by_the_term_of_its_sender(place: Path) -> None:
    archive = place / "evenhand-home" / "received" / "theirs.zip"
    archive.parent.mkdir()
    assert run(["export", "short", "-o", str(archive)]) == 0
    assert ("archive", "theirs.zip") in in_days(31) and in_days(30) == []
    (held,) = [h for h in find(PersonToForget(row=3, data=data_of(place))) if h.kind == "archive"]
    assert held.files == ("artifacts/decisions.json",) and not held.may_go


def data_of(place: Path) -> str:
    return read_case(place / "short").plan.subject.data_digest


@pytest.mark.parametrize("days", ["0", "-1", "ten", "99999999"])
def test_a_term_is_a_number_of_days(days: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", "--predictions", "x.csv", *STORED, "*", "--keep-days", days]) == 2
    assert "keep" in capsys.readouterr().err


def test_one_person_and_everything_are_two_questions(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["forget", "--expired", "--unit", "Ann"]) == 2
    assert "leave out CASE, --row and --unit" in capsys.readouterr().err
