"""The area under the ROC curve, with an interval that stays honest at the ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.measure.uncertainty.intervals import normal_quantile

if TYPE_CHECKING:
    import numpy as np


def roc_auc(is_positive: np.ndarray, score: np.ndarray, levels: Sequence[float]) -> Estimate:
    """The share of (positive, negative) pairs that the score puts in order, ties counting half.

    Parameters
    ----------
    is_positive : bool array of shape (n,)
    score       : float array of shape (n,), finite; higher means more positive

    Returns an Estimate in [0, 1]; undefined without positives or without negatives.

    Source: Mann and Whitney 1947; the interval is Newcombe 2006, part 2, method 5.
    """
    import numpy as np
    from scipy.stats import rankdata

    truth = np.asarray(is_positive, dtype=bool)
    m, n = int(truth.sum()), int((~truth).sum())
    counts = {"positives": m, "negatives": n}
    method = "Mann-Whitney, Newcombe's score interval"
    if m == 0 or n == 0:
        missing = "positive" if m == 0 else "negative"
        return undefined(f"no {missing} labels", n=m + n, counts=counts, method=method)
    ranks = rankdata(score)
    area = float((ranks[truth].sum() - m * (m + 1) / 2) / (m * n))
    intervals = tuple(auc_interval(area, m, n, level) for level in levels)
    return Estimate(area, m + n, intervals, counts, method)


def auc_interval(area: float, m: int, n: int, level: float = 0.95) -> Interval:
    """Bounds theta with |area - theta| = z * standard error at theta (Hanley and McNeil's form).

    Unlike an interval around ``area``, it does not collapse to a point where the area is 1.
    """
    z = normal_quantile(level)
    extra = (m + n) / 2 - 1

    def excess(theta: float) -> float:
        spread = theta * (1 - theta) / (m * n)
        spread *= 1 + extra * (1 - theta) / (2 - theta) + extra * theta / (1 + theta)
        return abs(area - theta) - z * math.sqrt(spread)

    return Interval(
        low=_crossing(excess, 0.0, area),
        high=_crossing(excess, 1.0, area),
        level=level,
        method="Newcombe's score interval for AUC",
    )


def _crossing(excess: Callable[[float], float], end: float, area: float) -> float:
    from scipy.optimize import brentq

    if area == end:
        return area
    # At an area of 0 or 1 the standard error is 0 and ``excess`` too: start just inside.
    inside = min(max(area, 1e-12), 1 - 1e-12)
    return float(brentq(excess, end, inside, xtol=1e-12))
