"""Sentences that people read once: errors, remedies, what a command says, in English and Chinese.

The English sentence stands where it is said, as a template with named fields, and is what the
text *is* (a ``Phrase`` is a ``str``). ``phrases.zh.json`` has the Chinese template of each English
one, with the same fields; a law of the tests holds every sentence in the source against it. What
a finding or a verdict keeps on disk has a code instead (``audit/reason.py``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from evenhand.audit.reason import Reason
from evenhand.audit.words.reasons import render

LANGUAGES = ("en", "zh")
TABLE = Path(__file__).with_name("phrases.zh.json")
_LANGUAGE: ContextVar[str] = ContextVar("language of what is said", default="en")


class Phrase(str):
    """A text that knows its template and fields, so that it can be said in another language."""

    template: str
    fields: Mapping[str, Any]

    def __new__(cls, template: str, fields: Mapping[str, Any]) -> Phrase:
        made = super().__new__(cls, template.format_map(fields) if fields else template)
        made.template, made.fields = template, fields
        return made

    def __getnewargs__(self) -> tuple[str, Mapping[str, Any]]:  # type: ignore[override]
        return self.template, self.fields


def phrase(template: str, /, **fields: Any) -> Phrase:
    """A sentence by its English template, written out in the call; braces in a template with
    fields are doubled, as in ``str.format``.

    >>> phrase("data file {file} is empty", file="a.csv")
    'data file a.csv is empty'
    >>> in_language(phrase("data file {file} is empty", file="a.csv"), "zh")
    '数据文件 a.csv 是空的'
    """
    return Phrase(template, fields)


def as_is(text: object) -> Phrase:
    """A text that is said as it is in every language: somebody else's words, a list of names."""
    return text if isinstance(text, Phrase) else Phrase("{text}", {"text": text})


def worded(text: str, fields: Mapping[str, Any]) -> Phrase:
    """``text`` where it is a phrase already, else the phrase of this template with ``fields``."""
    return text if isinstance(text, Phrase) else Phrase(text, fields)


def in_language(text: object, lang: str = "") -> str:
    """What ``text`` says in ``lang`` (by default the language that was set by ``speaking``).

    Phrases, and phrases, reasons and errors among their fields, are said in it; any other text,
    and a sentence that the table has not, stays as it is.
    """
    lang = lang or _LANGUAGE.get()
    if isinstance(text, BaseException) and text.args and isinstance(text.args[0], Phrase):
        text = text.args[0]
    if lang == "en" or not isinstance(text, Phrase):
        return str(text)
    template = table().get(text.template, text.template)
    if not text.fields:
        return template
    return template.format_map({k: _field(v, lang) for k, v in text.fields.items()})


def said(text: str) -> str:
    """A text that is written out where it is shown, or a phrase, in the language spoken."""
    return in_language(worded(text, {}))


def _field(value: Any, lang: str) -> Any:
    if isinstance(value, Phrase | BaseException):
        return in_language(value, lang)
    if isinstance(value, Reason):
        return render((value,), lang)
    if isinstance(value, tuple) and value and all(isinstance(v, Reason) for v in value):
        return render(value, lang)
    return value


@cache
def table() -> Mapping[str, str]:
    """The Chinese template of every English one; read when first asked for."""
    read: Mapping[str, str] = json.loads(TABLE.read_text("utf-8"))
    return read


def current_language() -> str:
    """The language that is spoken now: "en" unless ``speaking`` says otherwise."""
    return _LANGUAGE.get()


def speak(lang: str) -> None:
    """What is said from here on, to the end of the ``speaking`` around it, is said in ``lang``."""
    _LANGUAGE.set(lang)


@contextmanager
def speaking(lang: str) -> Iterator[None]:
    """What is said inside is said in ``lang``."""
    before = _LANGUAGE.set(lang)
    try:
        yield
    finally:
        _LANGUAGE.reset(before)


def language_of(surroundings: Mapping[str, str] = os.environ) -> str:
    """The language that the surroundings ask for, by LC_ALL, LC_MESSAGES or LANG, the first that
    is set; English where it is none of ours.

    >>> language_of({"LANG": "zh_CN.UTF-8"}), language_of({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"})
    ('zh', 'en')
    """
    named = (surroundings.get(key, "") for key in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "zh" if next(filter(None, named), "").lower().startswith("zh") else "en"
