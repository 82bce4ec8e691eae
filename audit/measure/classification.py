"""Measures of a binary classifier from its four counts, and from its probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.measure.uncertainty.intervals import mean, rate
from evenhand.audit.measure.uncertainty.persons import Contributions, bounded_limits, by_person
from evenhand.audit.measure.uncertainty.weighted import (
    Clustered,
    Weighted,
    clustered,
    few_heavy,
    sums_limits,
)
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

    @property
    def selected(self) -> int:
        """Rows predicted positive."""
        return self.tp + self.fp

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
# tp / (tp + fp + fn), of which F1 is a function; no measure of its own.
_THREAT = ((TP,), (FP, FN, TP), _NO_POSITIVES)


# Sums of the weights of a cell's rows, of their squares and fourth powers, each tn, fp, fn, tp; or
# each person's own sums, shape (persons, 4).
CellSums: TypeAlias = "tuple[tuple[float, ...], ...] | np.ndarray"


@dataclass(frozen=True)
class RateCount:
    """``k`` cases in ``n`` rows behind a rate. With weights both are effective numbers (Kish) that
    describe it, ``rows`` the rows themselves, and ``weights`` the sums that its limits come from.
    ``empty`` says why, where ``n`` is 0."""

    k: float
    n: float
    rows: int
    empty: Reasons
    is_weighted: bool = False
    weights: Weighted | Clustered | None = None


def rate_counts(c: Confusion) -> dict[str, tuple[int, int, Reasons]]:
    """For each of ``RATES``: cases, rows, and the reason where there are no rows."""
    cells = (c.tn, c.fp, c.fn, c.tp)
    return {
        name: (sum(cells[i] for i in top), sum(cells[i] for i in bottom), empty)
        for name, (top, bottom, empty) in RATES.items()
    }


def rate_count(c: Confusion, name: str, weights: CellSums | None = None) -> RateCount:
    """The counts behind one of ``RATES``, or of "threat_score".

    With ``weights`` (sums and sums of squares, in the order tn, fp, fn, tp) the rate is
    sum(w of cases) / sum(w), and n is the effective number (sum w)^2 / sum(w^2), at most the rows.

    Where ``weights`` are the sums of each person's rows, shape (persons, 4), persons are what is
    drawn, and n is the sum over all of them.

    Source: Kish 1965, section 8.2, for the effective number, which is shown and decides nothing.
    """
    top, bottom, empty = RATES[name] if name != "threat_score" else _THREAT
    cells = (c.tn, c.fp, c.fn, c.tp)
    rows = sum(cells[i] for i in bottom)
    if weights is None:
        return RateCount(sum(cells[i] for i in top), rows, rows, empty)
    others = [i for i in bottom if i not in top]
    if not isinstance(weights, tuple):
        cases, all_rows = weights[:, list(top)].sum(axis=1), weights[:, list(bottom)].sum(axis=1)
        if all_rows.sum() <= 0:
            return RateCount(0.0, 0.0, rows, empty, is_weighted=True)
        scale = rows / all_rows.sum()  # 1 without weights; with them a row weighs 1 on average
        of = clustered(cases * scale, all_rows * scale)
        return RateCount(of.cases, of.weight, rows, empty, is_weighted=True, weights=of)
    sums, squares, fourths = weights
    if sum(sums[i] for i in bottom) <= 0:
        without = empty if rows == 0 else because("no-weight")
        return RateCount(0.0, 0.0, rows, without, is_weighted=True)
    found = Weighted(
        math.fsum(sums[i] for i in top),
        math.fsum(sums[i] for i in others),
        math.fsum(squares[i] for i in top),
        math.fsum(squares[i] for i in others),
        math.fsum(fourths[i] for i in top),
        math.fsum(fourths[i] for i in others),
        rows=rows,
    )
    n = found.effective
    return RateCount(found.share * n, n, rows, empty, is_weighted=True, weights=found)


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
    """A counted rate with its intervals; with weights or persons, from their sums."""
    if not count.is_weighted:
        return rate(int(count.k), int(count.n), levels, empty=count.empty)
    method = "weighted; linearised variance in a score form"
    if isinstance(count.weights, Clustered):
        method = "a person's rows together; linearised variance in a score form"
    if count.weights is None:
        return undefined(count.empty, n=count.rows, method=method)
    intervals = []
    for level in levels:
        low, high = sums_limits(count.weights, level)
        intervals.append(Interval(low=low, high=high, level=level, method=method))
    counts: dict[str, int] = {}
    said: Reasons = ()
    if isinstance(count.weights, Clustered):
        counts = {"units": count.weights.persons}
    else:
        said = few_heavy(count.weights)
    return Estimate(count.weights.share, count.rows, tuple(intervals), counts, method, said)


def share_of_rows(
    is_case: np.ndarray,
    levels: Sequence[float],
    *,
    empty: Reasons,
    units: np.ndarray | None = None,
) -> Estimate:
    """The share of rows that are cases, bool of shape (n,); ``units`` as in ``intervals.mean``."""
    import numpy as np

    k, n = int(is_case.sum()), int(is_case.size)
    if units is None or n == 0:
        return rate(k, n, levels, empty=empty)
    of = clustered(by_person(is_case.astype(float), units), by_person(np.ones(n), units))
    return estimate_rate(RateCount(k, n, n, empty, is_weighted=True, weights=of), levels)


def balanced_accuracy(
    c: Confusion, levels: Sequence[float], weights: CellSums | None = None
) -> Estimate:
    """The mean of the true positive and the true negative rate; ``weights`` as in ``rate_count``.

    The interval recovers the variances from the two rates' own (Zou and Donner 2008). Undefined
    unless both labels are there.

    >>> balanced_accuracy(Confusion(tp=8, fp=1, fn=2, tn=4), (0.95,)).value
    0.8
    """
    counts = {"tp": c.tp, "fp": c.fp, "fn": c.fn, "tn": c.tn}
    method = "recovered variances of its two rates"
    found = [
        estimate_rate(rate_count(c, name, weights), levels)
        for name in ("true_positive_rate", "true_negative_rate")
    ]
    for each in found:
        if each.value is None:
            return undefined(each.reason, n=c.n, counts=counts, method=method)
    p, q = (float(each.value or 0.0) for each in found)
    value = (p + q) / 2
    intervals = []
    for a, b in zip(found[0].intervals, found[1].intervals, strict=True):
        low = value - math.hypot(p - a.low, q - b.low) / 2
        high = value + math.hypot(a.high - p, b.high - q) / 2
        ends = {"low": max(0.0, low), "high": min(1.0, high)}
        intervals.append(Interval(**ends, level=a.level, method=method))
    plain = Estimate(value, c.n, tuple(intervals), counts, method)
    if weights is None or isinstance(weights, tuple):
        return plain
    return _balanced_of_persons(plain, weights, (p, q))


def _balanced_of_persons(
    plain: Estimate, persons: np.ndarray, rates: tuple[float, float]
) -> Estimate:
    """The limits further out: recovered ones, which take the two rates for independent, and those
    of what each person adds to both."""
    import numpy as np

    own, weight, squares, more = np.zeros(len(persons)), np.zeros(len(persons)), 0.0, [0.0, 0.0]
    for (hit, miss), p in zip(((TP, FN), (TN, FP)), rates, strict=True):
        rows = persons[:, hit] + persons[:, miss]
        total = float(rows.sum())
        own += (persons[:, hit] - p * rows) / total / 2
        weight += rows / total / 2
        squares += p * (1 - p) / total / 4
        # one more person of the worst (best) kind, with as many rows of either label as others
        for side in (0, 1):
            more[side] += (side - p) / (rows > 0).sum() / 2
    of = Contributions(own, weight, persons.sum(axis=1), squares)
    method = f"{plain.method}, or of what each person adds to both"
    value, intervals = float(plain.value or 0.0), []
    for i in plain.intervals:
        low, high = bounded_limits(value, of, (more[0], more[1]), i.level)
        ends = {"low": min(low, i.low), "high": max(high, i.high)}
        intervals.append(Interval(**ends, level=i.level, method=method))
    counts = {**plain.counts, "units": len(persons)}
    return Estimate(value, plain.n, tuple(intervals), counts, method)


def f1(c: Confusion, levels: Sequence[float], weights: CellSums | None = None) -> Estimate:
    """The harmonic mean of precision and recall, 2 tp / (2 tp + fp + fn).

    F1 = 2 J / (1 + J) with J = tp / (tp + fp + fn), a plain rate: its interval, mapped through that
    increasing function, is F1's. ``weights`` as in ``rate_count``. Undefined without positive
    labels or predictions.

    >>> f1(Confusion(tp=2, fp=1, fn=1, tn=0), (0.95,)).value  # J = 2/4, F1 = 1/1.5
    0.6666666666666666
    """
    counts = {"tp": c.tp, "fp": c.fp, "fn": c.fn, "tn": c.tn}
    method = "that of tp / (tp + fp + fn), mapped"
    if c.tp + c.fn == 0:
        return undefined(_NO_POSITIVES, n=c.n, counts=counts, method=method)
    j = estimate_rate(rate_count(c, "threat_score", weights), levels)
    if j.value is None:
        return undefined(j.reason, n=c.n, counts=counts, method=method)
    intervals = []
    for i in j.intervals:
        low, high = 2 * i.low / (1 + i.low), 2 * i.high / (1 + i.high)
        intervals.append(Interval(low=low, high=high, level=i.level, method=method))
    value = 2 * j.value / (1 + j.value)
    if "units" in j.counts:
        counts["units"] = j.counts["units"]
    if weights is None:
        value = 2 * c.tp / (2 * c.tp + c.fp + c.fn)
    return Estimate(value, c.n, tuple(intervals), counts, method)


def log_loss(
    is_positive: np.ndarray,
    score: np.ndarray,
    levels: Sequence[float],
    units: np.ndarray | None = None,
) -> Estimate:
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
    estimate = mean(loss, levels, units=units)
    clipped = int(((score <= 0) | (score >= 1)).sum())
    return Estimate(
        estimate.value,
        estimate.n,
        tuple(i.model_copy(update={"low": max(0.0, i.low)}) for i in estimate.intervals),
        {**estimate.counts, "clipped": clipped},
        estimate.method,
        estimate.reason,
    )
