"""A home with cases, for pages to show: sound, plain, altered; and the entry of the dashboard."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import dashboard
from audit.case import Case, CaseWriter
from audit.register import Register
from tests.samples import HOSTILE, sample_findings, sample_plan

APP = Path(dashboard.__file__).with_name("app.py")
PACK = Path(__file__).with_name("house.yaml")


def write_case(path: Path, *, planned: bool = True, day: int = 22, **changes: Any) -> Case:
    """Seals the sample findings at ``path``; ``planned`` puts the house pack into the case."""
    environment = {"evenhand": "0.1.0", "finished_at": f"2026-11-{day:02}T10:00:20+00:00"}
    with CaseWriter(path, sample_plan(**changes)) as writer:
        if planned:
            writer.add_pack("house-rules.yaml", PACK.read_bytes())
        return writer.seal(sample_findings(), environment)


def register_case(case: Case) -> None:
    """Enters a case into the register of EVENHAND_HOME, as an audit does."""
    Register().append("case", {"path": str(case.path), "digest": case.digest})


def alter(case: Case) -> None:
    """Makes one number better than it was measured."""
    file = case.path / "findings.jsonl"
    lines = file.read_text("utf-8").splitlines()
    first = json.loads(lines[0])
    first["value"] = 0.99
    file.write_text("\n".join([json.dumps(first), *lines[1:]]) + "\n", "utf-8")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty EVENHAND_HOME, and no cases on the command line."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("EVENHAND_HOME", str(folder))
    monkeypatch.delenv("EVENHAND_REGISTER", raising=False)
    monkeypatch.setattr("sys.argv", [str(APP)])
    return folder


@pytest.fixture
def case(home: Path) -> Case:
    """One sound case, registered, judged by the house pack."""
    sound = write_case(home / "cases" / "loan")
    register_case(sound)
    return sound


@pytest.fixture
def hostile_case(home: Path) -> Case:
    """A case whose subject is named by an attacker."""
    return write_case(home / "cases" / "hostile", name=f"*x* {HOSTILE}", day=21)


OpenPage = Callable[..., AppTest]


@pytest.fixture
def open_page(home: Path) -> OpenPage:
    """Opens a page with a query, as following a link does."""

    def opened(page: str = "overview", **query: str) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=60)
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        if page != "overview":
            app.switch_page(f"pages/{page}.py").run()
        return app

    return opened
