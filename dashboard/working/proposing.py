"""What ``evenhand init`` proposes for rows that a form names: asked again after each answer.

The dashboard looks at nothing itself: rows and model are opened where the command opens them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evenhand.audit.data.written.declared import quoted_part
from evenhand.audit.errors import EvenhandError, InputError
from evenhand.audit.words.phrases import as_is
from evenhand.dashboard.server import starting
from evenhand.policies.facts import written

NONE = "none"  # the answer that there is no such thing
_OPTION = re.compile(r"--([a-z][a-z-]*)(?:[ =](?:COLUMN|LABEL|FILE|DIR))?")
_MOST_KEPT = 16


@dataclass(frozen=True)
class FormProposal:
    """What ``evenhand init --json`` told; ``problem`` is why it told nothing."""

    told: Mapping[str, Any] = field(default_factory=dict)
    problem: EvenhandError | None = None

    @property
    def columns(self) -> list[Mapping[str, Any]]:
        """The columns as they were read."""
        return list(self.told.get("columns") or ())

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [str(column["name"]) for column in self.columns]

    @property
    def keys(self) -> Mapping[str, Any]:
        """The keys of subject.yaml, as far as they are known."""
        return self.told.get("subject") or {}

    def column(self, name: str) -> Mapping[str, Any]:
        """What is known of a column; empty for none."""
        return next((c for c in self.columns if c["name"] == name), {})

    def answer(self, key: str) -> Mapping[str, Any]:
        """What the file would say of ``key``: value, evidence_said, is_proposed; empty if open."""
        return next((a for a in self.told.get("answers") or () if a["key"] == key), {})

    def question(self, key: str) -> Mapping[str, Any]:
        """The open question about ``key``; empty where there is none."""
        return next((q for q in self.told.get("questions") or () if q["key"] == key), {})

    @property
    def missing(self) -> list[str]:
        """The keys without which no audit runs, and that nobody answered."""
        questions = self.told.get("questions") or ()
        return [q["key"] for q in questions if q["is_needed"] and q["proposed"] is None]


def ask(
    kept: dict[tuple[str, ...], FormProposal],
    data: str,
    model: str,
    answers: Mapping[str, object],
    lang: str,
) -> FormProposal:
    """What is proposed beside ``answers`` (by the keys of subject.yaml; None: there is none).

    ``kept`` remembers what was asked before. A refusal is told as a problem.
    """
    arguments = (
        *("init", "--json", f"--lang={lang}", *options_of(answers)),
        *("--", data, *([model] if model else [])),
    )
    if arguments not in kept:
        while len(kept) >= _MOST_KEPT:
            del kept[next(iter(kept))]
        kept[arguments] = _asked(arguments)
    return kept[arguments]


def _asked(arguments: Sequence[str]) -> FormProposal:
    try:
        told = json.loads(starting.run_briefly(arguments, expected=(0, 2)) or b"{}")
    except EvenhandError as error:
        return FormProposal(problem=error)
    except ValueError:
        return FormProposal(problem=InputError("the columns could not be looked at", remedy=""))
    if wrong := told.get("error"):
        said = InputError(as_is(str(wrong["message"])), remedy=as_is(str(wrong.get("remedy", ""))))
        return FormProposal(problem=said)
    return FormProposal(told)


def options_of(answers: Mapping[str, object]) -> list[str]:
    """Answers as the options that give them; ``None`` says that there is no such thing.

    >>> options_of({"target": None, "roles": {"sex": ["g"]}, "bins": {"age": [18, 40]}})
    ['--target=none', '--roles=sex=g', '--bins=age=18', '--bins=40']
    >>> options_of({"labels": {"SEX": {"1": "m"}}, "facts": {"system.places": ["US", "EU"]}})
    ['--labels=SEX:1=m', '--fact=system.places=[US, EU]']
    >>> options_of({"facts": {"system.personal_data_of_cn": True}})
    ['--fact=system.personal_data_of_cn=true']
    """
    made: dict[str, object] = {}
    for key, value in answers.items():
        if value is None:
            made[key] = NONE
        elif not isinstance(value, Mapping):
            made[key] = value
        else:
            made["fact" if key == "facts" else key] = _PARTS.get(key, _pairs)(value)
    facts = made.pop("fact", None)
    found = starting.options(made)
    return found + [f"--fact={one}" for one in facts] if isinstance(facts, list) else found


def _pairs(value: Mapping[str, Any]) -> list[str]:
    return [f"{key}={one}" for key, one in value.items()]


def _roles(value: Mapping[str, Any]) -> list[str]:
    return [f"{role}={column}" for role, columns in value.items() for column in columns]


def _bins(value: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for column, edges in value.items():
        first, *rest = [edges] if isinstance(edges, str) else [str(edge) for edge in edges]
        found += [f"{column}={first}", *rest]
    return found


def _labels(value: Mapping[str, Any]) -> list[str]:
    found = []
    for key, one in value.items():
        inside = one.items() if isinstance(one, Mapping) else ()
        found += [f"{key}:{code}={word}" for code, word in inside] or [f"{key}={one}"]
    return found


def _facts(value: Mapping[str, Any]) -> list[str]:
    return [f"{fact}={written(one)}" for fact, one in value.items() if one is not None]


_PARTS: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "roles": _roles,
    "bins": _bins,
    "labels": _labels,
    "facts": _facts,
}


def typed(key: str, value: Any) -> str:
    """A proposed value as it is typed into a box of text: parts apart by commas.

    >>> typed("bins", {"age": [18, 40]}), typed("unknown", ["sex:U", "a, b"]), typed("bins", None)
    ('age=18, 40', 'sex:U, "a, b"', '')
    """
    if isinstance(value, Mapping):
        value = _PARTS.get(key, _pairs)(value)
    if isinstance(value, list | tuple):
        return ", ".join(quoted_part(str(one)) for one in value)
    return "" if value is None else str(value)


def in_words(text: str, labels: Mapping[str, str]) -> str:
    """A message of the command line in the words of a form: options by the labels of their fields.

    >>> in_words("pass --positive-label LABEL", {"positive_label": "Positive label"})
    'pass “Positive label”'
    """

    def label(match: re.Match[str]) -> str:
        known = labels.get(match[1].replace("-", "_"))
        return f"“{known}”" if known else match[0]

    return _OPTION.sub(label, text)


def field_of(text: str, fields: Sequence[str]) -> str:
    """The field that a message is about: the first whose option, or key, it names.

    >>> field_of("--bins 'x' is of no column", ["target", "bins"])
    'bins'
    >>> field_of("target 'x' is not a column", ["target", "bins"]), field_of("no", ["target"])
    ('target', '')
    """
    named = [m[1].replace("-", "_") for m in _OPTION.finditer(text)]
    words = re.findall(r"[a-z_]+", text)
    return next((one for one in (*named, *words[:1]) if one in fields), "")
