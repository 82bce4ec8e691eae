"""Scores a subject once, in batches: the table that every check reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from audit.data import match_label, texts
from audit.errors import InputError, nearest
from audit.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

BATCH = 4096  # fixed, so that the same rows always meet in the same batch


@dataclass(frozen=True, eq=False)
class Predictions:
    """One row per audited row, in the subject's canonical order.

    ``is_positive`` (bool, or None without labels), ``is_selected`` (predicted positive, bool),
    ``score`` (float, higher means more positive, or None) all have shape (n,).
    ``is_probability`` says whether every score lies in [0, 1].
    """

    is_positive: np.ndarray | None
    is_selected: np.ndarray
    score: np.ndarray | None
    is_probability: bool
    groups: pd.DataFrame

    @property
    def n(self) -> int:
        """Rows."""
        return int(self.is_selected.size)

    def only(self, rows: np.ndarray) -> Predictions:
        """The rows where the bool array ``rows``, shape (n,), is True."""
        return Predictions(
            None if self.is_positive is None else self.is_positive[rows],
            self.is_selected[rows],
            None if self.score is None else self.score[rows],
            self.is_probability,
            self.groups[rows],
        )


_scored: WeakKeyDictionary[Subject, Predictions] = WeakKeyDictionary()


def predictions_of(subject: Subject) -> Predictions:
    """The subject's predictions, scored at the first call and kept as long as the subject is.

    Raises InputError for scores that are missing or not finite, and for predicted labels that are
    neither the positive nor the negative one.
    """
    if subject not in _scored:
        _scored[subject] = _score(subject)
    return _scored[subject]


def positive_scores(subject: Subject, frame: pd.DataFrame) -> np.ndarray:
    """The model's probability of the positive label for rows of raw columns, shape (n,)."""
    import numpy as np

    if subject.model is None:
        raise InputError("stored predictions cannot score new rows", remedy="audit the model")
    predictor = subject.model.predictor
    label = match_label(subject.positive_label, predictor.classes)
    position = predictor.classes.index(str(label))
    parts = [
        _checked(predictor.predict_proba(frame.iloc[start : start + BATCH]), predictor.classes)
        for start in range(0, len(frame), BATCH)
    ]
    return np.concatenate(parts)[:, position] if parts else np.zeros(0)


def _checked(scores: Any, classes: tuple[str, ...]) -> np.ndarray:
    import numpy as np

    array = np.asarray(scores, dtype=float)
    if array.ndim != 2 or array.shape[1] != len(classes):
        raise InputError(
            f"the model gave scores of shape {array.shape} for {len(classes)} classes",
            remedy="predict_proba must return (rows, classes)",
        )
    return array


def _score(subject: Subject) -> Predictions:
    is_positive: np.ndarray | None = None
    score: np.ndarray | None
    if subject.labels is not None:
        is_positive = (subject.labels == subject.positive_label).astype(bool)
    if subject.model is not None:
        score = positive_scores(subject, subject.frame)
        _require_finite(score, f"model {subject.model.path}")
        is_selected = score >= subject.threshold
    else:
        score, is_selected = _stored(subject)
    bounded = score is not None and bool(((score >= 0) & (score <= 1)).all())
    return Predictions(is_positive, is_selected, score, bounded, subject.groups)


def _stored(subject: Subject) -> tuple[np.ndarray | None, np.ndarray]:
    import pandas as pd

    stored = subject.stored
    if stored is None:
        raise InputError(
            "the subject has neither a model nor stored predictions", remedy="give one"
        )
    score = None
    if stored.score is not None:
        column = subject.frame[stored.score]
        score = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
        bad = column[column.notna() & pd.isna(score)]
        if len(bad):
            raise InputError(
                f"score column {stored.score!r} holds {bad.iloc[0]!r}, which is no number",
                remedy="scores must be numbers",
            )
        _require_finite(score, f"score column {stored.score!r}")
    if stored.predicted is not None:
        return score, _predicted(subject, stored.predicted)
    assert score is not None
    return score, score >= subject.threshold


def _require_finite(score: np.ndarray, where: str) -> None:
    import numpy as np

    bad = np.flatnonzero(~np.isfinite(score))
    if bad.size:
        raise InputError(
            f"{where} has {bad.size} scores that are not finite (e.g. {score[bad[0]]})",
            remedy="find out why: a missing score is a person without an answer. "
            "Fix the scores, or remove those rows and say so",
        )


def _predicted(subject: Subject, name: str) -> np.ndarray:
    import numpy as np

    values, missing = texts(subject.frame[name])
    if missing.any():
        raise InputError(
            f"predicted column {name!r} is empty in {int(missing.sum())} rows",
            remedy="a missing prediction is a person without an answer: fill it, or remove the row",
        )
    labels = [subject.positive_label]
    labels += [subject.negative_label] if subject.negative_label is not None else []
    meaning = {value: match_label(value, labels) for value in set(values)}
    unknown = sorted(v for v, label in meaning.items() if label is None)
    if unknown and (subject.negative_label is not None or len(unknown) > 1):
        raise InputError(
            f"predicted column {name!r} holds {unknown[0]!r}, which is not a label of the target",
            remedy=nearest(unknown[0], labels),
        )
    return np.array([meaning[v] == subject.positive_label for v in values], dtype=bool)
