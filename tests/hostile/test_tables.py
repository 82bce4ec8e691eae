"""Every hostile data file, pack, case and register by the command line: typed errors, limits.

Each is met by a process of its own, so that its time and its memory are its alone.
"""

from __future__ import annotations

import base64
import hashlib
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

from evenhand.audit import reports as reports_room
from tests.hostile import cases, tables
from tests.hostile.processes import on_this_machine

ROOT = Path(__file__).parents[2]
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
# Files that are counted on disk too, where other readers meet them.
ON_DISK = ("L.parquet_bomb", "L.parquet_cut", "L.parquet_flipped", "L.parquet_text", "L.arrow_")
ON_DISK += ("L.csv_nul", "L.csv_latin1", "L.csv_carriage", "L.csv_open_quote", "L.csv_quotes")
ON_DISK += ("L.csv_giant_line", "L.csv_long_row")
# What may become of a sample, by its class: a hostile case may also be judged, or be altered.
EXITS = {"L": {0, 2, 6}, "M": {2}, "N": set(range(8)), "O": {2, 6, 7}}


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


def python(*arguments: str) -> str:
    """What a process of its own says."""
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=900, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


Line = tuple[str, list[str], str | None]  # name, arguments, EVENHAND_HOME


def meet(lines: list[Line], folder: Path) -> dict[str, Met]:
    """Runs command lines, each in a process of its own that a warm one forks."""
    asked = folder / "lines.json"
    asked.write_text(json.dumps(lines))
    said = python("-m", "tests.hostile.meeting", str(asked)).split("\n")
    told = [json.loads(x[4:]) for x in said if x[:4] == "MET "]
    assert len(told) == len(lines)
    return {t.pop("name"): Met(**t) for t in told}


def spec(path: str, name: str, *, stream: bool = False) -> str:
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
        "stream": stream,  # asked for or not: else the machine's memory decides
    }
    return json.dumps(wanted)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    folder = tmp_path_factory.mktemp("tables")
    canary = tmp_path_factory.mktemp("canary") / "canary"
    samples = json.loads(python("-c", MAKE, str(folder), str(canary)))
    (folder / "specs").mkdir()
    lines: list[Line] = []
    for name, path in samples:
        if name.startswith("M."):
            lines.append((name, ["policies", "lint", path], None))
            if name != "M.many":  # three seconds, and the same reader
                lines.append((f"{name} as a spec", ["audit", path, "--quiet"], None))
            continue
        asked = folder / "specs" / f"{name}.yaml"
        asked.write_text(spec(path, name))
        limit = ["--time-limit", str(SQL_SECONDS)] if "sqlite_endless" in name else []
        case = str(folder / "cases" / name)
        lines.append((name, ["audit", str(asked), "--out", case, *limit], None))
        if name.startswith(ON_DISK):
            asked = asked.with_suffix(".stream.yaml")
            asked.write_text(spec(path, name, stream=True))
            lines.append((f"{name} on disk", ["audit", str(asked), "--out", f"{case}.2"], None))
    (folder / "made").mkdir()
    for sample in cases.make(folder / "made", canary):
        home = str(sample.home) if sample.home else None
        lines += [(f"{sample.name} {line[0]}", line, home) for line in sample.lines]
    return Outcomes(folder, canary, meet(lines, folder))


def test_each_ends_in_time_with_a_typed_error_or_is_read(outcomes: Outcomes) -> None:
    samples = {n.partition(" ")[0] for n in outcomes.met}
    for kind, least in {"L": 150, "M": 25, "N": 30, "O": 8}.items():
        assert sum(n.startswith(f"{kind}.") for n in samples) >= least
    for name, met in outcomes.met.items():
        assert met.exit in EXITS[name[0]], f"{name}: {met.exit} {met.err[-500:]}"
        assert "Traceback" not in met.out + met.err, name
        assert met.seconds < on_this_machine(MOST_SECONDS), f"{name}: {met.seconds:.0f} s"
        if met.exit in (2, 5, 6, 7):
            assert "->" in met.err, f"{name} says not what to do: {met.err[-300:]}"
            assert "s3cret" not in met.err, name
    assert not outcomes.canary.exists()
    peak = max(met.peak for met in outcomes.met.values())
    assert peak < MOST_MEMORY, f"{peak / 2**30:.2f} GiB"


def test_packs_and_specs_that_lie_are_refused_with_their_file(outcomes: Outcomes) -> None:
    for name, met in outcomes.met.items():
        if name.startswith("M."):
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
        ("arrow_bomb", 6, "says that it unpacks to 640,000,000"),
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
        ("arrow_cut on disk", 2, "is not a readable Arrow file"),
        ("csv_carriage on disk", 2, "end its lines with"),
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


SCRIPT = (Path(reports_room.__file__).parent / "templates" / "report.js").read_text("utf-8")


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


def check_page(file: Path) -> None:
    page, text = Page(), file.read_text("utf-8")
    own = f"<script>{SCRIPT}</script>"  # the one script of a report, whose hash its policy names
    if own in text:
        digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
        assert text.count(own) == 1 and f"script-src 'sha256-{digest}'" in html.unescape(
            text[:2000]
        )
        text = text.replace(own, "")
    page.feed(text)
    assert not page.active, f"{file}: {page.active}"
    policy = r"Content-Security-Policy.{1,60}default-src 'none'"
    assert re.search(policy, html.unescape(text[:2000]))


FORMATS = ("html", "markdown", "json", "junit", "sarif", "model-card")


@pytest.fixture(scope="module")
def reports(outcomes: Outcomes) -> dict[str, Met]:
    """Judged, reported and verified: a case for each string that some reader may obey."""
    lines: list[Line] = []
    for name, met in outcomes.met.items():
        if not name.startswith(("L.csv_cell_", "L.csv_name_")) or met.exit != 0:
            continue
        case = str(outcomes.folder / "cases" / name)
        lines.append((f"{name} judge", ["judge", case, "--policy", "baseline"], None))
        lines.append((f"{name} verify", ["verify", case], None))
        for form in FORMATS[:1] if name != "L.csv_cell_script" else FORMATS:
            out = str(outcomes.folder / f"{name}.{form}")
            asked = ["report", case, "--policy", "baseline", "--format", form, "-o", out]
            lines.append((f"{name} {form}", asked, None))
    return meet(lines, outcomes.folder)


def test_hostile_names_in_a_case_are_judged_reported_and_verified(
    outcomes: Outcomes, reports: dict[str, Met]
) -> None:
    made = {name.split(" ")[0] for name in reports}
    assert len(made) >= 20
    for name, met in reports.items():
        expected = {0, 1, 3, 4} if name.endswith("judge") else {0}
        assert met.exit in expected, f"{name}: {met.exit} {met.err[-500:]}"
        assert "Traceback" not in met.out + met.err
        odd = {c for c in met.out + met.err if unicodedata.category(c) in ("Cc", "Cf")}
        assert odd <= {"\n"}, f"{name}: {odd}"
    for case in made:
        check_page(outcomes.folder / f"{case}.html")
    check_page(outcomes.folder / "made" / "strings.html")
    ElementTree.parse(outcomes.folder / "L.csv_cell_script.junit")
    json.loads((outcomes.folder / "L.csv_cell_script.sarif").read_text("utf-8"))
