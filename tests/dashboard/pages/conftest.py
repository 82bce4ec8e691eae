"""Who looks at a page, and from where."""

from __future__ import annotations

import pytest
import streamlit as st

from evenhand.dashboard.server import identity


@pytest.fixture
def on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``launch`` starts it: on this machine's own address."""
    real = st.get_option
    own = {"server.address": "127.0.0.1"}
    monkeypatch.setattr(st, "get_option", lambda name: own.get(name) or real(name))


@pytest.fixture
def approver(monkeypatch: pytest.MonkeyPatch, on_loopback: None) -> None:
    monkeypatch.setenv(identity.STATED, "Grace:approver")
