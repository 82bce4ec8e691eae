"""Text that came from data, made safe to show: in Markdown, in a table, in a CSV cell.

A group, column or model name is written by a stranger. Streamlit reads Markdown in most labels, so
every such text goes through ``escape`` before it is put into a sentence, and through
``evenhand.audit.words.text.visible`` before it is put into a table or a chart (which read none).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from evenhand.audit.words.text import visible

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
# Patterns that the page turns into a link, an icon or a picture after Markdown was parsed, where a
# backslash no longer helps; an invisible word joiner breaks them.
_LATE = (
    re.compile(r"(://)(?=\S)"),
    re.compile(r"(\bwww)(?=\.)", re.IGNORECASE),
    re.compile(r"(@)(?=\w)"),
    re.compile(r"(:)(?=[\w+/-]+:)"),
    re.compile(r"([<>~-])(?=[-=>])"),
)
# What begins or ends something in Markdown, or is turned into something by the page.
_ACTS = re.compile(r"[*_`<>$~\\#|!:@&]|\]\(|\bwww\b|--|->|^\s*(?:[-+]|\d+[.)])\s", re.IGNORECASE)
_JOINER = "\u2060"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def escape(text: object) -> str:
    """``text`` such that Streamlit's Markdown shows exactly its characters and does nothing.

    >>> escape("a*b")
    'a\\\\*b'
    """
    shown = visible(text)
    for pattern in _LATE:
        shown = pattern.sub(rf"\1{_JOINER}", shown)
    return _PUNCTUATION.sub(r"\\\1", shown)


def label(text: object) -> str:
    """As ``escape``, for the label of a field, whose text is also its name for a screen reader:
    what holds nothing that Markdown or the page would act on stays as it is, without backslashes.

    >>> label("used, e.g. [US-NY-NYC]"), label("[a](b)")
    ('used, e.g. [US-NY-NYC]', '\\\\[a\\\\]\\\\(b\\\\)')
    """
    shown = visible(text)
    return escape(shown) if _ACTS.search(shown) else shown


def csv_cell(value: object) -> object:
    """A cell that a spreadsheet shows as text: a leading formula sign gets an apostrophe.

    >>> csv_cell("=1+1"), csv_cell(-0.5)
    ("'=1+1", -0.5)
    """
    if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA):
        return f"'{value}"
    return value


def in_language(texts: Mapping[str, str], lang: str) -> str:
    """The text of a pack in ``lang``, else English, else whatever language there is.

    >>> in_language({"en": "yes", "zh": "是"}, "zh")
    '是'
    """
    return texts.get(lang) or texts.get("en") or next(iter(texts.values()), "")


def ending(place: str) -> str:
    """The last two parts of a path, which tell one from another; the evidence has the whole.

    >>> ending("/srv/audits/models/loan/test.csv")
    '…/loan/test.csv'
    """
    parts_of = place.split("/")
    return "/".join(["…", *parts_of[-2:]]) if len(parts_of) > 2 else place
