"""An auditor's way through the dashboard in a real browser: overview, findings, checklist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from evenhand.audit.words.measures import measure_name
from evenhand.dashboard.cases import store
from evenhand.dashboard.i18n import LANGUAGES
from tests.dashboard.browsing import served, take
from tests.dashboard.journey_views import View
from tests.dashboard.journeys.watching import (
    Server,
    Watched,
    nothing_came_alive,
    title,
)
from tests.dashboard.sound_cases import alter, register_case, write_case
from tests.samples import HOSTILE

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over a sound, a hostile and an altered case."""
    folder = tmp_path_factory.mktemp("journey")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENHAND_HOME", str(folder))
        patch.delenv("EVENHAND_REGISTER", raising=False)
        sound = write_case(folder / "cases" / "loan")
        register_case(sound)
    write_case(folder / "cases" / "hostile", name=f"*x* {HOSTILE}", day=21)
    alter(write_case(folder / "cases" / "bad", name="bad", day=20))
    with served(folder) as base:
        yield Server(base, store.open_case(sound.path).key)


def test_from_overview_to_the_finding_that_decided(
    server: Server, browser: Browser, pictures: Path, view: View
) -> None:
    watched, t = Watched(server.base), view.t
    with view.opened(browser, watched) as page:
        # a link straight to a page, even as the first request that the server gets
        page.goto(f"{server.base}/checklist?case={server.key}")
        title(page, t("nav.checklist"))

        page.goto(server.base)
        title(page, t("nav.overview"))
        main = page.get_by_test_id("stMain")  # not the sidebar, which a phone hides
        expect(main.get_by_text(HOSTILE).first).to_be_visible()
        expect(page.get_by_test_id("stAlert").first).to_contain_text("findings.jsonl: changed")
        nothing_came_alive(page)
        page.screenshot(path=pictures / f"overview-{view}.png")

        card = page.get_by_test_id("stVerticalBlock").filter(
            has=page.get_by_role("heading", name="loan-mlp", exact=True)
        )
        card.last.get_by_role("link", name=t("open.findings")).click()
        title(page, t("nav.findings"))
        expect(page).to_have_url(re.compile(f"/findings\\?.*case={server.key}"))
        expect(page.get_by_test_id("stVegaLiteChart").locator("canvas, svg").first).to_be_visible()
        nothing_came_alive(page)
        page.screenshot(path=pictures / f"findings-{view}.png")

        side = view.side(page)
        expect(side.get_by_role("radio", name=LANGUAGES[view.lang])).to_be_checked()
        view.go(page, t("nav.checklist"))
        title(page, t("nav.checklist"))
        expect(page).to_have_url(re.compile(f"/checklist\\?.*case={server.key}"))
        nothing_came_alive(page)
        page.screenshot(path=pictures / f"checklist-{view}.png")

        gap_name = t.measure("demographic_parity_difference")
        page.get_by_role("link", name=re.compile(f"0.17 .*{gap_name}")).click()
        title(page, t("nav.findings"))
        gap = "finding=fairness.gaps%2Fdemographic_parity_difference"
        expect(page).to_have_url(re.compile(gap))
        expect(
            page.get_by_role("heading", name=re.compile("0.17 \\[0.08, 0.28\\]"))
        ).to_be_visible()
        expect(page.get_by_text("multinomial bootstrap, 1000 draws").first).to_be_visible()
        page.screenshot(path=pictures / f"finding-{view}.png")

        page.go_back()
        title(page, t("nav.checklist"))
    assert watched.external == []
    assert watched.errors == []


def test_filters_and_language_are_in_the_address_that_a_colleague_gets(
    server: Server, browser: Browser, pictures: Path
) -> None:
    watched = Watched(server.base)
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    page = watched.on(context.new_page())
    page.goto(f"{server.base}/findings?case={server.key}")
    title(page, "Findings")
    take(page, "Measure", "True positive rate")
    expect(page).to_have_url(re.compile("measure=true_positive_rate"))
    expect(page.get_by_text("1 of 23 findings")).to_be_visible()
    page.get_by_text("中文", exact=True).click()
    title(page, "测量结果")
    expect(page).to_have_url(re.compile("lang=zh"))
    address = page.url
    context.close()

    fresh = browser.new_context(locale="en-GB", viewport={"width": 390, "height": 844})
    other = watched.on(fresh.new_page())
    other.goto(address)
    title(other, "测量结果")
    measure = other.get_by_role("combobox", name=re.compile("指标"))
    expect(measure).to_have_value(measure_name("true_positive_rate", "zh"))
    wide = other.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert not wide
    other.screenshot(path=pictures / "findings-phone-zh.png")
    fresh.close()
    assert watched.external == []
    assert watched.errors == []
