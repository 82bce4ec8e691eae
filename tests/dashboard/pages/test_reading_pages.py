"""The reading pages on a case that holds every artifact: what they show, follow and refuse."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from evenhand.audit.case.case import Case
from evenhand.audit.errors import EvenhandError
from evenhand.dashboard.cases.index import build
from evenhand.dashboard.frames import compared as comparing
from evenhand.dashboard.frames.plain_words import per_hundred, works_worse
from evenhand.dashboard.i18n import LANGUAGES, Translator
from tests.dashboard.artifacts import write_full_case
from tests.dashboard.conftest import OpenPage
from tests.dashboard.pages.seen import key, plain, shown
from tests.dashboard.sound_cases import register_case, write_case
from tests.samples import HOSTILE, finding, sample_findings

EN = Translator("en")
BLACK = "race=black"
VIEWS = [
    ("fairness", "groups"),
    ("fairness", "thresholds"),
    ("fairness", "calibration"),
    ("fairness", "worst"),
    ("explanations", "everybody"),
    ("explanations", "groups"),
    ("explanations", "person"),
]


@pytest.fixture
def full(home: Path) -> Case:
    case = write_full_case(home / "cases" / "full", name=f"full {HOSTILE}")
    register_case(case)
    return case


def charts(app: AppTest) -> list[Any]:
    return list(app.get("vega_lite_chart"))


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(("page", "view"), VIEWS)
def test_a_view_has_chart_table_making_and_downloads(
    open_page: OpenPage, full: Case, page: str, view: str, lang: str
) -> None:
    app = open_page(page, lang=lang, view=view, who=BLACK)
    t = Translator(lang)
    assert not app.exception and not app.error
    assert charts(app)
    assert app.dataframe
    labels = [e.label.replace("\\", "") for e in app.expander]
    assert t("figure.table") in "".join(labels) and t("how.title") in "".join(labels)
    assert app.query_params["who"] == BLACK
    assert not re.search(r"(?<!\\)<", shown(app))


@pytest.mark.parametrize("page", ["fairness", "explanations"])
@pytest.mark.parametrize("view", ["thresholds", "calibration", "worst", "person", "everybody"])
def test_a_case_without_the_artifact_says_so(
    open_page: OpenPage, case: Case, page: str, view: str
) -> None:
    app = open_page(page, view=view)
    assert not app.exception
    if view in ("thresholds", "calibration", "worst") and page == "fairness":
        assert f"This case holds nothing from fairness.{view}" in plain(app)
        assert app.code[0].value.startswith("evenhand checks show fairness.")


def test_an_artifact_of_another_version_is_said_not_guessed(
    open_page: OpenPage, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.dashboard import artifacts

    monkeypatch.setattr(artifacts, "thresholds", lambda groups: {"version": 99})
    write_full_case(home / "cases" / "odd")
    app = open_page("fairness", view="thresholds")
    assert not app.exception
    assert "fairness.thresholds.json cannot be drawn" in plain(app)


def test_the_chosen_group_is_followed_from_page_to_page(open_page: OpenPage, full: Case) -> None:
    app = open_page("fairness")
    app.sidebar.selectbox(key="choose_who").select(BLACK).run()
    assert app.query_params["who"] == BLACK
    assert "race = black: 0.75 [0.64, 0.83] rate" in plain(app).replace("**", "")
    app.query_params.clear()  # as Streamlit does when it switches pages
    app.switch_page("pages/summary.py").run()
    assert app.query_params["who"] == BLACK
    assert "Of 100 people, 75 (64 to 83) are given the positive answer (n=80)." in plain(app)


def test_a_group_that_the_case_lacks_is_said(open_page: OpenPage, full: Case) -> None:
    app = open_page("fairness", who="race=nobody")
    assert not app.exception
    assert "race = nobody, has no Selection rate in this case" in plain(app)


def test_the_gap_is_told_as_difference_or_ratio(open_page: OpenPage, full: Case) -> None:
    app = open_page("fairness")
    assert "Demographic parity difference: 0.17 [0.08, 0.28] rate" in plain(app).replace("**", "")
    app.radio(key="switch_scale").set_value("ratio").run()
    assert app.query_params["scale"] == "ratio"
    assert "Demographic parity ratio: 0.815 [0.70, 0.92] rate" in plain(app).replace("**", "")


def test_the_summary_tells_people_in_a_hundred(open_page: OpenPage, full: Case) -> None:
    text = plain(open_page("summary"))
    # 0.9 [0.873, 0.922]; 0.5 is the lowest and 0.92 the highest rate of 20 and 500 rows
    assert "Of 100 rows it is right about 90 (87 to 92)." in text
    assert f"race = {HOSTILE}, 50 (30 to 70) are given the positive answer" in text
    assert "race = white, 92 (89 to 94)" in text
    assert "epsilon 2.99" in text
    assert "No attack was tried" in text
    assert "1 item fails" in text


def test_shares_near_an_end_are_not_none_or_all() -> None:
    assert per_hundred(finding("a.b", "m", 0.002, 0.0, 0.01), EN) == "<1 (0 to 1)"
    assert per_hundred(finding("a.b", "m", 0.999, 0.99, 1.0), EN) == ">99 (99 to 100)"
    assert per_hundred(finding("a.b", "m", None, reason="none"), EN) == "Undefined"


def test_small_groups_are_left_out_of_the_summary_and_named(full: Case) -> None:
    index = build(sample_findings(), ["race", "sex"])
    told = dict(works_worse(full, index, {"fairness.group_rates": 50}, EN))["race"]
    assert "race = black, 75 (64 to 83)" in told[0]
    assert told[-1] == f"Too few rows to say (rows in brackets): race = {HOSTILE} (20)."


def test_privacy_says_what_the_case_holds_and_what_it_does_not(
    open_page: OpenPage, full: Case
) -> None:
    text = plain(open_page("privacy"))
    assert "encoder means" in text and "number of rows" in text
    assert "holds what the ledger adds up to, not its lines" in text
    assert "This case holds no attack" in text
    assert "There is no second case to compare with" in text


def test_one_person_has_attributions_reasons_and_the_change(
    open_page: OpenPage, full: Case
) -> None:
    app = open_page("explanations", view="person")
    assert app.selectbox(key="choose_row").value == "7"  # of which the case holds most
    tables = [list(d.value.columns) for d in app.dataframe]
    assert [c[0] for c in tables] == ["column", "place", "column"]
    app.selectbox(key="choose_row").select("3").run()
    assert app.query_params["row"] == "3"
    assert "Principal reasons: the case holds nothing about row 3" in plain(app)


@pytest.mark.parametrize("kind", ["text", "image"])
def test_words_are_marked_and_images_overlaid(open_page: OpenPage, home: Path, kind: str) -> None:
    write_full_case(home / "cases" / kind, kind=kind)
    app = open_page("explanations", view="person", row="7")
    assert not app.exception and not app.error
    if kind == "text":
        assert "▼ bad" in plain(app)
        assert not re.search(r"(?<!\\)<", shown(app))
    else:
        assert app.get("image")


def paired(outcome: str = "worse") -> dict[str, Any]:
    """What ``evenhand compare --json`` prints, for one group of 80."""
    interval = {"low": -0.2, "high": -0.02, "level": 0.95, "method": "Newcombe paired"}
    row = {
        "measure": "accuracy_score",
        "n": 80,
        "a": 0.7,
        "b": 0.8,
        "difference": -0.1,
        "p_value": 0.01,
        "p_adjusted": 0.02,
        "outcome": outcome,
        "reason": "",
        "interval": interval,
    }
    return {
        "results": [{**row, "group": {}}, {**row, "group": {"race": "black"}}],
        "level": 0.95,
        "n": 80,
        "test": "McNemar",
        "interval": "Newcombe",
        "explanations": {"n": 0, "reason": "no attributions", "drift": None},
    }


def test_compare_shows_differences_verdicts_drift_and_sides(
    open_page: OpenPage, full: Case, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "compared", lambda a, b: paired())
    app = open_page("compare", case=key(full), other=key(case), who=BLACK)
    assert not app.exception and not app.error
    frames = [d.value for d in app.dataframe]
    assert list(frames[0]["value"]) == [-0.1, -0.1]
    assert list(frames[0]["outcome"]) == ["worse here", "worse here"]
    assert "No verdict of House rules" in plain(app)
    assert set(frames[-2]["note"]) == {"no attributions"}
    assert "Accuracy" in set(frames[-1]["measure"])


def test_cases_of_other_rows_are_refused_with_the_reason(
    open_page: OpenPage, full: Case, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(a: Path, b: Path) -> Any:
        raise EvenhandError("the cases are of different data", remedy="audit both on the same rows")

    monkeypatch.setattr(comparing, "compared", refuse)
    app = open_page("compare", case=key(case), other=f"{key(full)},feedfeed")
    assert not app.exception
    assert "the cases are of different data" in plain(app)
    assert "audit both on the same rows" in plain(app)
    assert "feedfeed" in plain(app)


def test_the_command_that_compares_is_ours_and_its_error_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], **options: Any) -> Any:
        ran.append(command)
        out = '{"error": {"message": "no decisions", "remedy": "audit again"}}'
        return subprocess.CompletedProcess(command, 2, out, "")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(EvenhandError, match="no decisions") as raised:
        comparing.compared(Path("-a"), Path("b"))
    assert raised.value.remedy == "audit again"
    at = ran[0].index("evenhand")
    assert ran[0][0] == sys.executable and "-I" in ran[0][:at] and ran[0][at + 1] == "compare"
    assert ran[0][at + 2].startswith("/")  # a path that looks like an option is not read as one


def test_overview_filters_pages_and_trend(open_page: OpenPage, home: Path) -> None:
    for i in range(23):
        write_case(home / "cases" / f"c{i}", name=f"model {i}", day=i + 1)
    write_case(home / "cases" / "image", name="image model", task="multiclass", day=28)
    app = open_page()
    assert not app.exception
    assert app.selectbox(key="choose_page").options == ["1", "2"]
    assert len(app.subheader) == 20 + 1  # a card each, and the trend
    assert charts(app)
    assert "Right about 90 (87 to 92) of 100 rows" in plain(app)
    app.selectbox(key="choose_task").select("multiclass").run()
    assert [s.value for s in app.subheader] == ["image model"]
    assert app.query_params["task"] == "multiclass"
    app.selectbox(key="choose_task").select("").run()
    app.text_input(key="search_model").input("no such").run()
    assert "No case meets these filters" in plain(app)
    app.text_input(key="search_model").input("MODEL 7").run()
    assert [s.value for s in app.subheader] == ["model 7"]
    app.selectbox(key="choose_outcome").select("pass").run()
    assert "No case meets these filters" in plain(app)
