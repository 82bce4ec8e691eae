"""How much does one column tell about another? Mutual information, and a one-column predictor."""

from __future__ import annotations

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

DRAWS = 500
MOST_LEVELS = 50


def levels_of(column: pd.Series, bins: int) -> np.ndarray:
    """A column as whole numbers, shape (n,): quantile bins of numbers, else the 50 most frequent
    texts and one level for all others; missing cells are a level of their own.

    Numbers with at most ``bins`` different values keep each as a level.
    """
    import numpy as np
    import pandas as pd

    missing = column.isna().to_numpy()
    if is_number(column):
        x = column.to_numpy(dtype=float, na_value=np.nan)
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


def uncertainty_coefficient(
    table: np.ndarray, levels: Sequence[float], seed: Sequence[int]
) -> Estimate:
    """Mutual information as a share of the entropy of the columns' variable, in [0, 1]: 0 tells
    nothing about it, 1 everything.

    A sample's information is above the true one. The basic bootstrap (value reflected around 500
    multinomial draws of the table) takes that off; its lower end is cut at 0. Without an interval
    where no draw moves, as for a perfect copy.

    Parameters
    ----------
    table : int array of shape (levels of the input, levels of the sensitive feature)

    Source: Theil 1970; Davison and Hinkley 1997, section 5.2.1.
    """
    import numpy as np

    n = int(table.sum())
    method = f"multinomial bootstrap, {DRAWS} draws, basic"
    counts = {"input_levels": table.shape[0], "groups": table.shape[1]}
    if table.shape[1] < 2:
        return undefined(because("fewer-than-two-groups"), n=n, counts=counts, method=method)
    value = min(1.0, float(_share(table[None])[0]))
    rng = np.random.default_rng(list(seed))
    drawn = rng.multinomial(n, (table / n).ravel(), size=DRAWS).reshape(DRAWS, *table.shape)
    draws = _share(drawn)
    if float(np.nanmax(draws) - np.nanmin(draws)) < 1e-12:
        return Estimate(value, n, (), counts, method, STILL)
    intervals = []
    for level in levels:
        bottom, top = np.nanquantile(draws, [(1 - level) / 2, (1 + level) / 2])
        low, high = max(0.0, 2 * value - float(top)), min(1.0, 2 * value - float(bottom))
        ends = {"low": min(low, value), "high": max(high, value)}
        intervals.append(Interval(**ends, level=level, method=method))
    return Estimate(value, n, tuple(intervals), counts, method)


def _share(tables: np.ndarray) -> np.ndarray:
    import numpy as np

    share = tables.sum(axis=-2) / tables.sum(axis=(-2, -1))[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(share > 0, share * np.log(share), 0.0).sum(axis=-1)
        found: np.ndarray = mutual_information(tables) / np.where(entropy > 0, entropy, np.nan)
    return found


def permutation_p_value(
    one: np.ndarray, other: np.ndarray, permutations: int, seed: Sequence[int]
) -> float:
    """The share of shuffles (and the data itself) with as much mutual information.

    Source: Phipson and Smyth 2010 for counting the data itself.
    """
    import numpy as np

    rng = np.random.default_rng(list(seed))
    found = float(mutual_information(contingency(one, other)))
    rows, columns = int(one.max()) + 1, int(other.max()) + 1
    shuffled = np.stack([rng.permutation(other) for _ in range(permutations)])
    # One table a shuffle, counted all at once; levels that nobody has add nothing.
    cells = (np.arange(permutations)[:, None] * rows + one) * columns + shuffled
    tables = np.bincount(cells.ravel(), minlength=permutations * rows * columns)
    drawn = mutual_information(tables.reshape(permutations, rows, columns))
    as_high = 1 + int((np.isclose(drawn, found, rtol=1e-9, atol=0) | (drawn > found)).sum())
    return as_high / (permutations + 1)


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
