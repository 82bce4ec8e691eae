"""An auditor's way through the dashboard in a real browser: overview, findings, checklist."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from evenhand.dashboard.cases import store
from evenhand.dashboard.i18n import LANGUAGES
from tests.dashboard.browsing import served, take
from tests.dashboard.journey_views import View
from tests.dashboard.sound_cases import alter, register_case, write_case
from tests.samples import HOSTILE

pytestmark = pytest.mark.browser

WAIT_MS = 90_000
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Streamlit looks for these below the page's own path first, and then at the root.
PROBES = ("/_stcore/health", "/_stcore/host-config")
# What sits in the hostile names, had it come alive.
ALIVE = "a[href^='javascript:'], a[href*='evil.example'], img[src='x'], [onerror], main script"


@dataclass
class Watched:
    """What a page must not do."""

    base: str
    external: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def on(self, page: Page) -> Page:
        page.set_default_timeout(WAIT_MS)
        page.on("request", self._request)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: self.errors.append(f"dialog: {dialog.message}"))
        return page

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.base, "data:", "blob:")):
            self.external.append(request.url)

    def _console(self, message: ConsoleMessage) -> None:
        is_probe = message.location.get("url", "").endswith(PROBES)
        if message.type == "error" and not is_probe:
            self.errors.append(f"{message.text} {message.location}")


def chromium() -> str:
    """The browser's path; without one, skips, or fails where a browser is required."""
    named = os.environ.get("EVENHAND_CHROMIUM")
    candidates = [named] if named else ["/usr/bin/chromium", shutil.which("chromium")]
    found = next((c for c in candidates if c and Path(c).is_file()), None)
    if found:
        return found
    reason = f"no browser at {named or '/usr/bin/chromium'}: install chromium"
    if os.environ.get("CI") or os.environ.get("EVENHAND_REQUIRE_BROWSER"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=FLAGS, timeout=WAIT_MS)
        yield launched
        launched.close()


@dataclass
class Server:
    base: str
    key: str


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


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("EVENHAND_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def title(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text, timeout=WAIT_MS)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=WAIT_MS)


def nothing_came_alive(page: Page) -> None:
    assert page.locator(ALIVE).count() == 0


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

        page.get_by_role("link", name=re.compile("0.17 .*demographic_parity_difference")).click()
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
    take(page, "Measure", "true_positive_rate")
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
    expect(measure).to_have_value("true_positive_rate")
    wide = other.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert not wide
    other.screenshot(path=pictures / "findings-phone-zh.png")
    fresh.close()
    assert watched.external == []
    assert watched.errors == []
