"""The pictures of the README: the dashboard over the demo's own cases. ``make pictures``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from evenhand.dashboard.i18n import Translator
from tests.dashboard.browsing import ROOT, served
from tests.dashboard.journeys.watching import Watched, title

pytestmark = [pytest.mark.browser, pytest.mark.slow]
T = Translator("en")
MOST_BYTES = 300_000
# name -> page, query and height
PICTURES = {
    "fairness": ("fairness", "measure=selection_rate&feature=race&who=race%3Dblack", 900),
    "checklist": ("checklist", "verdict=inconclusive", 1100),
    "overview": ("overview", "", 920),
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard over what the demo trained and audited."""
    home = tmp_path_factory.mktemp("demo")
    subprocess.run(
        [sys.executable, "-m", "evenhand", "demo", "--quick"],
        cwd=ROOT,
        env={**os.environ, "EVENHAND_HOME": str(home)},
        capture_output=True,
        check=True,
    )
    with served(home) as base:
        yield base


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    chosen = Path(os.environ.get("EVENHAND_PICTURES") or tmp_path)
    chosen.mkdir(parents=True, exist_ok=True)
    return chosen


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_for_the_readme(demo: str, browser: Browser, folder: Path, name: str) -> None:
    place, query, height = PICTURES[name]
    watched = Watched(demo)
    context = browser.new_context(
        locale="en-GB", viewport={"width": 1280, "height": height}, color_scheme="light"
    )
    page = watched.on(context.new_page())
    page.goto(f"{demo}/{'' if place == 'overview' else place}?{query}&lang=en&tour=off")
    title(page, T(f"nav.{place}"))
    whole(page)
    picture = page.screenshot()
    context.close()
    assert watched.errors == []
    assert len(picture) < MOST_BYTES
    (folder / f"{name}.png").write_bytes(picture)


def whole(page: Page) -> None:
    """Waits until what is seen is drawn: the letters, and a canvas or an SVG in every chart."""
    page.evaluate("document.fonts.ready")
    for chart in page.get_by_test_id("stVegaLiteChart").all():
        expect(chart.locator("canvas, svg").first).to_be_visible()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    expect(page.get_by_test_id("stMainMenu")).to_have_count(0)
