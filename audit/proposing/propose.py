"""From rows, a model and what was answered so far to a proposal: pure, asked again after each
answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from evenhand.audit.proposing import outcome, packs, people
from evenhand.audit.proposing.looking import Looked
from evenhand.audit.proposing.proposal import OpenQuestion, Proposal, TakenAnswer

Answers = Mapping[str, Any]
# In the order in which they are asked; each may depend on the answers to those before it.
_RULES: tuple[tuple[str, Callable[[Looked, Answers], OpenQuestion | None]], ...] = (
    ("target", outcome.target),
    ("predicted", outcome.predicted),
    ("score", outcome.score),
    ("task", outcome.task),
    ("threshold", outcome.threshold),
    ("positive_label", outcome.positive_label),
    ("positive_is", outcome.positive_is),
    ("roles", people.roles),
    ("bins", people.bins),
    ("unknown", people.unknown),
    ("labels", people.labels),
    ("unit", people.unit),
    ("id", people.id_column),
    ("outcomes", people.outcomes),
)
# Questions that are only asked when these are answered.
_AFTER = {
    "predicted": ("target",),
    "score": ("target", "predicted"),
    "task": ("target", "predicted"),
    "threshold": ("score", "task"),
    "positive_label": ("target",),
    "positive_is": ("positive_label",),
    "outcomes": ("target", "roles"),
}


def propose(
    look: Looked, answers: Answers, taken: Mapping[str, TakenAnswer] | None = None
) -> Proposal:
    """What is open, what is answered and which packs apply, by the answers so far.

    ``answers`` has the keys of subject.yaml, None for what was answered with none; ``taken`` says
    of those that are proposals why they were made.
    """
    questions: list[OpenQuestion] = []
    open_keys: set[str] = set()
    for key, rule in _RULES:
        if key in answers:
            continue
        waits = any(k in open_keys for k in _AFTER.get(key, ()))
        found = None if waits else rule(look, answers)
        if found is not None:
            questions.append(found)
        if found is not None or waits:
            open_keys.add(key)
    asked = packs.facts(look, answers)
    questions += asked
    if "policy" not in answers and not open_keys and not asked:
        questions.append(packs.policy(look, answers))
    made = taken or {}
    return Proposal(
        source=look.data,
        model=look.model,
        n=look.n,
        columns=tuple(look.columns.values()),
        answers=tuple(made.get(k) or TakenAnswer(k, v) for k, v in answers.items()),
        questions=tuple(questions),
        packs=packs.fits(look, answers),
        notes=look.table.notes,
        keys=keys(look, answers),
    )


def answered(answers: Answers, key: str, value: Any) -> dict[str, Any]:
    """The answers with one more; a fact goes below ``facts``."""
    if not key.startswith("facts."):
        return {**answers, key: value}
    return {**answers, "facts": {**(answers.get("facts") or {}), key[len("facts.") :]: value}}


def settled(look: Looked, answers: Answers) -> Proposal:
    """The proposal with every answer taken that something speaks for; what people alone know
    stays open if no audit runs without it, and is left out otherwise."""
    taken: dict[str, TakenAnswer] = {}
    left: list[OpenQuestion] = []
    while True:
        proposal = propose(look, answers, taken)
        new = [q for q in proposal.questions if q.key not in {one.key for one in left}]
        if not new:
            return propose_whole(proposal, left)
        for one in new:
            if one.proposed is not None:
                taken[one.key] = TakenAnswer(one.key, one.would_be, one.evidence, True)
                answers = answered(answers, one.key, one.would_be)
                break
            left.append(one)
            if not one.is_needed:
                answers = answered(answers, one.key, None)
            break


def propose_whole(proposal: Proposal, left: list[OpenQuestion]) -> Proposal:
    """The proposal with the questions that were left open, those without which no audit runs
    first."""
    from dataclasses import replace

    ordered = sorted(left, key=lambda one: not one.is_needed)
    return replace(proposal, questions=tuple(ordered))


def keys(look: Looked, answers: Answers) -> dict[str, Any]:
    """The keys of subject.yaml by the answers: what is none is left out."""
    told = {k: v for k, v in answers.items() if v not in (None, [], {}, ())}
    facts_given = {k: v for k, v in (told.pop("facts", None) or {}).items() if v is not None}
    if look.model is None:
        named = {"predictions": look.data}
    else:
        named = {"model": look.model, "data": look.data}
    if told.get("task") == "binary" or look.model is not None:
        told.pop("task", None)
    ranked = [key for key, _ in _RULES]
    ordered = sorted(told, key=lambda k: ranked.index(k) if k in ranked else len(ranked))
    rest = {key: told[key] for key in ordered}
    if "labels" in rest:
        rest["labels"] = _by_column(rest["labels"], look)
    return {**named, **rest, **({"facts": facts_given} if facts_given else {})}


def _by_column(labels: Mapping[str, str], look: Looked) -> dict[str, Any]:
    """Codes below their column, as people write them."""
    found: dict[str, Any] = {}
    for code, word in labels.items():
        column = next((c for c in look.columns if code.startswith(f"{c}:")), None)
        if column is None:
            found[code] = word
        else:
            found.setdefault(column, {})[code.removeprefix(f"{column}:")] = word
    return found
