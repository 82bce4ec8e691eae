"""Rates in the words of people: of 100 women 9 are selected, of 100 men 39.

One table, ``people.json``, says of whom a rate speaks and what happens to them, in each language.
What the subject calls its people and outcomes (``audit.words.subject``) stands in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from evenhand.audit.words.numbers import range_in_a_hundred
from evenhand.audit.words.subject import Sayings, Worded
from evenhand.audit.words.text import name

TABLE = Path(__file__).with_name("people.json")
_SEX_COLUMNS = frozenset({"sex", "gender", "性别"})


@dataclass(frozen=True)
class Telling:
    """How one case speaks of people: its subject's words, and its columns of sex. Where nothing
    says that its rows are people they are rows."""

    subject: Worded
    sex_columns: tuple[str, ...] = ()
    are_people: bool = True

    def sayings(self, lang: str) -> Sayings:
        """The subject's words in one language."""
        return Sayings(self.subject, lang)

    def noun(self, lang: str) -> str:
        """What the rows are: ``people``."""
        if self.are_people or self.has_people:
            return self.sayings(lang).people
        return str(_table()["defaults"]["rows"][lang])

    def positive(self, lang: str) -> str:
        """What happens to who is predicted positive: the declared word, else ``selected``."""
        return self.sayings(lang).positive

    @property
    def has_people(self) -> bool:
        """Whether the subject says who its people are."""
        return "people" in self.subject.words


@dataclass(frozen=True)
class GroupShare:
    """One group, and the share of its people that a rate counts. A second one of no group is
    everybody else."""

    group: Mapping[str, str]
    share: float


class Spoken(Worded, Protocol):
    """What a subject's record says of its people."""

    @property
    def sensitive_features(self) -> Sequence[str]:
        """Columns whose groups are compared."""

    @property
    def roles(self) -> Mapping[str, Sequence[str]]:
        """Trait that laws name -> columns."""


def telling_of(subject: Spoken) -> Telling:
    """The words in which the subject's people are spoken of."""
    sexes = tuple(subject.roles.get("sex", ()))
    return Telling(subject, sexes, are_people=bool(subject.sensitive_features))


def knows(rate: str) -> bool:
    """Whether a rate can be told in people."""
    return rate in _table()["rates"]


def told(rate: str, sides: Sequence[GroupShare], telling: Telling, lang: str = "en") -> str:
    """One or two groups and a rate as people in a hundred; no full stop at its end.

    >>> from types import SimpleNamespace
    >>> telling = Telling(SimpleNamespace(words={}, positive_is=None, positive_label=1))
    >>> women, men = GroupShare({"sex": "Female"}, 0.0895), GroupShare({"sex": "Male"}, 0.391)
    >>> told("selection_rate", [women, men], telling)
    'Of 100 women 9 are selected, of 100 men 39'
    >>> told("selection_rate", [women, men], telling, "zh")
    '每 100 名女性中 9 名被选中，每 100 名男性中 39 名'
    >>> told("false_negative_rate", [GroupShare({"race": "Black"}, 0.3)], telling)
    'Of 100 people with race Black whose true answer is “1”, 30 are not selected'
    """
    entry = _table()["rates"][rate]
    shares = [side.share for side in sides]
    numbers = range_in_a_hundred(shares[0], shares[-1])
    who = [_who(side.group, telling, lang, is_first=not i) for i, side in enumerate(sides)]
    happens = str(entry[lang]).replace("{positive}", telling.positive(lang))
    clause = telling.sayings(lang).clause(entry["of"], telling.positive(lang))
    if lang == "zh":
        return _in_chinese(who, numbers, happens, clause, telling)
    first = f"{who[0]}{clause}"
    is_short = " " not in first and " " not in who[-1]
    comma, then = ("", ",") if is_short else (",", ";")
    begun = f"Of 100 {first}{comma} {numbers[0]} {_verb(happens, numbers[0])}"
    return begun if len(sides) < 2 else f"{begun}{then} of 100 {who[1]}{comma} {numbers[1]}"


def _in_chinese(
    who: Sequence[str], numbers: Sequence[str], happens: str, clause: str, telling: Telling
) -> str:
    """People are counted in 名 and rows in 行; people of no group are counted in 人."""
    counted = _table()["counted"]["people" if telling.are_people else "rows"]
    if who[0] == telling.noun("zh") and not clause and not telling.has_people:
        alone = counted["alone"]
        return f"每 100 {alone}中 {numbers[0]} {alone}{happens}"
    of = counted["of"]
    begun = f"每 100 {of}{clause}{who[0]}中 {numbers[0]} {of}{happens}"
    return begun if len(who) < 2 else f"{begun}，每 100 {of}{who[1]}中 {numbers[1]} {of}"


def _verb(happens: str, number: str) -> str:
    """``{are} selected`` with the verb for one or several."""
    for verb, (one, several) in _table()["verbs"].items():
        happens = happens.replace(f"{{{verb}}}", one if number == "1" else several)
    return happens


def _who(group: Mapping[str, str], telling: Telling, lang: str, *, is_first: bool) -> str:
    """``women with race Black``; a second group does without the word for people."""
    people = telling.noun(lang)
    if not group and not is_first:
        return str(_table()["defaults"]["others"][lang])
    noun, rest = people, []
    for column, value in sorted(group.items()):
        sex = _sex(column, value, telling)
        if sex is not None and noun == people:
            named = sex[f"{lang}_of"].replace("{people}", people)
            noun = named if telling.has_people else sex[lang]
        else:
            rest.append((name(column, 40), name(value, 40)))
    if not rest:
        return noun
    if lang == "zh":
        return f" {'、'.join(f'{c} 为 {v}' for c, v in rest)} 的{noun}"
    listed = " and ".join(f"{c} {v}" for c, v in rest)
    return f"with {listed}" if noun == people and not is_first else f"{noun} with {listed}"


def _sex(column: str, value: str, telling: Telling) -> Mapping[str, str] | None:
    if column not in telling.sex_columns and column.casefold() not in _SEX_COLUMNS:
        return None
    sexes: Mapping[str, Mapping[str, Any]] = _table()["sexes"]
    return next((s for s in sexes.values() if value.strip().casefold() in s["values"]), None)


@cache
def _table() -> Mapping[str, Any]:
    table: dict[str, Any] = json.loads(TABLE.read_text("utf-8"))
    return table
