"""Fixtures that every folder of tests shares."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests stay in one process of pytest-xdist, so that its fixtures are made once."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.split("::")[0]))


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk() -> Iterator[None]:
    """Flushes are left out in the tests' own process: they guard against a power cut, which no test
    brings about, and a busy disk makes each a matter of seconds. (What survives a kill, and which
    order things are flushed in, is tested in processes of their own.)"""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test touches the store of whoever runs it."""
    home = tmp_path / "evenhand-home"
    monkeypatch.setenv("EVENHAND_HOME", str(home))
    monkeypatch.delenv("EVENHAND_REGISTER", raising=False)
    return home
