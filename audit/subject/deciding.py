"""Whom a model selects: by its own decision, or by a threshold that was declared."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.table import match_label
from evenhand.audit.errors import InputError, rows_from
from evenhand.audit.models.predictor import Decides, Labels, Predictor, gives_scores
from evenhand.audit.subject.subject import Subject
from evenhand.audit.subject.target import require_finite
from evenhand.audit.worker.opened import Opened

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

BATCH = 4096  # fixed, so that the same rows always meet in the same batch


def decides_itself(subject: Subject) -> bool:
    """Whether the model makes its own decisions, so that no threshold of the audit applies."""
    return subject.model is not None and isinstance(subject.model.predictor, Decides)


def threshold_of(subject: Subject) -> float | None:
    """The score from which on a row is selected; None where the decision is not made so.

    That is the threshold that was declared, or 0.5, which the higher of two scores means; not
    where labels are stored, or the model decides by a rule of its own.
    """
    if subject.task != "binary":
        return None
    if subject.model is None:
        labels_stored = subject.stored is not None and subject.stored.predicted is not None
        return None if labels_stored else subject.threshold
    own = decides_itself(subject) or bool(getattr(subject.model.predictor, "own_rule", False))
    if subject.threshold is None:
        return None if own else 0.5
    return subject.threshold


def select(
    model: Opened, frame: pd.DataFrame, positive: str, threshold: float | None
) -> tuple[np.ndarray | None, np.ndarray]:
    """A binary model's scores of rows of raw columns (None where it gives labels alone), and whom
    it selects; both of shape (n,).

    Without a threshold the model's own labels are what is audited: at a tie they are as its library
    has them, which for scikit-learn's and most others is the first class.
    """
    predictor = model.predictor
    position = positive_position(predictor, positive)
    scores = probabilities_of(predictor, frame)
    score = scores[:, position]
    finite_scores(score, f"model {model.path}")
    if isinstance(predictor, Decides):
        if threshold is not None:
            raise InputError(
                "threshold {threshold} is asked of a model that makes its own decisions",
                remedy="leave --threshold out",
                threshold=threshold,
            )
        return score, in_batches(predictor.decide, frame) == position
    if not gives_scores(predictor):
        if threshold is not None:
            raise InputError(
                "threshold {threshold} is asked of model {model_path}, which gives labels alone",
                remedy="leave --threshold out",
                threshold=threshold,
                model_path=model.path,
            )
        return None, score > 0.5
    if threshold is not None:
        return score, score >= threshold
    return score, labels_of(predictor, frame, scores) == position


def labels_of(predictor: Predictor, frame: pd.DataFrame, scores: np.ndarray) -> np.ndarray:
    """What a classifier answers: positions in its classes, int of shape (n,). Its own labels where
    it says them, else the class of the highest score, the first of equal ones."""
    if isinstance(predictor, Labels) and gives_scores(predictor):
        return in_batches(predictor.predict_labels, frame).astype(int)
    highest: np.ndarray = scores.argmax(axis=1)
    return highest


def positive_position(predictor: Predictor, positive: str) -> int:
    """The place of the positive label among the model's classes, which may spell it differently."""
    return predictor.classes.index(str(match_label(positive, predictor.classes)))


def in_batches(ask: Callable[[pd.DataFrame], Any], frame: pd.DataFrame) -> np.ndarray:
    """The answers to all rows, asked in batches of one size."""
    import numpy as np

    answers = []
    for start in range(0, max(len(frame), 1), BATCH):
        with rows_from(start):
            answers.append(np.asarray(ask(frame.iloc[start : start + BATCH]), dtype=float))
    return np.concatenate(answers)


def probabilities_of(predictor: Predictor, frame: pd.DataFrame) -> np.ndarray:
    """A classifier's scores, (n, classes)."""
    scores = in_batches(predictor.predict_proba, frame)
    if scores.ndim != 2 or scores.shape[1] != len(predictor.classes):
        raise InputError(
            "the model gave scores of shape {scores_shape} for {n_classes} classes",
            remedy="predict_proba must return (rows, classes)",
            scores_shape=scores.shape,
            n_classes=len(predictor.classes),
        )
    return scores


def finite_scores(score: np.ndarray, where: str) -> None:
    """Raises RowError where a score is missing or not finite."""
    remedy = (
        "find out why: a missing score is a person without an answer. Fix the scores, or remove "
        "those rows and say so"
    )
    require_finite(score, f"{where} gives", remedy)
