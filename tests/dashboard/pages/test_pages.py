"""Each page on a real case, through Streamlit's own test harness."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from evenhand.audit.case.case import Case
from evenhand.dashboard.i18n import LANGUAGES, Translator
from evenhand.dashboard.text import escape
from tests.dashboard.conftest import OpenPage
from tests.dashboard.pages.seen import key, plain, shown
from tests.dashboard.sound_cases import alter, write_case
from tests.samples import HOSTILE

READING = ("summary", "fairness", "explanations", "privacy", "compare")
PAGES = ("overview", "findings", "checklist", *READING)
GAP = "fairness.gaps/demographic_parity_difference~race"


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_empty_store_says_what_to_do(open_page: OpenPage, page: str, lang: str) -> None:
    app = open_page(page, lang=lang)
    assert not app.exception
    assert app.code[0].value == "evenhand demo"
    assert Translator(lang)("empty.demo") in shown(app)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_page_opens_in_both_languages(
    open_page: OpenPage, case: Case, page: str, lang: str
) -> None:
    app = open_page(page, lang=lang)
    assert not app.exception
    assert not app.error
    assert app.title[0].value == Translator(lang)(f"nav.{page}")
    assert app.query_params["lang"] == lang


@pytest.mark.parametrize("page", PAGES)
def test_hostile_names_are_inert(open_page: OpenPage, hostile_case: Case, page: str) -> None:
    app = open_page(page)
    assert not app.exception
    assert not re.search(r"(?<!\\)<", shown(app))
    assert f"*x* {HOSTILE}" in plain(app)
    assert not any(part.allow_html for part in app.markdown)


@pytest.mark.parametrize("page", PAGES)
def test_an_altered_case_is_shown_as_such(open_page: OpenPage, case: Case, page: str) -> None:
    alter(case)
    app = open_page(page)
    assert not app.exception
    assert "findings.jsonl: changed" in plain(app)
    assert Translator("en")("state.altered.title") in plain(app)
    assert not app.dataframe  # no number of it is shown


def test_a_case_that_is_altered_while_the_page_is_open_is_noticed(
    open_page: OpenPage, case: Case
) -> None:
    app = open_page("findings")
    assert app.dataframe
    alter(case)
    app.run()
    assert not app.dataframe
    assert "findings.jsonl: changed" in plain(app)


def test_an_altered_register_stops_judging_and_keeps_the_findings(
    open_page: OpenPage, case: Case, home: Path
) -> None:
    (home / "register.sqlite").write_bytes(b"not a database" * 100)
    app = open_page("checklist", case=key(case))
    assert Translator("en")("register.title") in plain(app)
    assert Translator("en")("register.unusable") in plain(app)
    assert open_page("findings", case=key(case)).dataframe


def test_overview_counts_the_verdicts_in_one_sentence(open_page: OpenPage, case: Case) -> None:
    text = plain(open_page())
    assert "Model: models/loan-mlp".replace("Model", "**Model**") in text
    assert "1 item fails; the evidence does not settle 3; 1 carries a warning" in text
    assert "%" not in text


def test_overview_of_a_case_without_a_pack_says_so(open_page: OpenPage, home: Path) -> None:
    write_case(home / "cases" / "plain", planned=False)
    assert "Measured only" in plain(open_page())


def test_a_link_to_an_unknown_case_shows_no_other(open_page: OpenPage, case: Case) -> None:
    for page in ("findings", "checklist"):
        app = open_page(page, case="feedfeedfeedfeed")
        assert not app.exception
        assert "feedfeedfeedfeed" in plain(app)
        assert not app.dataframe


def test_an_unknown_pack_is_said(open_page: OpenPage, case: Case) -> None:
    app = open_page("checklist", case=key(case), pack=HOSTILE)
    assert not app.exception
    assert HOSTILE in plain(app)
    assert not re.search(r"(?<!\\)<", shown(app))


def test_findings_shows_every_status_and_every_finding(open_page: OpenPage, case: Case) -> None:
    app = open_page("findings")
    assert len(app.dataframe[0].value) == len(case.findings)
    words = "\n".join(m.value for m in app.markdown)
    for status in ("Measured** 19", "Undefined** 2", "Not applicable** 1", "Error** 1"):
        assert status in words


def test_findings_filters_are_kept_in_the_address(open_page: OpenPage, case: Case) -> None:
    app = open_page("findings")
    app.selectbox(key="choose_measure").select("true_positive_rate").run()
    assert app.query_params["measure"] == "true_positive_rate"
    table = app.dataframe[0].value
    assert list(table["status"]) == ["∅ Undefined"]
    assert list(table["note"]) == ["no positive labels in this group"]
    app.text_input(key="search_group").input("sex").run()
    assert app.query_params["group"] == "sex"
    assert "No finding meets these filters" in plain(app)


def test_findings_restores_what_a_link_selects(open_page: OpenPage, case: Case) -> None:
    app = open_page(
        "findings", case=key(case), measure="selection_rate", feature="race&sex", lang="en"
    )
    assert app.selectbox(key="choose_measure").value == "selection_rate"
    assert app.selectbox(key="choose_feature").value == "race&sex"
    groups = app.dataframe[1].value
    assert list(groups["group"]) == ["hispan × female"]
    assert list(groups["remark"]) == ["◆ too small to compare"]


def test_a_gap_shows_the_groups_behind_it(open_page: OpenPage, case: Case) -> None:
    app = open_page("findings", finding=GAP, measure="demographic_parity_difference")
    assert "below is Selection rate" in plain(app)
    assert "Demographic parity difference: 0.17 [0.08, 0.28] rate" in plain(app)
    how = app.table[0].value
    told = dict(zip(how.iloc[:, 0], how.iloc[:, 1], strict=True))
    assert told[f"**{escape('Method')}**"] == escape("multinomial bootstrap, 1000 draws")
    assert told["**Seed**"] == "7"


def test_an_unknown_finding_or_filter_in_a_link_is_said(open_page: OpenPage, case: Case) -> None:
    app = open_page("findings", finding=HOSTILE, measure="no_such", feature="none")
    assert not app.exception
    warned = "\n".join(w.value for w in app.warning).replace("\\", "")
    assert "no_such" in warned
    assert HOSTILE in warned


def test_another_filter_lets_go_of_the_finding(open_page: OpenPage, case: Case) -> None:
    app = open_page("findings", finding=GAP)
    app.selectbox(key="choose_family").select("privacy").run()
    assert "finding" not in app.query_params
    assert app.query_params["family"] == "privacy"


def test_checklist_names_status_reason_threshold_and_fix(open_page: OpenPage, case: Case) -> None:
    text = plain(open_page("checklist"))
    assert "Selection rates differ by less than 0.05\n" in text and "**Fail** · " in text
    assert "Asked for < 0.05 · threshold from: convention" in text
    assert "What to do" in text
    assert "H-02 · severity high · must · measured · house: 4.2" in text
    assert "%" not in text
    softer = plain(open_page("checklist", item="H-06"))
    assert "**Underneath**: :red[:material/cancel:] **Fail**" in softer


def test_checklist_is_filtered_by_status(open_page: OpenPage, case: Case) -> None:
    app = open_page("checklist", lang="zh")
    app.selectbox(key="choose_verdict").select("fail").run()
    assert app.query_params["verdict"] == "fail"
    assert list(app.dataframe[0].value["item"]) == ["H-02"]
    assert list(app.dataframe[0].value["status"]) == ["✗ 未通过"]


def test_the_selection_goes_along_to_another_page(open_page: OpenPage, case: Case) -> None:
    app = open_page("findings", lang="zh", case=key(case), measure="selection_rate")
    app.query_params.clear()  # as Streamlit does when it switches pages
    app.switch_page("pages/checklist.py").run()
    assert app.query_params["lang"] == "zh"
    assert app.query_params["case"] == key(case)
    assert app.query_params["measure"] == "selection_rate"


def test_the_language_switch_changes_page_and_address(open_page: OpenPage, case: Case) -> None:
    app = open_page("checklist")
    assert app.title[0].value == "Checklist"
    app.sidebar.radio(key="switch_lang").set_value("zh").run()
    assert app.title[0].value == "检查清单"
    assert app.query_params["lang"] == "zh"


def test_choosing_another_case_shows_it(
    open_page: OpenPage, case: Case, hostile_case: Case
) -> None:
    app = open_page("findings")
    assert "Case of loan-mlp" in plain(app)
    app.sidebar.selectbox(key="choose_case").select(key(hostile_case)).run()
    assert app.query_params["case"] == key(hostile_case)
    assert "Case of *x*" in plain(app)


def test_a_missing_case_is_listed(open_page: OpenPage, case: Case) -> None:
    shutil.rmtree(case.path)
    assert Translator("en")("state.missing.title") in plain(open_page())


def test_a_case_on_the_command_line_is_listed(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = write_case(tmp_path / "given", name="given-model")
    monkeypatch.setattr("sys.argv", ["app.py", str(given.path)])
    assert "given-model" in plain(open_page())
