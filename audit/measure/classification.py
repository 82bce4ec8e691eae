"""Measures of a binary classifier from its four counts, and from its probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.finding import Interval
from audit.measure.estimate import Estimate, undefined
from audit.measure.intervals import mean, rate, wilson

if TYPE_CHECKING:
    import numpy as np

_NO_POSITIVES = "no positive labels"
_NO_NEGATIVES = "no negative labels"
_NO_SELECTED = "no positive predictions"


@dataclass(frozen=True)
class Confusion:
    """True and false positives and negatives; the positive label is the declared one."""

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def n(self) -> int:
        """All rows."""
        return self.tp + self.fp + self.fn + self.tn

    def __add__(self, other: Confusion) -> Confusion:
        return Confusion(
            self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn
        )


def rate_counts(c: Confusion) -> dict[str, tuple[int, int, str]]:
    """For each rate: cases, rows, and the reason where there are no rows. Fairlearn's names."""
    return {
        "selection_rate": (c.tp + c.fp, c.n, "no rows"),
        "true_positive_rate": (c.tp, c.tp + c.fn, _NO_POSITIVES),
        "false_negative_rate": (c.fn, c.tp + c.fn, _NO_POSITIVES),
        "false_positive_rate": (c.fp, c.fp + c.tn, _NO_NEGATIVES),
        "true_negative_rate": (c.tn, c.fp + c.tn, _NO_NEGATIVES),
        "precision_score": (c.tp, c.tp + c.fp, _NO_SELECTED),
        "recall_score": (c.tp, c.tp + c.fn, _NO_POSITIVES),
        "accuracy_score": (c.tp + c.tn, c.n, "no rows"),
    }


def named_rate(c: Confusion, name: str, levels: Sequence[float]) -> Estimate:
    """One of ``rate_counts`` with Wilson intervals."""
    k, n, empty = rate_counts(c)[name]
    return rate(k, n, levels, empty=empty)


def balanced_accuracy(c: Confusion, levels: Sequence[float]) -> Estimate:
    """The mean of the true positive and the true negative rate.

    The interval recovers the variances from the two Wilson intervals (Zou and Donner 2008).
    Undefined unless both labels are there.

    >>> balanced_accuracy(Confusion(tp=8, fp=1, fn=2, tn=4), (0.95,)).value
    0.8
    """
    positives, negatives = c.tp + c.fn, c.fp + c.tn
    counts = {"tp": c.tp, "fp": c.fp, "fn": c.fn, "tn": c.tn}
    method = "recovered variances of two Wilson intervals"
    if positives == 0 or negatives == 0:
        reason = _NO_POSITIVES if positives == 0 else _NO_NEGATIVES
        return undefined(reason, n=c.n, counts=counts, method=method)
    sensitivity, specificity = c.tp / positives, c.tn / negatives
    value = (sensitivity + specificity) / 2

    def interval(level: float) -> Interval:
        a, b = wilson(c.tp, positives, level), wilson(c.tn, negatives, level)
        low = value - math.hypot(sensitivity - a.low, specificity - b.low) / 2
        high = value + math.hypot(a.high - sensitivity, b.high - specificity) / 2
        return Interval(low=max(0.0, low), high=min(1.0, high), level=level, method=method)

    return Estimate(value, c.n, tuple(interval(x) for x in levels), counts, method)


def f1(c: Confusion, levels: Sequence[float]) -> Estimate:
    """The harmonic mean of precision and recall, 2 tp / (2 tp + fp + fn).

    F1 = 2 J / (1 + J) with J = tp / (tp + fp + fn), a plain rate: its Wilson interval, mapped
    through that increasing function, is F1's. Undefined without positive labels or predictions.

    >>> f1(Confusion(tp=2, fp=1, fn=1, tn=0), (0.95,)).value  # J = 2/4, F1 = 1/1.5
    0.6666666666666666
    """
    counts = {"tp": c.tp, "fp": c.fp, "fn": c.fn, "tn": c.tn}
    rows = c.tp + c.fp + c.fn
    method = "Wilson score of tp / (tp + fp + fn), mapped"
    if c.tp + c.fn == 0:
        return undefined(_NO_POSITIVES, n=c.n, counts=counts, method=method)
    intervals = []
    for level in levels:
        j = wilson(c.tp, rows, level)
        low, high = 2 * j.low / (1 + j.low), 2 * j.high / (1 + j.high)
        intervals.append(Interval(low=low, high=high, level=level, method=method))
    return Estimate(2 * c.tp / (2 * c.tp + c.fp + c.fn), c.n, tuple(intervals), counts, method)


def log_loss(is_positive: np.ndarray, score: np.ndarray, levels: Sequence[float]) -> Estimate:
    """The mean of -log p(label), in nat; probabilities are clipped at float64's epsilon, as
    scikit-learn does, so that one certain mistake costs 36 nat and not infinity.

    Parameters
    ----------
    is_positive : bool array of shape (n,)
    score       : probabilities of the positive label, shape (n,), in [0, 1]
    """
    import numpy as np

    p = np.clip(np.asarray(score, dtype=float), np.finfo(float).eps, 1 - np.finfo(float).eps)
    loss = -np.log(np.where(is_positive, p, 1 - p))
    estimate = mean(loss, levels)
    clipped = int(((score <= 0) | (score >= 1)).sum())
    return Estimate(
        estimate.value,
        estimate.n,
        tuple(i.model_copy(update={"low": max(0.0, i.low)}) for i in estimate.intervals),
        {"clipped": clipped},
        estimate.method,
        estimate.reason,
    )
