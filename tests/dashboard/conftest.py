"""A home with cases, for pages to show, and a way to open a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from evenhand.audit.case.case import Case
from evenhand.dashboard.cases import shelf
from tests.dashboard.journey_views import IN_CI, views_of
from tests.dashboard.sound_cases import APP, register_case, write_case
from tests.samples import HOSTILE


@pytest.fixture(autouse=True)
def no_second_of_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests change a case and look at once; the dashboard asks for its files once a second."""
    monkeypatch.setattr(shelf, "LOOK_AGAIN_S", 0.0)


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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A journey is made once for each of its views."""
    journey = metafunc.function.__name__
    if journey in IN_CI:
        metafunc.parametrize("view", views_of(journey), ids=str)


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
