"""The cells of the proof: a family of intervals or tests in one regime, and how to draw from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from evenhand.audit.finding import Interval
from evenhand.audit.measure import classification as c
from evenhand.audit.measure import regression
from evenhand.audit.measure.calibration import CalibrationBin, expected_calibration_error
from evenhand.audit.measure.groups import exposure, inequality
from evenhand.audit.measure.groups.gaps import Family, GroupCount, Scale, gap
from evenhand.audit.measure.groups.impact import Selected, impact_ratio
from evenhand.audit.measure.groups.representation import total_variation
from evenhand.audit.measure.groups.spread import largest_difference
from evenhand.audit.measure.multiclass import macro_f1
from evenhand.audit.measure.paired_gap import gap_change
from evenhand.audit.measure.ranking import roc_auc
from evenhand.audit.measure.uncertainty import intervals
from evenhand.audit.measure.uncertainty.bounded import bounded_mean
from evenhand.audit.measure.uncertainty.picked import shortfall_p_values
from evenhand.audit.measure.uncertainty.quantiles import quantile
from evenhand.audit.measure.uncertainty.testing import adjust, equal_rates
from evenhand.audit.measure.uncertainty.weighted import (
    Weighted,
    cluster_limits,
    clustered,
    weighted_limits,
)

LEVELS = (0.95,)
Rng = np.random.Generator
Draw = Callable[[Rng], "tuple[bool, float]"]


@dataclass(frozen=True)
class Cell:
    """``draw`` makes one data set: did it hold (or alarm), and how wide was the interval.

    ``limit`` is the least coverage, or the most alarms where ``is_test``. ``listed`` says why no
    method holds here; such a finding says so itself.
    """

    family: str
    regime: str
    draw: Draw
    is_test: bool = False
    limit: float = 0.935
    listed: str = ""

    @property
    def name(self) -> str:
        """What seeds and stores it."""
        return f"{self.family} / {self.regime}"


def held(found: Interval | tuple[float, float] | None, truth: float) -> tuple[bool, float]:
    """An estimate without an interval claims nothing, and counts as held with no width."""
    if found is None:
        return True, math.nan
    low, high = (found.low, found.high) if isinstance(found, Interval) else found
    return bool(low - 1e-9 <= truth <= high + 1e-9), high - low


def _family(k: Sequence[int], n: Sequence[int]) -> Family:
    groups = (GroupCount(str(i), int(a), int(b)) for i, (a, b) in enumerate(zip(k, n, strict=True)))
    return Family("r", tuple(groups), "no rows")


def rate_gap(n: Sequence[int], p: Sequence[float], scale: Scale = "difference") -> Draw:
    truth = max(p) - min(p) if scale == "difference" else min(p) / max(p)

    def draw(rng: Rng) -> tuple[bool, float]:
        found = gap([_family(rng.binomial(n, p), n)], scale=scale, levels=LEVELS)
        return held(found.interval, truth)

    return draw


def share(n: int, p: float) -> Draw:
    return lambda rng: held(intervals.share(int(rng.binomial(n, p)), n), p)


def area(make: Callable[[Rng], tuple[np.ndarray, np.ndarray]], truth: float) -> Draw:
    def draw(rng: Rng) -> tuple[bool, float]:
        pos, neg = make(rng)
        label = np.arange(pos.size + neg.size) < pos.size
        return held(roc_auc(label, np.concatenate([pos, neg]), LEVELS).interval, truth)

    return draw


def missed(m: int, n: int, part: float) -> Callable[[Rng], tuple[np.ndarray, np.ndarray]]:
    """Positives at +1.5 but for a part at -3; negatives at 0; all with variance 1."""
    return lambda rng: (
        rng.normal(np.where(rng.random(m) < part, -3, 1.5), 1),
        rng.normal(0, 1, n),
    )


def missed_area(part: float) -> float:
    phi = stats.norm.cdf
    return float((1 - part) * phi(1.5 / math.sqrt(2)) + part * phi(-3 / math.sqrt(2)))


def area_gap(sizes: Sequence[tuple[int, int]], part: float) -> Draw:
    def draw(rng: Rng) -> tuple[bool, float]:
        groups = {}
        for i, (m, n) in enumerate(sizes):
            pos, neg = missed(m, n, part)(rng)
            label, score = np.arange(m + n) < m, np.concatenate([pos, neg])
            groups[str(i)] = lambda levels, t=label, s=score: roc_auc(t, s, levels)
        return held(largest_difference(groups, LEVELS).interval, 0.0)

    return draw


def weighted(n: int, heavy: float, weight: float, of_heavy: float, of_light: float) -> Draw:
    mass = heavy * weight * of_heavy + (1 - heavy) * of_light
    truth = mass / (heavy * weight + 1 - heavy)

    def draw(rng: Rng) -> tuple[bool, float]:
        w = np.where(rng.random(n) < heavy, weight, 1.0)
        y = rng.random(n) < np.where(w > 1, of_heavy, of_light)
        sums = [float(x) for x in (w[y].sum(), w[~y].sum(), (w[y] ** 2).sum(), (w[~y] ** 2).sum())]
        return held(weighted_limits(Weighted(*sums), 0.95), truth)

    return draw


def clusters(persons: int, rows: int, rho: float, p: float) -> Draw:
    size = (1 - rho) / rho

    def draw(rng: Rng) -> tuple[bool, float]:
        k = rng.binomial(rows, rng.beta(p * size, (1 - p) * size, persons)).astype(float)
        return held(cluster_limits(clustered(k, np.full(persons, float(rows))), 0.95), p)

    return draw


Values = Callable[[Rng, int], np.ndarray]


def mean(values: Values, n: int, truth: float) -> Draw:
    return lambda rng: held(intervals.mean(values(rng, n), LEVELS).interval, truth)


def mean_gap(values: Values, sizes: Sequence[int]) -> Draw:
    def draw(rng: Rng) -> tuple[bool, float]:
        groups = {}
        for i, n in enumerate(sizes):
            x = values(rng, n)
            groups[str(i)] = lambda levels, x=x: intervals.mean(x, levels)
        return held(largest_difference(groups, LEVELS).interval, 0.0)

    return draw


def r_squared(errors: Values, variance: float, n: int) -> Draw:
    truth = 1 - variance / (1 + variance)

    def draw(rng: Rng) -> tuple[bool, float]:
        predicted, error = rng.normal(size=n), errors(rng, n)
        return held(regression.r2(predicted + error, predicted, LEVELS).interval, truth)

    return draw


def joined_gap(sizes: Sequence[int], of: Callable[..., object], cells: Sequence[float]) -> Draw:
    """Groups with the same true cells tn, fp, fn, tp: the true gap is 0."""

    def draw(rng: Rng) -> tuple[bool, float]:
        groups = {}
        for i, n in enumerate(sizes):
            tn, fp, fn, tp = (int(v) for v in rng.multinomial(n, cells))
            one = c.Confusion(tp=tp, fp=fp, fn=fn, tn=tn)
            groups[str(i)] = lambda levels, one=one: of(one, levels)
        return held(largest_difference(groups, LEVELS).interval, 0.0)  # type: ignore[arg-type]

    return draw


def macro(shares: np.ndarray, n: int) -> Draw:
    hit, sizes = np.diag(shares), shares.sum(axis=0) + shares.sum(axis=1)
    truth = float((2 * hit / sizes).mean())

    def draw(rng: Rng) -> tuple[bool, float]:
        drawn = rng.multinomial(n, shares.ravel()).reshape(shares.shape)
        return held(macro_f1(drawn, LEVELS).interval, truth)

    return draw


def quality(n: int, separation: float, truth: float) -> Draw:
    def draw(rng: Rng) -> tuple[bool, float]:
        label = (rng.random(n) < 0.3).astype(float)
        score = rng.normal(size=n) + separation * label
        return held(exposure.ndcg_estimate(label, score, LEVELS).interval, truth)

    return draw


def quality_truth(n: int, separation: float) -> float:
    """The mean over 20,000 rankings of a stream of its own."""
    rng, found = np.random.default_rng(99), []
    for _ in range(20_000):
        label = (rng.random(n) < 0.3).astype(float)
        value = exposure.ndcg(label, rng.normal(size=n) + separation * label)
        found.append(value if value is not None else math.nan)
    return float(np.nanmean(found))


def exposed(n: int, part: float) -> Draw:
    """Scores do not depend on the group: its true relative exposure is 1."""

    def draw(rng: Rng) -> tuple[bool, float]:
        weights = exposure.position_weights(rng.normal(size=n))
        weights = weights / weights.mean()
        own = weights[: round(n * part)]
        return held(exposure.exposure_limits(own, n, float(weights.max()), 0.95), 1.0)

    return draw


def ratio_to_top(n: Sequence[int], p: Sequence[float], lowest: bool) -> Draw:
    def draw(rng: Rng) -> tuple[bool, float]:
        table = [Selected(int(k), int(m)) for k, m in zip(rng.binomial(n, p), n, strict=True)]
        pick = min(range(len(table)), key=lambda i: table[i].rate) if lowest else 0
        return held(impact_ratio(table[pick], table, LEVELS).interval, p[pick] / max(p))

    return draw


def picked_test(n: Sequence[int], p: float) -> Draw:
    def draw(rng: Rng) -> tuple[bool, float]:
        seed = [int(rng.integers(1 << 30))]
        found = shortfall_p_values(rng.binomial(n, p).tolist(), n, seed=seed, draws=600)
        return min(found) <= 0.05, math.nan

    return draw


def rest_test(n: Sequence[int], p: float) -> Draw:
    def draw(rng: Rng) -> tuple[bool, float]:
        k = rng.binomial(n, p)
        cases, rows = int(k.sum()), int(sum(n))
        found = [
            equal_rates(int(a), int(b), cases - int(a), rows - int(b))[0]
            for a, b in zip(k, n, strict=True)
        ]
        return min(adjust(found)) <= 0.05, math.nan

    return draw


def between(n: Sequence[int], cells: Sequence[Sequence[float]], alpha: int) -> Draw:
    size, means = np.array(n, dtype=float), np.array(cells) @ np.arange(3.0)
    truth = float(inequality.generalized_entropy(size, means, alpha))

    def draw(rng: Rng) -> tuple[bool, float]:
        drawn = np.array([rng.multinomial(m, p) for m, p in zip(n, cells, strict=True)])
        seed = [int(rng.integers(1 << 30))]
        return held(inequality.between_groups_index(drawn, alpha, LEVELS, seed).interval, truth)

    return draw


def distance(n: int, p: Sequence[float], declared: Sequence[float]) -> Draw:
    truth = float(np.abs(np.array(p) - declared).sum() / 2)

    def draw(rng: Rng) -> tuple[bool, float]:
        drawn = [int(k) for k in rng.multinomial(n, p)]
        return held(total_variation(drawn, declared, LEVELS).interval, truth)

    return draw


def binned_error(n: int, off: float) -> Draw:
    middles = np.linspace(0.15, 0.85, 10)

    def draw(rng: Rng) -> tuple[bool, float]:
        size = n // 10
        bins = [
            CalibrationBin(m, m, size, int(rng.binomial(size, min(1, m + off))), float(m))
            for m in middles
        ]
        return held(expected_calibration_error(bins, LEVELS).interval, off)

    return draw


def helped(n: Sequence[int], new: Sequence[float], old: Sequence[float]) -> Draw:
    """Did an unchanged or a grown gap look smaller?"""

    def draw(rng: Rng) -> tuple[bool, float]:
        table = np.zeros((len(n), 2, 2, 2))
        for g, (m, p, q) in enumerate(zip(n, new, old, strict=True)):
            cells = [(1 - p) * (1 - q), (1 - p) * q, p * (1 - q), p * q]
            table[g, 1] = rng.multinomial(m, cells).reshape(2, 2)
        seed = int(rng.integers(1 << 30))
        found = gap_change(table, ("selection_rate",), seed=seed).interval
        return found is not None and found.high < 0, math.nan

    return draw


def bounded(n: int) -> Draw:
    return lambda rng: held(bounded_mean(rng.beta(0.3, 2.7, n), LEVELS).interval, 0.1)


def middle(n: int) -> Draw:
    return lambda rng: held(quantile(rng.standard_t(3, n), 0.5, LEVELS).interval, 0.0)


def f1(n: int, cells: Sequence[float]) -> Draw:
    truth = 2 * cells[3] / (2 * cells[3] + cells[1] + cells[2])

    def draw(rng: Rng) -> tuple[bool, float]:
        tn, fp, fn, tp = (int(v) for v in rng.multinomial(n, cells))
        return held(c.f1(c.Confusion(tp=tp, fp=fp, fn=fn, tn=tn), LEVELS).interval, truth)

    return draw
