"""attest, waive, sign-off as people type them: entries on the register, verdicts that change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.cli import run
from evenhand.audit.register.register import Register
from tests.policies.build import attestation_item, check, item, pack_data
from tests.samples import write_sample_case

BY = ["--by", "Ada", "--role", "owner", "--statement", "seen and checked"]


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    items = [
        item("X-1", check=check(threshold=0.99)),
        attestation_item("A-1", evidence_required=["plan"], two_person=True),
    ]
    (tmp_path / "house.yaml").write_text(json.dumps(pack_data(*items)))
    (tmp_path / "plan.pdf").write_bytes(b"a plan")
    write_sample_case(tmp_path / "case")
    return tmp_path / "case"


def asked(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    """The JSON that a command prints, run with the house pack."""
    capsys.readouterr()
    assert run([*arguments, "-p", "house.yaml", "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_two_people_attest(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["attest", str(case), "A-1", "--answer", "met", "--evidence", "plan=plan.pdf"]
    first = asked(capsys, *line, *BY)
    assert (first["before"], first["verdict"]["status"]) == (
        "needs-attestation",
        "needs-attestation",
    )
    assert first["verdict"]["reason_code"] == "second-person-missing"
    second = asked(capsys, *line, *BY[2:], "--by", "Grace")
    assert second["verdict"]["status"] == "attested"
    kept = list((case.parent / "home" / "evidence").iterdir())
    assert [k.read_bytes() for k in kept] == [b"a plan"]
    assert [e.kind for e in Register().snapshot()] == ["attestation", "attestation"]


def test_a_file_says_the_rest_and_options_win(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.yaml").write_text(
        "item: A-1\nanswer: met\nby: Ada\nrole: owner\nstatement: read\nevidence: [plan.pdf]\n"
    )
    found = asked(capsys, "attest", str(case), "--file", "a.yaml", "--by", "Grace")
    assert (found["body"]["by"], found["body"]["statement"]) == ("Grace", "read")


def test_waive_and_sign_off(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = asked(capsys, "judge", str(case), code=1)
    assert [v["status"] for v in before["verdicts"]] == ["fail", "needs-attestation"]
    waive = ["waive", str(case), "X-1", "--owner", "Ada", "--reason", "a pilot"]
    waive += ["--expires", "2026-12-31", "--compensating", "weekly review"]
    refused = asked(capsys, *waive, "--approved-by", "ada", code=2)
    assert "somebody else than its owner" in refused["error"]["message"]
    waived = asked(capsys, *waive, "--approved-by", "Grace")
    assert (waived["verdict"]["status"], waived["verdict"]["underlying"]) == ("waived", "fail")
    sign = ["sign-off", str(case), *BY]
    assert "2 open items" in asked(capsys, *sign, code=2)["error"]["message"]
    signed = asked(capsys, *sign, "--accept", "X-1", "--accept", "A-1")
    assert [a["status"] for a in signed["body"]["accepted"]] == ["waived", "needs-attestation"]
    assert [e.kind for e in Register().snapshot()] == ["waiver", "sign-off"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["attest", "case", "A-1", *BY], "--answer is missing"),
        (["attest", "case", "A-1", "--answer", "met", *BY], "asks for evidence: plan"),
        (["attest", "case", "--answer", "met", *BY], "ITEM is missing"),
        (["waive", "case", "X-1", "--reason", "r"], "a waiver needs its last day"),
        (["waive", "case", "--file", "bad.yaml"], "unknown key"),
        (["waive", "case", "--file", "day.yaml"], "no day"),
        (["attest", "case", "A-1", "--evidence", "x=absent"], "no evidence file at absent"),
    ],
)
def test_what_is_malformed_ends_the_run(
    case: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    Path("bad.yaml").write_text("itm: X-1\n")
    Path("day.yaml").write_text("item: X-1\nexpires: soon\n")
    found = asked(capsys, *arguments, code=2)
    assert message in found["error"]["message"]
    assert Register().snapshot() == ()


def test_people_read_what_changed(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["attest", str(case), "A-1", "--answer", "not-met", *BY, "-p", "house.yaml"]
    assert run(line) == 0
    shown = capsys.readouterr().out
    assert "house-rules:A-1: needs-attestation -> fail" in shown
    assert "seen and checked" in shown


def test_one_file_answers_several_items_or_none(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = pack_data(attestation_item("A-1"), attestation_item("A-2"))
    Path("house.yaml").write_text(json.dumps(pack))
    answers = {"by": "Ada", "role": "owner", "answer": "met", "statement": "seen"}
    answers |= {"statements": [{"item": "A-1"}, {"item": "A-9"}]}  # type: ignore[dict-item]
    Path("answers.yaml").write_text(json.dumps(answers))
    line = ["attest", str(case), "--file", "answers.yaml", "-p", "house.yaml"]
    assert run(line) == 2  # there is no A-9, so A-1 is not entered either
    assert [e.kind for e in Register().entries() if e.kind == "attestation"] == []
    answers["statements"] = [{"item": "A-1"}, {"item": "A-2", "role": "owner"}]  # type: ignore[assignment]
    Path("answers.yaml").write_text(json.dumps(answers))
    assert run(line) == 0
    told = capsys.readouterr().out
    assert told.count("needs-attestation -> attested") == 2
    assert run([*line[:2], "A-1", *line[2:]]) == 2  # which of the two?
