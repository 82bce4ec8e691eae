"""The loss of each row: what training made small on its own rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evenhand.audit.subject.predictions import (
    AnyPredictions,
    ClassPredictions,
    Predictions,
    TextPredictions,
    ValuePredictions,
)

if TYPE_CHECKING:
    import numpy as np


def losses_of(predictions: AnyPredictions) -> np.ndarray | None:
    """One loss a row, shape (n,): nat of the true class, squared error of values, bits per
    character of texts (NaN for one of no characters). None where answers are no probabilities, or
    nothing is known to be true."""
    import numpy as np

    floor = np.finfo(float).eps
    if isinstance(predictions, Predictions):
        if (
            predictions.is_positive is None
            or predictions.score is None
            or not predictions.is_probability
        ):
            return None
        given = np.where(predictions.is_positive, predictions.score, 1 - predictions.score)
        return -np.log(np.clip(given, floor, 1.0))
    if isinstance(predictions, ClassPredictions):
        if predictions.actual is None or predictions.probabilities is None:
            return None
        given = predictions.probabilities[np.arange(len(predictions.actual)), predictions.actual]
        return -np.log(np.clip(given, floor, 1.0))
    if isinstance(predictions, ValuePredictions):
        actual = predictions.actual
        return None if actual is None else (predictions.predicted - actual) ** 2
    if isinstance(predictions, TextPredictions):
        characters = np.where(predictions.characters > 0, predictions.characters, np.nan)
        return -predictions.log_likelihood / math.log(2) / characters
    return None
