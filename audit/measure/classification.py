"""Measures of a binary classifier from its four counts, and from its probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.measure.uncertainty.intervals import mean, rate, share
from evenhand.audit.reason import Reasons, because

if TYPE_CHECKING:
    import numpy as np

_NO_POSITIVES = because("no-positive-labels")
_NO_NEGATIVES = because("no-negative-labels")
_NO_SELECTED = because("no-positive-predictions")
_NONE_REJECTED = because("no-negative-predictions")


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


# Positions of the four counts in every table of cells.
TN, FP, FN, TP = range(4)
_ALL = (TN, FP, FN, TP)

# Rate -> the cells above the line, the cells below it, and the reason where there are none below.
# Fairlearn's and scikit-learn's names where they exist.
RATES: Mapping[str, tuple[tuple[int, ...], tuple[int, ...], Reasons]] = {
    "selection_rate": ((FP, TP), _ALL, because("no-rows")),
    "true_positive_rate": ((TP,), (FN, TP), _NO_POSITIVES),
    "false_negative_rate": ((FN,), (FN, TP), _NO_POSITIVES),
    "false_positive_rate": ((FP,), (TN, FP), _NO_NEGATIVES),
    "true_negative_rate": ((TN,), (TN, FP), _NO_NEGATIVES),
    "precision_score": ((TP,), (FP, TP), _NO_SELECTED),
    "recall_score": ((TP,), (FN, TP), _NO_POSITIVES),
    "accuracy_score": ((TN, TP), _ALL, because("no-rows")),
    "zero_one_loss": ((FP, FN), _ALL, because("no-rows")),
    "false_discovery_rate": ((FP,), (FP, TP), _NO_SELECTED),
    "false_omission_rate": ((FN,), (TN, FN), _NONE_REJECTED),
    "negative_predictive_value": ((TN,), (TN, FN), _NONE_REJECTED),
    "prevalence": ((FN, TP), _ALL, because("no-rows")),
    "false_negatives_among_errors": ((FN,), (FP, FN), because("no-errors")),
}


@dataclass(frozen=True)
class RateCount:
    """``k`` cases in ``n`` rows behind a rate. With weights both are effective numbers, ``rows``
    the rows themselves. ``empty`` says why, where ``n`` is 0."""

    k: float
    n: float
    rows: int
    empty: Reasons
    is_weighted: bool = False


def rate_counts(c: Confusion) -> dict[str, tuple[int, int, Reasons]]:
    """For each of ``RATES``: cases, rows, and the reason where there are no rows."""
    cells = (c.tn, c.fp, c.fn, c.tp)
    return {
        name: (sum(cells[i] for i in top), sum(cells[i] for i in bottom), empty)
        for name, (top, bottom, empty) in RATES.items()
    }


def rate_count(
    c: Confusion, name: str, weights: tuple[tuple[float, ...], tuple[float, ...]] | None = None
) -> RateCount:
    """The counts behind one of ``RATES``.

    With ``weights`` (sums and sums of squares, in the order tn, fp, fn, tp) the rate is
    sum(w of cases) / sum(w), and n is the effective number (sum w)^2 / sum(w^2), at most the rows.

    Source: Kish 1965, section 8.2, for the effective number.
    """
    top, bottom, empty = RATES[name]
    cells = (c.tn, c.fp, c.fn, c.tp)
    rows = sum(cells[i] for i in bottom)
    if weights is None:
        return RateCount(sum(cells[i] for i in top), rows, rows, empty)
    sums, squares = weights
    weight = sum(sums[i] for i in bottom)
    if weight <= 0:
        return RateCount(
            0.0, 0.0, rows, empty if rows == 0 else because("no-weight"), is_weighted=True
        )
    effective = weight**2 / sum(squares[i] for i in bottom)
    share = min(1.0, sum(sums[i] for i in top) / weight)
    return RateCount(share * effective, effective, rows, empty, is_weighted=True)


def measure_values(table: np.ndarray, name: str) -> np.ndarray:
    """A measure of many tables of counts at once; NaN where it is undefined.

    Parameters
    ----------
    table : counts or sums of weights, shape (..., 4) in the order tn, fp, fn, tp
    name  : one of ``RATES``, ``balanced_accuracy_score`` or ``f1_score``

    Returns a float array of shape (...,).
    """
    import numpy as np

    if name == "balanced_accuracy_score":
        true_positive_rate = measure_values(table, "true_positive_rate")
        return np.asarray((true_positive_rate + measure_values(table, "true_negative_rate")) / 2)
    if name == "f1_score":
        twice = 2.0 * table[..., TP]
        bottom = twice + table[..., FP] + table[..., FN]
        return np.divide(twice, bottom, out=np.full(bottom.shape, np.nan), where=bottom > 0)
    above, below, _ = RATES[name]
    top, bottom = (table[..., list(i)].sum(axis=-1, dtype=float) for i in (above, below))
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)


def named_rate(c: Confusion, name: str, levels: Sequence[float]) -> Estimate:
    """One of ``RATES`` with Wilson intervals."""
    return estimate_rate(rate_count(c, name), levels)


def estimate_rate(count: RateCount, levels: Sequence[float]) -> Estimate:
    """A counted rate with Wilson intervals; with weights, at the effective number of rows."""
    if not count.is_weighted:
        return rate(int(count.k), int(count.n), levels, empty=count.empty)
    method = "weighted; Wilson score at the effective number of rows (Kish)"
    if count.n == 0:
        return undefined(count.empty, n=count.rows, method=method)
    intervals = tuple(share(count.k, count.n, level) for level in levels)
    return Estimate(count.k / count.n, count.rows, intervals, method=method)


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
        a, b = share(c.tp, positives, level), share(c.tn, negatives, level)
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
        j = share(c.tp, rows, level)
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
