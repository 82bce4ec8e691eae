"""Pages: our templates with one style sheet inside, no script, and nothing loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.reports.parts import figures, interval, outline, sentences
from evenhand.audit.reports.parts.words import Words
from evenhand.audit.words.text import visible

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent.with_name("templates")
_LANGUAGE_TAGS = {"en": "en", "zh": "zh-Hans"}

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


def render(template: str, say: Words, **values: Any) -> bytes:
    """The page that ``template`` makes of ``values``, UTF-8, its style sheet and policy inside."""
    from markupsafe import Markup

    style = style_sheet()
    page = environment().get_template(template)
    return page.render(
        say=say,
        lang=_LANGUAGE_TAGS[say.lang],
        style=Markup(style),  # noqa: S704 - our own files, the same bytes that are hashed
        policy=content_policy(style),
        **values,
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
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
