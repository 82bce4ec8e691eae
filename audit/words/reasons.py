"""Reasons in words: one table, ``reasons.json``, has what each code says in each language.

In the table ``{n}`` stands for the parameter ``n``: a number by the one rule of ``numbers``, a
name made visible, several of them parted by commas, a further reason in its own words.
``{task:word}`` a word of ours with its own entry under
``words``, ``{why:sentences}`` several reasons, parted as sentences are, ``{text:text}`` somebody's
text rather than a name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

from evenhand.audit.reason import Parameter, Reason, sentences
from evenhand.audit.words.numbers import number
from evenhand.audit.words.text import name as visible_name
from evenhand.audit.words.text import visible

TABLE = Path(__file__).with_name("reasons.json")
_BETWEEN_SENTENCES = {"en": "; ", "zh": "；"}
_BETWEEN_NAMES = {"en": ", ", "zh": "、"}
_LONGEST = 1000  # characters of a name
_MORE = "more"  # "and 3 more" follows the last name without a comma


def render(reasons: Iterable[Reason], lang: str = "en") -> str:
    """What ``reasons`` say, in ``en`` or ``zh``; "" for none. Visible text on one line.

    A code that is not in the table (a newer version's, or made up) is shown with its parameters.

    >>> from evenhand.audit.reason import because
    >>> render(because("no-rows") + because("too-small", n=3, least=1000))
    'no rows; too small to compare: 3 rows, the minimum is 1,000'
    >>> render(because("within", why=because("no-positive-labels"), where="this-group"), "zh")
    '该组没有正类标签'
    """
    return _BETWEEN_SENTENCES[lang].join(_sentence(reason, lang) for reason in reasons)


def render_json(told: Mapping[str, Any], lang: str = "en") -> str:
    """The reason of plain JSON that keeps it as a text ``reason`` and as ``reason_codes``; of an
    older one, which has the text alone, that text as a quote."""
    return render(sentences(told.get("reason_codes") or told.get("reason") or ()), lang)


@cache
def table() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """``reasons`` and ``words``, each key with ``en`` and ``zh``; read when first asked for."""
    found: Mapping[str, Mapping[str, Mapping[str, str]]] = json.loads(TABLE.read_text("utf-8"))
    return found


@cache
def fields(code: str, lang: str) -> tuple[tuple[str, str, str], ...]:
    """The words of a code as (text, parameter, kind); parameter and kind are "" after the last."""
    template = table()["reasons"][code][lang]
    return tuple(
        (text, name or "", kind or "") for text, name, kind, _ in Formatter().parse(template)
    )


def _sentence(reason: Reason, lang: str) -> str:
    values = reason.parameters
    known = reason.code in table()["reasons"]
    if not known or not {n for _, n, _ in fields(reason.code, lang) if n} <= values.keys():
        return _unknown(reason, lang)
    return "".join(
        text + (_shown(values[name], kind, lang) if name else "")
        for text, name, kind in fields(reason.code, lang)
    )


def _unknown(reason: Reason, lang: str) -> str:
    told = [f"{visible(k)}={_shown(v, '', lang)}" for k, v in reason.parameters.items()]
    between = _BETWEEN_NAMES[lang]
    return visible(reason.code) + (f" ({between.join(told)})" if told else "")


def _shown(value: Parameter, kind: str, lang: str) -> str:
    if isinstance(value, Reason):
        return _sentence(value, lang)
    if isinstance(value, tuple):
        items = [_shown(item, kind, lang) for item in value]
        if kind == "sentences":
            return _BETWEEN_SENTENCES[lang].join(items)
        last = value[-1] if value else ""
        more = items.pop() if isinstance(last, Reason) and last.code == _MORE else ""
        return " ".join(filter(None, (_BETWEEN_NAMES[lang].join(items), more)))
    if isinstance(value, int | float):
        return number(value)
    if kind == "text":
        return visible(value)
    words = table()["words"].get(value) if kind == "word" else None
    return words[lang] if words else visible_name(value, _LONGEST)
