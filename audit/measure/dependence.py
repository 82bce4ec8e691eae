"""How much does one column tell about another? Mutual information, and a one-column predictor."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.data.cells import is_number
from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import STILL, Estimate, undefined
from evenhand.audit.reason import because

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MOST_LEVELS = 50
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def levels_of(column: pd.Series, bins: int) -> np.ndarray:
    """A column as whole numbers, shape (n,): quantile bins of numbers and dates, else the 50 most
    frequent texts and one level for all others; missing cells are a level of their own.

    Numbers with at most ``bins`` different values keep each as a level. Texts that are all dates
    (2026-01-31) go by their order, as dates do.
    """
    import numpy as np
    import pandas as pd

    missing = column.isna().to_numpy()
    dated = _days(column)
    if dated is not None or is_number(column):
        x = column.to_numpy(dtype=float, na_value=np.nan) if dated is None else dated
        known = x[~missing]
        values = np.unique(known)
        if values.size > bins:
            values = np.unique(np.quantile(known, np.arange(1, bins) / bins, method="lower"))
        codes = np.searchsorted(values, x, side="left")
    else:
        texts = column.map(str, na_action="ignore")
        counts = texts.value_counts()
        # the order of equally frequent texts must not depend on the order of rows
        ranked = sorted(counts.index, key=lambda t: (-counts[t], t))[:MOST_LEVELS]
        found = pd.Index(ranked).get_indexer(pd.Index(texts.fillna("")))
        codes = np.where(found < 0, len(ranked), found)
    return np.where(missing, int(codes[~missing].max(initial=-1)) + 1, codes).astype(np.int64)


def _days(column: pd.Series) -> np.ndarray | None:
    """Dates as numbers, NaN where missing; None where the column does not hold dates alone."""
    import numpy as np
    import pandas as pd

    kinds = pd.api.types
    if not kinds.is_datetime64_any_dtype(column.dtype):
        known = column.dropna()
        first = known.iloc[0] if len(known) else None
        if not isinstance(first, str) or not _DATE.match(first):
            return None
        column = pd.to_datetime(column, errors="coerce", format="ISO8601", utc=True)
        if column.notna().sum() < len(known):
            return None
    days = (column - column.min()).dt.total_seconds() / 86400
    found: np.ndarray = days.to_numpy(dtype=float, na_value=np.nan)
    return found


def contingency(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Counts of each pair of levels, int array of shape (levels of one, levels of other)."""
    import numpy as np

    rows, columns = int(one.max()) + 1, int(other.max()) + 1
    table = np.bincount(one * columns + other, minlength=rows * columns).reshape(rows, columns)
    table = table[table.sum(axis=1) > 0]
    kept: np.ndarray = table[:, table.sum(axis=0) > 0]
    return kept


def mutual_information(table: np.ndarray) -> np.ndarray:
    """Mutual information in nat of tables of counts, shape (..., rows, columns) to (...).

    Source: Shannon 1948; Cover and Thomas 2006, equation 2.28.
    """
    import numpy as np

    p = table / table.sum(axis=(-2, -1), keepdims=True)
    expected = p.sum(axis=-1, keepdims=True) * p.sum(axis=-2, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log(p / expected), 0.0)
    found: np.ndarray = np.maximum(terms.sum(axis=(-2, -1)), 0.0)
    return found


@dataclass(frozen=True)
class Dependence:
    """How much a column tells: the ``strength``, and the p-value of shuffles (None where nothing
    can be told)."""

    strength: Estimate
    p_value: float | None = None


def dependence(
    one: np.ndarray,
    other: np.ndarray,
    levels: Sequence[float],
    *,
    permutations: int,
    seed: Sequence[int],
) -> Dependence:
    """How much ``one`` (an input's levels, int of shape (n,)) tells about ``other`` (groups).

    The strength is mutual information as a share of the entropy of ``other``, both less what
    shuffled rows have on average: (I - E) / (H - E), in [0, 1]. 0 is no more than by chance, 1
    everything. A sample's information is above the true one by about (levels - 1)(groups - 1) / 2n,
    which is what shuffles have too; without them an identifier, which tells each row apart, would
    be a strong stand-in for anything.

    An interval adds the spread of the shuffles (as a gamma variable of their mean and variance: it
    is all there is where nothing is told) and that of the rows' own information (delta method: all
    there is where much is told); the upper end is no nearer than on the scale of the root. None for
    a perfect copy. Undefined where shuffled rows tell as
    much as any could: every row has a level of its own.

    The p-value is the share of shuffles (and the data itself) with as much mutual information.

    Source: Theil 1970; Vinh, Epps and Bailey 2010 (adjusted for chance, normalised by H of one
    variable); Phipson and Smyth 2010 for counting the data itself.
    """
    import numpy as np

    table = contingency(one, other)
    n = int(table.sum())
    method = f"adjusted for chance by {permutations} shuffles"
    counts = {"input_levels": table.shape[0], "groups": table.shape[1]}
    if table.shape[1] < 2:
        why = because("fewer-than-two-groups")
        return Dependence(undefined(why, n=n, counts=counts, method=method))
    found, entropy = float(mutual_information(table)), _entropy(table)
    drawn = _shuffled(one, other, permutations, seed)
    room = entropy - float(drawn.mean())
    if room < 1e-9 * entropy:
        why = because("every-row-its-own-level")
        return Dependence(undefined(why, n=n, counts=counts, method=method))
    as_high = 1 + int((np.isclose(drawn, found, rtol=1e-9, atol=0) | (drawn > found)).sum())
    p_value = as_high / (permutations + 1)
    if entropy - found < 1e-12:
        return Dependence(Estimate(1.0, n, (), counts, method, STILL), p_value)
    share = (found - float(drawn.mean())) / room
    value = min(1.0, max(0.0, share))
    ends = [_ends(share, drawn, _own_spread(table, share) / room, room, at) for at in levels]
    intervals = tuple(
        Interval(low=min(low, value), high=max(high, value), level=at, method=method)
        for (low, high), at in zip(ends, levels, strict=True)
    )
    return Dependence(Estimate(value, n, intervals, counts, method), p_value)


def _ends(
    share: float, drawn: np.ndarray, own: float, room: float, level: float
) -> tuple[float, float]:
    """The limits of ``share``, cut at 0 and 1: both spreads' distances, as sides of a triangle."""
    import numpy as np
    from scipy.stats import gamma, norm

    mean, variance = float(drawn.mean()), float(drawn.var(ddof=1))
    below = above = 0.0
    if variance > 0:
        law = gamma(mean**2 / variance, scale=variance / mean)
        below = float(law.ppf(0.5 + level / 2)) - mean
        above = mean - float(law.ppf(0.5 - level / 2))
    half = float(norm.ppf(0.5 + level / 2)) * own
    low, high = share - np.hypot(below / room, half), share + np.hypot(above / room, half)
    if share > 0:
        # information grows with the square of what is told: its root varies by as much anywhere,
        # while its own spread is too small where a sample happens to tell little
        high = max(high, (share**0.5 + half / (2 * share**0.5)) ** 2)
    return float(np.clip(low, 0.0, 1.0)), float(np.clip(high, 0.0, 1.0))


def _own_spread(table: np.ndarray, share: float) -> float:
    """Standard error of information less ``share`` of entropy: the spread of each row's
    log(p / p' p'') + share log p'', over the root of n."""
    import numpy as np

    p = table / table.sum()
    groups = np.log(p.sum(axis=0, keepdims=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(p) - np.log(p.sum(axis=1, keepdims=True)) - groups
        told = np.where(p > 0, ratio + share * groups, 0.0)
    variance = float((p * told**2).sum() - (p * told).sum() ** 2)
    return float(np.sqrt(max(variance, 0.0) / table.sum()))


def _entropy(table: np.ndarray) -> float:
    import numpy as np

    share = table.sum(axis=0) / table.sum()
    return float(-(share * np.log(share)).sum())


def _shuffled(
    one: np.ndarray, other: np.ndarray, permutations: int, seed: Sequence[int]
) -> np.ndarray:
    """Mutual information of shuffled rows, shape (permutations,)."""
    import numpy as np

    rng = np.random.default_rng(list(seed))
    rows, columns = int(one.max()) + 1, int(other.max()) + 1
    shuffled = np.stack([rng.permutation(other) for _ in range(permutations)])
    # One table a shuffle, counted all at once; levels that nobody has add nothing.
    cells = (np.arange(permutations)[:, None] * rows + one) * columns + shuffled
    tables = np.bincount(cells.ravel(), minlength=permutations * rows * columns)
    return mutual_information(tables.reshape(permutations, rows, columns))


@dataclass(frozen=True, eq=False)
class Foretold:
    """Rows that a predictor had not seen: who is a member, and the predicted share, shape (m,)."""

    is_member: np.ndarray
    share: np.ndarray


def foretell(one: np.ndarray, is_member: np.ndarray, seed: Sequence[int]) -> Foretold:
    """The share of members at each level of ``one`` in a random half, as prediction for the other.

    Only one half is predicted: halves that predict each other would be negatively related, and
    their area under 0.5 where nothing can be told. One row with the overall share is added to each
    level, so that a level seen once isn't certain.
    """
    import numpy as np

    order = np.random.default_rng(list(seed)).permutation(one.size)
    known, asked = order[: one.size // 2], order[one.size // 2 :]
    size = int(one.max(initial=0)) + 1
    members = np.bincount(one[known], weights=is_member[known], minlength=size)
    everyone = np.bincount(one[known], minlength=size)
    overall = is_member[known].mean() if known.size else 0.0
    return Foretold(is_member[asked], ((members + overall) / (everyone + 1))[one[asked]])
