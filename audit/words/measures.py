"""Measures in words: one table, ``measures.json``, has each measure's name in each language."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("measures.json")
_BOUNDS = ("_lowest", "_highest")  # of a gap, whatever groups the unknown are in


def measure_name(name: str, lang: str = "en") -> str:
    """A measure's name for people, in ``en`` or ``zh``.

    A name that is not in the table (a third party's measure) is shown with spaces, as it stands.

    >>> measure_name("true_positive_rate"), measure_name("their_own_rate")
    ('True positive rate', 'Their own rate')
    >>> measure_name("accuracy_score_ratio_lowest")
    'Accuracy: ratio between groups: at least, were the unknown known'
    """
    named = known_name(name, lang)
    spaced = name.replace("_", " ").strip()
    return named or spaced[:1].upper() + spaced[1:]


def known_name(name: str, lang: str) -> str | None:
    """The name in the table; None where there is none."""
    table = _table()
    if name in table:
        return table[name][lang]
    for bound in _BOUNDS:
        if name.endswith(bound):
            gap = measure_name(name.removesuffix(bound), lang)
            return table[f"*{bound}"][lang].format(measure=gap)
    return None


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    table: dict[str, dict[str, str]] = json.loads(TABLE.read_text("utf-8"))
    return table
