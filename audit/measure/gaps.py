"""Gaps between groups, with intervals that hold for the largest of many differences.

A gap is max - min (or min / max) over groups of one rate, or the larger of several such gaps. The
largest of noisy differences is biased upwards: ten equal groups of fifty people show a gap of
about 0.2. A percentile bootstrap of the gap carries that bias twice and can put its lower bound
above a threshold that is in truth kept. So the interval is built from intervals for every pairwise
difference (or ratio) that hold together (Bonferroni): with [L, U] for each ordered pair,

    the largest difference lies in [max L, max U], the smallest ratio in [min L, min U].

For two groups this is Newcombe's interval itself. For more it is conservative, and it is wide
where a group has few rows, as it should be. ``tests/audit/test_gaps.py`` simulates its coverage.

Sources: Newcombe 1998, method 10, for differences; Donner and Zou 2012 for ratios; Hochberg and
Tamhane 1987, chapter 2, for maxima from simultaneous intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from audit.finding import Interval
from audit.measure.estimate import Estimate, undefined
from audit.measure.intervals import normal_quantile

if TYPE_CHECKING:
    import numpy as np

Scale = Literal["difference", "ratio"]
_BLOCK = 1000  # groups held against all others at once: 1,000 x 1,000 pairs are 8 MB an array


@dataclass(frozen=True)
class GroupCount:
    """``k`` cases in ``n`` rows of one group; ``name`` is how people know it."""

    name: str
    k: int
    n: int


@dataclass(frozen=True)
class Family:
    """One rate over several groups. ``empty`` is the reason where a group has no rows for it."""

    rate: str
    groups: tuple[GroupCount, ...]
    empty: str


def gap(families: Sequence[Family], *, scale: Scale, levels: Sequence[float]) -> Estimate:
    """The largest difference (or smallest ratio) between groups, over all ``families``.

    Groups without rows behind the rate are left out and named in the estimate's reason; with
    fewer than two groups left in any family the gap is undefined, since the unknown part may be
    the larger one. ``counts`` holds how many groups there were and how many were left out. The
    result does not depend on the groups' names or order.

    Returns an Estimate in [0, 1]: 0 is best for a difference, 1 for a ratio.
    """
    kept = [[g for g in f.groups if g.n > 0] for f in families]
    left_out = {g.name: f.empty for f in families for g in f.groups if g.n == 0}
    names = {g.name for f in families for g in f.groups}
    counts = {"groups": len(names), "groups_left_out": len(left_out)}
    note = _note(left_out)
    n = sum(g.n for groups in kept for g in groups)
    pairs = sum(len(groups) * (len(groups) - 1) // 2 for groups in kept)
    kind = "Newcombe" if scale == "difference" else "Donner-Zou ratio"
    method = f"{kind} intervals, simultaneous over {pairs} pairs"
    for family, groups in zip(families, kept, strict=True):
        if len(groups) < 2:
            why = f"fewer than two groups to compare in {family.rate}"
            return undefined(f"{why}; {note}" if note else why, n=n, counts=counts, method=method)
    points = [_point(groups, scale) for groups in kept]
    defined = [p for p in points if p is not None]
    if len(defined) < len(points):
        return undefined("every group's rate is 0", n=n, counts=counts, method=method)
    value = max(defined) if scale == "difference" else min(defined)
    intervals = tuple(_interval(kept, scale, level, pairs, method) for level in levels)
    return Estimate(value, n, intervals, counts, method, note)


def _note(left_out: dict[str, str], shown: int = 8) -> str:
    if not left_out:
        return ""
    parts = [f"{name} ({why})" for name, why in sorted(left_out.items())]
    more = f" and {len(parts) - shown} more" if len(parts) > shown else ""
    return "left out: " + ", ".join(parts[:shown]) + more


def _point(groups: Sequence[GroupCount], scale: Scale) -> float | None:
    rates = [g.k / g.n for g in groups]
    if scale == "difference":
        return max(rates) - min(rates)
    return min(rates) / max(rates) if max(rates) > 0 else None


def _interval(
    kept: Sequence[Sequence[GroupCount]], scale: Scale, level: float, pairs: int, method: str
) -> Interval:
    z = normal_quantile(1 - (1 - level) / pairs)
    bounds = [_bounds(groups, scale, z) for groups in kept]
    best = max if scale == "difference" else min
    low = max(0.0, best(low for low, _ in bounds))
    high = min(1.0, best(high for _, high in bounds))
    return Interval(low=low, high=high, level=level, method=method)


def _bounds(groups: Sequence[GroupCount], scale: Scale, z: float) -> tuple[float, float]:
    """The largest (smallest, for a ratio) lower and upper bound over all ordered pairs."""
    import numpy as np

    k = np.array([g.k for g in groups], dtype=float)
    n = np.array([g.n for g in groups], dtype=float)
    p = k / n
    low, high = _wilson_bounds(k, n, z)
    pair_bounds = _difference_bounds if scale == "difference" else _ratio_bounds
    best = np.max if scale == "difference" else np.min
    lows, highs = [], []
    for start in range(0, p.size, _BLOCK):
        rows = slice(start, start + _BLOCK)
        a, b = pair_bounds((p[rows], low[rows], high[rows]), (p, low, high))
        # A group against itself is no pair: its place holds the value that can't win.
        own = np.arange(start, min(start + _BLOCK, p.size))
        nothing = -np.inf if scale == "difference" else np.inf
        a[own - start, own] = b[own - start, own] = nothing
        lows.append(best(a))
        highs.append(best(b))
    return float(best(lows)), float(best(highs))


Bounded = tuple["np.ndarray", "np.ndarray", "np.ndarray"]


def _wilson_bounds(k: np.ndarray, n: np.ndarray, z: float) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    p = k / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low = np.where(k == 0, 0.0, np.maximum(0.0, centre - half))
    high = np.where(k == n, 1.0, np.minimum(1.0, centre + half))
    return low, high


def _difference_bounds(one: Bounded, other: Bounded) -> tuple[np.ndarray, np.ndarray]:
    """Newcombe's bounds of p_i - p_j, each of shape (len(one), len(other))."""
    import numpy as np

    p, p_low, p_high = (x[:, None] for x in one)
    q, q_low, q_high = (x[None, :] for x in other)
    below, above = np.hypot(p - p_low, q_high - q), np.hypot(p_high - p, q - q_low)
    return p - q - below, p - q + above


def _ratio_bounds(one: Bounded, other: Bounded) -> tuple[np.ndarray, np.ndarray]:
    """Donner and Zou's bounds of p_i / p_j; above a rate that may be 0 there is no bound."""
    import numpy as np

    p, p_low, p_high = (x[:, None] for x in one)
    q, q_low, q_high = (x[None, :] for x in other)
    square = (p * q) ** 2

    def root(of_p: np.ndarray, of_q: np.ndarray) -> np.ndarray:
        inside = square - of_p * of_q * (2 * p - of_p) * (2 * q - of_q)
        return np.sqrt(np.maximum(0.0, inside))

    with np.errstate(divide="ignore", invalid="ignore"):
        low = (p * q - root(p_low, q_high)) / (q_high * (2 * q - q_high))
        high = (p * q + root(p_high, q_low)) / (q_low * (2 * q - q_low))
    low = np.where((p_low <= 0) | ~np.isfinite(low), 0.0, np.maximum(low, 0.0))
    high = np.where((q_low <= 0) | ~np.isfinite(high), np.inf, high)
    return low, high
