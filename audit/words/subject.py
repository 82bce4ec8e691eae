"""What a subject's people and outcomes are called, in sentences of every view.

The subject may declare three words (``words:`` in subject.yaml): ``positive``, what is done to a
person who is predicted positive ("approved"), ``event``, what those did whose true label is
positive, after "did" or "did not" ("repay"), and ``people``. Where it does not, sentences speak of
people who are selected, and of the label as it is written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, Protocol

from evenhand.audit.words.text import name

LANGUAGES = ("en", "zh")
WORDS = ("positive", "event", "people")
TABLE = Path(__file__).with_name("subject.json")

Whom = Literal["everyone", "event", "not_event", "positive", "not_positive"]
# Of whom a rate is a share: everyone, those whose true label is positive, is not, or is so called.
DENOMINATORS: Mapping[str, Whom] = {
    "selection_rate": "everyone",
    "accuracy_score": "everyone",
    "false_positive_rate": "not_event",
    "false_negative_rate": "event",
    "true_positive_rate": "event",
    "precision_score": "positive",
}


class Worded(Protocol):
    """What declares words: a subject's record in a case."""

    @property
    def positive_is(self) -> str | None:
        """``benefit``, ``burden`` or None."""

    @property
    def positive_label(self) -> object:
        """The label counted as positive."""

    @property
    def words(self) -> Mapping[str, Mapping[str, str]]:
        """Word -> language -> text."""


@dataclass(frozen=True)
class Sayings:
    """The words of one subject in one language. Names of strangers are made visible in them."""

    subject: Worded
    lang: str

    def word(self, key: str) -> str | None:
        """A declared word: in this language, else in whatever language it has."""
        declared = self.subject.words.get(key) or {}
        text = declared.get(self.lang) or next(iter(declared.values()), None)
        return None if text is None else name(text, 80)

    @property
    def people(self) -> str:
        """Whom the rows are about."""
        return self.word("people") or self._told("people")

    @property
    def positive(self) -> str:
        """What happens to who is predicted positive, after "are" or "were"."""
        declared = self.word("positive")
        if declared is not None:
            return self._told("positive", positive=declared)
        return self._told("positive.default")

    @property
    def negative(self) -> str:
        """The error of not being predicted positive, after "are" or "were"."""
        return self._told(f"negative.{self._meaning}")

    def rate(self, measure: str) -> str | None:
        """A rate in these words, without a capital; None for a measure that has none."""
        key = f"rate.{measure}"
        if key not in _table():
            return None
        return self._told(key, positive=self.positive, negative=self.negative)

    def heading(self, measure: str) -> str | None:
        """The same with a capital."""
        told = self.rate(measure)
        return None if told is None else told[:1].upper() + told[1:]

    def of(self, measure: str) -> str | None:
        """Of whom the rate is a share: "of those who did not repay"."""
        whom = DENOMINATORS.get(measure)
        return None if whom is None else self._part("of", whom, self.positive)

    @property
    def _meaning(self) -> str:
        known = str(self.subject.positive_is)
        return known if known in ("benefit", "burden") else "undeclared"

    def clause(self, whom: Whom, positive: str) -> str:
        """Of which people something is said, behind them (in Chinese before them); ``positive`` is
        the word for who is predicted positive."""
        return self._part("who", whom, positive)

    def _part(self, kind: str, whom: Whom, positive: str) -> str:
        event = self.word("event")
        is_event = whom in ("event", "not_event")
        key = f"{kind}.{whom}" + (".undeclared" if is_event and event is None else "")
        label = name(self.subject.positive_label, 40)
        return self._told(key, event=event, positive=positive, label=label)

    def _told(self, key: str, **values: object) -> str:
        return _table()[key][self.lang].format(**values)


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    table: dict[str, dict[str, str]] = json.loads(TABLE.read_text("utf-8"))
    return table
