"""What a check may need of a subject (its NEEDS), and what is said where it is lacking.

The runner asks before a check is run: a check is written for subjects that have what it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from evenhand.audit.errors import MissingNeed, RowsOnDisk
from evenhand.audit.models.predictor import Predictor
from evenhand.audit.reason import Reasons, because
from evenhand.audit.subject.subject import Subject


def _has_scores(subject: Subject) -> bool:
    """A model has them; stored ones have where a column was named; a stored value is one."""
    stored = subject.stored
    return stored is None or stored.score is not None or subject.task == "regression"


# In the order in which they are asked: what the whole question lacks before what this run lacks.
_HAS: Mapping[str, Callable[[Subject], bool]] = {
    "model": lambda subject: subject.model is not None,
    "sensitive_features": lambda subject: bool(subject.sensitive_features),
    "labels": lambda subject: subject.target is not None,
    "scores": _has_scores,
    "training_data": lambda subject: subject.training is not None,
    "rows": lambda subject: not subject.is_streamed,
}
_LACKS: Mapping[str, Reasons] = {
    "model": because("no-model"),
    "sensitive_features": because("no-sensitive-features"),
    "labels": because("no-true-labels"),
    "scores": because("labels-only-no-scores"),
    "training_data": because("no-training-rows"),
    "rows": because("needs-rows-in-memory"),
}
NEEDS = frozenset(_HAS)


def lacking(subject: Subject, needs: Collection[str]) -> MissingNeed | None:
    """The first of ``needs`` that the subject lacks, as what is said of it; None where it has all.

    Raises ValueError for a need that is none of NEEDS.
    """
    unknown = sorted(set(needs) - NEEDS)
    if unknown:
        raise ValueError(f"NEEDS names {unknown[0]!r}; known are {', '.join(sorted(NEEDS))}")
    for name, has in _HAS.items():
        if name in needs and not has(subject):
            if name == "labels" and subject.task == "regression":
                return MissingNeed(because("no-true-values"))
            return (RowsOnDisk if name == "rows" else MissingNeed)(_LACKS[name])
    return None


def require(subject: Subject, *needs: str) -> None:
    """Raises MissingNeed, which says what is lacking: for what is asked by others than checks."""
    need = lacking(subject, needs)
    if need is not None:
        raise need


def predictor_of(subject: Subject) -> Predictor:
    """The model that answers. Raises MissingNeed where predictions are stored."""
    require(subject, "model")
    assert subject.model is not None  # as it was just required
    return subject.model.predictor
