"""Are explanations alike in all groups? Shares of attribution, and the order of columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.attribution.agreement import sizes
from evenhand.audit.measure.attribution.quality import ratio
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.reason import Reasons, because

if TYPE_CHECKING:
    import numpy as np

DRAWS = 500
_AT_ONCE = 4_000_000  # numbers held in memory while drawing


def attribution_share(values: np.ndarray, weights: np.ndarray, levels: Sequence[float]) -> Estimate:
    """The share of |attribution| that falls on columns, each counted with its weight.

    Parameters
    ----------
    values  : attributions, shape (rows, columns)
    weights : shape (columns,), in [0, 1]: 1 for the columns in question and 0 for the others, or
              how strongly each stands in for a sensitive feature

    Returns the sum of weighted |values| over that of all, in [0, 1]; undefined where all are zero.
    """
    import numpy as np

    size = np.abs(values)
    empty = because("attributions-zero")
    found = ratio(size @ np.asarray(weights, dtype=float), size.sum(axis=1), levels, empty=empty)
    return _within(found, 0.0, 1.0)


def _within(estimate: Estimate, low: float, high: float) -> Estimate:
    from dataclasses import replace

    if estimate.value is None:
        return estimate
    value = min(high, max(low, estimate.value))
    ends = (
        i.model_copy(
            update={"low": min(value, max(low, i.low)), "high": max(value, min(high, i.high))}
        )
        for i in estimate.intervals
    )
    return replace(estimate, value=value, intervals=tuple(ends))


def group_means(values: np.ndarray, codes: np.ndarray, groups: int) -> np.ndarray:
    """Mean |attribution| of each column in each group, shape (groups, columns).

    ``codes`` (rows,) are positions of groups, each of which has a row.
    """
    import numpy as np

    member = np.eye(groups)[codes]
    found: np.ndarray = member.T @ np.abs(values) / member.sum(axis=0)[:, None]
    return found


def column_ranks(means: np.ndarray) -> np.ndarray:
    """The rank of each column by its mean |attribution|, 1 the largest; ties share a mean rank."""
    from scipy.stats import rankdata

    found: np.ndarray = rankdata(-sizes(means), axis=-1)
    return found


def order_distance(ranks: np.ndarray) -> np.ndarray:
    """The largest sum of squared rank differences between two groups, as a share of its maximum.

    ``ranks`` has shape (..., groups, columns), the result (...): 0 where all groups order the
    columns alike, 1 where two have them reversed. Without ties it is (1 - rho) / 2 of Spearman's
    correlation rho; the maximum is columns (columns^2 - 1) / 3.

    Source: Spearman 1904.
    """

    columns = ranks.shape[-1]
    apart = (ranks[..., :, None, :] - ranks[..., None, :, :]) ** 2
    largest = columns * (columns**2 - 1) / 3
    found: np.ndarray = apart.sum(axis=-1).max(axis=(-2, -1)) / max(1.0, largest)
    return found


@dataclass(frozen=True)
class RankShift:
    """How far groups are apart in the order of columns, and the chance of as much by accident."""

    shift: Estimate
    p_value: float | None


def rank_shift(
    values: np.ndarray,
    codes: np.ndarray,
    levels: Sequence[float],
    *,
    seed: Sequence[int],
    permutations: int = 999,
) -> RankShift:
    """The largest distance between groups' orders of columns by mean |attribution|.

    The p-value is the share of shuffles of the rows among the groups (and of the data themselves)
    that move as much; with few columns the farthest orders come up by chance, and it stays high.
    The interval is a bootstrap of the rows within groups: the hull of the percentile and the
    reflected one, since ranks jump and either alone held the truth in as few as 82 % of samples.
    Simulated (two groups of 50 and 100 rows, 8 columns, four true shifts from 0 to 1, 150 samples
    each), a 95 % interval held it in 98 % to 100 %.

    Parameters
    ----------
    values : attributions, shape (rows, columns)
    codes  : positions of the groups, int of shape (rows,), in an order that names do not decide

    Undefined with one column, fewer than two groups, or attributions that are all zero.

    Source: Good 2005, chapter 3; Phipson and Smyth 2010; Davison and Hinkley 1997, section 5.2.1.
    """
    import numpy as np

    n, columns = values.shape
    groups = int(codes.max(initial=-1)) + 1
    method = f"(1 - Spearman) / 2, farthest two groups; bootstrap in groups, {DRAWS} draws"
    counts = {"groups": groups, "columns": columns}
    why: Reasons = ()
    if columns < 2:
        why = because("one-part", part="column")
    elif groups < 2:
        why = because("fewer-than-two-groups-to-compare")
    elif not values.any():
        why = because("attributions-zero")
    if why:
        return RankShift(undefined(why, n=n, counts=counts, method=method), None)
    size = np.abs(values)
    value = float(order_distance(column_ranks(group_means(size, codes, groups))))
    rng = np.random.default_rng(list(seed))
    shuffled = np.array(
        [
            order_distance(column_ranks(group_means(size, rng.permutation(codes), groups)))
            for _ in range(permutations)
        ]
    )
    as_far = int((shuffled >= value - 1e-12).sum())
    draws = order_distance(column_ranks(_resampled(size, codes, groups, rng)))
    intervals = tuple(_hull(value, draws, level, method) for level in levels)
    shift = Estimate(value, n, intervals, counts, method)
    return RankShift(shift, (as_far + 1) / (permutations + 1))


def _hull(value: float, draws: np.ndarray, level: float, method: str) -> Interval:
    """Of the percentile interval of the draws and the reflected one, within [0, 1]."""
    import numpy as np

    bottom, top = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    low = max(0.0, min(float(bottom), 2 * value - float(top)))
    high = min(1.0, max(float(top), 2 * value - float(bottom)))
    return Interval(low=min(low, value), high=max(high, value), level=level, method=method)


def _resampled(
    size: np.ndarray, codes: np.ndarray, groups: int, rng: np.random.Generator
) -> np.ndarray:
    """Group means of bootstrap draws within groups, shape (DRAWS, groups, columns)."""
    import numpy as np

    means = np.empty((DRAWS, groups, size.shape[1]))
    for group in range(groups):
        own = size[codes == group]
        times = rng.multinomial(len(own), np.full(len(own), 1 / len(own)), size=DRAWS)
        step = max(1, _AT_ONCE // max(1, len(own)))
        for start in range(0, DRAWS, step):
            part = slice(start, start + step)
            means[part, group] = times[part] @ own / len(own)
    return means
