"""Do probabilities mean what they say? Binned calibration error and logistic recalibration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.measure.uncertainty.intervals import normal_quantile, share
from evenhand.audit.reason import Reasons, because

if TYPE_CHECKING:
    import numpy as np

_CLIP = 1e-6  # logit(1e-6) is about -14: one certain score can't carry the whole slope


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


@dataclass(frozen=True)
class Recalibration:
    """``intercept`` and ``slope`` of logit P(positive) = intercept + slope * logit(score)."""

    intercept: Estimate
    slope: Estimate


def recalibrate(
    is_positive: np.ndarray, score: np.ndarray, levels: Sequence[float]
) -> Recalibration:
    """Fits the true labels on the scores' logits by maximum likelihood (Newton's method).

    Calibrated scores have intercept 0 and slope 1; a slope below 1 means scores that are too
    extreme. Scores are clipped to [1e-6, 1 - 1e-6]; intervals are Wald's, from the information.
    Undefined where labels or scores do not vary, or where the scores separate the labels.

    Source: Cox 1958; Van Calster et al. 2019.
    """
    import numpy as np

    n = int(score.size)
    method = "logistic recalibration, Newton, Wald"
    positives = int(is_positive.sum())
    clipped = np.clip(score, _CLIP, 1 - _CLIP)
    x = np.log(clipped) - np.log1p(-clipped)
    why: Reasons = ()
    if positives in (0, n):
        why = because("no-positive-labels") if positives == 0 else because("no-negative-labels")
    elif float(np.ptp(x)) == 0:
        why = because("scores-equal")
    fit = None if why else _newton(x, is_positive.astype(float))
    if fit is None:
        reason = why or because("scores-separate")
        nothing = undefined(reason, n=n, method=method)
        return Recalibration(nothing, nothing)
    values, errors = fit
    made = []
    for value, error in zip(values, errors, strict=True):
        ends = tuple(
            Interval(
                low=value - normal_quantile(level) * error,
                high=value + normal_quantile(level) * error,
                level=level,
                method=method,
            )
            for level in levels
        )
        made.append(Estimate(value, n, ends, {"positives": positives}, method))
    return Recalibration(*made)


def _newton(x: np.ndarray, y: np.ndarray) -> tuple[list[float], list[float]] | None:
    """(intercept, slope) and their standard errors; None where the likelihood has no maximum."""
    import numpy as np
    from scipy.special import expit

    low_positive, high_positive = x[y > 0].min(), x[y > 0].max()
    low_negative, high_negative = x[y < 1].min(), x[y < 1].max()
    if low_positive >= high_negative or low_negative >= high_positive:
        return None
    design = np.column_stack([np.ones_like(x), x])

    def loss(beta: np.ndarray) -> float:
        eta = design @ beta
        return float((np.logaddexp(0, eta) - y * eta).sum())

    beta = np.zeros(2)
    for _ in range(200):
        p = expit(design @ beta)
        gradient = design.T @ (y - p)
        information = (design * (p * (1 - p))[:, None]).T @ design
        try:
            step = np.linalg.solve(information, gradient)
        except np.linalg.LinAlgError:
            return None
        size, before = 1.0, loss(beta)
        while loss(beta + size * step) > before + 1e-12 * abs(before) and size > 1e-8:
            size /= 2
        beta = beta + size * step
        if float(np.abs(size * step).max()) < 1e-10:
            break
    else:
        return None
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    if not (np.isfinite(beta).all() and np.isfinite(errors).all()):
        return None
    return beta.tolist(), errors.tolist()
