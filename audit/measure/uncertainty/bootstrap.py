"""The multinomial bootstrap: data sets drawn from counts, at a cost that rows don't change.

Drawing n rows with replacement, and counting them, is one multinomial draw of the counts. The
draws serve measures without a closed form: gaps to the overall rate (a group is part of the
whole), gaps of F1 and of balanced accuracy, of macro averages.

Two things keep the intervals honest. Every cell of a group starts with half a row more (Jeffreys),
so that a rate of 0 of 20 still varies in the draws. And a gap's interval is not the percentiles of
the drawn gaps, whose largest difference is biased upwards twice, but comes from bands around the
signed contrasts that hold together: with the largest studentised error over all contrasts as the
critical value, the largest |contrast| lies between the largest lower and upper limits.

Source: Efron and Tibshirani 1993, chapters 13 and 16; Romano and Wolf 2005 for the largest
studentised error; Kish 1965, section 8.2, for weighted rows. ``test_bootstrap.py``
simulates the coverage (2,000 data sets, rates of .01, .1, .5, groups of 20, 100, 1,000 rows, two
and five groups): a 95 % interval held the truth in 94 % to 100 % of them. It is close to 95 % where
the gap is large beside its error, and holds the truth more often than it says where the gap is near
0 or fewer than 5 cases a group are expected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Literal

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.reason import Reasons, because

if TYPE_CHECKING:
    import numpy as np

DRAWS = 1000
Against = Literal["between_groups", "to_overall"]
_CHUNK = 4_000_000  # counts held at once while drawing
_BLOCK = 500  # contrasts held at once

Statistic = Callable[["np.ndarray"], "np.ndarray"]


def draw_tables(
    table: np.ndarray, draws: int, seed: Sequence[int], *, prior: float = 0.5
) -> Iterator[np.ndarray]:
    """Multinomial draws of a table of counts, in chunks of shape (up to draws, groups, cells).

    ``table`` has shape (groups, cells) and may hold effective numbers of rows; every cell gets
    ``prior`` rows more before drawing. Groups are put in the order of their counts, so that their
    names don't change the draws.
    """
    import numpy as np

    groups, cells = table.shape
    order = np.lexsort(table.T[::-1])
    back = np.argsort(order, kind="stable")
    shares = (table[order] + prior).ravel().astype(float)
    shares /= shares.sum()
    rng = np.random.default_rng(list(seed))
    step = max(1, _CHUNK // shares.size)
    for start in range(0, draws, step):
        size = min(step, draws - start)
        drawn = rng.multinomial(round(float(table.sum())), shares, size=size)
        yield drawn.reshape(size, groups, cells)[:, back]


def bootstrap_gap(
    table: np.ndarray,
    statistic: Statistic,
    *,
    against: Against,
    levels: Sequence[float],
    seed: Sequence[int],
    draws: int = DRAWS,
    empty: Reasons,
    compared: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> Estimate:
    """The gap of any statistic of counts: max - min over groups, or max |group - overall|.

    Parameters
    ----------
    table     : counts, shape (groups, cells)
    statistic : counts of shape (..., cells) -> values of shape (...), NaN where undefined
    empty     : why a group may be without a value
    compared  : bool, shape (groups,): the groups to compare (default: all); the others count in
                the overall value alone
    weights   : sums of the rows' weights and of their squares, shape (2, groups, cells), where rows
                are weighted: a cell is then drawn as its effective number of rows (Kish), each of
                its mean weight, which keeps mean and variance of the cell's weight

    Groups without a value are left out and counted. Undefined with fewer than two groups (to the
    overall value: without one that is not everybody).
    """
    import numpy as np

    rows, table, weight = table, *_effective(table, weights)
    values = statistic(table * weight)
    compared = np.ones(len(table), dtype=bool) if compared is None else compared
    kept = np.isfinite(values) & compared
    without = int((compared & ~kept).sum())
    counts = {"groups": int(compared.sum()), "groups_left_out": without}
    note = because("groups-without-value", n=without, why=empty) if without else ()
    n = int(rows[kept].sum())
    method = f"multinomial bootstrap from counts, {draws} draws, simultaneous over groups"
    if weights is not None:
        method = f"weighted rows, effective numbers of them (Kish); {method}"
    overall = float(statistic((table * weight).sum(axis=0)))
    fewest = 2 if against == "between_groups" or len(table) < 2 else 1
    if kept.sum() < fewest or not np.isfinite(overall):
        why = because("fewer-groups-with-value", fewest=fewest, why=empty)
        return undefined(why, n=n, counts=counts, method=method)
    drawn = np.concatenate(
        [
            np.concatenate([statistic(t)[:, kept], statistic(t.sum(axis=1))[:, None]], axis=1)
            for t in (drawn * weight for drawn in draw_tables(table, draws, seed))
        ]
    )
    point = np.append(values[kept], overall)
    contrasts = _contrasts(int(kept.sum()), against)
    value, intervals = simultaneous_gap(point, drawn, contrasts, levels, method)
    return Estimate(value, n, intervals, counts, method, note)


def _effective(
    table: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | float]:
    """Effective numbers of rows of each cell, and the weight of each of them.

    With S the sum of a cell's weights and Q of their squares, S^2 / Q rows of weight Q / S have the
    sum S, and its variance if rows are drawn at random, Q. Equal weights leave the counts as they
    are. A cell without weight has the mean weight, for the prior's sake.
    """
    import numpy as np

    if weights is None:
        return table, 1.0
    sums, squares = weights
    has_weight = sums > 0
    effective = np.divide(sums**2, squares, out=np.zeros_like(sums), where=has_weight)
    mean = sums.sum() / max(effective.sum(), 1e-300)
    each = np.divide(squares, sums, out=np.full_like(sums, mean), where=has_weight)
    return effective, each


def _contrasts(groups: int, against: Against) -> np.ndarray:
    """Pairs of positions to compare, shape (pairs, 2); the overall value stands last."""
    import numpy as np

    if against == "to_overall":
        return np.array([(i, groups) for i in range(groups)])
    return np.array(list(combinations(range(groups), 2)))


def simultaneous_gap(
    point: np.ndarray,
    drawn: np.ndarray,
    contrasts: np.ndarray,
    levels: Sequence[float],
    method: str,
) -> tuple[float, tuple[Interval, ...]]:
    """The largest |contrast| with intervals from bands that hold for all contrasts together.

    ``point`` (values,), ``drawn`` (draws, values), ``contrasts`` (pairs, 2) of positions.
    """
    import numpy as np

    first, second = contrasts[:, 0], contrasts[:, 1]
    estimate = point[first] - point[second]
    worst = np.zeros(len(drawn))
    error = np.empty(len(contrasts))
    for start in range(0, len(contrasts), _BLOCK):
        part = slice(start, start + _BLOCK)
        moved = drawn[:, first[part]] - drawn[:, second[part]]
        # A draw that leaves a group without rows for the rate says nothing about it.
        known = np.isfinite(moved)
        times = np.maximum(known.sum(axis=0), 1)
        centre = np.where(known, moved, 0.0).sum(axis=0) / times
        off = np.where(known, moved - centre, 0.0)
        error[part] = np.sqrt((off**2).sum(axis=0) / times)
        spread = np.where(error[part] > 0, error[part], np.inf)
        worst = np.maximum(worst, (np.abs(off) / spread).max(axis=1))
    value = float(np.abs(estimate).max())
    intervals = []
    for level in levels:
        band = float(np.quantile(worst, level)) * error
        low = float(np.maximum(np.abs(estimate) - band, 0.0).max())
        high = float((np.abs(estimate) + band).max())
        low, high = min(low, value), max(high, value)
        intervals.append(Interval(low=low, high=high, level=level, method=method))
    return value, tuple(intervals)
