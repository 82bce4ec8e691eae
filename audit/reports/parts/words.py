"""The reports' own words, in every language that they are written in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from evenhand.audit.reason import Reasons
from evenhand.audit.words.measures import measure_name
from evenhand.audit.words.reasons import render

LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class Words:
    """The texts of one language; called with a key, it fills in the values."""

    lang: str
    texts: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """The text for ``key``; values are put in as they are and never read as a template."""
        return self.texts[key].format(**values)

    def known(self, kind: str, name: str) -> str | None:
        """The text for ``name`` among the texts of one kind; None where there is none."""
        return self.texts.get(f"{kind}.{name}")

    def term(self, kind: str, name: str) -> str:
        """The text for ``name``, or the name itself, its underscores as spaces."""
        return self.known(kind, name) or name.replace("_", " ")

    def measure(self, name: str) -> str:
        """A measure's name for people.

        >>> words("en").measure("true_positive_rate")
        'True positive rate'
        """
        return measure_name(name, self.lang)

    def reason(self, reason: Reasons) -> str:
        """A finding's reason or note; what strangers' checks wrote stays as they wrote it."""
        return render(reason, self.lang)

    def family(self, name: str) -> str:
        """A family of checks, as a heading."""
        return self.known("family", name) or self.measure(name)

    def pick(self, texts: Mapping[str, str]) -> str:
        """A text of a pack in this language; else in English; else in whatever it has."""
        return texts.get(self.lang) or texts.get("en") or next(iter(texts.values()), "")

    def joined(self, *sentences: str) -> str:
        """Sentences one after the other, parted as the language does it."""
        return ("" if self.lang == "zh" else " ").join(s for s in sentences if s)

    def listed(self, items: Sequence[str]) -> str:
        """Items in one line, parted as the language does it."""
        return ("、" if self.lang == "zh" else ", ").join(items)


@cache
def words(lang: str) -> Words:
    """The words of one of LANGUAGES."""
    path = files("evenhand.audit.reports").joinpath("locales", f"{lang}.json")
    return Words(lang, json.loads(path.read_text("utf-8")))
