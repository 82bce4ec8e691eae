"""What people do on a page."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from evenhand.audit.register.register import Register


def kinds() -> list[str]:
    return [e.kind for e in Register().snapshot()]


def press(app: AppTest, label: str) -> AppTest:
    return next(b for b in app.button if b.label.replace("\\", "") == label).click().run()
