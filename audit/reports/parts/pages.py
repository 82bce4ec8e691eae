"""Pages: our templates with one style sheet inside, at most one script, nothing loaded at all.

Both are known to the page's content security policy by their hashes: nothing else runs.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
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
    "error": ("✗", "bad"),
    "inconclusive": ("?", "open"),
    "needs-attestation": ("✎", "who"),
    "warn": ("!", "warn"),
    "waived": ("~", "warn"),
    "undefined": ("∅", "open"),
    "skipped": ("»", "quiet"),
    "not_applicable": ("–", "quiet"),
    "not-applicable": ("–", "quiet"),
    "not-yet-applicable": ("…", "quiet"),
    "none": ("–", "quiet"),
    "unjudged": ("–", "quiet"),
}


DOCUMENT = ("base.css", "document.css")


def render(
    template: str,
    say: Words,
    *,
    sheets: Sequence[str] = DOCUMENT,
    script: str = "",
    **values: Any,
) -> bytes:
    """The page that ``template`` makes of ``values``, UTF-8, its style sheet and policy inside;
    ``script`` names one of our own files, which the template puts in."""
    from markupsafe import Markup

    style = style_sheet(*sheets)
    code = (TEMPLATES / script).read_text("utf-8") if script else ""
    page = environment().get_template(template)
    return page.render(
        say=say,
        lang=_LANGUAGE_TAGS[say.lang],
        style=Markup(style),  # noqa: S704 - our own files, the same bytes that are hashed
        script=Markup(code),  # noqa: S704 - the same
        policy=content_policy(style, code),
        **values,
    ).encode()


@cache
def style_sheet(*sheets: str) -> str:
    """The sheets of our own files as one; of documents unless others are named."""
    return "".join((TEMPLATES / n).read_text("utf-8") for n in sheets or DOCUMENT)


def content_policy(style: str, script: str = "") -> str:
    """The page's content security policy: what is in it, known by its hashes, and no more."""
    runs = f"script-src 'sha256-{_digest(script)}'; " if script else ""
    return (
        f"default-src 'none'; {runs}style-src 'sha256-{_digest(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


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
        sign_of=sign_of,
        tone_of=tone_of,
        figures=figures,
        interval=interval,
        outline=outline,
        sentences=sentences,
    )
    return environment


def sign_of(status: str) -> str:
    """A status as one sign."""
    return _SIGNS[status][0]


def tone_of(status: str) -> str:
    """The class that colours a status."""
    return _SIGNS[status][1]


def _visible(value: Any) -> Any:
    """Every text on its way into the page shows its hidden characters; markup is ours already."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
