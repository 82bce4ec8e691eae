"""Who is shown at the top of a ranking, and how good the ranking is within a group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import STILL, Estimate, undefined
from evenhand.audit.reason import because

if TYPE_CHECKING:
    import numpy as np

DRAWS = 300


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
    relevance: np.ndarray, score: np.ndarray, levels: Sequence[float], seed: Sequence[int]
) -> Estimate:
    """``ndcg`` with a bootstrap over rows.

    Without an interval where every draw gives the same value, as when all positives are at the top:
    redrawing such rows can't tell how far from it the truth may lie, and the reason says so.
    """
    import numpy as np

    n = int(score.size)
    method = f"bootstrap over rows, {DRAWS} draws, percentile"
    counts = {"positives": int((relevance > 0).sum())}
    value = ndcg(relevance, score) if n else None
    if value is None:
        return undefined(because("no-positive-labels"), n=n, counts=counts, method=method)
    rng = np.random.default_rng(list(seed))
    found = []
    for _ in range(DRAWS):
        rows = rng.integers(0, n, n)
        drawn = ndcg(relevance[rows], score[rows])
        if drawn is not None:
            found.append(drawn)
    if not found or np.ptp(found) < 1e-12:
        return Estimate(value, n, (), counts, method, STILL)
    intervals = []
    for level in levels:
        low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
        ends = {"low": min(float(low), value), "high": max(float(high), value)}
        intervals.append(Interval(**ends, level=level, method=method))
    return Estimate(value, n, tuple(intervals), counts, method)
