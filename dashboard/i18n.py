"""The words of the dashboard in English and Chinese, read from ``locales/*.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from evenhand.audit.words.measures import measure_name
from evenhand.audit.words.text import visible
from evenhand.dashboard.text import escape, in_language

LANGUAGES: Mapping[str, str] = MappingProxyType({"en": "English", "zh": "中文"})
DEFAULT = "en"
_FOLDER = Path(__file__).parent / "locales"


@cache
def texts(lang: str) -> Mapping[str, str]:
    """Every key of one language and its text."""
    return MappingProxyType(json.loads((_FOLDER / f"{lang}.json").read_text("utf-8")))


def language(asked: str | None, locale: str | None) -> str:
    """The language to show: the one asked for in the link, else the browser's, else English.

    >>> language(None, "zh-TW"), language("en", "zh-CN"), language("fr", None)
    ('zh', 'en', 'en')
    """
    if asked is not None and asked in LANGUAGES:
        return asked
    prefix = (locale or "").replace("_", "-").split("-")[0].lower()
    return prefix if prefix in LANGUAGES else DEFAULT


class Translator:
    """Looks texts up in one language.

    Calling it gives plain text, for tables, charts and pages that read no Markdown; ``md`` gives
    Markdown in which every field is shown literally.
    """

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self._texts = texts(lang)

    def __call__(self, key: str, /, **fields: object) -> str:
        """The text for ``key`` with ``fields`` put in as they are. KeyError for an unknown key."""
        return self._texts[key].format(**fields)

    def md(self, key: str, /, **fields: object) -> str:
        """The text for ``key`` as Markdown; ``fields`` are escaped."""
        return self._texts[key].format(**{name: escape(v) for name, v in fields.items()})

    def count(self, key: str, number: int) -> str:
        """``key.one`` or ``key.other`` with the number put in.

        >>> Translator("en").count("sentence.fail", 1)
        '1 item fails'
        """
        return self(f"{key}.{'one' if number == 1 else 'other'}", number=number)

    def term(self, kind: str, name: str) -> str:
        """The word for a known name (a status, a family); the name itself where there is none."""
        return self._texts.get(f"{kind}.{name}", name)

    def measure(self, name: str) -> str:
        """A measure's name for people.

        >>> Translator("zh").measure("accuracy_score")
        '准确率'
        """
        return visible(measure_name(name, self.lang))

    def pick(self, mapping: Mapping[str, str]) -> str:
        """A pack's own text in this language."""
        return in_language(mapping, self.lang)
