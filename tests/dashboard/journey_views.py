"""How people see the dashboard: language, width, theme; and in which of these each journey is made.

``make test`` takes ``IN_CI``, in which every language, width and theme is met at least twice;
``make matrix`` (EVENHAND_MATRIX=1) takes every journey through all eight views.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from playwright.sync_api import Browser, Locator, Page, expect

from evenhand.dashboard.i18n import Translator

if TYPE_CHECKING:
    from tests.dashboard.journeys.watching import Watched

LOCALES = {"en": "en-GB", "zh": "zh-CN"}
DESK, PHONE = 1280, 390


@dataclass(frozen=True)
class View:
    """One way of looking. Its text names it in test ids and in pictures."""

    lang: str
    width: int
    dark: bool

    def __str__(self) -> str:
        return f"{self.lang}-{self.width}-{'dark' if self.dark else 'light'}"

    @property
    def t(self) -> Translator:
        """The words that are on the pages."""
        return Translator(self.lang)

    @contextmanager
    def opened(self, browser: Browser, watched: Watched) -> Iterator[Page]:
        """A watched page in the browser of somebody who looks in this way."""
        context = browser.new_context(
            locale=LOCALES[self.lang],
            viewport={"width": self.width, "height": 900},
            color_scheme="dark" if self.dark else "light",
        )
        yield watched.on(context.new_page())
        context.close()

    def side(self, page: Page) -> Locator:
        """The sidebar, opened where the page is too narrow to show it by itself."""
        side = page.get_by_test_id("stSidebar")
        if side.get_attribute("data-collapsed") == "true":
            page.get_by_test_id("stExpandSidebarButton").click()
            expect(side).to_have_attribute("data-collapsed", "false")
        return side

    def go(self, page: Page, label: str) -> None:
        """Follows a link of the sidebar, and closes it where it covers the page."""
        side = self.side(page)
        side.get_by_role("link", name=label, exact=True).click()
        if self.width == PHONE:
            side.get_by_role("button", name="Collapse sidebar").click()
            expect(side).to_have_attribute("data-collapsed", "true")


ALL = tuple(View(*parts) for parts in product(LOCALES, (DESK, PHONE), (False, True)))
# Journey -> the views of CI.
IN_CI: Mapping[str, Sequence[View]] = {
    "test_from_overview_to_the_finding_that_decided": (
        View("en", DESK, False),
        View("zh", DESK, False),
    ),
    "test_first_run_a_newcomer_follows_the_tour": (View("zh", PHONE, False),),
    "test_compare_plain_and_private": (View("en", DESK, True),),
    "test_the_worst_group_is_followed_through_the_pages": (View("en", DESK, True),),
    "test_the_threshold_explorer_redraws_in_the_browser": (View("zh", PHONE, False),),
    "test_attest_with_evidence_and_see_the_verdict_change": (View("en", DESK, False),),
    "test_waive_with_a_wrong_approver_and_be_refused": (View("zh", PHONE, True),),
    "test_audit_by_upload_stop_and_resume": (View("en", DESK, False),),
    "test_a_vendors_decisions_from_upload_to_an_archive_that_another_home_reads": (
        View("en", DESK, False),
        View("zh", PHONE, True),
    ),
    "test_export_and_open_the_static_copy": (View("zh", PHONE, True),),
}


def views_of(journey: str) -> Sequence[View]:
    """The views in which a journey is made this time."""
    return ALL if os.environ.get("EVENHAND_MATRIX") else IN_CI[journey]
