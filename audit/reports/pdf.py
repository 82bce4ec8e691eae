"""PDF: any of the pages, printed. Needs the extra ``pdf`` (WeasyPrint)."""

from __future__ import annotations

import importlib
import logging
import re
from collections.abc import Sequence
from typing import Any

from evenhand.audit.case.case import Case
from evenhand.audit.errors import InputError
from evenhand.audit.reports.parts.dossier import Dossier
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import Verdict

MEDIA_TYPE = "application/pdf"
SUFFIX = ".pdf"
DESCRIPTION = (
    "PDF of any page (--of FORMAT, by default html), with --appendix of all that is folded; needs "
    "the extra pdf."
)

_VARIABLE = re.compile(r"--(\w+): (#[0-9a-f]{6})")
_DETAILS = re.compile(r"<details[^>]*>|</details>")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")


def render(
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    lang: str,
    gate: Gate | None,
    dossier: Dossier,
) -> bytes:
    """The page that ``dossier.of`` names, printed with its own print styles.

    Raises InputError where that format is no page, where WeasyPrint is not installed, and where the
    system lacks the libraries that it draws text with.
    """
    from evenhand.audit.reports import FORMATS

    chosen = FORMATS.get(dossier.of.replace("-", "_"))
    pages = sorted(n for n, f in FORMATS.items() if f.MEDIA_TYPE.startswith("text/html"))
    if chosen is None or not chosen.MEDIA_TYPE.startswith("text/html"):
        raise InputError(
            "there is no page of format {of!r} to print",
            remedy="--of takes one of: {pages}",
            of=dossier.of,
            pages=", ".join(n.replace("_", "-") for n in pages),
        )
    page = chosen.render(case, verdicts, lang=lang, gate=gate, dossier=dossier)
    return _printed(folded(page.decode(), unfold=dossier.appendix))


def folded(html: str, *, unfold: bool) -> str:
    """The page as it is printed: what is folded on the screen is left out, or (``unfold``) all of
    it is open. What is left out is in the HTML report, and in the case."""
    if unfold:
        return html.replace("<details", "<details open")
    kept, depth, start = [], 0, 0
    for found in _DETAILS.finditer(html):
        if found[0] != "</details>":
            if depth == 0:
                kept.append(html[start : found.start()])
            depth += 1
        else:
            depth -= 1
            start = found.end()
    return "".join([*kept, html[start:]])


def _printed(html: str) -> bytes:
    weasyprint = _library()
    logging.getLogger("weasyprint").setLevel(logging.ERROR)  # it names each rule for screens
    # Pages hold all they need: nothing but what is written in them as data is read, and a picture
    # that can't be is an error, not a blank.
    fetcher = weasyprint.URLFetcher(allowed_protocols=("data",), fail_on_errors=True)
    document = weasyprint.HTML(string=drawn(html), url_fetcher=fetcher)
    data: bytes = document.write_pdf(pdf_tags=True)
    return data


def drawn(html: str) -> str:
    """The page with its drawing rules inside each drawing, colours put in.

    WeasyPrint draws inline SVG on its own: it applies no rule of the page to it, and knows no
    variables there.
    """
    sheet = html.partition("<style>")[2].partition("</style>")[0]
    colours = dict(_VARIABLE.findall(sheet.partition("}")[0]))
    rules = _RULE.findall(re.sub(r"@(?:media|page)[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", sheet))
    told = {
        name: "".join(f"{s.strip()}{{{b}}}" for s, b in rules if s.strip().startswith(f".{name} "))
        for name in ("strip", "plot", "chart")
    }
    for name, css in told.items():
        for variable, colour in colours.items():
            css = css.replace(f"var(--{variable})", colour)
        html = re.sub(rf'(<svg class="{name}[^>]*>)', rf"\1<style>{css}</style>", html)
    return html.replace("<image ", '<image image-rendering="pixelated" ')


def _library() -> Any:
    try:
        return importlib.import_module("weasyprint")
    except ModuleNotFoundError:
        raise InputError(
            "WeasyPrint is not installed, so no PDF can be written",
            remedy="pip install 'evenhand[pdf]'; or open the HTML report and print it",
        ) from None
    except OSError as error:
        raise InputError(
            "WeasyPrint can't draw text here: {error}",
            remedy="install Pango (Debian: apt-get install libpango-1.0-0 libpangoft2-1.0-0); or "
            "open the HTML report and print it",
            error=error,
        ) from None
