"""What people see on a page."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from evenhand.audit.case.case import Case
from evenhand.dashboard.cases import store


def shown(app: AppTest) -> str:
    """All Markdown on the page, where data must have been escaped."""
    parts = [*app.title, *app.subheader, *app.markdown, *app.caption, *app.error, *app.warning]
    return "\n".join(str(part.value) for part in [*parts, *app.info])


def plain(app: AppTest) -> str:
    """What a reader sees of it."""
    return shown(app).replace("\\", "").replace("\u2060", "")


def key(case: Case) -> str:
    return store.open_case(case.path).key
