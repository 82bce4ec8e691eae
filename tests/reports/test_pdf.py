"""PDF: any page, printed; what is missing is named with the extra that brings it."""

from __future__ import annotations

import contextlib
import re
import sys
import zlib
from collections.abc import Iterator

import pytest

from audit.case import Case
from audit.errors import InputError
from audit.reports import Dossier, pdf, render
from tests.reports.dossiers import sample_dossier
from tests.reports.verdict_samples import sample_verdicts


@pytest.mark.parametrize(("of", "language"), [("html", "en"), ("ll144-summary", "zh")])
def test_a_page_is_printed(case: Case, of: str, language: str) -> None:
    pytest.importorskip("weasyprint")
    dossier = sample_dossier(case, of=of)
    made = render("pdf", case, sample_verdicts(), language=language, dossier=dossier)
    assert made.startswith(b"%PDF-") and b"%%EOF" in made[-20:]
    if of != "html":
        again = render("pdf", case, sample_verdicts(), language=language, dossier=dossier)
        assert again == made
    whole = made + b"".join(_streams(made))
    assert b"/StructTreeRoot" in whole  # tagged: it can be read aloud
    assert b"/JavaScript" not in whole and b"/JS " not in whole


def _streams(made: bytes) -> Iterator[bytes]:
    """What is compressed in the file."""
    for found in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", made, re.S):
        with contextlib.suppress(zlib.error):
            yield zlib.decompress(found[1])


def test_drawings_carry_their_own_rules(case: Case) -> None:
    page = pdf.drawn(render("html", case, sample_verdicts()).decode())
    plots = page.count('<svg class="plot"')
    assert plots and page.count("<style>.plot ") == plots
    assert ".plot .dot" in page and "var(--mark)" not in page.split("<style>.plot ")[1][:600]


@pytest.mark.parametrize("of", ["json", "pdf", "no-such"])
def test_only_pages_are_printed(case: Case, of: str) -> None:
    with pytest.raises(InputError, match=f"no page of format '{of}'") as caught:
        render("pdf", case, [], dossier=Dossier(of=of))
    assert "technical-file" in caught.value.remedy


def test_a_missing_library_is_named_with_its_extra(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(InputError, match="WeasyPrint is not installed") as caught:
        render("pdf", case, [])
    assert "evenhand[pdf]" in caught.value.remedy


def test_nothing_is_fetched() -> None:
    for url in ("http://127.0.0.1/x.png", "file:///etc/passwd"):
        with pytest.raises(ValueError, match="not part of the page"):
            pdf._refused(url)
