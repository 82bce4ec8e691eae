"""A newcomer's first steps: what an empty store says, and the tour of the demo's cases."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from streamlit.testing.v1 import AppTest

from evenhand.audit.case.case import Case
from evenhand.dashboard.cases import store
from tests.dashboard.conftest import OpenPage
from tests.dashboard.pairs import write_pair


@pytest.fixture
def demo(home: Path) -> tuple[Case, Case]:
    """A plain and a private case, named as the demo names its own."""
    return write_pair(home / "cases", prefix="demo mlp")


def keys(demo: tuple[Case, Case]) -> tuple[str, str]:
    plain, private = (store.open_case(case.path).key for case in demo)
    return plain, private


def plain_text(markdown: str) -> str:
    return re.sub(r"\\(.)", r"\1", markdown)


def said(app: AppTest) -> str:
    return plain_text("\n".join(m.value for m in app.markdown))


def links(app: AppTest) -> dict[str, dict[str, str]]:
    """The tour's links by their label: where they lead and with which selection."""
    found = {}
    for link in app.get("page_link"):
        proto = link.proto
        found[plain_text(proto.label)] = {"page": proto.page, **dict(parse_qsl(proto.query_string))}
    return found


def test_an_empty_store_says_what_to_do(home: Path, open_page: OpenPage) -> None:
    app = open_page()
    assert not app.exception
    assert [c.value for c in app.code] == [
        "evenhand demo",
        "evenhand audit SUBJECT.yaml --policy baseline",
    ]
    assert "Run" in links(app)
    assert not [b for b in app.button if b.key == "tour_begin"]


def test_the_demo_s_cases_offer_the_tour_until_it_is_declined(
    demo: tuple[Case, Case], open_page: OpenPage
) -> None:
    app = open_page()
    assert not app.exception
    assert "A short tour" in said(app)
    app.button(key="tour_end").click().run()
    assert "A short tour" not in said(app)
    assert app.query_params["tour"] in ("off", ["off"])
    app.button(key="tour_begin").click().run()  # it can be begun all the same
    assert "Tour, step 1 of 5" in said(app)


def test_others_find_it_at_the_side(
    case: Case, demo: tuple[Case, Case], open_page: OpenPage
) -> None:
    app = open_page()
    assert "A short tour" not in said(app)
    app.button(key="tour_begin").click().run()
    assert "Tour, step 1 of 5" in said(app)


def test_the_steps_lead_to_what_the_cases_hold(
    demo: tuple[Case, Case], open_page: OpenPage
) -> None:
    plain, private = keys(demo)
    app = open_page(tour="1")
    assert not app.exception
    assert "Tour, step 1 of 5" in said(app)
    step = links(app)["Next: The group treated worst"]
    assert (step["page"], step["tour"], step["case"]) == ("fairness", "2", plain)
    # 70 of 80 white people and 30 of 40 black people are selected
    assert (step["who"], step["measure"]) == ("race=black", "selection_rate")
    app = open_page("fairness", **{k: v for k, v in step.items() if k != "page"})
    assert "Of 100 people with race = black, 75 (60 to 90)" in said(app)
    assert "with race = white it is 88 (80 to 93)" in said(app)
    step = links(app)["Next: A verdict and what decided it"]
    assert (step["page"], step["verdict"], step["pack"]) == (
        "checklist",
        "inconclusive",
        "house-rules",
    )
    assert step["who"] == "race=black"  # chosen once, chosen on every page
    step = links(open_page("checklist", tour="3"))["Next: What privacy costs"]
    assert (step["page"], step["case"], step["other"]) == ("compare", private, plain)
    app = open_page("evidence", tour="5")
    assert "Tour, step 5 of 5" in said(app)
    assert not [label for label in links(app) if label.startswith("Next")]
    assert app.button(key="tour_end").label == "Done"


def test_who_left_the_path_is_led_back(demo: tuple[Case, Case], open_page: OpenPage) -> None:
    app = open_page("privacy", tour="2")
    assert links(app)["Go there: The group treated worst"]["page"] == "fairness"
    assert not open_page("privacy", tour="99").exception
    assert not open_page("privacy", tour="<b>").exception


def test_one_case_alone_leaves_the_comparison_out(case: Case, open_page: OpenPage) -> None:
    app = open_page(tour="1", lang="zh")
    assert not app.exception
    assert "导览，第 1 步，共 4 步" in said(app)
