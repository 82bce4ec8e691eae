"""A newcomer's tour, the comparison of a plain and a private model, and the copy of both, read in a
real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from evenhand.dashboard.cases import store
from evenhand.dashboard.export import site as export
from evenhand.dashboard.i18n import Translator
from tests.dashboard.browsing import served, take
from tests.dashboard.journey_views import DESK, View
from tests.dashboard.journeys.watching import WAIT_MS, Watched, nothing_came_alive
from tests.dashboard.pairs import write_pair

pytestmark = pytest.mark.browser
Demo = tuple[str, str, str]
expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A dashboard over a plain and a private case that are named as the demo's; their keys."""
    home = tmp_path_factory.mktemp("comparing")
    plain, private = write_pair(home / "cases", prefix="demo mlp")
    with served(home) as base:
        yield base, store.open_case(plain.path).key, store.open_case(private.path).key


def settled(page: Page, heading: str) -> None:
    """The page has this heading, and its script has ended."""
    expect(page.get_by_role("heading", level=1)).to_have_text(heading, timeout=WAIT_MS)
    app = page.locator("[data-testid=stApp][data-test-script-state=notRunning]")
    expect(app).to_have_count(1, timeout=WAIT_MS)
    nothing_came_alive(page)


def cells(table: Locator) -> Locator:
    """The cells of a table of Streamlit's, which is a drawing with a table behind it."""
    return table.locator("td")


def fits(page: Page) -> bool:
    wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    return not wide


def test_first_run_a_newcomer_follows_the_tour(
    demo: Demo, browser: Browser, pictures: Path, view: View
) -> None:
    base, plain, _private = demo
    watched, t = Watched(base), view.t
    with view.opened(browser, watched) as page:
        page.goto(base)
        settled(page, t("nav.overview"))
        expect(page.get_by_text(t("tour.offer"))).to_be_visible()
        page.screenshot(path=pictures / f"first-run-{view}.png", full_page=True)
        page.get_by_role("link", name=t("tour.start")).click()
        steps = (
            ("fairness", "worst", f"case={plain}"),
            ("checklist", "verdict", "verdict=inconclusive"),
            ("compare", "compare", f"other={plain}"),
            ("evidence", "evidence", "tour=5"),
        )
        for heading, name, address in steps:
            following = f"{t('tour.next')}{t('colon')}{t(f'tour.{name}')}"
            page.get_by_role("link", name=following).click()
            settled(page, t(f"nav.{heading}"))
            expect(page).to_have_url(re.compile(address))
            # the group that the second step chose is followed to the end
            expect(page).to_have_url(re.compile(r"who=race(%3D|=)black"))
            assert fits(page)
        page.screenshot(path=pictures / f"tour-{view}.png", full_page=True)
        page.get_by_role("button", name=t("tour.done")).click()
        expect(page.get_by_text(t("tour.at", number=5, all=5))).to_have_count(0)
        expect(page).to_have_url(re.compile("tour=off"))
    assert watched.external == []
    assert watched.errors == []


def test_compare_plain_and_private(
    demo: Demo, browser: Browser, pictures: Path, view: View
) -> None:
    base, plain, private = demo
    watched, t = Watched(base), view.t
    with view.opened(browser, watched) as page:
        page.goto(f"{base}/?tour=off")
        settled(page, t("nav.overview"))
        card = page.get_by_test_id("stVerticalBlock").filter(
            has=page.get_by_role("heading", name="demo mlp private", exact=True)
        )
        card.last.get_by_role("link", name=t("open.fairness")).click()
        settled(page, t("nav.fairness"))
        expect(page).to_have_url(re.compile(f"case={private}"))
        view.side(page)
        take(page, t("sidebar.group"), "race = black")
        expect(page).to_have_url(re.compile(r"who=race(%3D|=)black"))
        view.go(page, t("nav.compare"))
        settled(page, t("nav.compare"))
        take(page, t("compare.against"), f"demo mlp plain · {plain[:8]}")
        expect(page).to_have_url(re.compile(f"other={plain}"))
        # the list stays open for more, and hides the page from assistive technology as long
        others = page.get_by_role("combobox", name=re.compile(t("compare.against")))
        others.press("Escape")
        expect(others).to_have_attribute("aria-expanded", "false")
        paired = page.get_by_role("heading", name=t("compare.paired"))
        expect(paired).to_be_visible(timeout=WAIT_MS)  # a command is run for it
        settled(page, t("nav.compare"))
        expect(page.get_by_test_id("stVegaLiteChart").locator("canvas, svg").first).to_be_visible()
        take(page, t("filter.measure"), t.measure("selection_rate"))
        expect(page).to_have_url(re.compile("rate=selection_rate"))
        settled(page, t("nav.compare"))
        page.get_by_text(t("figure.table")).click()
        if view.width == DESK:  # of a table, a phone has the columns alone that fit
            _tables(page, t)
        page.screenshot(path=pictures / f"compare-{view}.png", full_page=True)
        view.go(page, t("nav.privacy"))
        settled(page, t("nav.privacy"))
        expect(page.get_by_role("heading", name=t("privacy.timeline"))).to_be_visible()
        # the group and the other case are still chosen
        expect(page).to_have_url(re.compile(f"other={plain}"))
        expect(page).to_have_url(re.compile(r"who=race(%3D|=)black"))
    assert watched.external == []
    assert watched.errors == []


def _tables(page: Page, t: Translator) -> None:
    tables = page.get_by_test_id("stDataFrame")
    # of 40 black people 18 are selected, not 30: the difference is -0.3, with its interval
    for text in ("race = black", "-0.3", t("outcome.worse")):
        expect(cells(tables.nth(0)).filter(has_text=text).first).to_be_attached()
    # 88 of 120 right, not 100
    for text in ("H-01", f"✗ {t('verdict.fail')}", f"? {t('verdict.inconclusive')}"):
        expect(cells(tables.nth(1)).filter(has_text=text).first).to_be_attached()
    drift = t("drift.rank_correlation").partition(" of ")[0]
    expect(cells(tables.nth(2)).filter(has_text=drift).first).to_be_attached()
    expect(
        cells(tables.nth(3)).filter(has_text=t.measure("training_energy")).first
    ).to_be_attached()


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The static copy of the pair, and the private case's folder in it."""
    home = tmp_path_factory.mktemp("copied")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENHAND_HOME", str(home))
        patch.delenv("EVENHAND_REGISTER", raising=False)
        _plain, private = write_pair(home / "cases")
        export.write(home / "copy")
    return home / "copy", store.open_case(private.path).key


@pytest.mark.parametrize(("width", "scheme", "ending"), [(1280, "light", ""), (390, "dark", ".zh")])
def test_the_copy_is_legible_to_everybody(
    copy: tuple[Path, str],
    browser: Browser,
    pictures: Path,
    width: int,
    scheme: Literal["light", "dark"],
    ending: str,
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    out, private = copy
    watched = Watched(out.as_uri())
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = watched.on(context.new_page())
    found: dict[str, list[object]] = {}
    for name in (f"index{ending}", *(f"{private}/{n}{ending}" for n in PAGES)):
        page.goto((out / f"{name}.html").as_uri())
        assert fits(page), name
        assert page.locator("script").count() == 0
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert fits(page), f"{name}, its tables opened"
        for violation in Axe().run(page).response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                targets = [node["target"] for node in violation["nodes"]][:3]
                found.setdefault(violation["id"], []).append((name, targets))
        nothing_came_alive(page)
    page.goto((out / private / f"compare{ending}.html").as_uri())
    page.screenshot(path=pictures / f"export-compare-{width}{ending}.png", full_page=True)
    context.close()
    assert found == {}
    assert watched.external == []
    assert watched.errors == []


PAGES = (
    *("summary", "fairness", "explanations", "privacy", "checklist", "compare", "findings"),
    "evidence",
)
