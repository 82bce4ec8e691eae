"""Every hostile data file and pack by the command line: typed errors, limits, nothing obeyed.

One process of its own meets all of them, so that its time and its memory are theirs alone.
"""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import unicodedata
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.hostile import tables

MOST_SECONDS, MOST_MEMORY = 30.0, 2 << 30
SQL_SECONDS = 1.5

MAKE = """
import json, sys
from pathlib import Path
from tests.hostile import packs, tables
folder, canary = Path(sys.argv[1]), Path(sys.argv[2])
(folder / "packs").mkdir()
made = [*tables.make(folder), *packs.make(folder / "packs", canary)]
print(json.dumps([[name, str(path)] for name, path in made]))
"""

MEET = """
import contextlib, io, json, resource, sys, time
from audit.cli import run
lines = json.load(open(sys.argv[1]))
for name, line in lines:
    out, err = io.StringIO(), io.StringIO()
    started = time.monotonic()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(line)
    taken = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    told = {"name": name, "exit": code, "seconds": taken, "peak": peak}
    print("MET " + json.dumps({**told, "out": out.getvalue(), "err": err.getvalue()}), flush=True)
"""


@dataclass(frozen=True)
class Met:
    """What became of one command line."""

    exit: int
    seconds: float
    peak: int
    out: str
    err: str


@dataclass(frozen=True)
class Outcomes:
    """All samples: where they lie, where their cases are, and what became of each."""

    folder: Path
    canary: Path
    met: dict[str, Met] = field(default_factory=dict)


def python(script: str, *arguments: str) -> str:
    """What a process of its own says that runs a script."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def meet(lines: list[tuple[str, list[str]]], folder: Path) -> dict[str, Met]:
    """Runs command lines, one after another, in one process."""
    asked = folder / "lines.json"
    asked.write_text(json.dumps(lines))
    told = [json.loads(x[4:]) for x in python(MEET, str(asked)).split("\n") if x[:4] == "MET "]
    assert len(told) == len(lines)
    return {t.pop("name"): Met(**t) for t in told}


def spec(path: str, name: str) -> str:
    """A subject.yaml (JSON is YAML) of stored predictions at ``path``."""
    feature = tables.STRINGS.get(name.removeprefix("L.csv_name_"), "race")
    feature = feature.strip() if name.startswith("L.csv_name_") else "race"
    wanted: dict[str, Any] = {
        "name": "hostile",
        "predictions": path,
        "target": "y",
        "predicted": "yhat",
        "positive_label": 1,
        "positive_is": "benefit",
        "sensitive_features": [feature],
        "checks": ["data.quality", "fairness.gaps", "fairness.group_rates"],
    }
    return json.dumps(wanted)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    folder = tmp_path_factory.mktemp("tables")
    canary = tmp_path_factory.mktemp("canary") / "canary"
    samples = json.loads(python(MAKE, str(folder), str(canary)))
    (folder / "specs").mkdir()
    lines = []
    for name, path in samples:
        if name.startswith("M."):
            lines.append((name, ["policies", "lint", path]))
            lines.append((f"{name} as a spec", ["audit", path, "--quiet"]))
            continue
        asked = folder / "specs" / f"{name}.yaml"
        asked.write_text(spec(path, name))
        limit = ["--time-limit", str(SQL_SECONDS)] if "sqlite_endless" in name else []
        case = str(folder / "cases" / name)
        lines.append((name, ["audit", str(asked), "--out", case, *limit]))
    return Outcomes(folder, canary, meet(lines, folder))


def test_each_ends_in_time_with_a_typed_error_or_is_read(outcomes: Outcomes) -> None:
    samples = {n: m for n, m in outcomes.met.items() if not n.endswith(" as a spec")}
    assert sum(n.startswith("L.") for n in samples) >= 150
    assert sum(n.startswith("M.") for n in samples) >= 25
    for name, met in outcomes.met.items():
        assert met.exit in (0, 2, 6), f"{name}: {met.exit} {met.err[-500:]}"
        assert "Traceback" not in met.out + met.err, name
        assert met.seconds < MOST_SECONDS, f"{name}: {met.seconds:.0f} s"
        if met.exit:
            assert "->" in met.err, f"{name} says not what to do: {met.err[-300:]}"
            assert "s3cret" not in met.err, name
    assert not outcomes.canary.exists()
    peak = max(met.peak for met in outcomes.met.values())
    assert peak < MOST_MEMORY, f"{peak / 2**30:.2f} GiB"


def test_packs_and_specs_that_lie_are_refused_with_their_file(outcomes: Outcomes) -> None:
    for name, met in outcomes.met.items():
        if name.startswith("M."):
            assert met.exit == 2, f"{name}: {met.exit} {met.out}"
            file = name.split(".")[1].split(" ")[0] + ".yaml"
            assert file in met.err, met.err


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("csv_nul", 2, "line 2, column 6"),
        ("csv_latin1", 2, "line 2, column 7"),
        ("csv_short_row", 2, "line 2: 2 cells where the header has 3 (from column 'race')"),
        ("csv_giant_cell", 2, "line 2: a cell has over"),
        ("csv_long_name", 2, "column 4 of"),
        ("csv_many_columns", 6, "10,001 columns"),
        ("csv_twice", 2, "rename columns 3 and 4"),
        ("csv_open_quote", 2, "EOF inside string starting at row 1"),
        ("gz_bomb", 6, "GiB of memory"),
        ("parquet_bomb", 6, "says that it unpacks to 320,000,000"),
        ("parquet_text_bomb", 6, "says that it unpacks to 100,"),
        ("parquet_utf8", 2, "UTF8"),
        ("parquet_extension", 2, "column 'id'"),
        ("arrow_bomb", 6, "says that it unpacks to 1,280,000,000"),
        ("sqlite_endless", 6, f"could not be read in {SQL_SECONDS} seconds"),
        ("sqlite_endless_rows", 6, f"could not be read in {SQL_SECONDS} seconds"),
        ("sqlite_endless_sort", 6, f"could not be read in {SQL_SECONDS} seconds"),
        ("sqlite_long_cell", 6, "row 1, column 'y'"),
        ("sqlite_injected", 2, "has no table 'x; DELETE FROM entries'"),
        ("json_deep", 2, "line 1 is not a JSON record"),
        ("json_bigger", 2, "line 1: 'y' holds a whole number of 30 digits"),
        ("json_wide", 6, "says that it unpacks to"),
        ("excel_bomb", 6, "says that it unpacks to"),
        ("excel_entities", 2, "declares XML entities"),
        ("excel_far", 6, "16,384 columns"),
        ("idx_huge", 2, "4294967295 x 4294967295 x 4294967295"),
        ("images_up", 2, "outside the folder"),
    ],
)
def test_what_is_said_of_it(outcomes: Outcomes, name: str, code: int, words: str) -> None:
    met = outcomes.met[f"L.{name}"]
    assert met.exit == code, met.err
    assert words in met.err


def test_no_terminal_is_told_what_to_do(outcomes: Outcomes) -> None:
    for name, met in outcomes.met.items():
        odd = {c for c in met.out + met.err if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")}
        assert odd <= {"\n"}, f"{name}: {odd}"


class Page(HTMLParser):
    """What a browser would do with a document: scripts, handlers, and what it would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.active: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "embed", "base", "form", "link"):
            self.active.append(tag)
        for name, value in attrs:
            fetches = name in ("src", "href", "action", "data", "srcset", "background")
            harmless = str(value).startswith(("#", "data:image/"))
            if name.startswith("on") or (fetches and not harmless):
                self.active.append(f"{tag} {name}={value}")


FORMATS = ("html", "markdown", "json", "junit", "sarif", "model-card")


@pytest.fixture(scope="module")
def reports(outcomes: Outcomes) -> dict[str, Met]:
    """Judged, reported and verified: a case for each string that some reader may obey."""
    lines = []
    for name, met in outcomes.met.items():
        if not name.startswith(("L.csv_cell_", "L.csv_name_")) or met.exit != 0:
            continue
        case = str(outcomes.folder / "cases" / name)
        lines.append((f"{name} judge", ["judge", case, "--policy", "baseline"]))
        lines.append((f"{name} verify", ["verify", case]))
        for form in FORMATS[:1] if name != "L.csv_cell_script" else FORMATS:
            out = str(outcomes.folder / f"{name}.{form}")
            asked = ["report", case, "--policy", "baseline", "--format", form, "-o", out]
            lines.append((f"{name} {form}", asked))
    return meet(lines, outcomes.folder)


def test_hostile_names_in_a_case_are_judged_reported_and_verified(
    outcomes: Outcomes, reports: dict[str, Met]
) -> None:
    cases = {name.split(" ")[0] for name in reports}
    assert len(cases) >= 20
    for name, met in reports.items():
        expected = {0, 1, 3, 4} if name.endswith("judge") else {0}
        assert met.exit in expected, f"{name}: {met.exit} {met.err[-500:]}"
        assert "Traceback" not in met.out + met.err
        odd = {c for c in met.out + met.err if unicodedata.category(c) in ("Cc", "Cf")}
        assert odd <= {"\n"}, f"{name}: {odd}"
    for case in cases:
        page = Page()
        text = (outcomes.folder / f"{case}.html").read_text("utf-8")
        page.feed(text)
        assert not page.active, f"{case}: {page.active}"
        policy = r"Content-Security-Policy.{1,60}default-src 'none'"
        assert re.search(policy, html.unescape(text[:2000]))
    ElementTree.parse(outcomes.folder / "L.csv_cell_script.junit")
    json.loads((outcomes.folder / "L.csv_cell_script.sarif").read_text("utf-8"))


def test_the_real_command_line(outcomes: Outcomes) -> None:
    """The same as above through processes of their own, from the shell's side."""
    for name in ("L.csv_cell_ansi", "L.gz_bomb", "L.url_driver"):
        asked = str(outcomes.folder / "specs" / f"{name}.yaml")
        done = subprocess.run(
            [sys.executable, "-m", "audit", "audit", asked, "--out", f"{asked}.case"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == outcomes.met[name].exit, done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        assert "\x1b" not in done.stdout + done.stderr
        assert "s3cret" not in done.stdout + done.stderr
