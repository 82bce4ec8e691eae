"""The report in a browser: what fits on a screen, on a phone, in the dark; its table sorts."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from evenhand.audit.reports import render
from tests.audit.reports.dossiers import sample_dossier
from tests.audit.reports.verdict_samples import GATE, sample_verdicts
from tests.samples import write_sample_case

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("lang", "wide", "scheme", "most"),
    [("en", 1280, "light", 6_000), ("zh", 1280, "dark", 6_000), ("en", 390, "dark", 12_000)],
)
def test_the_report_fits(
    browser: Browser, pictures: Path, tmp_path: Path, lang: str, wide: int, scheme: str, most: int
) -> None:
    case = write_sample_case(tmp_path / "case")
    shown = {"lang": lang, "gate": GATE, "dossier": sample_dossier(case)}
    file = tmp_path / "report.html"
    file.write_bytes(render("html", case, sample_verdicts(), **shown))
    look = {"viewport": {"width": wide, "height": 800}, "color_scheme": scheme}
    context = browser.new_context(**look)  # type: ignore[arg-type]
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(file.as_uri())
    page.screenshot(path=pictures / f"report-{lang}-{wide}-{scheme}.png", full_page=True)
    tall = page.evaluate("document.documentElement.scrollHeight")
    across = page.evaluate("document.documentElement.scrollWidth")
    assert tall <= most and across <= wide
    if wide == 1280:  # verdict, date, numbers and chart within the first screen
        ends = "e => e.getBoundingClientRect().bottom"
        assert page.locator(".panels").evaluate(ends) <= 800
    page.locator("#appendix summary").first.click()
    page.locator(".tools input").fill("selection_rate")
    rows = page.locator("table.all tbody tr[id]:visible")
    assert 0 < rows.count() < len(case.findings)
    page.locator("table.all thead button").nth(1).click()
    assert page.locator("table.all th[aria-sort=ascending]").count() == 1
    assert said == []
    context.close()
