"""axe-core on every page, light and dark: no serious violation but those that Streamlit makes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from evenhand.dashboard.app import PAGES
from evenhand.dashboard.cases import store
from evenhand.dashboard.i18n import Translator
from tests.dashboard.artifacts import write_full_case
from tests.dashboard.browsing import served
from tests.dashboard.journeys.watching import Server, Watched, title
from tests.dashboard.sound_cases import write_case
from tests.samples import HOSTILE

pytestmark = pytest.mark.browser
T = Translator("en")
# Rule -> the elements of Streamlit that break it, whatever an app puts into them: captions are a
# grey under 4.5:1, as are some words of code; chosen values are white on the primary colour, which
# has to be light enough for a dark page; and what scrolls does not take the keyboard's focus.
STREAMLITS_OWN = {
    "color-contrast": ("stCaptionContainer", "stCode", "stMultiSelectTagsContainer"),
    "scrollable-region-focusable": ("stMain", "stSidebarContent", "stCode"),
}
# The test id of the innermost element of Streamlit's that a node is in.
WHERE = """target => {
  const node = document.querySelector(target);
  return node ? (node.closest('[data-testid^="st"]')?.dataset.testid ?? '') : '';
}"""


IS_SHOWN_IN = """theme =>
  getComputedStyle(document.querySelector('[data-testid="stApp"]')).colorScheme === theme"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("axe")
    case = write_full_case(home / "cases" / "full", groups=10, name=f"full {HOSTILE}")
    loan = write_case(home / "cases" / "loan", day=20)
    with served(home, ["--as", "Grace:approver"]) as base:
        yield Server(base, store.open_case(case.path).key, store.open_case(loan.path).key)


def violations(page: Page) -> list[tuple[str, str, str]]:
    """Rule, Streamlit's element and selector of every node that breaks a serious rule."""
    return [
        (found["id"], page.evaluate(WHERE, str(node["target"][0])), str(node["target"][0]))
        for found in Axe().run(page).response["violations"]
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
    ]


def test_no_page_has_a_serious_violation_of_ours(server: Server, browser: Browser) -> None:
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    page = Watched(server.base).on(context.new_page())
    ours: set[str] = set()
    for _, name, _ in PAGES:
        page.emulate_media(color_scheme="light")
        page.goto(f"{server.base}/{'' if name == 'overview' else name}?case={server.key}")
        title(page, T(f"nav.{name}"))
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.wait_for_function(IS_SHOWN_IN, arg=theme)
            title(page, T(f"nav.{name}"))
            for rule, element, target in violations(page):
                if element not in STREAMLITS_OWN.get(rule, ()):
                    ours.add(f"{rule} in {element}: {target} ({name}, {theme})")
    context.close()
    assert not ours, "\n".join(sorted(ours))


def test_no_form_of_the_checklist_has_one_either(server: Server, browser: Browser) -> None:
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    page = Watched(server.base).on(context.new_page())
    ours: set[str] = set()
    for what in ("item=H-05", "act=waive:H-02", "act=sign-off:house-rules"):
        page.goto(f"{server.base}/checklist?case={server.other}&{what}")
        title(page, T("nav.checklist"))
        page.get_by_test_id("stForm").first.wait_for()
        for rule, element, target in violations(page):
            if element not in STREAMLITS_OWN.get(rule, ()):
                ours.add(f"{rule} in {element}: {target} ({what})")
    context.close()
    assert not ours, "\n".join(sorted(ours))
