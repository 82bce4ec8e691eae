"""The pages that are handed over: self-contained, readable aloud, with sources and gaps."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Any

import pytest

from evenhand.audit.case.case import Case
from evenhand.audit.errors import InputError
from evenhand.audit.reports import (
    FORMATS,
    Dossier,
    datasheet,
    impact_assessment,
    render,
    technical_file,
)
from evenhand.audit.reports.parts.words import LANGUAGES, words
from tests.audit.reports.dossiers import sample_dossier
from tests.audit.reports.html_page import Page
from tests.audit.reports.verdict_samples import GATE, sample_verdicts, verdict
from tests.samples import HOSTILE, write_sample_case

PAGES = sorted(n for n, f in FORMATS.items() if f.MEDIA_TYPE.startswith("text/html"))
TEXTS = sorted(set(FORMATS) - {"pdf"})


def _page(case: Case, name: str, lang: str = "en", **options: Any) -> Page:
    given = {"gate": GATE, "dossier": sample_dossier(case), **options}
    verdicts = given.pop("verdicts", sample_verdicts())
    return Page(render(name, case, verdicts, lang=lang, **given).decode())


@pytest.fixture(scope="module", params=[(n, w) for n in PAGES for w in LANGUAGES], ids=str)
def page(request: pytest.FixtureRequest, case: Case) -> Page:
    name, lang = request.param
    return _page(case, name, lang)


def test_there_are_pages() -> None:
    known = {"adverse_action", "datasheet", "html", "impact_assessment", "ll144_summary"}
    assert set(PAGES) >= known | {"technical_file"}


def test_nothing_runs_and_nothing_is_loaded(page: Page) -> None:
    names = {t for t, _ in page.tags}
    assert not names & {"iframe", "object", "embed", "link", "base", "form", "img"}
    assert ("script" in names) == bool(page.script)  # the report's own: test_html has its hash
    keys = {k for _, a in page.tags for k in a}
    assert not {k for k in keys if k.startswith("on")}
    assert not keys & {"style", "src", "srcset", "action", "background"}
    [policy] = [
        a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"
    ]
    runs = "script-src 'sha256-" if page.script else "style-src 'sha256-"
    assert policy.startswith(f"default-src 'none'; {runs}")


def test_it_can_be_read_aloud(page: Page) -> None:
    names = [t for t, _ in page.tags]
    assert names.count("main") == 1 and names.count("h1") == 1
    assert {"header", "main", "footer"} <= set(names)
    assert names.count("table") == names.count("caption")
    scopes = {a.get("scope") for t, a in page.tags if t == "th"}
    assert scopes <= {"col", "row", "rowgroup"}
    levels = [int(t[1]) for t in names if re.fullmatch(r"h[1-6]", t)]
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    labelled = page.attributes("aria-labelledby")
    assert set(labelled) <= set(ids)
    assert {h.removeprefix("#") for h in page.attributes("href")} <= set(ids)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", TEXTS)
def test_every_format_says_its_sources(case: Case, name: str, lang: str) -> None:
    dossier = sample_dossier(case)
    text = render(name, case, sample_verdicts(), lang=lang, dossier=dossier).decode()
    assert case.digest in text
    if name == "github":  # annotations: the summary beside them holds the rest
        return
    for pack in dossier.packs:
        assert pack.digest in text or pack.digest.removeprefix("sha256:") in text
    assert f"sha256:{5:064x}" in text  # the last register entry that was used


def test_a_document_is_in_one_language(case: Case) -> None:
    for name in PAGES:
        own = _page(case, name, "en", dossier=replace(sample_dossier(case), packs=()))
        assert not re.search(r"[\u4e00-\u9fff]", own.text), name
        assert _page(case, name, "zh").tags[0][1]["lang"] == "zh-Hans"


@pytest.mark.parametrize("module", [technical_file, impact_assessment, datasheet])
def test_an_outline_and_its_texts_agree(module: Any, case: Case) -> None:
    kind = {technical_file: "tf", impact_assessment: "ia", datasheet: "ds"}[module]
    texts = words("en").texts
    asked = {k.split(".")[1] for k in texts if k.startswith(f"{kind}_fill.")}
    told = _page(case, module.__name__.split(".")[-1])
    for name in asked:
        assert texts[f"{kind}.{name}"] in told.text
        assert texts[f"{kind}_asks.{name}"] in told.text
    titles = {k.split(".")[1] for k in texts if k.startswith(f"{kind}.")}
    assert titles - asked <= {"1", "2", "p", "f"}


def test_the_technical_file_has_nine_points_and_lists_its_gaps(case: Case) -> None:
    told = _page(case, "technical_file")
    headings = [t for t, _ in told.tags if t == "h2"]
    assert len(headings) == 9 + 3  # and: in plain words, contents, sources
    assert "A list of interfaces, with what goes in and out of each." in told.text
    gaps = told.text.count("What would fill it:")
    assert f"each with what would fill it: {gaps}." in told.text
    # evidence that is there: performance with its interval and n, the group's own rate, signatures
    assert "0.90 [0.873, 0.922] 95% 600" in told.text
    assert "Accepted for the pilot." in told.text and "Di Signer (head of risk)" in told.text


def test_what_the_maker_wrote_closes_a_gap(case: Case) -> None:
    before = _page(case, "technical_file")
    declared = {"document.tf.1b": f"Talks to the loan desk {HOSTILE}"}
    plan = case.plan.model_copy(update={"declared": declared})
    after = _page(replace(case, plan=plan), "technical_file")
    assert f"Declared by the maker: Talks to the loan desk {HOSTILE}" in after.text
    count = "What would fill it:"
    assert after.text.count(count) == before.text.count(count) - 1


def test_checklist_items_stand_where_their_clause_belongs(case: Case) -> None:
    law = {"pack": "eu-ai-act-high-risk", "clause": {"act": "Art. 9(1) to (5)"}}
    ten = {"pack": "eu-ai-act-high-risk", "clause": {"act": "Art. 10(3)"}}
    told = _page(
        case,
        "technical_file",
        verdicts=[
            verdict("A-9", "needs-attestation", "Risks are managed", "nobody said so", **law),
            verdict("A-10", "pass", "Data stand for people", "they do", **ten),
        ],
    )
    data = told.text.index("Where the data come from, how they were chosen")
    risk = told.text.index("The risk process over the whole life")
    assert data < told.text.index("Data stand for people") < risk
    assert risk < told.text.index("Risks are managed")  # Art. 9 is not Art. 9x, nor Art. 10


def test_the_impact_assessment_names_groups_at_risk_in_people(case: Case) -> None:
    told = _page(case, "impact_assessment")
    assert "By race: the shares of people who get the favourable answer lie up to 17" in told.text
    assert "Groups by race" in told.text and "0.75 [0.64, 0.83] 95%" in told.text
    assert "The receipt of the notification." in told.text
    chinese = _page(case, "impact_assessment", "zh")
    assert "个人信息保护影响评估" in chinese.text and "相差 17 人" in chinese.text


def test_the_datasheet_counts_and_asks(case: Case) -> None:
    told = _page(case, "datasheet")
    assert "sex 0.01 [0.004, 0.02] 95% 6 600" in told.text
    assert "race = black 80 – –" in told.text
    assert "Who keeps the data, until when?" in told.text
    assert "sha256:" + "b" * 64 in told.text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_people_and_the_changes_of_a_house_pack_are_shown(case: Case, lang: str) -> None:
    told = _page(case, "html", lang)
    for text in (
        "Applicants are told.",
        "notice.pdf",
        "weekly review",
        "Accepted for the pilot.",
        "Cy Approver",
        "head of risk",
        "2027-01-31",
        "check.threshold",
        "0.05",
        "baseline 2026.11.0",
        "house-lending:HL-02",
    ):
        assert text in told.text, text
    assert "Eve Elsewhere" not in told.text  # she attested another model
    assert words(lang)("src_run_of", k=2, n=2) in told.text


@pytest.mark.parametrize("name", sorted(set(TEXTS) - {"adverse_action"}))
def test_published_reports_name_nobody(case: Case, name: str) -> None:
    text = render(name, case, sample_verdicts(), public=True, dossier=sample_dossier(case)).decode()
    for person in ("Ada", "Bo Owner", "Cy Approver", "Di Signer"):
        assert person not in text
    if name == "html":
        assert "name withheld (head of risk)" in Page(text).text


def test_no_page_gives_a_total_in_per_cent(case: Case) -> None:
    for name in PAGES:
        text = _page(case, name).text
        assert not re.search(r"(overall|total|score)[^.]{0,30}\d+ ?%", text, re.I), name


def test_a_case_with_nothing_to_compare_says_so(case: Case) -> None:
    bare = write_sample_case(case.path.parent / "bare", model=None, sensitive_features=[])
    for name in ("html", "technical_file", "impact_assessment", "ll144_summary"):
        text = _page(bare, name, dossier=Dossier(), verdicts=[]).text
        assert "No sensitive feature" in text, name
    _page(bare, "datasheet", dossier=Dossier(), verdicts=[])  # compares nobody, so says nothing
    with pytest.raises(InputError, match="none was named"):
        render("adverse_action", bare, [])
