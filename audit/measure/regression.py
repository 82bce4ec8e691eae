"""Measures of predicted numbers against true ones, with intervals from the rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.measure.uncertainty.intervals import mean
from evenhand.audit.measure.uncertainty.persons import (
    contributions_of,
    effective_persons,
    error_limits,
)
from evenhand.audit.measure.uncertainty.skewed import few_rows, mean_limits, moments
from evenhand.audit.reason import Reasons, because

if TYPE_CHECKING:
    import numpy as np

_FEW_TEXTS = 10  # effective ones: below it a few long texts carry a ratio of sums


def mean_absolute_error(
    error: np.ndarray, levels: Sequence[float], units: np.ndarray | None = None
) -> Estimate:
    """The mean of |predicted - true|, in the target's unit; ``error`` has shape (n,).

    ``units`` as in ``intervals.mean``, here and below.
    """
    import numpy as np

    return mean(np.abs(error), levels, units=units).not_below(0.0)


def root_mean_squared_error(
    error: np.ndarray, levels: Sequence[float], units: np.ndarray | None = None
) -> Estimate:
    """The square root of the mean squared error; its interval is that of the mean, rooted."""
    square = mean(error**2, levels, units=units).not_below(0.0)
    if square.value is None:
        return square
    rooted = tuple(
        i.model_copy(update={"low": math.sqrt(i.low), "high": math.sqrt(i.high)})
        for i in square.intervals
    )
    method = f"of the squared errors, rooted: {square.method}"
    return replace(square, value=math.sqrt(square.value), intervals=rooted, method=method)


def r2(
    actual: np.ndarray,
    predicted: np.ndarray,
    levels: Sequence[float],
    units: np.ndarray | None = None,
) -> Estimate:
    """1 - mean squared error / variance of the true values, both over the n rows.

    The interval is that of log(M / V), with mean squared error M and variance V, from how far it
    moves without each row (a jackknife: to first order e^2 / M - d^2 / V, with errors e and
    deviations d from the mean), with the limits of a skewed mean (``skewed.mean_limits``).

    Undefined where the true values do not vary; without an interval where no prediction errs.
    """

    n = int(actual.size)
    method = "log(M / V), jackknife over rows, Student's t with Hall's correction"
    deviation = actual - actual.mean() if n else actual
    variance = float((deviation**2).mean()) if n else 0.0
    if n < 2 or variance == 0:
        return undefined(because("values-do-not-vary"), n=n, method=method)
    error = predicted - actual
    squared = float((error**2).mean())
    value = 1 - squared / variance
    if squared == 0:
        return Estimate(value, n, method=method, reason=because("no-prediction-errs"))
    moved = _without_each(error, deviation)
    of, counts = moments(moved), {}
    persons = None
    if units is not None:
        method = f"a person's rows together; {method}"
        persons = contributions_of(moved / n, units)
        counts = {"units": persons.size}
        if persons.size < 2:
            why = because("one-person")
            return Estimate(value, n, counts=counts, method=method, reason=why)
    intervals = []
    for level in levels:
        limits = mean_limits(of, level) if persons is None else error_limits(persons, level)
        low, high = limits
        ends = {"low": 1 - math.exp(high) * (1 - value), "high": 1 - math.exp(low) * (1 - value)}
        intervals.append(Interval(**ends, level=level, method=method))
    return Estimate(value, n, tuple(intervals), counts, method, few_rows(of))


def _without_each(error: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """(n - 1) times how far log(M / V) falls without each row, shape (n,), around 0; its first
    order where a row carries all of M or of V."""
    import numpy as np

    n = error.size
    squared, variance = float((error**2).mean()), float((deviation**2).mean())
    first: np.ndarray = error**2 / squared - deviation**2 / variance
    if n < 3:
        return first
    of_errors = n * squared - error**2
    of_spread = n * variance - deviation**2 * n / (n - 1)
    if min(of_errors.min(), of_spread.min()) <= 1e-9 * min(squared, variance):
        return first
    left = np.log(of_errors / of_spread)
    found: np.ndarray = (n - 1) * (left.mean() - left)
    return found


def ratio_of_sums(
    top: np.ndarray,
    bottom: np.ndarray,
    levels: Sequence[float],
    *,
    empty: Reasons,
    units: np.ndarray | None = None,
) -> Estimate:
    """sum(top) / sum(bottom) over rows, both of shape (n,), ``bottom`` >= 0.

    Rows (texts) are the independent units, or persons with all of theirs (``units``). A text adds
    (top - value * bottom) / sum(bottom) to first order: long texts add most, so that the limits are
    those of a skewed mean, and Student's with the effective number of texts where that is further.

    Source: Cochran 1977, section 2.11, for the linearised ratio.
    """
    import numpy as np

    kept = bottom > 0
    top, bottom = top[kept], bottom[kept]
    n = int(bottom.size)
    method = "ratio of sums over texts, linearised; Student's t with Hall's correction"
    if n == 0:
        return undefined(empty, n=0, method=method)
    value = float(top.sum() / bottom.sum())
    if n == 1:
        return Estimate(value, 1, method=method, reason=because("one-text"))
    own, counts = (top - value * bottom) / bottom.sum(), {}
    persons = contributions_of(own, np.arange(n) if units is None else units[kept], bottom)
    if units is not None:
        method, counts = f"a person's texts together; {method}", {"units": persons.size}
        if persons.size < 2:
            why = because("one-person")
            return Estimate(value, n, counts=counts, method=method, reason=why)
    intervals = []
    for level in levels:
        low, high = error_limits(persons, level)
        intervals.append(Interval(low=value + low, high=value + high, level=level, method=method))
    said = few_rows(moments(persons.own))
    if effective_persons(persons.weight) < _FEW_TEXTS:
        said = because("few-rows-carry-it")
    return Estimate(value, n, tuple(intervals), counts, method, said)
