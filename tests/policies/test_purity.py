"""Judging is light and pure: no heavy library, no clock, no environment, no file."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import evenhand.policies as policies

FOLDER = Path(policies.__file__).parent
# who may read a file, and who may not even know the time
READS_FILES = {"pack.py", "recording.py", "statement_files.py"}
SCRIPT = """
import datetime, pathlib, sys
sys.path.insert(0, {root!r})
from evenhand.audit.case.case import read_case
from evenhand.policies.gate import exit_code
from evenhand.policies.judge import judge
from evenhand.policies.lint import lint
from evenhand.policies.pack import load_pack
pack = load_pack("baseline")
assert lint(pack, measures=None) == []
verdicts = judge(
    read_case({case!r}), pack, (), as_of=datetime.date(2026, 11, 22)
)
assert len(verdicts) == 18 and exit_code(verdicts) == 3
heavy = ["torch", "pandas", "numpy", "scipy", "sklearn", "streamlit", "sqlalchemy", "pyarrow"]
print([name for name in heavy if name in sys.modules])
"""


def test_judging_loads_no_heavy_library(tmp_path: Path) -> None:
    from tests.samples import write_sample_case

    case = tmp_path / "case"
    write_sample_case(case)
    script = SCRIPT.format(root=str(FOLDER.parent), case=str(case))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.stderr, done.stdout.strip(), done.returncode) == ("", "[]", 0)


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, path
            names.add(str(node.module))
    return names


def test_no_clock_no_environment_no_chance() -> None:
    for path in FOLDER.glob("*.py"):
        names = imported(path)
        assert not names & {"os", "time", "random", "secrets", "socket", "subprocess"}, path.name
        assert path.name in READS_FILES or "pathlib" not in names, path.name
        called = {
            node.func.attr
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        assert not called & {"now", "today", "utcnow", "read_text", "getenv"}, path.name
