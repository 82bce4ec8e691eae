"""The area under the ROC curve, with an interval that assumes nothing of the scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.measure.uncertainty.persons import bounded_limits, contributions_of
from evenhand.audit.measure.uncertainty.placements import (
    Placements,
    auc_limits,
    placements,
)
from evenhand.audit.reason import because

if TYPE_CHECKING:
    import numpy as np

METHOD = "Mann-Whitney; placements with one more row at each end, score form"


def roc_auc(
    is_positive: np.ndarray,
    score: np.ndarray,
    levels: Sequence[float],
    units: np.ndarray | None = None,
) -> Estimate:
    """The share of (positive, negative) pairs that the score puts in order, ties counting half.

    Parameters
    ----------
    is_positive : bool array of shape (n,)
    score       : float array of shape (n,), finite; higher means more positive
    units       : codes of the persons whose rows they are, int of shape (n,); None where every row
                  is another's

    Returns an Estimate in [0, 1]; undefined without positives or without negatives.

    Source: Mann and Whitney 1947; for the interval see ``placements.auc_limits``.
    """
    import numpy as np

    truth = np.asarray(is_positive, dtype=bool)
    m, n = int(truth.sum()), int((~truth).sum())
    counts = {"positives": m, "negatives": n}
    if m == 0 or n == 0:
        why = because("no-positive-labels") if m == 0 else because("no-negative-labels")
        return undefined(why, n=m + n, counts=counts, method=METHOD)
    _, code = np.unique(score, return_inverse=True)
    size = int(code.max()) + 1
    found = placements(
        np.bincount(code[truth], minlength=size), np.bincount(code[~truth], minlength=size)
    )
    plain = area_estimate(*found, levels, counts)
    return plain if units is None else _of_persons(plain, truth, score, units, levels)


def _of_persons(
    plain: Estimate,
    truth: np.ndarray,
    score: np.ndarray,
    units: np.ndarray,
    levels: Sequence[float],
) -> Estimate:
    """The same area, its limits from the persons' own contributions."""
    import numpy as np

    area = float(plain.value or 0.0)
    order = np.sort(score[truth]), np.sort(score[~truth])
    placed = np.empty(score.size)
    below = np.searchsorted(order[1], score[truth], side="left")
    placed[truth] = (below + np.searchsorted(order[1], score[truth], side="right")) / 2
    placed[truth] /= order[1].size
    above = np.searchsorted(order[0], score[~truth], side="left")
    placed[~truth] = (above + np.searchsorted(order[0], score[~truth], side="right")) / 2
    placed[~truth] = 1 - placed[~truth] / order[0].size
    m, n = order[0].size, order[1].size
    persons = contributions_of((placed - area) / np.where(truth, m, n), units)
    # one more person has a positive and a negative, both of the worst (best) kind
    more = tuple((side - area) * (1 / m + 1 / n) for side in (0, 1))
    method = "Mann-Whitney; placements of each person's rows together, score form"
    intervals = []
    for i in plain.intervals:
        low, high = bounded_limits(area, persons, (more[0], more[1]), i.level)
        ends = {"low": min(low, i.low), "high": max(high, i.high)}
        intervals.append(Interval(**ends, level=i.level, method=method))
    counts = {**plain.counts, "units": persons.size}
    return Estimate(area, plain.n, tuple(intervals), counts, method)


def area_estimate(
    positives: Placements,
    negatives: Placements,
    levels: Sequence[float],
    counts: Mapping[str, int],
) -> Estimate:
    """The area whose rows have these placements, with its intervals."""
    area = min(1.0, max(0.0, positives.total / positives.n))
    intervals = []
    for level in levels:
        low, high = auc_limits(positives, negatives, level)
        intervals.append(Interval(low=low, high=high, level=level, method=METHOD))
    return Estimate(area, positives.n + negatives.n, tuple(intervals), dict(counts), METHOD)
