"""evidence to document by the command line: streams, places, one person, speed, memory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evenhand.audit.api.dossier import dossier_of
from evenhand.audit.case.case import Case, read_case
from evenhand.policies.pack import load_pack, shipped_packs
from tests.samples import write_sample_case

ROOT = Path(__file__).parents[3]
HOUSE = """schema: rai-pack/1
id: house
version: 2026.11.1
title: {en: House, zh: 内部}
jurisdiction: INT
kind: house
legal_status: {state: voluntary, checked_on: 2026-11-22}
extends: baseline
items:
- id: BASE-FAIR-1
  check: {threshold: 0.02, note: "ours"}
"""


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The sample case."""
    return write_sample_case(tmp_path_factory.mktemp("reports") / "case")


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the sample case as ``case``, and a register of its own."""
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.chdir(tmp_path)
    write_sample_case(Path("case"))
    return tmp_path


def _run(*arguments: str) -> int:
    from evenhand.audit.cli import run

    return run(["report", "case", *arguments])


def test_github_annotations_and_summary_are_two_streams(
    there: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    summary = there / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert _run("--format", "github", "--policy", "baseline") == 0
    out = capfdbinary.readouterr().out.decode()
    assert out.startswith("::") and all(x.startswith("::") for x in out.splitlines())
    told = summary.read_text("utf-8")
    assert told.startswith("before\n## ") and "::error" not in told


def test_github_without_a_summary_file_says_so(
    there: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert _run("--format", "github", "--policy", "baseline") == 0
    assert b"no step summary was written" in capfdbinary.readouterr().err
    assert _run("--format", "github", "--policy", "baseline", "-o", "s.md") == 0
    assert (there / "s.md").read_text("utf-8").startswith("## ")


def test_an_item_is_found_in_the_house_pack_of_the_repository(there: Path) -> None:
    (there / "house.yaml").write_text(HOUSE, "utf-8")
    line = HOUSE.splitlines().index("- id: BASE-FAIR-1") + 1
    assert _run("--format", "sarif", "--policy", "house.yaml", "-o", "out.sarif") == 0
    [run] = json.loads((there / "out.sarif").read_text("utf-8"))["runs"]
    places = {r["ruleId"]: r["locations"][0]["physicalLocation"] for r in run["results"]}
    own = places["BASE-FAIR-1"]
    assert own["artifactLocation"] == {"uri": "house.yaml", "uriBaseId": "%SRCROOT%"}
    assert own["region"]["startLine"] == line
    related = next(r for r in run["results"] if r["ruleId"] == "BASE-FAIR-1")["relatedLocations"]
    assert related[0]["physicalLocation"]["artifactLocation"]["uri"] == "case/findings.jsonl"
    inherited = next(p for item, p in places.items() if item != "BASE-FAIR-1")
    assert inherited["region"]["startLine"] == HOUSE.splitlines().index("extends: baseline") + 1


def test_what_a_house_pack_changed_reaches_the_page(there: Path) -> None:
    from datetime import date

    (there / "house.yaml").write_text(HOUSE, "utf-8")
    [facts] = dossier_of(
        read_case(there / "case"), [load_pack("house.yaml")], date(2026, 11, 22)
    ).packs
    assert facts.extends.startswith("baseline ")
    assert ("BASE-FAIR-1", "check.note") in {(c.item, c.part) for c in facts.changes}
    assert "check.threshold" in {c.part for c in facts.changes}


def test_wrong_questions_are_answered_with_a_remedy(
    there: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    for arguments, told in (
        (("--format", "adverse-action"), b"none was named"),
        (("--format", "adverse-action", "--row", "4", "--public"), b"never public"),
        (("--format", "html", "--row", "4"), b"--row is for adverse-action"),
        (("--format", "adverse-action", "--row", "4"), b"row 4"),
        (("--format", "pdf", "--of", "sarif"), b"no page of format"),
        (("--format", "evidence", "--public"), b"evidence is whole or it is none"),
    ):
        assert _run(*arguments) == 2
        error = capfdbinary.readouterr().err
        assert told in error and b"->" in error, error


def test_evidence_is_the_zip_that_export_writes(there: Path) -> None:
    from evenhand.audit.cli import run

    assert _run("--format", "evidence", "-o", "a.zip") == 0
    assert run(["export", "case", "-o", "b.zip"]) == 0
    assert (there / "a.zip").read_bytes() == (there / "b.zip").read_bytes()


LIGHT = """
import sys
from evenhand.audit.cli import run
for name in {formats!r}:
    assert run(["report", {case!r}, "--format", name, "--policy", "baseline", "-o", {out!r}]) == 0
print("HEAVY", [m for m in ("torch", "sklearn", "pandas", "fairlearn") if m in sys.modules])
"""


def test_reports_load_no_torch(there: Path) -> None:
    formats = [
        "html",
        "technical-file",
        "impact-assessment",
        "ll144-summary",
        "datasheet",
        "oscal",
        "cyclonedx",
        "github",
        "model-card",
        "sarif",
        "junit",
    ]
    code = LIGHT.format(formats=formats, case="case", out=str(there / "out"))
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "HEAVY []" in told.stdout, told.stdout[-500:] + told.stderr[-2000:]


JUDGE = """
import json, resource, sys
from evenhand.audit.case.case import read_case
from evenhand.policies.judge import judge
from evenhand.policies.pack import load_pack, shipped_packs
from datetime import date
case = read_case(sys.argv[1])
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
packs = [load_pack(name) for name in shipped_packs()]
before = cpu()
count = sum(len(judge(case, p, (), as_of=date(2026, 11, 22))) for p in packs)
print(json.dumps({"judging": cpu() - before, "whole": cpu(), "packs": len(packs), "items": count,
                  "heavy": [m for m in ("torch", "numpy", "pandas") if m in sys.modules]}))
"""


def test_all_packs_judge_in_two_seconds_and_load_no_torch(case: Case) -> None:
    told = subprocess.run(
        [sys.executable, "-c", JUDGE, str(case.path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    found = json.loads(told.stdout)
    assert found["packs"] == len(shipped_packs()) >= 18 and found["items"] > 250
    assert found["heavy"] == []
    assert found["judging"] < 2.0


def test_a_report_is_quick(case: Case) -> None:
    from evenhand.audit.reports import render

    render("html", case, [])  # loads the templates
    start = time.process_time()
    for name in ("html", "technical-file", "impact-assessment", "datasheet", "oscal", "cyclonedx"):
        render(name, case, [])
    assert time.process_time() - start < 2.0
