"""What the name and the values of a column suggest; the words are in ``hints.json``."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from evenhand.audit.words.roles import ROLES, Role

TABLE = Path(__file__).with_name("hints.json")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W_A-Za-z0-9]+")
_LEAST_KNOWN = 0.8  # of a column's values that have to be words of a role


@cache
def _table() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(TABLE.read_text("utf-8"))
    return found


def parts(name: str) -> list[str]:
    """The words that a name is made of.

    >>> parts("creditRisk_2"), parts("two_year_recid"), parts("是否违约")
    (['credit', 'risk', '2'], ['two', 'year', 'recid'], ['是否违约'])
    """
    return [found.lower() for found in _PARTS.findall(name)]


def met(name: str, kind: str) -> str:
    """The first word of ``kind`` that ``name`` holds, the longest first; "" for none.

    >>> met("credit_risk", "target"), met("Decile Score", "score"), met("yearly", "target")
    ('credit_risk', 'score', '')
    """
    return _met(name, _table()[kind])


def _met(name: str, words: Iterable[str]) -> str:
    spellings = ("_".join(parts(name)), re.sub(r"[\W_]+", "_", name.lower()))  # rac_1_p and rac1p
    for word in sorted(words, key=len, reverse=True):
        if not word.isascii() and word in name:
            return word
        if any(f"_{word}_" in f"_{spelling}_" for spelling in spellings):
            return word
    return ""


def role_by_name(name: str) -> tuple[Role, str] | None:
    """The role that a column's name speaks of, and the word that says so.

    >>> role_by_name("applicant_gender"), role_by_name("percentage")
    (('sex', 'gender'), None)
    """
    roles = _table()["roles"]
    for role in ROLES:
        if role in roles and (word := _met(name, roles[role]["names"])):
            return role, word
    return None


def role_by_values(values: Collection[str]) -> tuple[Role, list[str]] | None:
    """The role that a column's values speak of, and those that say so.

    >>> role_by_values(["Male", "Female"]), role_by_values(["a", "b"])
    (('sex', ['Female']), None)
    """
    folded = {value.strip().casefold(): value for value in values}
    for role, words in _table()["roles"].items():
        said = [value for low, value in folded.items() if low in words["some"]]
        known = sum(low in words["values"] or low in words["some"] for low in folded)
        only = not words["values"] or known >= _LEAST_KNOWN * len(folded)
        least = 1 if words["values"] else 2
        if len(said) >= least and only:
            return role, said
    return None
