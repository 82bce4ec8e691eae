"""Thresholds fixed in advance: the file, its place in the case, and the age of its commit."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.cli import run
from evenhand.audit.errors import InputError
from evenhand.audit.subject.declared_file import read_declared
from tests.audit.subjects import confusion_rows

WHO = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
}


def commit(folder: Path, at: datetime) -> None:
    dates = {"GIT_AUTHOR_DATE": at.isoformat(), "GIT_COMMITTER_DATE": at.isoformat()}
    for line in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "thresholds"]):
        subprocess.run(["git", *line], cwd=folder, check=True, env={**os.environ, **WHO, **dates})


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path.parent / f"{tmp_path.name}-home"))
    place = tmp_path / "limits" / "declared.yaml"
    place.parent.mkdir()
    place.write_text("accuracy_min: 0.8\nreason: agreed\n")
    confusion_rows({"race": "a"}, tp=30, fp=10, fn=10, tn=30).to_csv("rows.csv", index=False)
    return place


def findings(capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    line = ["audit", "--predictions", "rows.csv", "--target", "y", "--predicted", "yhat"]
    line += ["--positive-label", "1", "--checks", "plan.*", "--out", "case", "--json", *more]
    capsys.readouterr()
    assert run(line) == 0
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    return dict(found)


def test_the_age_of_the_commit_and_the_copy_in_the_case(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
    commit(file.parent, at)
    found = findings(capsys, "--declared-file", str(file))
    assert (found["status"], found["unit"], found["reproducible"]) == ("measured", "day", False)
    assert found["value"] == pytest.approx(3, abs=0.01)
    assert Path("case/declared.yaml").read_bytes() == file.read_bytes()
    plan = json.loads(Path("case/plan.json").read_text())
    assert plan["declared"] == {"accuracy_min": 0.8, "reason": "agreed"}
    assert datetime.fromisoformat(plan["declared_file"]["committed_at"]) == at
    assert run(["verify", "case"]) == 0
    Path("case/declared.yaml").write_text("accuracy_min: 0.1\n")
    assert run(["verify", "case"]) == 7


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("no repository", "no git repository"),
        ("changed", "changed since its last commit"),
        ("new", "never committed"),
        ("ignored", "never committed"),
    ],
)
def test_without_a_commit_of_these_bytes_there_is_no_age(
    file: Path, capsys: pytest.CaptureFixture[str], state: str, reason: str
) -> None:
    folder = file.parent
    if state in ("new", "ignored"):
        text = file.read_text()
        file.unlink()
        (folder / ".gitignore").write_text("declared.yaml\n" if state == "ignored" else "\n")
        commit(folder, datetime.now(UTC))
        file.write_text(text)
    elif state == "changed":
        commit(folder, datetime.now(UTC))
        file.write_text("accuracy_min: 0.7\n")
    found = findings(capsys, "--declared-file", str(file))
    assert (found["status"], found["value"]) == ("undefined", None)
    assert reason in found["reason"]


def test_no_file_is_no_question(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert findings(capsys)["status"] == "not_applicable"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1", "holds no mapping"),
        ("a: 1\nb: [1, 2]\n", "line 2: 'b' is"),
        ("a: 1\na: 2\n", "a"),
    ],
)
def test_malformed_files_are_refused(file: Path, text: str, message: str) -> None:
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        read_declared(file)


def test_a_name_declared_twice_is_refused(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("subject.yaml").write_text(
        "predictions: rows.csv\ntarget: y\npredicted: yhat\npositive_label: 1\n"
        "declared: {accuracy_min: 0.9}\ndeclared_file: limits/declared.yaml\n"
    )
    assert run(["audit", "subject.yaml", "--quiet"]) == 2
    assert "'accuracy_min' is declared in" in capsys.readouterr().err
