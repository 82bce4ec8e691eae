"""Who is shown at the top of a ranking, and how good the ranking is within a group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import STILL, Estimate, undefined
from evenhand.audit.measure.uncertainty.persons import bounded_limits, by_person, contributions_of
from evenhand.audit.measure.uncertainty.score import student_quantile, wilson_form
from evenhand.audit.reason import because

if TYPE_CHECKING:
    import numpy as np

Bounds = tuple[float, float]


def position_weights(score: np.ndarray) -> np.ndarray:
    """1 / log2(1 + position) of each row, highest score first; equal scores share the mean weight
    of their positions, as if their order were drawn by lot.

    Returns float array of shape (n,), each in (0, 1].

    Source: Singh and Joachims 2018, section 3.1 (logarithmic discount); Järvelin and Kekäläinen
    2002.
    """
    import numpy as np

    n = score.size
    weights = 1 / np.log2(np.arange(n) + 2)
    _, tied, sizes = np.unique(-score, return_inverse=True, return_counts=True)
    ends = np.cumsum(sizes)
    sums = np.concatenate([[0.0], np.cumsum(weights)])
    shared: np.ndarray = ((sums[ends] - sums[ends - sizes]) / sizes)[tied]
    return shared


def ndcg(relevance: np.ndarray, score: np.ndarray) -> float | None:
    """Normalised discounted cumulative gain of all positions, in (0, 1]; None without relevance.

    Parameters
    ----------
    relevance : not negative, shape (n,)
    score     : shape (n,); ties count as drawn by lot (McSherry and Najork 2008)

    Source: Järvelin and Kekäläinen 2002.
    """
    import numpy as np

    best = np.sort(relevance)[::-1] @ (1 / np.log2(np.arange(relevance.size) + 2))
    return float(relevance @ position_weights(score) / best) if best > 0 else None


def ndcg_estimate(
    relevance: np.ndarray,
    score: np.ndarray,
    levels: Sequence[float],
    units: np.ndarray | None = None,
) -> Estimate:
    """``ndcg`` with a jackknife over rows, on the scale of the logit; where ``units`` tell persons
    apart, int of shape (n,), a person's rows move it together (to first order).

    The jackknife does not see the row that a small sample lacks at the top, where a place counts
    most: for the lower end half the square is added of what one more row there without relevance
    would change, for the upper end of one with the most.

    Without an interval where leaving out any row changes nothing, as when all positives are at the
    top: such rows can't tell how far from it the truth may lie, and the reason says so.

    Source: Efron and Tibshirani 1993, chapter 11; Student's quantile with as many degrees of
    freedom as there are positives, less one. Coverage: docs/proof.md.
    """
    import numpy as np

    n = int(score.size)
    method = "jackknife over rows, logit scale"
    positives = int((relevance > 0).sum())
    counts = {"positives": positives}
    value = ndcg(relevance, score) if n else None
    if value is None:
        return undefined(because("no-positive-labels"), n=n, counts=counts, method=method)
    without = _without_each(relevance, score)
    kept = np.isfinite(without)
    moved, behind = without[kept] - without[kept].mean(), positives
    if units is not None:
        method = "jackknife over persons, logit scale"
        moved = by_person(moved, units[kept])
        behind = int(np.unique(units[relevance > 0]).size)
        counts["units"] = int(np.unique(units).size)
    spread = float(moved @ moved) * max(0, moved.size - 1) / max(1, moved.size)
    if units is not None:
        spread *= (moved.size / max(1, moved.size - 1)) ** 2
    if min(positives, behind) < 2 or value >= 1 or spread < 1e-24:
        return Estimate(value, n, (), counts, method, STILL)
    centre = np.log(value / (1 - value))
    error = [
        math.sqrt(spread + (_with_one_on_top(relevance, score, top) - value) ** 2 / 2)
        / (value * (1 - value))
        for top in (0.0, float(relevance.max()))
    ]
    intervals = []
    for level in levels:
        quantile = student_quantile(level, behind - 1)
        low, high = (
            1 / (1 + np.exp(-(centre + side * quantile * e)))
            for side, e in zip((-1, 1), error, strict=True)
        )
        ends = {"low": min(float(low), value), "high": max(float(high), value)}
        intervals.append(Interval(**ends, level=level, method=method))
    return Estimate(value, n, tuple(intervals), counts, method)


def _with_one_on_top(relevance: np.ndarray, score: np.ndarray, own: float) -> float:
    """``ndcg`` with one row more, of relevance ``own``, above all others; some relevance is there.

    All others move down by one place.
    """
    import numpy as np

    more = np.append(relevance, own)
    return float(ndcg(more, np.append(score, score.max() + 1.0)) or 0.0)


def _without_each(relevance: np.ndarray, score: np.ndarray) -> np.ndarray:
    """``ndcg`` with each row left out, shape (n,); NaN where no relevance is left.

    Leaving out a row moves all rows below it up by one place, and lets its ties share one place
    less: both are read off running sums, so no ranking is made anew.
    """
    import numpy as np

    n = relevance.size
    discount = 1 / np.log2(np.arange(n) + 2)
    running = np.concatenate([[0.0], np.cumsum(discount)])

    def without(gain: np.ndarray, key: np.ndarray) -> np.ndarray:
        """The discounted gain of the others, for each row, ranked by ``key`` downwards."""
        _, block, sizes = np.unique(-key, return_inverse=True, return_counts=True)
        ends = np.cumsum(sizes)
        starts = ends - sizes
        total = np.bincount(block, weights=gain, minlength=sizes.size)
        here = total * (running[ends] - running[starts]) / sizes
        moved = total * (running[ends - 1] - running[np.maximum(starts - 1, 0)]) / sizes
        above = np.concatenate([[0.0], np.cumsum(here)])[:-1]
        below = np.concatenate([np.cumsum(moved[::-1])[::-1], [0.0]])[1:]
        left = running[ends - 1] - running[starts]
        mean = np.divide(left, sizes - 1, out=np.zeros(sizes.size), where=sizes > 1)
        found: np.ndarray = (above + below + (total * mean))[block] - gain * mean[block]
        return found

    ideal = without(relevance, relevance)
    found: np.ndarray = np.divide(
        without(relevance, score), ideal, out=np.full(n, np.nan), where=ideal > 0
    )
    return found


def exposure_limits(
    weights: np.ndarray,
    everyone: int,
    largest: float,
    level: float,
    units: np.ndarray | None = None,
) -> Bounds:
    """Limits of the mean of a group's position ``weights``, shape (k,), among ``everyone`` rows.

    The weights over the ``largest`` one lie in [0, 1]; the variance is taken with half a row more
    of the worst kind for the lower end and of the best kind for the upper end, shrinks with the
    share of the ranking that the group is, and enters Wilson's form. Where ``units`` tell persons
    apart, int of shape (k,), it is of their sums, with half a person more.

    Source: Cochran 1977, section 2.6, for the share; Korn and Graubard 1998; the row is ours.
    """
    import numpy as np

    k = weights.size
    x = weights / largest
    mean = float(x.mean())
    left = max(1e-9, 1 - (k - 1) / everyone)
    if units is not None:
        persons = contributions_of((x - mean) / k * np.sqrt(left), units)
        half = np.sqrt(0.5 * left) / persons.size
        low, high = bounded_limits(mean, persons, (-mean * half, (1 - mean) * half), level)
        return low * largest, high * largest
    quantile = student_quantile(level, max(1, k - 1))
    ends = []
    for side in (0.0, 1.0):
        n = k + 0.5
        r = (float(x.sum()) + 0.5 * side) / n
        variance = (float(((x - r) ** 2).sum()) + 0.5 * (side - r) ** 2) / n / k
        variance *= left
        if variance <= 0:
            ends.append(mean)
            continue
        ends.append(float(wilson_form(mean, r * (1 - r) / variance, quantile)[int(side)]))
    return ends[0] * largest, ends[1] * largest
