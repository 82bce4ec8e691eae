"""What is kept of one person is found wherever it is, and of others it is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evenhand.audit.case.case import CaseWriter
from evenhand.audit.case.environment import Environment
from evenhand.audit.case.plan import ModelPlace
from evenhand.audit.cli import run
from evenhand.audit.register.register import Register
from evenhand.audit.run.forgetting import PersonToForget, find
from tests.samples import sample_plan

REASONS = {"people": [{"row": 3, "reasons": []}, {"row": 8, "reasons": []}]}
KEPT = {"rows": {"numbers": [3, 4]}, "inputs": {"name": ["Ann Lee", "Bo"], "ssn": [17, 18]}}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a kept answer, an upload, and a registered case, all of the same person."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    cache = tmp_path / "home" / "cache" / "ab"
    cache.mkdir(parents=True)
    body = {"check": "x", "artifacts": {"explanation.attribution.json": KEPT}}
    (cache / "ab12.json").write_bytes(b"hmac\n" + json.dumps(body).encode())
    other = {"check": "y", "artifacts": {"a.json": {"rows": {"numbers": [9]}, "texts": ["Bo"]}}}
    (cache / "ab13.json").write_bytes(b"hmac\n" + json.dumps(other).encode())
    uploads = tmp_path / "home" / "uploads" / "1"
    uploads.mkdir(parents=True)
    (uploads / "data.csv").write_text("name,ssn\nAnn Lee,17\nBo,18\n")
    with CaseWriter(tmp_path / "case", sample_plan()) as writer:
        writer.add_artifact("reasons.json", {**REASONS, "whom": ["Ann Lee"]})
        case = writer.seal([], Environment())
    Register().append("case", {"path": str(tmp_path / "case"), "digest": case.digest})
    return tmp_path


def kinds(person: PersonToForget) -> list[str]:
    return [one.kind for one in find(person)]


def test_by_name_by_number_and_by_row(kept: Path) -> None:
    data = sample_plan().subject.data_digest
    assert kinds(PersonToForget(value="Ann Lee")) == ["cache", "upload", "case"]
    assert kinds(PersonToForget(value="Ann")) == [
        "upload"
    ]  # a text in a file is found in parts too
    assert kinds(PersonToForget(value="17")) == ["cache", "upload"]  # a number in cells
    assert kinds(PersonToForget(row=3, data=data)) == ["cache", "case"]
    assert kinds(PersonToForget(row=8, data=data)) == ["case"]
    assert kinds(PersonToForget(row=8, data="sha256:" + "0" * 64)) == []  # row 8 of other data
    assert kinds(PersonToForget(value="nobody", row=None)) == []


def test_what_may_go_goes_and_sealed_cases_are_named(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seal = (kept / "case" / "seal.json").read_bytes()
    assert run(["forget", "--unit", "Ann Lee"]) == 0
    assert "2 of these may go" in capsys.readouterr().out
    assert run(["forget", "--unit", "Ann Lee", "--remove"]) == 0
    out = capsys.readouterr().out
    assert "1 of these are never changed" in out and "audit again" in out
    assert not (kept / "home" / "uploads" / "1" / "data.csv").exists()
    assert [p.name for p in (kept / "home" / "cache").rglob("*.json")] == ["ab13.json"]
    assert (kept / "case" / "seal.json").read_bytes() == seal
    assert run(["verify", "case", "--register"]) == 0
    capsys.readouterr()
    assert run(["forget", "--unit", "Ann Lee", "--json"]) == 0
    (left,) = json.loads(capsys.readouterr().out)["held"]
    assert (left["kind"], left["files"]) == ("case", ["artifacts/reasons.json"])


@pytest.mark.parametrize("arguments", [[], ["--row", "3"], ["--row", "3", "--unit", "x"]])
def test_one_person_is_named(kept: Path, arguments: list[str]) -> None:
    assert run(["forget", *arguments]) == 2


def test_texts_that_an_explanation_holds_word_by_word(tmp_path: Path) -> None:
    said = {"words": ["Dear", "Ann", "Lee,", "thank", "you"], "values": [0.0] * 5}
    document = {"texts": [said], "words": [{"word": "Zoe", "n": 2}]}
    assert PersonToForget(value="Ann Lee").is_in(document)
    assert PersonToForget(value="ann  LEE").is_in(document)
    assert PersonToForget(value="Zoe").is_in(document)
    assert not PersonToForget(value="Lee Ann").is_in(document)
    assert not PersonToForget(value="Ann Lee").is_in({"columns": ["Ann", "Lee"]})  # no text
    chinese = {"texts": [{"words": list("致王小明先生"), "continuation": "谢谢李四"}]}
    assert PersonToForget(value="王小明").is_in(chinese)
    assert PersonToForget(value="李四").is_in(chinese)


def test_rows_that_training_put_beside_a_model_are_named(kept: Path) -> None:
    model = kept / "model"
    model.mkdir()
    (model / "held_out.csv").write_text("name\nEve Poe\n")
    plan = sample_plan()
    subject = plan.subject.model_copy(update={"model": ModelPlace(path=str(model), format="x")})
    with CaseWriter(kept / "other", plan.model_copy(update={"subject": subject})) as writer:
        case = writer.seal([], Environment())
    Register().append("case", {"path": str(kept / "other"), "digest": case.digest})
    (held,) = find(PersonToForget(value="Eve Poe"))
    assert (held.kind, held.files, held.may_go) == ("model", ("held_out.csv",), False)
