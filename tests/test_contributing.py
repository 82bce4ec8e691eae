"""What the project tells contributors is so: the map, the worked example, the decisions."""

from __future__ import annotations

import ast
import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.source import ROOMS, ROOT

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


def walls() -> dict[str, set[str]]:
    """The table of tests/test_imports.py, read, not imported."""
    tree = ast.parse((ROOT / "tests" / "test_imports.py").read_text("utf-8"))
    (table,) = [
        node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "WALLS" and node.value
    ]
    return {room: set(others.split()) for room, others in ast.literal_eval(table).items()}


def test_the_map_names_every_room_and_no_other() -> None:
    code, data = folders()
    rows = ROW.findall(DESIGN)
    assert sorted(room for room, _ in rows) == sorted(code)
    assert [f for f in data if f"`{f}`" not in DESIGN] == []
    assert all(len(line) <= 90 for _, line in rows)


def test_the_map_goes_from_ground_to_roof() -> None:
    order = {room: i for i, (room, _) in enumerate(ROW.findall(DESIGN))}
    arrows = [(a, b) for a, others in walls().items() for b in others if {a, b} <= set(order)]
    assert len(arrows) > 100
    assert [(a, b) for a, b in arrows if order[b] > order[a]] == []


def test_contributing_is_one_page() -> None:
    assert len(CONTRIBUTING.encode()) < 5000


def test_the_worked_example_runs_as_it_is_printed(tmp_path: Path) -> None:
    """In a copy of the project, with the laws that pick a new check up."""
    files = EXAMPLE.findall(CONTRIBUTING)
    assert len(files) == 2
    unread = shutil.ignore_patterns("__pycache__")
    for name in (*ROOMS, "evenhand", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True, ignore=unread)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, text in files:
        assert not (ROOT / name).exists()
        (tmp_path / name).write_text(text)
    check, test = (name for name, _ in files)
    laws = ["tests/test_imports.py::test_walls", "tests/test_tests.py"]
    laws += ["tests/audit/run/test_run.py::test_every_check_says_what_it_is"]
    run = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", test, *laws]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    shown = subprocess.run(
        [sys.executable, "-m", "evenhand", "checks", "show", "data.smallest_group"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert "smallest_group_share" in shown.stdout, shown.stderr
    assert "data/smallest_group" in check


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
