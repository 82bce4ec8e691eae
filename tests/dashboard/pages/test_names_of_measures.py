"""No page calls a measure by its identifier: the names are those of the one table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from evenhand.audit.case.case import Case, CaseWriter
from evenhand.audit.case.environment import Environment
from evenhand.audit.words.measures import measure_name
from evenhand.dashboard.export import site
from evenhand.dashboard.frames import findings as frames
from evenhand.dashboard.i18n import Translator
from tests.dashboard import artifacts
from tests.dashboard.conftest import OpenPage
from tests.dashboard.sound_cases import PACK, register_case
from tests.identifiers import IDENTIFIERS, one_of_each, raw
from tests.samples import sample_findings, sample_plan

PAGES = [
    ("findings", {}),
    ("findings", {"measure": "selection_rate"}),
    ("findings", {"measure": "true_positive_rate_difference"}),
    ("fairness", {"view": "groups"}),
    ("fairness", {"view": "groups", "measure": "equalized_odds_difference", "who": "race=black"}),
    ("fairness", {"view": "thresholds"}),
    ("explanations", {"view": "groups"}),
    ("privacy", {}),
    ("checklist", {}),
    ("summary", {}),
    ("overview", {}),
]


@pytest.fixture
def full(home: Path) -> Case:
    """Every measure of the catalogue, and artifacts to draw."""
    held = {f.id: f for f in [*one_of_each(), *sample_findings()]}
    with CaseWriter(home / "cases" / "full", sample_plan()) as writer:
        writer.add_pack("house-rules.yaml", PACK.read_bytes())
        writer.add_artifact("fairness.thresholds.json", artifacts.thresholds())
        writer.add_artifact("explanation.by_group.json", artifacts.by_group())
        at = "2026-11-22T10:00:20+00:00"
        case = writer.seal(held.values(), Environment(evenhand="0.1.0", finished_at=at))
    register_case(case)
    return case


def read(app: AppTest) -> Iterator[str]:
    """What is read on a page: texts, options, tables, and the pictures' titles."""
    parts = [*app.title, *app.subheader, *app.markdown, *app.caption, *app.warning, *app.info]
    yield from (str(part.value) for part in [*parts, *app.error])
    for box in [*app.selectbox, *app.get("button_group")]:
        yield from map(str, getattr(box, "options", ()))
    for table in app.dataframe:
        shown = table.value.drop(columns=["findings"], errors="ignore")  # ids of findings
        yield from shown.astype(str).to_numpy().ravel()
    for chart in app.get("vega_lite_chart"):
        yield from re.findall(r'"title": ?"([^"]*)"', str(chart.proto.spec))


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(("page", "asked"), PAGES, ids=str)
def test_a_page_says_names(
    open_page: OpenPage, full: Case, page: str, asked: dict[str, str], lang: str
) -> None:
    app = open_page(page, lang=lang, **asked)
    assert not app.exception
    texts = list(read(app))
    assert len(texts) > 5
    assert raw(texts) == set()
    if page == "findings" and not asked:
        assert {measure_name(m, lang) for m in IDENTIFIERS} <= set(texts)


def test_the_exported_pages_say_names(full: Case, tmp_path: Path) -> None:
    site.write(tmp_path / "out", [full.path])
    unread = re.compile(r'<style.*?</style>|<code class="id">.*?</code>', re.DOTALL)
    pages = sorted((tmp_path / "out").rglob("*.html"))
    assert len(pages) > 10
    for page in pages:
        text = unread.sub(" ", page.read_text("utf-8"))
        assert raw([re.sub(r"<[^>]*>", " ", text)]) == set(), page.name


def test_a_download_keeps_the_identifiers(full: Case) -> None:
    text = frames.csv_bytes(frames.findings_frame(full.findings, Translator("zh"))).decode()
    assert measure_name("selection_rate", "zh") in text and ",selection_rate," in text
