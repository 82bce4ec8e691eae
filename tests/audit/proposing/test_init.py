"""evenhand init: proposals say why, what nobody can know is asked, and audit runs the file."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.cli import run
from evenhand.audit.proposing.hints import role_by_name, role_by_values
from evenhand.audit.proposing.looking import look
from evenhand.audit.proposing.propose import answered, propose, settled
from evenhand.audit.proposing.writing import subject_text
from evenhand.audit.subject.subject_file import read_spec


def vendor(n: int = 240) -> pd.DataFrame:
    """What a vendor hands over: a decision for each candidate, and a copy of it told later."""
    rng = np.random.default_rng(0)
    sex = np.where(np.arange(n) % 12 == 0, "Not disclosed", rng.choice(["Female", "Male"], n))
    advanced = np.where(rng.random(n) < 0.4, "yes", "no")
    return pd.DataFrame(
        {
            "candidate_id": np.arange(n) + 5000,
            "gender": sex,
            "race_ethnicity": rng.choice(["White", "Asian", "Black"], n),
            "age": rng.integers(19, 70, n),
            "advanced": advanced,
        }
    )


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    vendor().to_csv("vendor.csv", index=False)
    return tmp_path / "vendor.csv"


def keys(proposal: Any) -> list[str]:
    return [question.key for question in proposal.questions]


def test_what_columns_are_called_and_hold() -> None:
    assert role_by_name("RAC1P") == ("race", "rac1p")
    assert role_by_name("applicantGender") == ("sex", "gender")
    assert role_by_name("出生日期") == ("age", "出生日期")
    assert role_by_name("percentage") is None  # "age" is no word of it
    assert role_by_values(["M", "F"]) == ("sex", ["F"])
    assert role_by_values(["M", "D", "F", "X1", "Z"]) is None  # grades of something else
    assert role_by_values(["White", "Asian"]) == ("race", ["White", "Asian"])


def test_yes_writes_a_file_that_audit_runs(rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "vendor.csv", "--yes"]) == 0
    spec = read_spec("subject.yaml")
    assert (spec.predicted, spec.positive_label, spec.positive_is) == ("advanced", "yes", "benefit")
    assert spec.target is None
    assert spec.roles == {"sex": ("gender",), "race": ("race_ethnicity",), "age": ("age",)}
    assert spec.bins == {"age": ("25", "40", "65")}  # nobody is below 18
    assert spec.unknown == ("gender:Not disclosed",)
    assert spec.id == "candidate_id"
    told = capsys.readouterr()
    assert "Next: evenhand audit subject.yaml" in told.out
    assert told.err.count("proposed: ") == told.err.count("because: ") >= 8
    code = run(["audit", "subject.yaml", "--checks", "data.groups", "--quiet", "--json"])
    assert code in (0, 1, 3, 4)
    found = json.loads(capsys.readouterr().out)["findings"]
    ages = {f["group"]["age"] for f in found if set(f["group"]) == {"age"}}
    assert ages <= {"below 25", "25 to 39", "40 to 64", "65 and above", *ages} and len(ages) == 4


def test_it_never_writes_over_a_file(rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("subject.yaml").write_text("mine")
    assert run(["init", "vendor.csv", "--yes"]) == 2
    assert Path("subject.yaml").read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert run(["init", "vendor.csv", "--yes", "--force"]) == 0


def test_without_a_terminal_it_says_what_is_missing(
    rows: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert run(["init", "vendor.csv"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert not Path("subject.yaml").exists()
    # Which of two labels counts is nobody's guess, nor is what it means.
    vendor().replace({"yes": "A", "no": "B"}).to_csv("vendor.csv", index=False)
    assert run(["init", "vendor.csv", "--yes"]) == 2
    told = capsys.readouterr().err
    assert "these answers are missing: --positive-label" in told
    assert "A (" in told and "B (" in told
    assert run(["init", "vendor.csv", "--yes", "--positive-label", "A"]) == 0


def test_two_columns_of_answers_are_asked_about(tmp_path: Path) -> None:
    frame = vendor().rename(columns={"advanced": "is_hired"}).assign(was_hired="no")
    frame.loc[:80, "was_hired"] = "yes"
    file = tmp_path / "rows.csv"
    frame.to_csv(file, index=False)
    proposal = settled(look(str(file), None, {}), {})
    (target,) = [q for q in proposal.questions if q.key == "target"]
    assert target.proposed is None
    assert "is_hired, was_hired" in target.to_json()["evidence_said"]["en"]


def test_columns_that_give_the_answer_away(tmp_path: Path) -> None:
    frame = vendor()
    frame["outcome"] = np.arange(len(frame)) % 2
    frame["paid_on"] = [f"2026-03-{1 + i % 28:02}x{i}" if i % 2 else None for i in range(240)]
    frame["noise"] = np.random.default_rng(1).integers(0, 2, len(frame))
    file = tmp_path / "rows.csv"
    frame.to_csv(file, index=False)
    proposal = settled(look(str(file), None, {}), {"target": "outcome", "positive_is": "benefit"})
    assert proposal.keys["outcomes"] == ["paid_on"]  # it is there or not, as the answer is


def test_facts_decide_which_packs_apply(rows: Path) -> None:
    seen = look(str(rows), None, {})
    facts = {"system.places": ["US-NY-NYC"], "system.domain": "hiring"}
    proposal = settled(seen, {"facts": facts})
    assert proposal.keys["policy"] == ["baseline", "us-nyc-ll144", "us-ugesp-four-fifths"]
    fits = {pack.id: pack for pack in proposal.packs}
    assert fits["us-nyc-ll144"].standing == "applies"
    assert "system.domain is hiring" in fits["us-nyc-ll144"].to_json()["why_said"]["en"]
    assert fits["us-ecoa-reg-b"].standing == "does-not-apply"
    assert fits["eu-gdpr-ml"].standing == "depends"
    only_sex = settled(seen, {"roles": {"sex": ["gender"]}, "facts": facts})
    assert {p.id: p.lacks for p in only_sex.packs}["us-nyc-ll144"] == ("race",)


def test_questions_follow_one_another_as_at_a_terminal(rows: Path) -> None:
    """Places asked of a European: packs of other places are not asked about."""
    seen, answers, asked = look(str(rows), None, {}), {}, []
    given = {"facts.system.places": ["EU"], "facts.system.domain": "hiring"}
    while questions := propose(seen, answers).questions:
        first = questions[0]
        asked.append(first.key)
        answers = answered(answers, first.key, given.get(first.key, first.would_be))
    assert asked[:3] == ["target", "predicted", "score"]
    assert {k for k in asked if k.startswith("facts.")} == {
        *given,
        "facts.system.eu_risk",
        "facts.system.personal_data_eu",
    }
    assert asked[-1] == "policy"


def test_codes_have_words_below_their_column(tmp_path: Path) -> None:
    frame = vendor().assign(gender=np.arange(240) % 2 + 1)
    file = tmp_path / "rows.csv"
    frame.to_csv(file, index=False)
    seen = look(str(file), None, {})
    left = settled(seen, {})
    assert "#   gender: {1: WORD, 2: WORD}" in subject_text(left, tmp_path / "s.yaml")
    proposal = settled(seen, {"labels": {"gender:1": "male", "gender:2": "female"}})
    text = subject_text(proposal, tmp_path / "s.yaml", "zh")
    assert "  gender: {'1': male, '2': female}" in text
    (tmp_path / "s.yaml").write_text(text)
    assert read_spec(tmp_path / "s.yaml").labels == {"gender:1": "male", "gender:2": "female"}


def test_names_that_would_break_out_of_a_comment(tmp_path: Path) -> None:
    frame = vendor()
    frame.columns = ["id\npolicy: [evil]", "gender", "race", "age: 1 # x", "advanced"]
    frame["advanced"] = np.where(frame["advanced"] == "yes", "yes\nout: /tmp/x", "no")
    file = tmp_path / "rows.parquet"
    frame.to_parquet(file, index=False)
    proposal = settled(look(str(file), None, {}), {"positive_label": "no", "positive_is": "burden"})
    (tmp_path / "s.yaml").write_text(subject_text(proposal, tmp_path / "s.yaml"))
    spec = read_spec(tmp_path / "s.yaml")
    assert (spec.out, spec.policy, spec.id) == (None, ("baseline",), "id\npolicy: [evil]")
    assert spec.roles["age"] == ("age: 1 # x",)


def test_the_model_says_what_it_was_made_for(tmp_path: Path) -> None:
    from evenhand.audit.proposing.looking import Looked

    frame = vendor().rename(columns={"advanced": "z"})
    file = tmp_path / "rows.csv"
    frame.to_csv(file, index=False)
    bare = look(str(file), None, {})
    says = {"target": "z", "positive_label": "no", "sensitive_features": ["race_ethnicity"]}
    seen = Looked(
        str(file), "m", bare.table, bare.columns, bare.named_rows, "binary", ("yes", "no"), (), says
    )
    proposal = settled(seen, {})
    assert (proposal.keys["target"], proposal.keys["positive_label"]) == ("z", "no")
    assert proposal.keys["data"] == str(file)
    assert "predictions" not in proposal.keys and "task" not in proposal.keys
