"""The ledger's timeline: its table, its picture, and the page that shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.artifacts.kinds import LedgerTimeline
from evenhand.audit.case.case import Case
from evenhand.audit.files.shapes import parsed
from evenhand.dashboard.cases import store
from evenhand.dashboard.charts import privacy as charts_privacy
from evenhand.dashboard.frames import privacy as frames_privacy
from evenhand.dashboard.i18n import Translator
from tests.dashboard.conftest import OpenPage
from tests.dashboard.pairs import LEDGER, write_pair
from tests.samples import HOSTILE

T = Translator("en")


def test_the_table_has_every_line_of_the_case_in_order() -> None:
    frame = frames_privacy.ledger_frame(parsed(LEDGER, LedgerTimeline), T)
    assert list(frame.columns) == list(frames_privacy.LEDGER_COLUMNS)
    assert list(frame["steps"]) == [0, 30, 25, 25, 60]
    assert list(frame["epsilon"]) == [0.0, 1.9, 1.7, 1.7, 2.99]
    assert list(frame["event"])[2:4] == ["paused", "run opened"]
    assert frame["at"].iloc[-1] == "2026-11-21 08:20:00"


def test_what_a_stranger_wrote_is_text() -> None:
    entry = {**LEDGER["entries"][0], "accountant": f"\u202e{HOSTILE}"}
    frame = frames_privacy.ledger_frame(parsed({**LEDGER, "entries": [entry]}, LedgerTimeline), T)
    assert frame["accountant"].iloc[0] == f"⟨U+202E⟩{HOSTILE}"


def test_a_run_of_two_seconds_is_drawn_along_its_steps() -> None:
    frame = frames_privacy.ledger_frame(parsed(LEDGER, LedgerTimeline), T)
    assert frames_privacy.runs_on(frame) == "at"
    assert frames_privacy.runs_on(frame.iloc[:2]) == "steps"


@pytest.mark.parametrize(
    ("rows", "field", "form"), [(5, "ms", "%H:%M'"), (3, "ms", "%H:%M:%S"), (2, "steps", ",")]
)
def test_the_picture_has_every_point_and_the_total(rows: int, field: str, form: str) -> None:
    frame = frames_privacy.ledger_frame(parsed(LEDGER, LedgerTimeline), T).iloc[:rows]
    spec: dict[str, Any] = charts_privacy.ledger(frame, T, epsilon=2.99).to_dict()
    total, line, points = spec["layer"]
    assert spec["datasets"][total["data"]["name"]] == [{"total": 2.99}]
    assert [r["epsilon"] for r in spec["datasets"][line["data"]["name"]]] == list(frame["epsilon"])
    assert points["encoding"]["x"]["field"] == field
    axis = points["encoding"]["x"]["axis"]
    assert form in axis.get("format", axis.get("labelExpr"))
    if field == "ms":  # 20 November 2026, 9 o'clock in Greenwich, wherever the reader is
        assert spec["datasets"][line["data"]["name"]][0]["ms"] == 1_795_165_200_000
        assert len(axis["values"]) <= 9
    # shape says what colour says
    assert points["encoding"]["shape"]["field"] == points["encoding"]["color"]["field"] == "event"


@pytest.fixture
def pair(home: Path) -> tuple[Case, Case]:
    return write_pair(home / "cases")


def test_the_page_shows_the_timeline_that_the_case_holds(
    pair: tuple[Case, Case], open_page: OpenPage
) -> None:
    plain, private = pair
    app = open_page("privacy", case=store.open_case(private.path).key)
    assert not app.exception
    assert "Timeline of the ledger" in [s.value for s in app.subheader]
    assert any("epsilon, 2.99, at delta 0.0001" in c.value.replace("\\", "") for c in app.caption)
    app = open_page("privacy", case=store.open_case(plain.path).key)
    assert not app.exception
    assert any("holds no privacy ledger" in i.value for i in app.info)


def test_a_case_without_lines_says_so(case: Case, open_page: OpenPage, home: Path) -> None:
    from tests.dashboard.artifacts import write_full_case

    full = write_full_case(home / "cases" / "full")  # its ledger finding names no artifact
    app = open_page("privacy", case=store.open_case(full.path).key)
    assert not app.exception
    assert any("not its lines" in i.value for i in app.info)
