"""Measures of a classifier with several classes, from its confusion matrix and probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.classification import Confusion, rate_counts
from evenhand.audit.measure.uncertainty.estimate import STILL, Estimate, undefined
from evenhand.audit.measure.uncertainty.intervals import rate, share
from evenhand.audit.reason import Reasons, because

if TYPE_CHECKING:
    import numpy as np

DRAWS = 1000
# What one class against the rest calls the labels and predictions of a binary rate.
_OF_ONE_CLASS: Mapping[str, Reasons] = {
    "no-positive-labels": because("no-such-labels"),
    "no-negative-labels": because("no-other-labels"),
    "no-positive-predictions": because("no-such-predictions"),
    "no-negative-predictions": because("no-other-predictions"),
}
_CHUNK = 4_000_000  # counts held at once while drawing


def confusion_matrix(actual: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts of shape (classes, classes): row = true class, column = predicted class."""
    import numpy as np

    cells = np.bincount(actual * classes + predicted, minlength=classes * classes)
    return cells.reshape(classes, classes)


def recall(matrix: np.ndarray, position: int, levels: Sequence[float]) -> Estimate:
    """The share of a class's rows that are predicted as it."""
    k, n = int(matrix[position, position]), int(matrix[position].sum())
    return rate(k, n, levels, empty=because("no-rows-of-class"))


def precision(matrix: np.ndarray, position: int, levels: Sequence[float]) -> Estimate:
    """The share of the rows predicted as a class that are of it."""
    k, n = int(matrix[position, position]), int(matrix[:, position].sum())
    return rate(k, n, levels, empty=because("no-rows-predicted-as-class"))


def one_vs_rest_count(matrix: np.ndarray, position: int, name: str) -> tuple[int, int, Reasons]:
    """Cases, rows and the reason for no rows of a binary rate, one class being the positive one.

    ``matrix`` has shape (classes, classes), or (1, classes) without labels, which serves the
    selection rate alone; ``name`` is one of ``classification.RATES``.
    """
    everything = int(matrix.sum())
    selected = int(matrix[:, position].sum())
    if len(matrix) == 1:
        return selected, everything, because("no-rows")
    tp, positives = int(matrix[position, position]), int(matrix[position].sum())
    fp, fn = selected - tp, positives - tp
    k, n, empty = rate_counts(Confusion(tp, fp, fn, everything - tp - fp - fn))[name]
    return k, n, _OF_ONE_CLASS.get(empty[0].code, empty)


def one_vs_rest(matrix: np.ndarray, position: int, name: str, levels: Sequence[float]) -> Estimate:
    """A binary rate with one class as the positive label, and Wilson intervals."""
    k, n, empty = one_vs_rest_count(matrix, position, name)
    return rate(k, n, levels, empty=empty)


def accuracy(matrix: np.ndarray, levels: Sequence[float]) -> Estimate:
    """The share of rows on the diagonal."""
    return rate(int(matrix.trace()), int(matrix.sum()), levels, empty=because("no-rows"))


def balanced_accuracy(matrix: np.ndarray, levels: Sequence[float]) -> Estimate:
    """The mean recall over the classes that have rows.

    The interval recovers the variances from the recalls' Wilson intervals (Zou and Donner 2008).
    """
    rows = [(int(matrix[i, i]), int(matrix[i].sum())) for i in range(len(matrix))]
    present = [(k, n) for k, n in rows if n > 0]
    total = int(matrix.sum())
    method = f"recovered variances of {len(present)} Wilson intervals"
    if len(present) < 2:
        return undefined(because("fewer-than-two-classes"), n=total, method=method)
    value = sum(k / n for k, n in present) / len(present)

    def interval(level: float) -> Interval:
        ends = [(k / n, share(k, n, level)) for k, n in present]
        below = math.sqrt(sum((p - i.low) ** 2 for p, i in ends)) / len(ends)
        above = math.sqrt(sum((i.high - p) ** 2 for p, i in ends)) / len(ends)
        low, high = max(0.0, value - below), min(1.0, value + above)
        return Interval(low=low, high=high, level=level, method=method)

    return Estimate(value, total, tuple(interval(x) for x in levels), method=method)


def macro_f1(
    matrix: np.ndarray, levels: Sequence[float], seed: Sequence[int], draws: int = DRAWS
) -> Estimate:
    """The mean F1 over the classes that have rows, with a multinomial bootstrap of the matrix.

    Source: Sokolova and Lapalme 2009 for the measure; Efron and Tibshirani 1993, chapter 13.
    """
    import numpy as np

    total = int(matrix.sum())
    method = f"multinomial bootstrap of the confusion matrix, {draws} draws, percentile"
    present = matrix.sum(axis=1) > 0
    if present.sum() < 2:
        return undefined(because("fewer-than-two-classes"), n=total, method=method)
    actual, predicted = np.nonzero(matrix)
    shares = matrix[actual, predicted] / total
    rng = np.random.default_rng(list(seed))
    found = np.empty(draws)
    step = max(1, _CHUNK // shares.size)
    for start in range(0, draws, step):
        size = min(step, draws - start)
        drawn = rng.multinomial(total, shares, size=size)
        found[start : start + size] = _macro_f1(drawn, actual, predicted, present)
    value = float(_macro_f1(matrix[actual, predicted][None, :], actual, predicted, present)[0])
    if float(np.ptp(found)) < 1e-12:
        return Estimate(value, total, (), {}, method, STILL)
    intervals = []
    for level in levels:
        low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
        low, high = min(float(low), value), max(float(high), value)
        intervals.append(Interval(low=low, high=high, level=level, method=method))
    return Estimate(value, total, tuple(intervals), method=method)


def _macro_f1(
    counts: np.ndarray, actual: np.ndarray, predicted: np.ndarray, present: np.ndarray
) -> np.ndarray:
    """Macro F1 of each draw; ``counts`` (draws, cells) of the cells (actual, predicted)."""
    import numpy as np

    shape = (len(counts), len(present))
    hits, of_class, as_class = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for cell, (a, p) in enumerate(zip(actual, predicted, strict=True)):
        of_class[:, a] += counts[:, cell]
        as_class[:, p] += counts[:, cell]
        if a == p:
            hits[:, a] += counts[:, cell]
    # A class that a draw left without rows and predictions has F1 0 there, as scikit-learn says.
    f1 = 2 * hits / np.maximum(of_class + as_class, 1)
    mean: np.ndarray = f1[:, present].mean(axis=1)
    return mean
