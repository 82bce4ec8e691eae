"""HTML: one file to read, print and hand on; no script, nothing loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.case import Case
from audit.reports.parts import figures, fill, interval, outline, plain_words, sentences
from audit.reports.parts.dossier import Dossier, signatures, sources
from audit.reports.parts.pictures import pictures
from audit.reports.parts.text import plain
from audit.reports.parts.words import words
from policies.verdict import Verdict

if TYPE_CHECKING:
    from jinja2 import Environment

MEDIA_TYPE = "text/html; charset=utf-8"
SUFFIX = ".html"
DESCRIPTION = "One self-contained page, in English or Chinese, to read, print and hand on."

TEMPLATES = Path(__file__).with_name("templates")
LANGUAGE_TAGS = {"en": "en", "zh": "zh-Hans"}

# Never by colour alone: each status has a sign and a word. The tone picks the colour.
_SIGNS = {
    "pass": ("✓", "good"),
    "attested": ("✓", "good"),
    "measured": ("✓", "good"),
    "fail": ("✗", "bad"),
    "error": ("!", "bad"),
    "inconclusive": ("?", "open"),
    "needs-attestation": ("✎", "open"),
    "warn": ("!", "warn"),
    "waived": ("~", "warn"),
    "undefined": ("∅", "open"),
    "skipped": ("»", "quiet"),
    "not_applicable": ("–", "quiet"),
    "not-applicable": ("–", "quiet"),
    "not-yet-applicable": ("…", "quiet"),
}


def render(
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    language: str,
    gate: Mapping[str, object] | None,
    dossier: Dossier,
) -> bytes:
    """The page, UTF-8. Its content security policy allows its own style sheet and nothing else."""
    from markupsafe import Markup

    style = style_sheet()
    page = environment().get_template("report.html.j2")
    return page.render(
        case=case,
        say=words(language),
        first=plain_words.first_page(case, verdicts, dossier, words(language)),
        dossier=dossier,
        sources=sources(case, dossier, words(language)),
        signatures=signatures(case, dossier, words(language)),
        signature_heads=fill.signature_heads(words(language)),
        pictures=pictures(case, words(language)),
        gate=gate,
        lang=LANGUAGE_TAGS[language],
        style=Markup(style),  # noqa: S704 - our own file, the same bytes that are hashed
        policy=content_policy(style),
        packs=outline.packs(verdicts),
        failing=outline.pressing(verdicts, outline.FAILING),
        unsettled=outline.pressing(verdicts, outline.OPEN),
        families=outline.families(case.findings),
        unmeasured=outline.unmeasured(case.findings),
    ).encode()


@cache
def style_sheet() -> str:
    """The pages' style sheet, and what documents add to it."""
    return "".join((TEMPLATES / n).read_text("utf-8") for n in ("report.css", "document.css"))


def content_policy(style: str) -> str:
    """The page's content security policy: one style sheet, known by its hash, and no more."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def environment() -> Environment:
    """Our templates, every text escaped and its hidden characters shown."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.globals.update(
        sign_of=lambda status: _SIGNS[status][0],
        tone_of=lambda status: _SIGNS[status][1],
        figures=figures,
        interval=interval,
        outline=outline,
        sentences=sentences,
    )
    return environment


def _visible(value: Any) -> Any:
    """Every text on its way into the page shows its hidden characters; markup is ours already."""
    return plain(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
