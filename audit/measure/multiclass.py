"""Measures of a classifier with several classes, from its confusion matrix and probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.classification import (
    Confusion,
    RateCount,
    estimate_rate,
    rate_count,
    rate_counts,
)
from evenhand.audit.measure.multiclass_persons import (
    mean_f1,
    mean_recall,
    one_against_rest,
    right_or_wrong,
)
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.measure.uncertainty.intervals import normal_quantile, rate, share
from evenhand.audit.measure.uncertainty.score import wilson_form
from evenhand.audit.reason import Reasons, because

if TYPE_CHECKING:
    import numpy as np

# What one class against the rest calls the labels and predictions of a binary rate.
_OF_ONE_CLASS: Mapping[str, Reasons] = {
    "no-positive-labels": because("no-such-labels"),
    "no-negative-labels": because("no-other-labels"),
    "no-positive-predictions": because("no-such-predictions"),
    "no-negative-predictions": because("no-other-predictions"),
}


def confusion_matrix(actual: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts of shape (classes, classes): row = true class, column = predicted class."""
    import numpy as np

    cells = np.bincount(actual * classes + predicted, minlength=classes * classes)
    return cells.reshape(classes, classes)


def persons_matrices(
    actual: np.ndarray, predicted: np.ndarray, classes: int, units: np.ndarray
) -> np.ndarray:
    """Each person's confusion matrix, shape (persons, classes, classes)."""
    import numpy as np

    _, code = np.unique(units, return_inverse=True)
    cells = (code * classes + actual) * classes + predicted
    persons = int(code.max()) + 1
    flat = np.bincount(cells, minlength=persons * classes**2)
    return flat.reshape(persons, classes, classes).astype(float)


def recall(
    matrix: np.ndarray, position: int, levels: Sequence[float], persons: np.ndarray | None = None
) -> Estimate:
    """The share of a class's rows that are predicted as it.

    ``persons``, here and below: each person's own matrix, where they have several rows.
    """
    if persons is not None:
        four = one_against_rest(persons, position)
        return _of_persons(four, "true_positive_rate", because("no-rows-of-class"), levels)
    k, n = int(matrix[position, position]), int(matrix[position].sum())
    return rate(k, n, levels, empty=because("no-rows-of-class"))


def precision(
    matrix: np.ndarray, position: int, levels: Sequence[float], persons: np.ndarray | None = None
) -> Estimate:
    """The share of the rows predicted as a class that are of it."""
    if persons is not None:
        four = one_against_rest(persons, position)
        return _of_persons(four, "precision_score", because("no-rows-predicted-as-class"), levels)
    k, n = int(matrix[position, position]), int(matrix[:, position].sum())
    return rate(k, n, levels, empty=because("no-rows-predicted-as-class"))


def _of_persons(four: np.ndarray, name: str, empty: Reasons, levels: Sequence[float]) -> Estimate:
    count = persons_count(four, name, empty)
    return estimate_rate(count, levels)


def persons_count(four: np.ndarray, name: str, empty: Reasons) -> RateCount:
    """Cases and rows behind a rate, from each person's four counts, shape (persons, 4)."""
    tn, fp, fn, tp = (int(x) for x in four.sum(axis=0))
    return replace(rate_count(Confusion(tp, fp, fn, tn), name, four), empty=empty)


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


def one_vs_rest(
    matrix: np.ndarray,
    position: int,
    name: str,
    levels: Sequence[float],
    persons: np.ndarray | None = None,
) -> Estimate:
    """A binary rate with one class as the positive label, and Wilson intervals."""
    k, n, empty = one_vs_rest_count(matrix, position, name)
    if persons is not None:
        return _of_persons(one_against_rest(persons, position), name, empty, levels)
    return rate(k, n, levels, empty=empty)


def accuracy(
    matrix: np.ndarray, levels: Sequence[float], persons: np.ndarray | None = None
) -> Estimate:
    """The share of rows on the diagonal."""
    if persons is not None:
        return _of_persons(right_or_wrong(persons), "accuracy_score", because("no-rows"), levels)
    return rate(int(matrix.trace()), int(matrix.sum()), levels, empty=because("no-rows"))


def balanced_accuracy(
    matrix: np.ndarray, levels: Sequence[float], persons: np.ndarray | None = None
) -> Estimate:
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

    plain = Estimate(value, total, tuple(interval(x) for x in levels), method=method)
    return plain if persons is None else mean_recall(plain, persons)


def macro_f1(
    matrix: np.ndarray, levels: Sequence[float], persons: np.ndarray | None = None
) -> Estimate:
    """The mean F1 over the classes that have rows.

    The interval is the outer hull of two: variances recovered from the classes' own intervals
    (that of J = tp / (tp + fp + fn), mapped: holds where a class is rare), and the score form at
    the number of rows that has the jackknife's variance (holds where classes share their errors).

    Source: Sokolova and Lapalme 2009 for the measure; Efron and Tibshirani 1993, chapter 11; Zou
    and Donner 2008. Coverage: docs/proof.md.
    """
    total = int(matrix.sum())
    method = "hull of variances recovered from the classes and of a jackknife in a score form"
    present = [i for i in range(len(matrix)) if matrix[i].sum() > 0]
    if len(present) < 2:
        return undefined(because("fewer-than-two-classes"), n=total, method=method)
    hits = [int(matrix[i, i]) for i in present]
    named = [int(matrix[i].sum() + matrix[:, i].sum()) for i in present]
    union = [n - h for n, h in zip(named, hits, strict=True)]
    each = [2 * h / (h + u) for h, u in zip(hits, union, strict=True)]
    value = math.fsum(each) / len(each)
    rows = _jackknife_rows(matrix, present)
    intervals = []
    for level in levels:
        own = [share(h, u, level) for h, u in zip(hits, union, strict=True)]
        lows = [2 * i.low / (1 + i.low) for i in own]
        highs = [2 * i.high / (1 + i.high) for i in own]
        below = math.sqrt(sum((v - x) ** 2 for v, x in zip(each, lows, strict=True))) / len(each)
        above = math.sqrt(sum((x - v) ** 2 for v, x in zip(each, highs, strict=True))) / len(each)
        delta = [wilson_form(value, n, normal_quantile(level))[i] for i, n in enumerate(rows)]
        low, high = min(value - below, float(delta[0])), max(value + above, float(delta[1]))
        ends = {"low": max(0.0, low), "high": min(1.0, high)}
        intervals.append(Interval(**ends, level=level, method=method))
    plain = Estimate(value, total, tuple(intervals), method=method)
    return plain if persons is None else mean_f1(plain, persons)


def _jackknife_rows(matrix: np.ndarray, present: Sequence[int]) -> tuple[float, float]:
    """How many rows of a plain share have the jackknife's variance of macro F1: for the lower end
    as if one more row of the worst kind had come, for the upper end one of the best kind."""
    import numpy as np

    table = matrix.astype(float)
    n = table.sum()
    own = np.ix_(present, present)
    less, more = (_moved(table, present, by) for by in (-1, 1))
    inside = np.zeros(table.shape, dtype=bool)
    inside[present] = True
    kept = table * inside
    away = less - float((kept * less).sum() / n)
    variance = float((kept * away**2).sum()) * (n - 1) / n
    macro = float(_f1(np.diag(table), table.sum(axis=0) + table.sum(axis=1))[present].mean())
    rows = []
    for side, end in enumerate((more[own].min(), more[own].max())):
        moved = min(max((macro * n + side) / (n + 1), 1e-9), 1 - 1e-9)
        rows.append(moved * (1 - moved) / max(variance + float(end) ** 2, 1e-300))
    return rows[0], rows[1]


def _f1(hits: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """F1 of classes from their hits and their rows as true plus as predicted class."""
    import numpy as np

    return np.divide(2 * hits, sizes, out=np.zeros(np.shape(sizes)), where=sizes > 0)


def _moved(table: np.ndarray, present: Sequence[int], by: int) -> np.ndarray:
    """How far macro F1 moves with one row more (or less) in each cell, shape of ``table``."""
    import numpy as np

    hits, sizes = np.diag(table), table.sum(axis=0) + table.sum(axis=1)
    weight = np.zeros(len(table))
    weight[present] = 1 / len(present)
    now = _f1(hits, sizes)
    missed = weight * (_f1(hits, sizes + by) - now)  # a row of it called another class, or the like
    found: np.ndarray = missed[:, None] + missed[None, :]
    found[np.diag_indices(len(table))] = weight * (_f1(hits + by, sizes + 2 * by) - now)
    return found
