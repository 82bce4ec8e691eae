"""Do two sets of attributions of the same rows tell the same story? Ranks and top columns.

Attributions are compared by their size, |value|: which columns matter, not in which direction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.bounded import bounded_mean
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.measure.uncertainty.intervals import mean
from evenhand.audit.reason import Reasons, because

if TYPE_CHECKING:
    import numpy as np

DRAWS = 500
_PAIRS_AT_ONCE = 4_000_000  # signs of pairs of columns held in memory


def sizes(values: np.ndarray) -> np.ndarray:
    """|values| as shares of the largest of their row, of shape (rows, columns), without rounding
    errors: a column that a model ignores must not be ordered by the dust of sums that cancel.
    """
    import numpy as np

    size = np.abs(values)
    largest = size.max(axis=-1, keepdims=True, initial=0.0)
    found: np.ndarray = np.round(size / np.where(largest > 0, largest, 1.0), 12)
    return found


def spearman(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of the two |attributions| of each row, shape (rows,).

    Parameters
    ----------
    one, other : floats of shape (rows, columns)

    Returns values in [-1, 1]; NaN where all columns of a row are equal in one of them (all zero,
    or a single column): no order, no agreement.

    Source: Spearman 1904, ties at their mean rank.
    """
    return _ranked(sizes(one), sizes(other))


def kendall(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Kendall's tau-b of the two |attributions| of each row, shape (rows,); NaN as above.

    Source: Kendall 1945.
    """
    import numpy as np

    rows, columns = one.shape
    first, second = np.triu_indices(columns, k=1)
    found = np.empty(rows)
    step = max(1, _PAIRS_AT_ONCE // max(1, first.size))
    for start in range(0, rows, step):
        part = slice(start, start + step)
        a, b = (sizes(v[part]) for v in (one, other))
        a, b = np.sign(a[:, first] - a[:, second]), np.sign(b[:, first] - b[:, second])
        untied = (a != 0).sum(axis=1) * (b != 0).sum(axis=1)
        found[part] = _divided((a * b).sum(axis=1), untied.astype(float))
    return found


def top_k_overlap(one: np.ndarray, other: np.ndarray, k: int) -> np.ndarray:
    """The share of the ``k`` largest |attributions| that both have, of each row, shape (rows,).

    A column whose attribution is zero is never among the largest, so a row may have fewer than
    ``k``: the share is then of the longer list. Of columns that tie the earlier one is taken.

    Returns values in [0, 1]; NaN where neither has a column with an attribution.

    >>> import numpy as np
    >>> top_k_overlap(np.array([[3.0, -2.0, 1.0]]), np.array([[3.0, 1.0, -2.0]]), 2)
    array([0.5])
    """
    import numpy as np

    a, b = _largest(one, k), _largest(other, k)
    longest = np.maximum(a.sum(axis=1), b.sum(axis=1))
    both = (a & b).sum(axis=1)
    found: np.ndarray = np.where(longest > 0, both / np.maximum(longest, 1), np.nan)
    return found


def top_overlap(k: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """``top_k_overlap`` with at most ``k``, and fewer than there are: all are the same for all."""
    return lambda one, other: top_k_overlap(one, other, top_of(one.shape[1], k))


def _ranked(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Spearman's correlation of each pair of rows, signs and all."""
    from scipy.stats import rankdata

    a, b = (rankdata(v, axis=1) for v in (one, other))
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    found: np.ndarray = _divided((a * b).sum(axis=1), (a * a).sum(axis=1) * (b * b).sum(axis=1))
    return found


def _largest(values: np.ndarray, k: int) -> np.ndarray:
    import numpy as np

    size = sizes(values)
    order = np.argsort(-size, axis=1, kind="stable")[:, :k]
    chosen = np.zeros(values.shape, dtype=bool)
    np.put_along_axis(chosen, order, True, axis=1)
    kept: np.ndarray = chosen & (size > 0)
    return kept


def _divided(top: np.ndarray, squared: np.ndarray) -> np.ndarray:
    import numpy as np

    known = squared > 0
    found = np.full(top.shape, np.nan)
    found[known] = np.clip(top[known] / np.sqrt(squared[known]), -1.0, 1.0)
    return found


def by_length(
    work: Callable[[np.ndarray, np.ndarray], np.ndarray],
    one: np.ndarray,
    other: np.ndarray,
    there: np.ndarray,
) -> np.ndarray:
    """``work`` (one of the above) on rows of which each has its own number of parts, shape (rows,).

    ``there``, bool of shape (rows, parts), marks those that a row has, the first ones: what it has
    not would count as parts on which both agree. NaN for a row of fewer than two parts.
    """
    import numpy as np

    parts = there.sum(axis=1)
    found = np.full(len(parts), np.nan)
    for count in np.unique(parts[parts > 1]):
        rows = parts == count
        found[rows] = work(one[rows, :count], other[rows, :count])
    return found


def top_of(columns: int, top_k: int) -> int:
    """How many top columns are compared: fewer than there are, since all are the same for all."""
    return min(top_k, columns - 1)


def mean_known(
    values: np.ndarray, levels: Sequence[float], low: float, high: float, *, empty: Reasons
) -> Estimate:
    """The mean of the values that are not NaN, shape (n,), in [``low``, ``high``], with Student's t
    intervals cut there; where all values are alike, Wilson's, since t's would have no width.

    Rows without a value are counted and named; undefined with ``empty`` where all are.
    """
    import numpy as np

    known = values[~np.isnan(values)]
    estimate = mean(known, levels, empty=empty)
    if known.size > 1 and not np.ptp(known):
        estimate = _all_alike(known, levels, low, high)
    without = len(values) - len(known)
    counts = {"rows": len(values), "rows_left_out": without}
    if estimate.value is None:
        return replace(estimate, n=len(values), counts=counts)
    note = because("rows-without-value", n=without) if without else ()
    centre = min(high, max(low, estimate.value))
    intervals = tuple(
        i.model_copy(
            update={"low": min(centre, max(low, i.low)), "high": max(centre, min(high, i.high))}
        )
        for i in estimate.intervals
    )
    said = estimate.reason + note
    return replace(estimate, value=centre, intervals=intervals, counts=counts, reason=said)


def _all_alike(known: np.ndarray, levels: Sequence[float], low: float, high: float) -> Estimate:
    scale = high - low
    found = bounded_mean((known - low) / scale, levels)
    intervals = tuple(
        i.model_copy(update={"low": low + scale * i.low, "high": low + scale * i.high})
        for i in found.intervals
    )
    return replace(found, value=float(known[0]), intervals=intervals)


def column_agreement(
    one: np.ndarray, other: np.ndarray, levels: Sequence[float], seed: Sequence[int]
) -> Estimate:
    """Spearman's rank correlation over columns of the means of two samples of rows.

    Parameters
    ----------
    one, other : what each row says of each column, (rows, columns) and (other rows, columns); means
                 are compared as they are, so pass |attributions|

    The interval is a bootstrap of the rows of each sample: the hull of the percentile and the
    reflected one, since ranks jump and either alone can miss; it is conservative. Undefined with
    one column, or where all columns' means are equal in one of the two.

    Source: Spearman 1904; Efron and Tibshirani 1993, chapter 13.
    """
    import numpy as np

    n, columns = one.shape
    method = f"Spearman over columns; bootstrap of rows, {DRAWS} draws"
    counts = {"columns": columns}
    if columns < 2:
        return undefined(because("one-part", part="column"), n=n, counts=counts, method=method)
    value = float(_ranked(one.mean(axis=0)[None], other.mean(axis=0)[None])[0])
    if math.isnan(value):
        why = because("columns-are-equal")
        return undefined(why, n=n, counts=counts, method=method)
    rng = np.random.default_rng(list(seed))
    drawn = [
        rng.multinomial(len(v), np.full(len(v), 1 / len(v)), size=DRAWS) @ v for v in (one, other)
    ]
    draws = _ranked(*drawn)
    draws = draws[~np.isnan(draws)]
    intervals = []
    for level in levels:
        bottom, top = (float(e) for e in np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]))
        low = max(-1.0, min(bottom, 2 * value - top, value))
        ends = {"low": low, "high": min(1.0, max(top, 2 * value - bottom, value))}
        intervals.append(Interval(**ends, level=level, method=method))
    return Estimate(value, n, tuple(intervals), counts, method)
