"""The copy that needs no server: every page, every link, nothing active, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from evenhand.audit.case.case import Case
from evenhand.audit.errors import InputError
from evenhand.dashboard.export import site as export
from tests.dashboard.export.reading import read
from tests.dashboard.sound_cases import alter, write_case
from tests.samples import HOSTILE

PAGES = (
    *("summary", "fairness", "explanations", "privacy", "checklist", "compare", "findings"),
    "evidence",
)


@pytest.fixture
def site(case: Case, hostile_case: Case, tmp_path: Path) -> Path:
    alter(write_case(case.path.parent / "bad", name="bad", day=20))
    out = tmp_path / "out"
    # two cases with eight pages, and the overview, in two languages
    assert export.write(out) == 2 * (2 * 8 + 1)
    return out


def test_every_page_that_shows_a_case_has_its_twin(site: Path) -> None:
    from evenhand.dashboard.app import PAGES as LIVE

    shows_no_case = {"run", "train"}
    assert {name for _, name, _ in LIVE} - shows_no_case == {"overview", *PAGES}


def test_every_link_leads_to_a_place_that_is_there(site: Path) -> None:
    pages = {p: read(p) for p in site.rglob("*.html")}
    crossing = 0
    for path, seen in pages.items():
        assert len(seen.ids) == len(set(seen.ids)), path
        for link in seen.links:
            assert not re.match(r"[a-z]+:|//", link), link
            name, _, place = link.partition("#")
            target = (path.parent / unquote(name)).resolve() if name else path
            assert target in pages, f"{path}: {link}"
            assert not place or place in pages[target].ids, f"{path}: {link}"
            crossing += bool(name and place)
    assert crossing > 20  # verdicts lead to the findings on other pages


def test_nothing_in_it_acts_or_is_loaded(site: Path) -> None:
    for path in site.rglob("*.html"):
        text, seen = path.read_text("utf-8"), read(path)
        assert not seen.tags & {"script", "iframe", "object", "embed", "form", "link", "base"}
        assert not seen.handlers
        assert all(source.startswith("data:") for source in seen.sources)
        policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
        style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
        assert policy and style
        digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
        assert f"style-src &#39;sha256-{digest}&#39;" in policy[1]
        assert policy[1].startswith("default-src &#39;none&#39;")
        assert "script-src" not in policy[1]


def test_hostile_names_are_shown_as_they_are(site: Path) -> None:
    assert any(f"*x* {HOSTILE}" in "".join(read(p).texts) for p in site.glob("*/summary.html"))


def test_an_altered_case_is_named_and_its_numbers_are_not(site: Path) -> None:
    told = "".join(read(site / "index.html").texts)
    assert "This case was altered after it was sealed" in told
    assert len([p for p in site.iterdir() if p.is_dir()]) == 2


def test_both_languages_have_every_page_and_lead_to_each_other(site: Path, case: Case) -> None:
    for folder in (p for p in site.iterdir() if p.is_dir()):
        names = {p.name for p in folder.iterdir()}
        assert names == {f"{p}{lang}.html" for p in PAGES for lang in ("", ".zh")}
    chinese = (site / "index.zh.html").read_text("utf-8")
    assert '<html lang="zh-Hans">' in chinese
    assert 'href="index.html"' in chinese
    assert "总览" in chinese


def test_the_numbers_are_those_of_the_case(site: Path, case: Case) -> None:
    gap = next(
        f
        for f in case.findings
        if f.measure == "demographic_parity_difference" and f.between == ("race",)
    )
    told = "".join(read(next(site.glob("*/fairness.html"))).texts)
    assert "0.17" in told and round(gap.value, 3) == 0.170
    assert told.count("multinomial bootstrap, 1000 draws") >= 2


def test_one_case_is_exported_alone(case: Case, hostile_case: Case, tmp_path: Path) -> None:
    assert export.write(tmp_path / "one", [case.path]) == 2 * 8


def test_a_place_in_use_or_an_empty_store_is_refused(home: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no case to export"):
        export.write(tmp_path / "new")
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").write_text("x")
    with pytest.raises(InputError, match="is there already"):
        export.write(tmp_path / "used")


def test_a_public_copy_gives_no_small_group_away(case: Case, tmp_path: Path) -> None:
    export.write(tmp_path / "all", [case.path])
    export.write(tmp_path / "public", [case.path], public=True)

    def small(folder: str) -> int:
        pages = (tmp_path / folder).glob("*/fairness.html")
        return sum("k = 2, n = 2" in p.read_text("utf-8") for p in pages)

    assert small("all") == 1
    assert small("public") == 0
