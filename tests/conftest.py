"""Fixtures that every folder of tests shares."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test touches the store of whoever runs it."""
    home = tmp_path / "evenhand-home"
    monkeypatch.setenv("EVENHAND_HOME", str(home))
    monkeypatch.delenv("EVENHAND_REGISTER", raising=False)
    return home
