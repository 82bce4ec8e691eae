"""What is proposed for an audit of some rows: every answer with its evidence, and what is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from evenhand.audit.reason import Reasons, reasons_json
from evenhand.audit.words.reasons import render

LANGUAGES = ("en", "zh")
NONE = "none"  # proposed, or answered: there is no such thing
Standing = Literal["applies", "does-not-apply", "depends"]


@dataclass(frozen=True)
class SeenColumn:
    """A column as it was read: ``values`` are its most frequent texts with their counts (all of
    them where ``n_values`` is as many), ``low`` and ``high`` the ends of its numbers."""

    name: str
    kind: str
    n: int
    n_missing: int
    n_values: int
    values: Mapping[str, int]
    low: float | None = None
    high: float | None = None

    @property
    def is_number(self) -> bool:
        """Whether it holds numbers."""
        return self.low is not None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        ends = {} if self.low is None else {"low": self.low, "high": self.high}
        return {
            "name": self.name,
            "kind": self.kind,
            "n": self.n,
            "n_missing": self.n_missing,
            "n_values": self.n_values,
            "values": dict(self.values),
            **ends,
        }


@dataclass(frozen=True)
class Choice:
    """A value to choose from, as it is typed, and in how many rows it occurs (None: no rows)."""

    value: str
    n: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"value": self.value, "n": self.n}


@dataclass(frozen=True)
class OpenQuestion:
    """Something that has to be declared, and that the rows alone don't say.

    key        the key of subject.yaml; ``facts.KEY`` for one fact
    text       the question in each language
    choices    values to choose from; others may do too
    proposed   a value in the form of the file, or NONE; None where nothing speaks for either
    evidence   what speaks for it
    is_needed  whether no audit runs without it
    option     what answers it on the command line
    """

    key: str
    text: Mapping[str, str]
    option: str
    choices: tuple[Choice, ...] = ()
    proposed: Any = None
    evidence: Reasons = ()
    is_needed: bool = False

    @property
    def would_be(self) -> Any:
        """The answer, where the proposal is taken."""
        return None if self.proposed == NONE else self.proposed

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; evidence in words too."""
        return {
            "key": self.key,
            "question": dict(self.text),
            "option": self.option,
            "choices": [choice.to_json() for choice in self.choices],
            "proposed": self.proposed,
            "evidence": reasons_json(self.evidence),
            "evidence_said": said(self.evidence),
            "is_needed": self.is_needed,
        }


@dataclass(frozen=True)
class TakenAnswer:
    """A value that the subject file gets; ``evidence`` is why, where a proposal was taken."""

    key: str
    value: Any
    evidence: Reasons = ()
    is_proposed: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "key": self.key,
            "value": self.value,
            "is_proposed": self.is_proposed,
            "evidence": reasons_json(self.evidence),
            "evidence_said": said(self.evidence),
        }


@dataclass(frozen=True)
class PackFit:
    """Whether a pack applies by what is known, and why; ``asks`` are facts that it depends on,
    ``lacks`` roles of which no column is named."""

    id: str
    title: Mapping[str, str]
    standing: Standing
    why: Reasons
    asks: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "id": self.id,
            "title": dict(self.title),
            "standing": self.standing,
            "why": reasons_json(self.why),
            "why_said": said(self.why),
            "asks": list(self.asks),
            "lacks": list(self.lacks),
        }


@dataclass(frozen=True)
class Proposal:
    """What an audit of ``source`` (and ``model``) would be told: ``answers`` are given or were
    taken, ``questions`` are open; ``notes`` say what was noticed while reading."""

    source: str
    model: str | None
    n: int
    columns: tuple[SeenColumn, ...]
    answers: tuple[TakenAnswer, ...]
    questions: tuple[OpenQuestion, ...]
    packs: tuple[PackFit, ...]
    notes: Reasons = ()
    keys: Mapping[str, Any] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[OpenQuestion, ...]:
        """Questions without whose answer no audit runs."""
        return tuple(q for q in self.questions if q.is_needed and q.proposed is None)

    @property
    def is_whole(self) -> bool:
        """Whether an audit runs by it."""
        return not any(q.is_needed for q in self.questions)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: what the terminal and the dashboard's form are made of."""
        return {
            "schema": "evenhand-proposal/1",
            "source": self.source,
            "model": self.model,
            "n": self.n,
            "columns": [column.to_json() for column in self.columns],
            "answers": [answer.to_json() for answer in self.answers],
            "questions": [question.to_json() for question in self.questions],
            "packs": [pack.to_json() for pack in self.packs],
            "notes": reasons_json(self.notes),
            "subject": dict(self.keys),
        }


def said(reasons: Reasons) -> dict[str, str]:
    """Reasons in each language."""
    return {lang: render(reasons, lang) for lang in LANGUAGES}
