"""Starting the dashboard for a real browser, and waiting for its pages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from evenhand.dashboard.server import launch

ROOT = Path(launch.__file__).resolve().parents[2]
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
_PRESSES = 10


@contextmanager
def served(home: Path, arguments: Sequence[str] = (), *, port: int | None = None) -> Iterator[str]:
    """The address of a dashboard over EVENHAND_HOME=``home``, started as a user starts it."""
    chosen = port or launch.free_port(0)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "evenhand", "dashboard", "--no-browser", f"--port={chosen}"),
            *arguments,
        ],
        cwd=ROOT,
        env={**os.environ, "EVENHAND_HOME": str(home), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert f":{chosen}" in line, line
        yield f"http://127.0.0.1:{chosen}"
    finally:
        process.terminate()
        process.wait(60)
        if process.stdout:
            process.stdout.close()


def take(page: Page, label: str, option: str) -> None:
    """Opens the select box named ``label`` with the keyboard and takes ``option``.

    Not with a click: a browser without a hand on its mouse presses and releases at once, which
    the box now and then takes for opening and closing again.
    """
    box = page.get_by_role("combobox", name=re.compile(label))
    expect(box).to_be_visible()
    wanted = page.get_by_role("option", name=option, exact=True)
    for _ in range(_PRESSES):  # a box that is drawn anew meanwhile loses the key, or closes again
        expect(page.locator(IDLE)).to_have_count(1)
        box.press("ArrowDown")
        with suppress(AssertionError, PlaywrightTimeout):
            expect(box).to_have_attribute("aria-expanded", "true", timeout=3000)
            wanted.click(timeout=3000)
            return
    wanted.click()
