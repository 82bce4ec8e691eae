"""Measures of predicted numbers against true ones, with intervals from the rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.measure.uncertainty.intervals import mean, normal_quantile
from evenhand.audit.measure.uncertainty.skewed import few_rows, mean_limits, moments
from evenhand.audit.reason import Reasons, because

if TYPE_CHECKING:
    import numpy as np


def mean_absolute_error(error: np.ndarray, levels: Sequence[float]) -> Estimate:
    """The mean of |predicted - true|, in the target's unit; ``error`` has shape (n,)."""
    import numpy as np

    return mean(np.abs(error), levels).not_below(0.0)


def root_mean_squared_error(error: np.ndarray, levels: Sequence[float]) -> Estimate:
    """The square root of the mean squared error; its interval is that of the mean, rooted."""
    square = mean(error**2, levels).not_below(0.0)
    if square.value is None:
        return square
    rooted = tuple(
        i.model_copy(update={"low": math.sqrt(i.low), "high": math.sqrt(i.high)})
        for i in square.intervals
    )
    method = "Student's t with Hall's correction of the squared errors, rooted"
    return replace(square, value=math.sqrt(square.value), intervals=rooted, method=method)


def r2(actual: np.ndarray, predicted: np.ndarray, levels: Sequence[float]) -> Estimate:
    """1 - mean squared error / variance of the true values, both over the n rows.

    The interval is that of log(M / V), with mean squared error M and variance V: its influence
    function is e^2 / M - d^2 / V, with errors e and deviations d from the mean, and its limits are
    those of a skewed mean (``skewed.mean_limits``).

    Undefined where the true values do not vary; without an interval where no prediction errs.
    """
    n = int(actual.size)
    method = "log(M / V) linearised over rows, Student's t with Hall's correction"
    deviation = actual - actual.mean() if n else actual
    variance = float((deviation**2).mean()) if n else 0.0
    if n < 2 or variance == 0:
        return undefined(because("values-do-not-vary"), n=n, method=method)
    error = predicted - actual
    squared = float((error**2).mean())
    value = 1 - squared / variance
    if squared == 0:
        return Estimate(value, n, method=method, reason=because("no-prediction-errs"))
    of = moments(error**2 / squared - deviation**2 / variance)
    intervals = []
    for level in levels:
        low, high = mean_limits(of, level)
        ends = {"low": 1 - math.exp(high) * (1 - value), "high": 1 - math.exp(low) * (1 - value)}
        intervals.append(Interval(**ends, level=level, method=method))
    return Estimate(value, n, tuple(intervals), method=method, reason=few_rows(of))


def ratio_of_sums(
    top: np.ndarray, bottom: np.ndarray, levels: Sequence[float], *, empty: Reasons
) -> Estimate:
    """sum(top) / sum(bottom) over rows, both of shape (n,), ``bottom`` >= 0.

    Rows (texts) are the independent units; the variance is the ratio estimator's linearised one.
    Source: Cochran 1977, section 2.11.
    """
    import numpy as np

    kept = bottom > 0
    top, bottom = top[kept], bottom[kept]
    n = int(bottom.size)
    method = "ratio of sums over texts, linearised"
    if n == 0:
        return undefined(empty, n=0, method=method)
    value = float(top.sum() / bottom.sum())
    if n == 1:
        return Estimate(value, 1, method=method, reason=because("one-text"))
    rest = top - value * bottom
    standard_error = float(np.std(rest, ddof=1)) / math.sqrt(n) / float(bottom.mean())
    intervals = tuple(
        Interval(
            low=value - normal_quantile(level) * standard_error,
            high=value + normal_quantile(level) * standard_error,
            level=level,
            method=method,
        )
        for level in levels
    )
    return Estimate(value, n, intervals, method=method)
