"""Facts as people type them: asked before anything is measured, stated later of a sealed case."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evenhand.audit.cli import run
from evenhand.audit.register.register import Register
from tests.audit.subjects import confusion_rows

PACK = "us-mrm-sr26-2"


@pytest.fixture(autouse=True)
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    parts = [confusion_rows({"g": g}, tp=30, fp=5, fn=5, tn=70) for g in "ab"]
    pd.concat(parts).to_csv("rows.csv", index=False)


AUDIT = ["audit", "--predictions", "rows.csv", "--target", "y", "--predicted", "yhat"]
AUDIT += ["--positive-label", "1", "--sensitive", "g", "--checks", "performance.classification"]


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int) -> tuple[Any, str]:
    capsys.readouterr()
    assert run([*arguments, "--json"]) == code
    told = capsys.readouterr()
    return json.loads(told.out), told.err


def test_a_fact_is_asked_before_it_is_measured_and_stated_after(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found, said = printed(capsys, *AUDIT, "--out", "case", "-p", PACK, code=3)
    assert "pack us-mrm-sr26-2 asks for system.sector" in said
    assert said.index("asks for system.sector") < said.index("performance.classification")
    assert {v["status"] for v in found["verdicts"]} == {"inconclusive"}
    assert {v["reason_code"] for v in found["verdicts"]} == {"fact-missing"}
    refused, _ = printed(capsys, "judge", "case", "--fact", "system.sector=banking", code=2)
    assert "--by" in json.dumps(refused)
    sealed = sorted((p.name, p.read_bytes()) for p in Path("case").glob("*.json*"))
    stated = ["--fact", "system.sector=banking", "--by", "Ada"]
    found, said = printed(capsys, "judge", "case", *stated, code=0)
    assert "fact-missing" not in {v["reason_code"] for v in found["verdicts"]}
    assert "system.sector=banking: stated by Ada, register entry" in said
    assert sealed == sorted((p.name, p.read_bytes()) for p in Path("case").glob("*.json*"))
    assert [e.kind for e in Register().snapshot()][-1] == "fact"
    printed(capsys, "judge", "case", code=0)  # it stays stated


def test_an_option_declares_a_fact_and_a_mistyped_one_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found, said = printed(
        capsys, *AUDIT, "-p", PACK, "--fact", "system.sector=banking", "--out", "case", code=0
    )
    assert "asks for" not in said
    assert "fact-missing" not in {v["reason_code"] for v in found["verdicts"]}
    _, said = printed(
        capsys, *AUDIT, "-p", PACK, "--fact", "system.sectr=banking", "--out", "again", code=3
    )
    assert "no pack asks for the fact system.sectr" in said and "system.sector" in said


def test_a_value_that_no_pack_knows_is_refused_before_measuring(
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ["--fact", "system.eu_risk=high-annex-iii", "--fact", "system.role=friend"]
    assert run([*AUDIT, "-p", "eu-ai-act-high-risk", *given, "--out", "case"]) == 2
    told = capsys.readouterr().err
    assert "system.role is 'friend'" in told and "provider, deployer, both" in told
    assert not Path("case").exists()


def test_what_packs_need_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    found, _ = printed(capsys, "checks", "needed", PACK, "-p", "us-nyc-ll144", code=0)
    assert "fairness.impact_ratio" in found["checks"]
    assert {f["fact"] for f in found["facts"]} == {
        "system.sector",
        "system.domain",
        "system.places",
        "system.output",
    }
    assert set(found["roles"]) == {"sex", "race"}
    assert {"name": "accuracy_min", "default": None, "items": [f"{PACK}:MRM-03"]} in (
        found["declared"]
    )
    shown, _ = printed(capsys, "policies", "show", PACK, code=0)
    assert shown["facts"][0]["question"]["zh"]
    assert run(["policies", "show", PACK]) == 0
    assert "Sector of the user" in capsys.readouterr().out
    assert run(["checks", "needed"]) == 2
