"""A browser that is watched: what it fetched, what it complained of, what came alive."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, Request, expect

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


@dataclass
class Server:
    base: str
    key: str
    other: str = ""


def title(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text, timeout=WAIT_MS)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=WAIT_MS)


def nothing_came_alive(page: Page) -> None:
    assert page.locator(ALIVE).count() == 0
