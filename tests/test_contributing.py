"""What the project tells contributors is so: the map, the worked example, the decisions."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests import new_formats
from tests.source import ROOMS, ROOT
from tests.walls import WALLS

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
DESIGN = (ROOT / "docs" / "design.md").read_text("utf-8")
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
ROW = re.compile(r"^\| `([a-z_/]+)` \| (.+) \|$", re.MULTILINE)
EXAMPLE = re.compile(r"^`([a-z_/]+\.py)`\n\n```python\n(.+?)^```$", re.MULTILINE | re.DOTALL)


def folders() -> tuple[set[str], set[str]]:
    """Folders of code below the packages, and those of data alone."""
    code, data = set(), set()
    for package in ROOMS:
        for path in (ROOT / package).rglob("*"):
            if path.is_dir() and "__pycache__" not in path.parts:
                files = [f for f in path.iterdir() if f.is_file()]
                kind = code if any(f.suffix == ".py" for f in files) else data
                if files:
                    kind.add(path.relative_to(ROOT).as_posix())
    return code, data


def test_the_map_names_every_room_and_no_other() -> None:
    code, data = folders()
    rows = ROW.findall(DESIGN)
    assert sorted(room for room, _ in rows) == sorted(code)
    assert [f for f in data if f"`{f}`" not in DESIGN] == []
    assert all(len(line) <= 90 for _, line in rows)


def test_the_map_goes_from_ground_to_roof() -> None:
    order = {room: i for i, (room, _) in enumerate(ROW.findall(DESIGN))}
    table = {room: others.split() for room, others in WALLS.items()}
    arrows = [(a, b) for a, others in table.items() for b in others if {a, b} <= set(order)]
    assert len(arrows) > 100
    assert [(a, b) for a, b in arrows if order[b] > order[a]] == []


def test_contributing_is_one_page() -> None:
    assert len(CONTRIBUTING.encode()) < 5000


def with_files(copy: Path, files: Mapping[str, str]) -> Callable[..., str]:
    """A copy of the project with files that a contributor adds, and what runs a module there; it
    asserts that it went well, and returns what was printed."""
    unread = shutil.ignore_patterns("__pycache__")
    for name in (*ROOMS, "evenhand", "tests", "docs"):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=unread)
    for name in ("pyproject.toml", "README.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, copy)
    for name, text in files.items():
        assert not (ROOT / name).exists()
        (copy / name).write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(module: str, *arguments: str) -> str:
        line = [sys.executable, "-m", module, *arguments]
        done = subprocess.run(line, cwd=copy, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
        return done.stdout

    return run


PYTEST = ("pytest", "-q", "-n", "0", "-p", "no:cacheprovider")
LAWS = ("tests/test_imports.py::test_walls", "tests/test_imports.py::test_rooms_are_small")


def test_the_worked_example_runs_as_it_is_printed(tmp_path: Path) -> None:
    """In a copy of the project, with the laws that pick a new check up."""
    files = dict(EXAMPLE.findall(CONTRIBUTING))
    check, test = files
    assert "data/smallest_group" in check
    run = with_files(tmp_path, files)
    laws = ("tests/test_tests.py", "tests/audit/run/test_run.py::test_every_check_says_what_it_is")
    run(*PYTEST, test, *LAWS, *laws)
    assert "smallest_group_share" in run("evenhand", "checks", "show", "data.smallest_group")


def test_a_report_format_and_a_model_format_are_one_file_each(tmp_path: Path) -> None:
    """Help, documents and the laws over all formats take them up; no list names them."""
    report, model = "audit/reports/tap.py", "audit/models/formats/scorecard.py"
    tests = ("tests/audit/reports/test_tap.py", "tests/audit/models/formats/test_scorecard.py")
    texts = (new_formats.REPORT_TEST, new_formats.MODEL_TEST)
    files = {
        report: new_formats.REPORT,
        model: new_formats.MODEL,
        **dict(zip(tests, texts, strict=True)),
    }
    run = with_files(tmp_path, files)
    of_reports = ("test_formats.py", "test_documents.py", "parts/test_public.py")
    laws = [f"tests/audit/reports/{name}" for name in of_reports]
    passed = run(*PYTEST, "-vv", *tests, *laws, "-k", "tap or scorecard or file_is_a_format")
    count = re.search(r"(\d+) passed", passed)
    assert count is not None and int(count[1]) >= 12  # the laws take the new one up
    cards = "tests/audit/models/formats/test_folders_and_pickles.py::test_every_format_has_a_card"
    listed = ("tests/audit/commands/test_listed.py", "tests/audit/models/test_docs.py", cards)
    run(*PYTEST, *listed, *LAWS)
    assert re.search(r"\btap\b", run("evenhand", "report", "--help"))
    told = run("evenhand", "formats")
    assert "Test Anything Protocol" in told
    assert "scorecard" in told


@pytest.mark.parametrize("path", DECISIONS, ids=lambda p: p.stem)
def test_every_decision_has_context_choice_and_cost(path: Path) -> None:
    text = path.read_text("utf-8")
    decisions = re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]
    assert decisions
    for decision in decisions:
        assert re.findall(r"^\*\*(\w+)\.\*\*", decision, re.MULTILINE) == [
            "Context",
            "Choice",
            "Cost",
        ], decision
    room = path.stem.replace("-", "/")
    assert (ROOT / room).exists() or path.stem in ("house", "tests")


def test_what_documents_for_contributors_name_exists() -> None:
    texts = [CONTRIBUTING, DESIGN, *(path.read_text("utf-8") for path in DECISIONS)]
    example = {name for name, _ in EXAMPLE.findall(CONTRIBUTING)}
    seen = 0
    for text in texts:
        for name in set(re.findall(r"`([a-z_]+/[a-z_/]*[a-z_]\.(?:py|md))`", text)) - example:
            assert (ROOT / name).is_file(), name
            seen += 1
        for name in set(
            re.findall(r"`(evenhand\.(?:audit|policies|trainers|dashboard)[a-z_.]*)`", text)
        ):
            importlib.import_module(name)
            seen += 1
    assert seen >= 15
