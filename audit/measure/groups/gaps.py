"""Gaps between groups, with intervals that hold for the largest of many differences.

A gap is max - min (or min / max) over groups of one rate, or the larger of several such gaps. The
largest of noisy differences is biased upwards: ten equal groups of fifty people show a gap of
about 0.2. A percentile bootstrap of the gap carries that bias twice and can put its lower bound
above a threshold that is in truth kept. So the interval is built from those [L, U] of every ordered
pair of groups (of every rate):

- its end towards equality (lower for a difference, upper for a ratio) is the largest L (smallest U)
  of intervals that hold for all pairs together (Bonferroni): any of them might be wrong;
- its far end is the largest U (smallest L) of each pair's plain interval: where the pair that is in
  truth the widest lies below its own U, the largest U lies above the truth. No other pair matters.

The first end errs more often than (1 - level) / 2 only where there is hardly a gap, and there the
far end can't err: together they err in at most 1 - level of the samples. For two groups this is
Newcombe's interval itself. Coverage in many regimes: docs/proof.md.

Any estimate with limits of its own (a mean, an area, an odds, a weighted rate) has such a gap:
Newcombe's interval recovers the variances from each group's limits (``limits_gap``).

Sources: Newcombe 1998, method 10, for differences; Donner and Zou 2012 for ratios; Zou and Donner
2008 for limits in general; Hochberg and Tamhane 1987, chapter 2, for the simultaneous end; Berger
1982 and Berger and Hsu 1996 for the plain one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.measure.uncertainty.score import share_limits
from evenhand.audit.measure.uncertainty.weighted import Clustered, Weighted, few_heavy, sums_limits
from evenhand.audit.reason import Reasons, because, listed, named

if TYPE_CHECKING:
    import numpy as np

Scale = Literal["difference", "ratio"]
Aggregate = Literal["worst_case", "mean"]
_BLOCK = 1000  # groups held against all others at once: 1,000 x 1,000 pairs are 8 MB an array


@dataclass(frozen=True)
class GroupCount:
    """``k`` cases in ``n`` rows of one group; ``name`` is how people know it.

    With weights ``k`` and ``n`` are effective numbers that describe the group, ``rows`` says how
    many rows there are, and ``weights`` holds the sums that its limits come from.
    """

    name: str
    k: float
    n: float
    rows: int | None = None
    weights: Weighted | Clustered | None = None


@dataclass(frozen=True)
class Family:
    """One rate over several groups. ``empty`` is the reason where a group has no rows for it."""

    rate: str
    groups: tuple[GroupCount, ...]
    empty: Reasons


def gap(
    families: Sequence[Family],
    *,
    scale: Scale,
    levels: Sequence[float],
    agg: Aggregate = "worst_case",
) -> Estimate:
    """The gap between groups: of one rate, or the worst (or mean) of several rates' gaps.

    Groups without rows behind the rate are left out and named in the estimate's reason; with
    fewer than two groups left in any family the gap is undefined, since the unknown part may be
    the larger one. ``counts`` holds how many groups there were and how many were left out. The
    result does not depend on the groups' names or order.

    Returns an Estimate in [0, 1]: 0 is best for a difference, 1 for a ratio.
    """
    kept = [[g for g in f.groups if g.n > 0] for f in families]
    left_out = {g.name: f.empty for f in families for g in f.groups if g.n <= 0}
    names = {g.name for f in families for g in f.groups}
    counts = {"groups": len(names), "groups_left_out": len(left_out), **persons(families)}
    why_not = dict(sorted(left_out.items()))
    note = because("left-out", names=listed(named(why_not))) if left_out else ()
    n = sum(int(g.n) if g.rows is None else g.rows for groups in kept for g in groups)
    pairs = sum(len(groups) * (len(groups) - 1) // 2 for groups in kept)
    kind = "Newcombe" if scale == "difference" else "Donner-Zou ratio"
    method = f"{kind} intervals, {_together_over(pairs)}"
    if agg == "mean" and len(families) > 1:
        method += f", mean of {len(families)} gaps"
    for family, groups in zip(families, kept, strict=True):
        if len(groups) < 2:
            why = because("fewer-than-two-groups-in-rate", rate=family.rate)
            return undefined(why + note, n=n, counts=counts, method=method)
    points = [_point(groups, scale) for groups in kept]
    defined = [p for p in points if p is not None]
    if len(defined) < len(points):
        return undefined(because("every-rate-is-zero"), n=n, counts=counts, method=method)
    value = _together(defined, scale, agg)

    def interval(level: float) -> Interval:
        together = 1 - (1 - level) / pairs
        # a mean of several gaps needs each gap's own widest pair
        far = level if agg == "worst_case" else 1 - (1 - level) / len(families)
        bounds = [_both_bounds(groups, scale, together, far) for groups in kept]
        low, high = _ends(bounds, scale, agg)
        # Effective counts are broken numbers: their rounding must not put the value outside.
        low, high = min(max(0.0, low), value), max(min(1.0, high), value)
        return Interval(low=low, high=high, level=level, method=method)

    said = note + _few_heavy(g for groups in kept for g in groups)
    return Estimate(value, n, tuple(interval(x) for x in levels), counts, method, said)


def _few_heavy(groups: Iterable[GroupCount]) -> Reasons:
    """What a gap must say where a few heavy rows carry one of its rates."""
    weighted = [g.weights for g in groups if isinstance(g.weights, Weighted)]
    return few_heavy(min(weighted, key=lambda w: w.heavy)) if weighted else ()


def limits_gap(
    values: np.ndarray,
    limits: Callable[[float], tuple[np.ndarray, np.ndarray]],
    *,
    levels: Sequence[float],
    kind: str,
) -> tuple[float, tuple[Interval, ...]]:
    """max - min of ``values``, shape (groups >= 2,), with the intervals of ``gap``.

    ``limits(level)`` gives each group's own lower and upper limits at a confidence level; an upper
    limit may be infinite. ``kind`` names them in the method.
    """
    pairs = values.size * (values.size - 1) // 2
    method = f"variances recovered from {kind}, {_together_over(pairs)}"
    value = float(values.max() - values.min())
    found = []
    for level in levels:
        lowest = _bounds((values, *limits(1 - (1 - level) / pairs)), "difference")[0]
        highest = _bounds((values, *limits(level)), "difference")[1]
        if not math.isfinite(highest):
            continue
        low_end, high_end = min(max(0.0, lowest), value), max(highest, value)
        found.append(Interval(low=low_end, high=high_end, level=level, method=method))
    return value, tuple(found)


def persons(families: Sequence[Family]) -> dict[str, int]:
    """How many persons the largest of these rates is over; empty where each row is another's."""
    known = [persons_of(f.groups).get("units", 0) for f in families]
    return {"units": max(known)} if any(known) else {}


def persons_of(groups: Sequence[GroupCount]) -> dict[str, int]:
    """How many persons the groups are of; empty where each row is another's."""
    found = [g.weights.persons for g in groups if isinstance(g.weights, Clustered)]
    return {"units": sum(found)} if found else {}


def _together_over(pairs: int) -> str:
    if pairs == 1:
        return "1 pair"
    return f"near end for all {pairs} pairs together, far end for the widest"


def _point(groups: Sequence[GroupCount], scale: Scale) -> float | None:
    rates = [g.k / g.n for g in groups]
    if scale == "difference":
        return max(rates) - min(rates)
    return min(rates) / max(rates) if max(rates) > 0 else None


def _together(values: Sequence[float], scale: Scale, agg: Aggregate) -> float:
    if agg == "mean":
        return sum(values) / len(values)
    return max(values) if scale == "difference" else min(values)


def _ends(
    bounds: Sequence[tuple[float, float]], scale: Scale, agg: Aggregate
) -> tuple[float, float]:
    if agg == "worst_case":
        best = max if scale == "difference" else min
        return best(low for low, _ in bounds), best(high for _, high in bounds)
    # All gaps' ends hold together, so the mean lies between the means of the ends. (To recover
    # variances here would be too narrow: each gap is a maximum, biased upwards.)
    ends = [(max(0.0, low), min(1.0, high)) for low, high in bounds]
    return sum(low for low, _ in ends) / len(ends), sum(high for _, high in ends) / len(ends)


Bounded = tuple["np.ndarray", "np.ndarray", "np.ndarray"]


def _both_bounds(
    groups: Sequence[GroupCount], scale: Scale, together: float, far: float
) -> tuple[float, float]:
    """The bounds of one rate's gap: its near end at one level, its far end at the other."""
    far_end = 1 if scale == "difference" else 0
    plain = _bounds(limits_of_rates(groups, far), scale)
    if together == far:
        return plain
    near = _bounds(limits_of_rates(groups, together), scale)
    return (near[0], plain[1]) if far_end else (plain[0], near[1])


def limits_of_rates(groups: Sequence[GroupCount], level: float) -> Bounded:
    """The groups' rates with their limits."""
    import numpy as np

    k = np.array([g.k for g in groups], dtype=float)
    n = np.array([g.n for g in groups], dtype=float)
    low, high = share_limits(k, n, level)
    for i, group in enumerate(groups):
        if group.weights is not None:
            low[i], high[i] = sums_limits(group.weights, level)
    p = k / n
    return p, np.minimum(low, p), np.maximum(high, p)


def _bounds(all_groups: Bounded, scale: Scale) -> tuple[float, float]:
    """The largest (smallest, for a ratio) lower and upper bound over all ordered pairs.

    A pair's lower bound rises with the first rate and falls with its distance to its own lower
    limit, and so on: groups that two others beat in both can't be in the deciding pair, and are
    passed over. That leaves a few dozen of 10,000.
    """
    p, low, high = all_groups
    below, above = p - low, high - p
    if scale == "difference":
        firsts, seconds = (p, -below), (-p, -above)
        highs, lows = (p, above), (-p, below)
    else:
        firsts, seconds = (-p, below), (p, above)
        highs, lows = (-p, -above), (p, -below)
    pair_bounds = _difference_bounds if scale == "difference" else ratio_bounds
    lowest = _best_pair(all_groups, _front(*firsts), _front(*seconds), scale, pair_bounds, 0)
    highest = _best_pair(all_groups, _front(*highs), _front(*lows), scale, pair_bounds, 1)
    return lowest, highest


def _front(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Positions that fewer than two others beat in both, larger being better."""
    import numpy as np

    kept, best, next_best = [], -np.inf, -np.inf
    for i in np.lexsort((-second, -first)).tolist():
        value = second[i]
        if value <= next_best:
            continue
        kept.append(i)
        best, next_best = max(best, value), max(next_best, min(best, value))
    return np.array(kept, dtype=np.intp)


def _best_pair(
    groups: Bounded,
    rows: np.ndarray,
    columns: np.ndarray,
    scale: Scale,
    pair_bounds: Callable[[Bounded, Bounded], tuple[np.ndarray, np.ndarray]],
    which: int,
) -> float:
    import numpy as np

    best = np.max if scale == "difference" else np.min
    others = (groups[0][columns], groups[1][columns], groups[2][columns])
    found = []
    for start in range(0, rows.size, _BLOCK):
        part = rows[start : start + _BLOCK]
        bound = pair_bounds((groups[0][part], groups[1][part], groups[2][part]), others)[which]
        # A group against itself is no pair: its place holds the value that can't win.
        own = part[:, None] == columns[None, :]
        found.append(best(np.where(own, -np.inf if scale == "difference" else np.inf, bound)))
    return float(best(found))


def _difference_bounds(one: Bounded, other: Bounded) -> tuple[np.ndarray, np.ndarray]:
    """Newcombe's bounds of p_i - p_j, each of shape (len(one), len(other))."""
    import numpy as np

    p, p_low, p_high = (x[:, None] for x in one)
    q, q_low, q_high = (x[None, :] for x in other)
    below, above = np.hypot(p - p_low, q_high - q), np.hypot(p_high - p, q - q_low)
    return p - q - below, p - q + above


def ratio_bounds(one: Bounded, other: Bounded) -> tuple[np.ndarray, np.ndarray]:
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
