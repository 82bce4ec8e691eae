"""Do probabilities mean what they say? The binned calibration error, of rows and of persons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.measure.uncertainty.intervals import normal_quantile, share
from evenhand.audit.measure.uncertainty.score import student_quantile
from evenhand.audit.reason import because

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class CalibrationBin:
    """Rows with scores from ``low`` to ``high``: n, how many are positive, and their mean score."""

    low: float
    high: float
    n: int
    positives: int
    mean_score: float

    def to_json(self, level: float) -> dict[str, Any]:
        """Plain JSON, with the Wilson interval of the share of positives."""
        rate = share(self.positives, self.n, level)
        return {
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "positives": self.positives,
            "mean_score": self.mean_score,
            "rate_low": rate.low,
            "rate_high": rate.high,
        }


def equal_mass_bins(
    is_positive: np.ndarray, score: np.ndarray, bins: int
) -> tuple[CalibrationBin, ...]:
    """At most ``bins`` bins between quantiles of ``score``; equal scores share a bin.

    Parameters
    ----------
    is_positive : bool array of shape (n,)
    score       : probabilities, shape (n,)
    """
    import numpy as np

    if score.size == 0:
        return ()
    edges = np.unique(np.quantile(score, np.arange(1, bins) / bins))
    codes = np.searchsorted(edges, score, side="left")
    made = []
    for code in np.unique(codes):
        rows = codes == code
        inside = score[rows]
        made.append(
            CalibrationBin(
                float(inside.min()),
                float(inside.max()),
                int(rows.sum()),
                int(is_positive[rows].sum()),
                float(inside.mean()),
            )
        )
    return tuple(made)


def expected_calibration_error(bins: Sequence[CalibrationBin], levels: Sequence[float]) -> Estimate:
    """The mean over rows of |share of positives - mean score| of the row's bin, in [0, 1].

    With d_b the difference of bin b, w_b its share of rows and v_b its variance, the true
    differences lie in the ellipsoid sum (d_b - t_b)^2 / v_b <= chi-square quantile; the lower end
    is the least sum w_b |t_b| over it. That is conservative, and unlike a percentile bootstrap's it
    is 0 for calibrated scores although the estimate itself is always above 0. The upper end is that
    of the one contrast whose signs are the true ones: sum w_b |d_b| + z sqrt(sum w_b^2 v_b), since
    sum w_b |d_b| is no less than that contrast.

    It is a lower bound of the calibration error without bins.

    Source: Naeini, Cooper and Hauskrecht 2015; Nixon et al. 2019 for equal mass; the interval is
    ours (Scheffe's projection).
    """
    import numpy as np
    from scipy.stats import chi2

    total = sum(b.n for b in bins)
    method = f"{len(bins)} bins of equal mass, lower end: chi-square region, upper end: signed sum"
    if total == 0:
        return undefined(because("no-rows"), n=0, method=method)
    n = np.array([b.n for b in bins], dtype=float)
    k = np.array([b.positives for b in bins], dtype=float)
    expected = np.array([b.mean_score for b in bins])
    difference = np.abs(k / n - expected)
    weight = n / total
    shrunk = (k + 2) / (n + 4)
    # the variance if the scores were calibrated, where that is the larger one: with it the lower
    # end is 0 as often as a Hosmer-Lemeshow test does not reject
    plain = shrunk * (1 - shrunk) / n
    variance = np.maximum(shrunk * (1 - shrunk), expected * (1 - expected)) / n
    value = float(weight @ difference)
    intervals = []
    for level in levels:
        reach = float(chi2.ppf(level, len(bins)))
        high = value + normal_quantile(level) * math.sqrt(float(weight**2 @ plain))
        low = _smallest_sum(difference, weight, variance, reach)
        intervals.append(
            Interval(low=min(low, value), high=min(1.0, high), level=level, method=method)
        )
    return Estimate(value, total, tuple(intervals), {"bins": len(bins)}, method)


def calibration_error_of_persons(
    bins: Sequence[CalibrationBin],
    is_positive: np.ndarray,
    score: np.ndarray,
    units: np.ndarray,
    levels: Sequence[float],
) -> Estimate:
    """``expected_calibration_error`` where persons have several rows.

    Parameters
    ----------
    bins : those of the rows, as ``equal_mass_bins`` makes them
    is_positive, score, units : the rows' labels, scores and persons, shape (n,) each

    Bins share persons, so their differences go together: with C the covariance of w_b d_b by
    persons, no choice of signs has a variance above sum |C|, which gives the upper end; the lower
    end is the sum of what each bin shows by itself, at a level that all bins share (Bonferroni).
    No variance is taken below that of independent rows.
    """
    import numpy as np
    from scipy.special import stdtrit

    method = f"{len(bins)} bins of equal mass, a person's rows together; bounds of every bin's sum"
    plain = expected_calibration_error(bins, levels)
    if plain.value is None:
        return plain
    place = np.searchsorted(np.array([b.high for b in bins]), score, side="left")
    _, code = np.unique(units, return_inverse=True)
    persons, n = int(code.max()) + 1, float(score.size)
    counts = {**plain.counts, "units": persons}
    if persons < 2:
        why = because("one-person")
        return Estimate(plain.value, plain.n, counts=counts, method=method, reason=why)
    apart = is_positive - score
    sums = np.bincount(place, apart, minlength=len(bins)) / n
    rows = np.bincount(place, minlength=len(bins))
    own = np.zeros((persons, len(bins)))
    np.add.at(own, (code, place), (apart - sums[place] * n / rows[place]) / n)
    expected = np.array([b.mean_score for b in bins])
    share = (np.array([b.positives for b in bins]) + 2) / (rows + 4)
    floor = np.maximum(share * (1 - share), expected * (1 - expected)) * rows / n**2
    covariance = own.T @ own * persons / (persons - 1)
    reach = max(float(np.abs(covariance).sum()), float(floor.sum()))
    each = np.sqrt(np.maximum(np.diag(covariance), floor))
    behind = np.maximum(2, (own != 0).sum(axis=0))
    intervals = []
    for level in levels:
        high = plain.value + student_quantile(level, persons - 1) * math.sqrt(reach)
        quantile = stdtrit(behind - 1, 1 - (1 - level) / 2 / len(bins))
        low = float(np.maximum(0.0, np.abs(sums) - quantile * each).sum())
        ends = {"low": min(low, plain.value), "high": min(1.0, high)}
        intervals.append(Interval(**ends, level=level, method=method))
    return Estimate(plain.value, plain.n, tuple(intervals), counts, method)


def _smallest_sum(
    difference: np.ndarray, weight: np.ndarray, variance: np.ndarray, reach: float
) -> float:
    """min of sum w |t| with sum (d - t)^2 / v <= reach: shrink each d by a multiple of w v."""
    import numpy as np

    if float((difference**2 / variance).sum()) <= reach:
        return 0.0
    step = weight * variance

    def used(multiple: float) -> float:
        return float((np.minimum(difference, multiple * step) ** 2 / variance).sum())

    low, high = 0.0, 1.0
    while used(high) < reach:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if used(middle) < reach else (low, middle)
    return float(weight @ np.maximum(0.0, difference - low * step))
