"""What a model answers -> probabilities or values, as the subject declares it; never guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evenhand.audit.errors import InputError, RowError
from evenhand.audit.models.declared import Declared, Outputs
from evenhand.audit.models.predictor import Gradients, Task
from evenhand.audit.words.numbers import number

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_SUM_TOLERANCE = 1e-3  # of probabilities in float16 and better, over thousands of classes


class RowModel:
    """What models over rows of columns have in common: no text, and mostly no gradients."""

    gradients: Gradients | None = None

    def token_log_likelihood(
        self, frame: pd.DataFrame
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Raises InputError: such a model scores no tokens."""
        raise InputError(
            "a model over rows of columns scores no tokens", remedy="audit it as what it is"
        )


def task_of(declared: Declared, what: str) -> Task:
    """The task of a model whose file does not tell it, from what is declared.

    Raises InputError that says what to declare.
    """
    if declared.classes:
        own: Task = "binary" if len(declared.classes) == 2 else "multiclass"
        if declared.task not in (None, own) or declared.outputs == "values":
            said = f"task {declared.task}" if declared.task not in (None, own) else "outputs values"
            raise InputError(
                "{what}: {n_classes} classes are declared, and {said}",
                remedy="leave out what does not belong to this model",
                what=what,
                n_classes=len(declared.classes),
                said=said,
            )
        return own
    if declared.task == "regression" or declared.outputs == "values":
        return "regression"
    raise InputError(
        "{what} does not say what its answers mean",
        remedy="for a classifier declare its labels in the order of its scores and what they are: "
        "--classes no,yes --outputs logits (or probabilities); for regression --outputs values",
        what=what,
    )


def outputs_of(declared: Declared, task: Task, what: str) -> Outputs:
    """Whether scores are probabilities or logits, as declared. Raises InputError if it is not."""
    if task == "regression":
        return "values"
    if declared.outputs is None:
        raise InputError(
            "{what} does not say whether its scores are probabilities",
            remedy="declare --outputs probabilities, or --outputs logits (turned into "
            "probabilities by softmax, a single one by the logistic function)",
            what=what,
        )
    return declared.outputs


def as_probabilities(
    raw: np.ndarray, n_classes: int, outputs: Outputs, what: str, *, rows: int
) -> np.ndarray:
    """Scores of shape (rows, n_classes), float64, each in [0, 1], rows summing to 1.

    A single score for two classes belongs to the second. Raises InputError for other shapes, and
    for scores that can't be what they are declared to be. What is not finite stays so: the audit
    refuses it with its own words.
    """
    import numpy as np

    scores = np.asarray(raw, dtype=np.float64)
    scores = scores.reshape(rows, -1) if rows and scores.shape[:1] == (rows,) else scores
    single = n_classes == 2 and scores.ndim == 2 and scores.shape[1] == 1
    if scores.ndim != 2 or len(scores) != rows or not (single or scores.shape[1] == n_classes):
        raise InputError(
            "{what} gives answers of shape {shape} for {rows} rows and {n_classes} classes",
            remedy="declare a class for each of the model's scores, in their order: --classes",
            what=what,
            shape=np.asarray(raw).shape,
            rows=rows,
            n_classes=n_classes,
        )
    if outputs == "logits":
        if single:
            scores = np.hstack([np.zeros_like(scores), scores])
        shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
        softmax: np.ndarray = shifted / shifted.sum(axis=1, keepdims=True)
        return softmax
    if single:
        scores = np.hstack([1 - scores, scores])
    require_probabilities(scores, what)
    bounded: np.ndarray = np.clip(scores, 0.0, 1.0)
    return bounded


def require_probabilities(scores: np.ndarray, what: str) -> None:
    """Raises RowError where scores, (rows, classes), are finite and no probabilities."""
    import numpy as np

    finite = np.isfinite(scores).all(axis=1)
    wrong = finite & (
        ((scores < -_SUM_TOLERANCE) | (scores > 1 + _SUM_TOLERANCE)).any(axis=1)
        | (np.abs(scores.sum(axis=1) - 1) > _SUM_TOLERANCE)
    )
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        shown = ", ".join(number(s) for s in scores[row][:6])
        raise RowError(
            "{what} gives scores that are no probabilities: [{shown}] in {row} ({wrong} such rows)",
            row,
            remedy="where they are logits, declare --outputs logits",
            what=what,
            shown=shown,
            wrong=int(wrong.sum()),
        )


def as_values(raw: np.ndarray, what: str, *, rows: int) -> np.ndarray:
    """Predicted values of shape (rows,), float64. Raises InputError for another shape."""
    import numpy as np

    values = np.asarray(raw, dtype=np.float64)
    if values.size != rows or (rows and values.shape[0] != rows):
        raise InputError(
            "{what} gives answers of shape {values_shape} for {rows} rows, regression has one "
            "number a row",
            remedy="for a classifier declare --classes and --outputs",
            what=what,
            values_shape=values.shape,
            rows=rows,
        )
    return values.reshape(rows)
