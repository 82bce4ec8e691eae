"""Did a gap between groups change from one model to another, on the same rows?

The change is a difference of two maxima, max_k new_k - max_l old_l over ordered pairs k, l of
groups. A percentile bootstrap of it says "smaller" whenever rates shrink, since a gap of sample
rates is biased upwards by as much as they vary. The bounds here are not: the true change is at most
new_k - old_l for the new model's own worst pair k and every l, so

    min over l of max over k of the upper bounds of new_k - old_l,

with bounds that hold for all l together, lies above it; the lower limit is the mirror image.

Source: Berger 1982 (the maximum over k needs no correction); Romano and Wolf 2005 (the largest
studentised error over l). False alarms and power: docs/proof.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.measure.uncertainty.intervals import normal_quantile
from evenhand.audit.measure.uncertainty.score import share_limits
from evenhand.audit.reason import because

if TYPE_CHECKING:
    import numpy as np

DRAWS = 2000
METHOD = "paired bounds of all pairs' changes, largest studentised error"
_MOST_DRAWN = 240  # ordered pairs: beyond it Bonferroni's quantile is used alone
_MOST_PAIRS = 2500  # beyond it the two gaps are bounded one by one
# Rate -> which of (label, selected) counts as a case, and which rows it is over.
_OVER: dict[str, tuple[int, ...]] = {"selection_rate": (0, 1), "accuracy_score": (0, 1)}
_OVER |= {"true_positive_rate": (1,), "false_positive_rate": (0,)}


def gap_change(
    counts: np.ndarray, rates: Sequence[str], *, seed: int, level: float = 0.95
) -> Estimate:
    """The gap of the first model minus that of the second: below 0, the first has the smaller gap.

    A gap is the largest difference between groups of a rate, the largest over ``rates``.

    Parameters
    ----------
    counts  : rows by (group, label, selected by the first, by the second), shape (g, 2, 2, 2)
    rates   : among selection_rate, accuracy_score, true_positive_rate, false_positive_rate

    Returns an Estimate in [-1, 1]. Each end of its interval errs in at most (1 - level) / 2 of the
    samples: an upper limit below 0 shows that the gap shrank. It can't show that where the second
    model's gap is itself not beyond chance. Groups without rows for a rate are left out of both
    gaps. Undefined with fewer than two groups.
    """
    import numpy as np

    table = np.asarray(counts, dtype=float)
    n = int(table.sum())
    parts = [_paired_cells(table, rate) for rate in rates]
    if any(len(part) < 2 for part in parts):
        return undefined(because("fewer-than-two-groups-to-compare"), n=n, method=METHOD)
    value = max(_gap(p, 2) for p in parts) - max(_gap(p, 1) for p in parts)
    if sum(len(part) * (len(part) - 1) for part in parts) > _MOST_PAIRS:
        low, high = _one_by_one(parts, level)
    else:
        low, high = _bounds(parts, (1 - level) / 2, seed)
    low, high = min(max(low, -1.0), value), max(min(high, 1.0), value)
    interval = Interval(low=low, high=high, level=level, method=METHOD)
    return Estimate(value, n, (interval,), {"groups": len(table)}, METHOD)


def _paired_cells(table: np.ndarray, rate: str) -> np.ndarray:
    """Rows that are a case of neither model, of the second, of the first, of both; (groups, 4)."""
    import numpy as np

    over = list(_OVER[rate])
    if rate == "accuracy_score":
        # a case is a right answer: selected where the label is 1, not selected where it is 0
        right = table.copy()
        right[:, 0] = right[:, 0, ::-1, ::-1]
        cells = right.sum(axis=1)
    else:
        cells = table[:, over].sum(axis=1)
    kept: np.ndarray = cells[cells.sum(axis=(1, 2)) > 0].reshape(-1, 4)
    return np.asarray(kept, dtype=float)


def _gap(cells: np.ndarray, which: int) -> float:
    """The gap of the first model (``which`` = 2) or of the second (1)."""
    shares = (cells[:, which] + cells[:, 3]) / cells.sum(axis=1)
    return float(shares.max() - shares.min())


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Ordered pairs of cells inside one rate, ``first`` and ``second`` of shape (pairs,), and each
    cell's rates with half a row more in every count: values, variances and their covariance."""

    first: np.ndarray
    second: np.ndarray
    new: np.ndarray
    old: np.ndarray
    new_variance: np.ndarray
    old_variance: np.ndarray
    covariance: np.ndarray

    def changes(self) -> tuple[np.ndarray, np.ndarray]:
        """new_k - old_l and its standard error, each of shape (pairs k, pairs l)."""
        import numpy as np

        i, j = self.first, self.second
        change = (self.new[i] - self.new[j])[:, None] - (self.old[i] - self.old[j])[None, :]
        variance = (self.new_variance[i] + self.new_variance[j])[:, None]
        variance = variance + (self.old_variance[i] + self.old_variance[j])[None, :]
        shared = self.covariance[i][:, None] * (
            (i[:, None] == i).astype(float) - (i[:, None] == j)
        ) + self.covariance[j][:, None] * ((j[:, None] == j).astype(float) - (j[:, None] == i))
        return change, np.sqrt(np.maximum(variance - 2 * shared, 1e-300))


def _pairs_of(parts: Sequence[np.ndarray]) -> _Pairs:
    import numpy as np

    pairs, start = [], 0
    for part in parts:
        pairs += [(start + i, start + j) for i, j in permutations(range(len(part)), 2)]
        start += len(part)
    first, second = np.array(pairs).T
    cells = np.concatenate(parts) + 0.5
    n = cells.sum(axis=1)
    new, old = (cells[:, 2] + cells[:, 3]) / n, (cells[:, 1] + cells[:, 3]) / n
    covariance = (cells[:, 3] / n - new * old) / n
    return _Pairs(first, second, new, old, new * (1 - new) / n, old * (1 - old) / n, covariance)


def _bounds(parts: Sequence[np.ndarray], tail: float, seed: int) -> tuple[float, float]:
    import numpy as np

    pairs = _pairs_of(parts)
    change, error = pairs.changes()
    bonferroni = normal_quantile(1 - 2 * tail / len(change))
    by_new = by_old = np.full(len(change), bonferroni)
    if len(change) <= _MOST_DRAWN:
        by_new, by_old = _quantiles(pairs, error, tail, seed)
        by_new, by_old = np.minimum(by_new, bonferroni), np.minimum(by_old, bonferroni)
    high = float((change + by_new[:, None] * error).max(axis=0).min())
    low = float((change - by_old[None, :] * error).min(axis=1).max())
    return low, high


def _quantiles(
    pairs: _Pairs, error: np.ndarray, tail: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The 1 - ``tail`` quantile of the largest studentised error: over the old pairs for each new
    one, and over the new pairs for each old one; errors are drawn from a normal distribution."""
    import numpy as np

    noise = np.random.default_rng(seed).standard_normal((2, DRAWS, len(pairs.new)))
    new_sd = np.sqrt(pairs.new_variance)
    slope = pairs.covariance / new_sd
    rest = np.sqrt(np.maximum(pairs.old_variance - slope**2, 0.0))
    new, old = noise[0] * new_sd, noise[0] * slope + noise[1] * rest
    new = new[:, pairs.first] - new[:, pairs.second]
    old = old[:, pairs.first] - old[:, pairs.second]
    rank = 1 - tail

    def largest(fixed: np.ndarray, moving: np.ndarray, errors: np.ndarray) -> np.ndarray:
        found = [
            np.quantile(((moving - fixed[:, [k]]) / errors[k]).max(axis=1), rank)
            for k in range(len(errors))
        ]
        return np.array(found)

    return largest(new, old, error), largest(old, new, error.T)


def _one_by_one(parts: Sequence[np.ndarray], level: float) -> tuple[float, float]:
    """Bounds of the change from limits of every rate of both models that hold together
    (Bonferroni): for very many groups, where pairs of pairs are too many to look at."""
    import numpy as np

    cells = np.concatenate(parts)
    together = 1 - (1 - level) / (2 * len(cells))
    n = cells.sum(axis=1)
    ends = []
    for which in (2, 1):
        low, high = share_limits(cells[:, which] + cells[:, 3], n, together)
        start, least, most = 0, 0.0, 0.0
        for part in parts:
            own = slice(start, start + len(part))
            least = max(least, float(low[own].max() - high[own].min()))
            most = max(most, float(high[own].max() - low[own].min()))
            start += len(part)
        ends.append((least, most))
    return ends[0][0] - ends[1][1], ends[0][1] - ends[1][0]
