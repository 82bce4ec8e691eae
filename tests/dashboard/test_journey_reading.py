"""Reading journeys in a real browser: the worst group through the pages, the threshold explorer."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard import store
from tests.dashboard.artifacts import write_full_case
from tests.dashboard.browsing import served
from tests.dashboard.test_journey import (
    WAIT_MS,
    Server,
    Watched,
    browser,
    nothing_came_alive,
    pictures,
    title,
)
from tests.samples import HOSTILE

pytestmark = pytest.mark.browser
__all__ = ["browser", "pictures"]  # fixtures

REDRAW_MS = 100.0
# Moves the slider step by step; of each step, the time until the chart's next frame was drawn.
DRAG = """async () => {
  const slider = document.querySelector('.vega-bindings input[type=range], .vega-bind input');
  const frame = () => new Promise(done => requestAnimationFrame(() => done()));
  const times = [];
  for (let i = 0; i <= 60; i++) {
    const began = performance.now();
    slider.value = String(i / 60);
    slider.dispatchEvent(new Event('input', {bubbles: true}));
    await frame();
    await new Promise(done => setTimeout(done));
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b);
}"""
# What Streamlit itself causes: its captions are a grey that axe finds under 4.5:1 on white, and its
# containers scroll without taking the keyboard's focus.
STREAMLITS_OWN = {"color-contrast", "scrollable-region-focusable"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("reading")
    case = write_full_case(home / "cases" / "full", groups=10, name=f"full {HOSTILE}")
    with served(home) as base:
        yield Server(base, store.open_case(case.path).key)


def ready(page: Page, heading: str) -> None:
    title(page, heading)
    nothing_came_alive(page)


def test_the_worst_group_is_followed_through_the_pages(
    server: Server, browser: Browser, pictures: Path
) -> None:
    watched = Watched(server.base)
    context = browser.new_context(
        locale="en-GB", viewport={"width": 1280, "height": 900}, color_scheme="dark"
    )
    page = watched.on(context.new_page())
    page.goto(f"{server.base}/fairness?case={server.key}&view=worst")
    ready(page, "Fairness")
    expect(page.get_by_role("heading", name="Error tree")).to_be_visible()
    page.screenshot(path=pictures / "worst-groups-dark.png")
    side = page.get_by_test_id("stSidebar")
    side.get_by_role("combobox", name=re.compile("Group to follow")).click()
    page.get_by_role("option", name="race = black", exact=True).click()
    expect(page).to_have_url(re.compile("who=race%3Dblack"))
    for name in ("Summary", "Explanations", "Fairness"):
        side.get_by_role("link", name=name, exact=True).click()
        ready(page, name)
        expect(page).to_have_url(re.compile(r"who=race(%3D|=)black"))
        if name == "Summary":
            expect(page.get_by_text("75 (64 to 83) are given").last).to_be_visible()
            page.screenshot(path=pictures / "summary-dark.png")
    context.close()
    assert watched.external == []
    assert watched.errors == []


def test_the_threshold_explorer_redraws_in_the_browser(
    server: Server, browser: Browser, pictures: Path
) -> None:
    watched = Watched(server.base)
    context = browser.new_context(locale="zh-CN", viewport={"width": 390, "height": 844})
    page = watched.on(context.new_page())
    sent: list[object] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    page.goto(f"{server.base}/fairness?case={server.key}&view=thresholds")
    ready(page, "公平性")
    slider = page.get_by_role("slider").first
    expect(slider).to_be_visible(timeout=WAIT_MS)
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    expect(page.get_by_role("button", name="下载 SVG")).to_be_visible()
    page.wait_for_timeout(1000)
    sent.clear()
    times = page.evaluate(DRAG)
    p95 = times[int(0.95 * len(times))]
    page.screenshot(path=pictures / "thresholds-phone-zh.png", full_page=True)
    assert sent == []  # the counts are in the page: nothing is asked of the server
    # on a busy machine only the order of size is held here; the measured number is printed
    print(f"redraw of 10 groups: p95 {p95:.0f} ms")
    limit = REDRAW_MS if os.environ.get("EVENHAND_MEASURE") else 10 * REDRAW_MS
    assert p95 < limit
    context.close()
    assert watched.errors == []


def test_no_reading_page_has_a_serious_violation_of_ours(server: Server, browser: Browser) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    page = Watched(server.base).on(context.new_page())
    found: dict[str, list[object]] = {}
    for path, heading in (
        ("", "Overview"),
        ("summary", "Summary"),
        ("fairness", "Fairness"),
        ("explanations", "Explanations"),
        ("privacy", "Privacy"),
        ("compare", "Compare"),
    ):
        page.goto(f"{server.base}/{path}?case={server.key}")
        ready(page, heading)
        for violation in Axe().run(page).response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                targets = [node["target"] for node in violation["nodes"]][:3]
                found.setdefault(violation["id"], []).append((path, targets))
    context.close()
    print(found)
    assert set(found) <= STREAMLITS_OWN, found
