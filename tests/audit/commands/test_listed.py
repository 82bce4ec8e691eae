"""What documents and help list is what there is: report formats, model formats, checks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from evenhand.audit.cli import run
from evenhand.audit.models.catalogue import formats
from evenhand.audit.reports import FORMATS
from evenhand.audit.run.catalogue import checks

ROOT = Path(__file__).parents[3]
_FILES = (".json", ".yaml", ".py", ".parquet", ".csv", ".zip", ".md")
DOCS = {p.name: p.read_text("utf-8") for p in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))}


def test_report_formats_are_in_help_and_documents() -> None:
    named = {name.replace("_", "-") for name in FORMATS}
    help_text = subprocess.run(
        [sys.executable, "-m", "evenhand", "report", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    ).stdout
    help_text = re.sub(r"-\n\s+", "-", help_text)  # a line may end at a hyphen
    told = set(re.split(r"[\s,]+", help_text.split("--format <str>")[1].split(".")[0]))
    assert named | {"evidence"} <= told
    # The page tells whom each is for; what it does not name yet, `evenhand formats` tells.
    table = DOCS["reports.md"].split("|---|---|---|\n")[1].split("\n\n")[0]
    firsts = "\n".join(row.split("|")[1] for row in table.split("\n"))
    told = set(re.findall(r"`([a-z0-9-]+)`", firsts))
    assert len(told) >= 15
    assert not told - named


def test_formats_of_models_and_reports_are_told_with_what_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["formats", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert {f["name"] for f in answer["formats"]} == {f.NAME for f in formats()} | {"endpoint"}
    described = {f["name"]: f["about"] for f in answer["reports"]}
    assert described == {n.replace("_", "-"): f.DESCRIPTION for n, f in FORMATS.items()}
    assert run(["formats"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in described)


def test_formats_are_the_files_that_lie_there() -> None:
    """A report format and a model format are one file each, and no list names them."""
    files = {p.stem for p in (ROOT / "audit" / "reports").glob("[a-z]*.py")}
    assert set(FORMATS) == files
    own = {f.__name__ for f in formats() if f.__name__.startswith("evenhand.audit.models.formats.")}
    here = (ROOT / "audit" / "models" / "formats").glob("[a-z]*.py")
    declared = {p.stem for p in here if re.search("^NAME = ", p.read_text("utf-8"), re.M)}
    assert own == {f"evenhand.audit.models.formats.{name}" for name in declared}
    assert len(own) >= 10


def test_checks_that_documents_name_exist() -> None:
    known = {c.id for c in checks()}
    families = "|".join(sorted({c.family for c in checks()}))
    measured = {f"{c.family}.{m}" for c in checks() for m in c.measures}
    found = 0
    for page, text in DOCS.items():
        for name in re.findall(rf"`((?:{families})\.[a-z_0-9]+)`", text):
            if name.endswith(_FILES):
                continue
            assert name in known | measured, f"{page}: {name}"
            found += 1
    assert found >= 10
