"""PDF: any page, printed; what is missing is named with the extra that brings it."""

from __future__ import annotations

import base64
import contextlib
import re
import sys
import zlib
from pathlib import Path

import pytest

from evenhand.audit.case.case import Case
from evenhand.audit.errors import InputError
from evenhand.audit.reports import Dossier, pdf, render
from tests.audit.reports.dossiers import sample_dossier
from tests.audit.reports.explained_cases import attributions, case_with
from tests.audit.reports.verdict_samples import sample_verdicts


@pytest.mark.parametrize(("of", "lang"), [("html", "en"), ("ll144-summary", "zh")])
def test_a_page_is_printed(case: Case, of: str, lang: str) -> None:
    pytest.importorskip("weasyprint")
    dossier = sample_dossier(case, of=of)
    made = render("pdf", case, sample_verdicts(), lang=lang, dossier=dossier)
    assert made.startswith(b"%PDF-") and b"%%EOF" in made[-20:]
    if of != "html":
        again = render("pdf", case, sample_verdicts(), lang=lang, dossier=dossier)
        assert again == made
    read = whole(made)
    assert b"/StructTreeRoot" in read  # tagged: it can be read aloud
    assert b"/JavaScript" not in read and b"/JS " not in read


def whole(made: bytes) -> bytes:
    """The file with what is compressed in it."""
    parts = [made]
    for found in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", made, re.S):
        with contextlib.suppress(zlib.error):
            parts.append(zlib.decompress(found[1]))
    return b"".join(parts)


def test_drawings_carry_their_own_rules(case: Case) -> None:
    page = pdf.drawn(render("html", case, sample_verdicts()).decode())
    strips = page.count('<svg class="strip"')
    assert strips and page.count("<style>.strip ") == strips
    assert ".strip .dot" in page and "var(--mark)" not in page.split("<style>.strip ")[1][:600]


def test_what_is_folded_is_left_out_or_open() -> None:
    page = "a<details>b<details class='x'>c</details>d</details>e<details>f</details>g"
    assert pdf.folded(page, unfold=False) == "aeg"
    assert pdf.folded(page, unfold=True).count("<details open") == 3


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


@pytest.mark.parametrize("url", ["http://127.0.0.1/x.png", "file:///etc/hostname"])
def test_nothing_is_fetched(url: str) -> None:
    weasyprint = pytest.importorskip("weasyprint")
    with pytest.raises(weasyprint.urls.FatalURLFetchingError, match=re.escape(url)):
        pdf._printed(f"<img src='{url}'>")


def test_pictures_written_as_data_are_printed(tmp_path: Path) -> None:
    """A page draws heat maps as data: they were blank, and nobody was told."""
    pytest.importorskip("weasyprint")
    drawn = {"height": 2, "width": 2, "colours": 1, "images": []}
    one = {"scale": 0.3, "levels": base64.b64encode(bytes([127, 0, 129, 64])).decode()}
    case = case_with(tmp_path, attributions("image", maps=[one] * 3, **drawn))
    made = render("pdf", case, [], dossier=Dossier(appendix=True))
    assert whole(made).count(b"/Subtype /Image") == 1  # three alike are kept once
