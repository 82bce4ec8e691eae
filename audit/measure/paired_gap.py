"""Did a gap between groups change from one model to another, on the same rows?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined

if TYPE_CHECKING:
    import numpy as np

DRAWS = 2000
METHOD = f"paired multinomial bootstrap from counts, {DRAWS} draws, percentile"
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

    Returns an Estimate in [-1, 1] with a percentile interval: whole rows are drawn, so both gaps
    move together. Groups without rows for a rate are left out of both gaps. Undefined with fewer
    than two groups. Both gaps carry the upward bias of a maximum, which cancels in part only:
    read the interval as a guide where there are many small groups.
    """
    import numpy as np

    table = np.asarray(counts, dtype=float)
    n = int(table.sum())
    held = [_kept(table, rate) for rate in rates]
    if any(kept.sum() < 2 for kept in held):
        return undefined("fewer than two groups to compare", n=n, method=METHOD)
    value = float(_change(table[None], rates, held)[0])
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n, table.ravel() / n, size=DRAWS).reshape(DRAWS, *table.shape)
    changes = _change(drawn.astype(float), rates, held)
    changes = changes[np.isfinite(changes)]
    tail = (1 - level) / 2
    low, high = np.quantile(changes, [tail, 1 - tail])
    interval = Interval(
        low=min(float(low), value), high=max(float(high), value), level=level, method=METHOD
    )
    return Estimate(value, n, (interval,), {"groups": len(table)}, METHOD)


def _kept(table: np.ndarray, rate: str) -> np.ndarray:
    over = list(_OVER[rate])
    kept: np.ndarray = table[:, over].sum(axis=(1, 2, 3)) > 0
    return kept


def _change(tables: np.ndarray, rates: Sequence[str], held: Sequence[np.ndarray]) -> np.ndarray:
    """First gap minus second, for tables of shape (draws, groups, 2, 2, 2); shape (draws,)."""
    import numpy as np

    gaps = []
    for axis_out in (4, 3):  # sum the other model's answers away
        one = tables.sum(axis=axis_out)  # (draws, groups, label, selected)
        parts = [_spread(one[:, kept], rate) for rate, kept in zip(rates, held, strict=True)]
        gaps.append(np.max(parts, axis=0))
    change: np.ndarray = gaps[0] - gaps[1]
    return change


def _spread(tables: np.ndarray, rate: str) -> np.ndarray:
    import numpy as np

    over = list(_OVER[rate])
    rows = tables[:, :, over].sum(axis=(2, 3))
    if rate == "accuracy_score":
        cases = tables[:, :, 0, 0] + tables[:, :, 1, 1]
    else:
        cases = tables[:, :, over, 1].sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = cases / rows
    # A draw in which a group has no rows for the rate says nothing about it.
    high = np.max(np.where(np.isnan(shares), -np.inf, shares), axis=1)
    low = np.min(np.where(np.isnan(shares), np.inf, shares), axis=1)
    spread: np.ndarray = high - low
    return spread
