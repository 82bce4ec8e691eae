"""What people do on a page."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Checkbox

from evenhand.audit.register.register import Register


def kinds() -> list[str]:
    return [e.kind for e in Register().snapshot()]


def press(app: AppTest, label: str) -> AppTest:
    return next(b for b in app.button if b.label.replace("\\", "") == label).click().run()


def accepting(app: AppTest) -> list[Checkbox]:
    """The boxes of the sign-off form, one for each open item."""
    return [box for box in app.checkbox if (box.key or "").startswith("accept_")]
