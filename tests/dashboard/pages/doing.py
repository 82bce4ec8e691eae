"""What people do on a page."""

from __future__ import annotations

from pathlib import Path

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


VENDOR = """candidate,gender,race,age,points,hired
C1,female,White,23,61.5,yes
C2,male,Black,41,40.0,no
C3,male,White,52,77.0,yes
C4,female,Black,30,35.5,no
C5,female,White,64,80.0,yes
C6,male,Black,38,20.0,no
"""


def named(app: AppTest, folder: Path, rows: str = VENDOR) -> AppTest:
    """The form of an audit of stored predictions, with a table named by its path."""
    table = folder / "vendor <b>.csv"
    table.write_text(rows)
    app.toggle(key="run_predictions").set_value(True)
    app.selectbox(key="source_data").select("path").run()
    return app.text_input(key="path_data").input(str(table)).run()
