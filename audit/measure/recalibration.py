"""Are scores too extreme, or too low? The true labels fitted on the scores' logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.measure.uncertainty.score import student_quantile
from evenhand.audit.reason import Reasons, because

if TYPE_CHECKING:
    import numpy as np

_CLIP = 1e-6  # logit(1e-6) is about -14: one certain score can't carry the whole slope


@dataclass(frozen=True)
class Recalibration:
    """``intercept`` and ``slope`` of logit P(positive) = intercept + slope * logit(score)."""

    intercept: Estimate
    slope: Estimate


def recalibrate(
    is_positive: np.ndarray,
    score: np.ndarray,
    levels: Sequence[float],
    units: np.ndarray | None = None,
) -> Recalibration:
    """Fits the true labels on the scores' logits by maximum likelihood (Newton's method).

    Calibrated scores have intercept 0 and slope 1; a slope below 1 means scores that are too
    extreme. Scores are clipped to [1e-6, 1 - 1e-6]. The variance is the larger one of the
    information's and of a jackknife (one step away from each row, or each person where ``units``
    tells them apart), which also holds where the line is not the truth. Undefined where labels or
    scores do not vary, or where the scores separate the labels.

    Source: Cox 1958; Van Calster et al. 2019; Bell and McCaffrey 2002 for the jackknife of clusters
    (CR3).
    """
    import numpy as np

    n = int(score.size)
    method = "logistic recalibration; information or jackknife over rows, the wider"
    if units is not None:
        method = method.replace("rows", "persons")
    positives = int(is_positive.sum())
    clipped = np.clip(score, _CLIP, 1 - _CLIP)
    x = np.log(clipped) - np.log1p(-clipped)
    why: Reasons = ()
    if positives in (0, n):
        why = because("no-positive-labels") if positives == 0 else because("no-negative-labels")
    elif float(np.ptp(x)) == 0:
        why = because("scores-equal")
    y = is_positive.astype(float)
    beta = None if why else _newton(x, y)
    if beta is None:
        nothing = undefined(why or because("scores-separate"), n=n, method=method)
        return Recalibration(nothing, nothing)
    code = None if units is None else np.unique(units, return_inverse=True)[1]
    errors = _errors(x, y, beta, code)
    counts = {"positives": positives}
    if code is not None:
        counts["units"] = int(code.max()) + 1
    freedom = min(positives, n - positives) if code is None else counts["units"] - 1
    made = [
        _estimate(float(value), float(error), n, counts, method, levels, max(1, freedom))
        for value, error in zip(beta, errors, strict=True)
    ]
    return Recalibration(*made)


def _estimate(
    value: float,
    error: float,
    n: int,
    counts: dict[str, int],
    method: str,
    levels: Sequence[float],
    freedom: int,
) -> Estimate:
    intervals = []
    for level in levels:
        half = student_quantile(level, freedom) * error
        intervals.append(Interval(low=value - half, high=value + half, level=level, method=method))
    return Estimate(value, n, tuple(intervals), counts, method)


def _errors(x: np.ndarray, y: np.ndarray, beta: np.ndarray, code: np.ndarray | None) -> np.ndarray:
    """Standard errors of intercept and slope, shape (2,)."""
    import numpy as np
    from scipy.special import expit

    p = expit(beta[0] + beta[1] * x)
    slopes = p * (1 - p)
    own = [slopes, slopes * x, slopes * x * x, y - p, (y - p) * x]
    if code is not None:
        own = [np.bincount(code, values) for values in own]
    a, b, c, g, h = own
    whole = np.array([[a.sum(), b.sum()], [b.sum(), c.sum()]])
    plain = np.diag(np.linalg.inv(whole))
    # what is left of the information without each one, and how far the fit then moves
    a, b, c = whole[0, 0] - a, whole[0, 1] - b, whole[1, 1] - c
    room = a * c - b * b
    kept = room > 1e-9 * np.linalg.det(whole)
    moved = np.zeros((2, a.size))
    moved[0, kept] = (c * g - b * h)[kept] / room[kept]
    moved[1, kept] = (a * h - b * g)[kept] / room[kept]
    if not kept.all():  # one of them carries the fit alone: nothing is known without it
        moved[:, ~kept] = np.sqrt(plain)[:, None]
    jackknife = (moved**2).sum(axis=1) * (a.size - 1) / a.size
    return np.sqrt(np.maximum(plain, jackknife))


def _newton(x: np.ndarray, y: np.ndarray) -> np.ndarray | None:
    """(intercept, slope); None where the likelihood has no maximum."""
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
    return beta if np.isfinite(beta).all() else None
