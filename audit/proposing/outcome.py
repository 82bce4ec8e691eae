"""What is decided and what came true: target, predictions or scores, and what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from evenhand.audit.data.cells import number_in
from evenhand.audit.data.table import match_label
from evenhand.audit.proposing.hints import met, parts, role_by_name, role_by_values
from evenhand.audit.proposing.looking import Looked
from evenhand.audit.proposing.proposal import NONE, Choice, OpenQuestion, SeenColumn
from evenhand.audit.proposing.words import question
from evenhand.audit.reason import Reasons, because, listed

MOST_CLASSES = 30
_MOST_CHOICES = 12


def target(look: Looked, known: Mapping[str, Any]) -> OpenQuestion | None:
    """The column of true answers; it may be none where predictions alone are audited."""
    if look.task == "generation":
        return None
    stated = str(look.says.get("target") or "")
    fitting = [c for c in _free(look, known) if _may_be_answer(c) or c.name == stated]
    proposed, why = None, because("init-nothing-says")
    if stated in look.columns:
        proposed, why = stated, because("init-model-says")
    elif spoken := _spoken(fitting, "target"):
        proposed, why = _one_of(spoken)
        first = [column for column, _ in spoken]
        fitting = [*first, *(c for c in fitting if c not in first)]
    elif decided := _decided(look, fitting):
        proposed, why = NONE, because("init-decision", column=decided)
    elif len(fitting) == 1:
        proposed, why = fitting[0].name, because("init-only-column")
    choices = [Choice(c.name, c.n_values) for c in fitting[:_MOST_CHOICES]]
    return question(
        "target",
        because("init-ask-target"),
        choices=choices,
        proposed=proposed,
        evidence=why,
        is_needed=True,
    )


def _decided(look: Looked, fitting: list[SeenColumn]) -> str:
    """The only column of answers, where its name says that it is what was decided."""
    is_one = look.model is None and len(fitting) == 1
    return fitting[0].name if is_one and met(fitting[0].name, "predicted") else ""


def predicted(look: Looked, known: Mapping[str, Any]) -> OpenQuestion | None:
    """The column of decisions, where no model makes them; () where scores are all there is."""
    if look.model is not None:
        return None
    fitting = [c for c in _free(look, known) if _may_be_answer(c)]
    spoken = _spoken(fitting, "predicted")
    if not spoken:
        labels = _labels_of(look, known)
        same = [c for c in fitting if labels and set(c.values) <= labels and c.n_values > 1]
        if len(same) == 1 and role_by_values(list(same[0].values)) is None and _is_text(labels):
            proposed, why = same[0].name, because("init-same-labels", column=str(known["target"]))
        else:
            proposed, why = None, ()
    else:
        proposed, why = _one_of(spoken)
    return question(
        "predicted",
        because("init-ask-predicted"),
        choices=[Choice(c.name, c.n_values) for c in fitting[:_MOST_CHOICES]],
        proposed=proposed,
        evidence=why,
        is_needed=bool(why),
    )


def score(look: Looked, known: Mapping[str, Any]) -> OpenQuestion | None:
    """The column of scores, where no model gives them."""
    if look.model is not None or known.get("task") == "multiclass":
        return None
    fitting = [c for c in _free(look, known) if c.is_number and c.n_values > 2]
    spoken = _spoken(fitting, "score")
    proposed, why = _one_of(spoken) if spoken else (None, ())
    is_all = known.get("predicted") is None
    return question(
        "score",
        because("init-ask-score"),
        choices=[Choice(c.name, c.n_values) for c in fitting[:_MOST_CHOICES]],
        proposed=proposed,
        evidence=why,
        is_needed=is_all,
    )


def threshold(look: Looked, known: Mapping[str, Any]) -> OpenQuestion | None:
    """From which score on somebody is selected; scores alone decide nothing."""
    column = look.columns.get(str(known.get("score")))
    if column is None or known.get("predicted") or known.get("task") == "regression":
        return None
    low, high = column.low or 0.0, column.high or 0.0
    is_chance = low >= 0 and high <= 1
    return question(
        "threshold",
        because("init-ask-threshold", column=column.name, low=low, high=high),
        choices=[Choice(v, n) for v, n in sorted(column.values.items(), key=_by_number)][:12]
        if column.n_values <= _MOST_CHOICES
        else [],
        proposed=0.5 if is_chance else None,
        evidence=because("init-chances", column=column.name) if is_chance else (),
        is_needed=True,
    )


def task(look: Looked, known: Mapping[str, Any]) -> OpenQuestion | None:
    """The kind of the answers; a model says its own."""
    if look.model is not None:
        return None
    column = look.columns.get(str(known.get("target") or known.get("predicted")))
    if column is None:
        return None
    if column.n_values <= 2:
        kind = "binary"
    elif column.is_number and column.n_values > MOST_CLASSES:
        kind = "regression"
    else:
        kind = "multiclass"
    return question(
        "task",
        because("init-ask-task"),
        choices=[Choice("binary"), Choice("multiclass"), Choice("regression")],
        proposed=kind,
        evidence=because("init-so-many-values", column=column.name, n=column.n_values),
        is_needed=True,
    )


def positive_label(look: Looked, known: Mapping[str, Any]) -> OpenQuestion | None:
    """The label that is counted as positive, with how often it occurs."""
    if kind_of(look, known) != "binary":
        return None
    column = look.columns.get(str(known.get("target") or known.get("predicted")))
    labels = dict(column.values) if column else dict.fromkeys(look.classes, 0)
    if not labels:
        return None
    if column is None and known.get("target") is None and look.model is None:
        return None
    stated = look.says.get("positive_label")
    match = match_label(str(stated), labels) if stated is not None else None
    proposed, why = match, because("init-model-says")
    if proposed is None:
        proposed, why = _positive(list(labels))
    return question(
        "positive_label",
        because("init-ask-positive", column=column.name if column else "model"),
        choices=[Choice(label, n if column else None) for label, n in labels.items()],
        proposed=_plain(proposed) if proposed is not None else None,
        evidence=why if proposed is not None else (),
        is_needed=True,
    )


def positive_is(look: Looked, known: Mapping[str, Any]) -> OpenQuestion | None:
    """What the positive label means for the person it is given to."""
    label = known.get("positive_label")
    if label is None and kind_of(look, known) != "regression":
        return None
    answers = str(known.get("target") or known.get("predicted") or "")
    proposed, why = _meaning(str(label if label is not None else ""), answers)
    shown = str(label) if label is not None else answers
    return question(
        "positive_is",
        because("init-ask-meaning", label=shown, column=answers),
        choices=[Choice("benefit"), Choice("burden")],
        proposed=proposed,
        evidence=why,
        is_needed=True,
    )


def kind_of(look: Looked, known: Mapping[str, Any]) -> str | None:
    """The task, as far as it is known; binary where only scores are."""
    if look.task or known.get("task"):
        return look.task or str(known["task"])
    return "binary" if known.get("score") and not known.get("target") else None


def _labels_of(look: Looked, known: Mapping[str, Any]) -> set[str]:
    column = look.columns.get(str(known.get("target")))
    return set(column.values) if column and column.n_values <= MOST_CLASSES else set()


def _is_text(labels: Iterable[str]) -> bool:
    """Labels that are words of their own: 0 and 1 are those of any flag."""
    return not all(number_in(label) is not None for label in labels)


def _free(look: Looked, known: Mapping[str, Any]) -> list[SeenColumn]:
    """Columns that have no other use yet."""
    taken = {known.get(k) for k in ("target", "predicted", "score", "weight", "id", "unit")}
    taken |= set(known.get("outcomes") or ())
    taken |= {c for columns in (known.get("roles") or {}).values() for c in columns}
    return [c for c in look.columns.values() if c.name not in taken]


def _may_be_answer(column: SeenColumn) -> bool:
    """Few values, and no trait of people."""
    if column.kind == "bytes" or column.n_values < 2 or column.n_values > MOST_CLASSES:
        return False
    return role_by_name(column.name) is None and role_by_values(list(column.values)) is None


def _spoken(columns: Iterable[SeenColumn], kind: str) -> list[tuple[SeenColumn, str]]:
    """The columns whose names speak of ``kind``, and by which word. A name that is that word alone
    says it better than a longer one, one that speaks of nothing else better than "credit_score"."""
    candidates = []
    for column in columns:
        word = met(column.name, kind)
        other = any(met(column.name, k) for k in ("target", "predicted", "score") if k != kind)
        if word and (kind == "score" or not other):
            spare = [part for part in parts(column.name) if not met(part, kind)]
            is_more = bool(spare) and word not in (
                column.name.lower(),
                "_".join(parts(column.name)),
            )
            candidates.append((other, is_more, column, word))
    best = min((one[:2] for one in candidates), default=None)
    return [(column, word) for *rank, column, word in candidates if tuple(rank) == best]


def _one_of(spoken: list[tuple[SeenColumn, str]]) -> tuple[str | None, Reasons]:
    """The one column that is spoken of; of several none, and they are named."""
    if len(spoken) > 1:
        return None, because("init-others-too", names=listed(column.name for column, _ in spoken))
    return spoken[0][0].name, _by_name(*spoken[0])


def _by_name(column: SeenColumn, word: str) -> Reasons:
    return because("init-name-says", word=word, n=column.n_values)


def _by_number(item: tuple[str, int]) -> float:
    number = number_in(item[0])
    return number if number is not None else 0.0


def _positive(labels: list[str]) -> tuple[str | None, Reasons]:
    folded = {_folded(label): label for label in labels}
    yes = [label for low, label in folded.items() if low and met(low, "yes") and not met(low, "no")]
    no = [label for low, label in folded.items() if low and met(low, "no")]
    if len(yes) == 1:
        return yes[0], because("init-means-yes", label=yes[0])
    if len(labels) == 2 and len(no) == 1 and not yes:
        other = next(label for label in labels if label not in no)
        return other, because("init-other-means-no", label=no[0])
    if {_number(label) for label in labels} == {0.0, 1.0}:
        one = next(label for label in labels if _number(label) == 1.0)
        return one, because("init-one-of-zero-one")
    above = [label for label in labels if label.strip().startswith(">")]
    if len(labels) == 2 and len(above) == 1:
        return above[0], because("init-above", label=above[0])
    return None, ()


def _folded(label: str) -> str:
    return label.strip().rstrip(".").casefold()


def _number(label: str) -> float | None:
    return number_in(label)


def _meaning(label: str, column: str) -> tuple[str | None, Reasons]:
    """By the label's own word first: "denied" of a column "approved_or_denied" is a burden."""
    for where, name in (("label", label), ("column", column)):
        words = {kind: met(name, kind) for kind in ("benefit", "burden")}
        spoken = [kind for kind, word in words.items() if word]
        if len(spoken) == 1:
            word = words[spoken[0]]
            return spoken[0], because("init-word-means", word=word, where=where, meaning=spoken[0])
    return None, ()


def _plain(label: str) -> Any:
    """A label as it is written in a file: a whole number where it is one."""
    return int(label) if label.lstrip("-").isdecimal() and str(int(label)) == label else label
