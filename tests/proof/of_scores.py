"""Areas under the ROC curve and their gaps; binned calibration, its slope; binned errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy import stats

from evenhand.audit.measure.calibration import (
    CalibrationBin,
    expected_calibration_error,
)
from evenhand.audit.measure.groups.spread import largest_difference
from evenhand.audit.measure.ranking import roc_auc
from evenhand.audit.measure.recalibration import recalibrate
from tests.proof.cell import LEVELS, Cell, Draw, Drawn, Rng, held

Scores = Callable[[Rng], tuple[np.ndarray, np.ndarray]]  # of the positives, of the negatives


def cells() -> Iterator[Cell]:
    """All cells of scores."""
    rival = "DeLong, logit"
    for part, m, n in (
        (0.0, 20, 200),
        (0.0, 10, 10),
        (0.0, 500, 500),
        (0.02, 100, 500),
        (0.1, 30, 100),
        (0.3, 20, 200),
        (0.3, 100, 1000),
        (0.5, 100, 1000),
    ):
        yield Cell(
            "area",
            f"{part:.0%} missed, {m}/{n}",
            area(missed(m, n, part), missed_area(part)),
            rival=rival,
        )
    for shift, m, n in ((2.5, 20, 200), (4.0, 20, 200), (4.0, 100, 100)):
        truth = float(stats.norm.cdf(shift / math.sqrt(2)))
        draw = area(apart(m, n, shift), truth)
        yield Cell("area", f"apart by {shift:g}, {m}/{n}", draw, rival=rival)
    for p, q, m, n in ((0.7, 0.3, 40, 200), (0.95, 0.5, 20, 200), (0.5, 0.01, 20, 200)):
        draw = area(zero_one(m, n, p, q), p * (1 - q) + (p * q + (1 - p) * (1 - q)) / 2)
        yield Cell("area", f"scores 0 and 1, {p:g}/{q:g}, {m}/{n}", draw, rival=rival)
    for name, sizes in (
        ("2 x 20/80", ((20, 80),) * 2),
        ("3 x 50/500", ((50, 500),) * 3),
        ("50/500, 20/200", ((50, 500), (20, 200))),
        ("500/500, 100/100, 30/30", ((500, 500), (100, 100), (30, 30))),
        ("10 x 50/50", ((50, 50),) * 10),
    ):
        for part in (0.0, 0.3):
            draw = area_gap(sizes, (part,) * len(sizes))
            yield Cell("area gap", f"{part:.0%} missed, {name}", draw, rival="DeLong, Bonferroni")
    draw = area_gap(((50, 500), (50, 500)), (0.0, 0.15))
    yield Cell("area gap", "15% missed in one of two, 50/500", draw, rival="DeLong, Bonferroni")
    for n in (30, 100, 300, 2000):
        for off in (0.0, 0.1, 0.3):
            told = f"{'calibrated' if not off else f'off by {off:g}'}, n {n}"
            yield Cell("binned calibration error", told, binned_error(n, off))
    for n, rate in ((50, 0.5), (100, 0.2), (200, 0.05), (1000, 0.5), (1000, 0.02)):
        for slope in (1.0, 0.4):
            told = f"true slope {slope:g}, n {n}, rate {rate:g}"
            wald = "Wald"
            yield Cell("calibration slope", told, recalibrated(n, rate, slope, True), rival=wald)
            yield Cell(
                "calibration intercept", told, recalibrated(n, rate, slope, False), rival=wald
            )


def missed(m: int, n: int, part: float) -> Scores:
    """Positives at +1.5 but for a part at -3; negatives at 0; all with variance 1."""
    return lambda rng: (
        rng.normal(np.where(rng.random(m) < part, -3, 1.5), 1),
        rng.normal(0, 1, n),
    )


def missed_area(part: float) -> float:
    phi = stats.norm.cdf
    return float((1 - part) * phi(1.5 / math.sqrt(2)) + part * phi(-3 / math.sqrt(2)))


def apart(m: int, n: int, shift: float) -> Scores:
    return lambda rng: (rng.normal(shift, 1, m), rng.normal(0, 1, n))


def zero_one(m: int, n: int, p: float, q: float) -> Scores:
    return lambda rng: ((rng.random(m) < p).astype(float), (rng.random(n) < q).astype(float))


def _delong(pos: np.ndarray, neg: np.ndarray) -> tuple[float, float]:
    """Area and its variance by DeLong, DeLong and Clarke-Pearson 1988."""
    order = np.sort(neg)
    low, high = np.searchsorted(order, pos, "left"), np.searchsorted(order, pos, "right")
    v10 = (low + high) / 2 / neg.size
    order = np.sort(pos)
    low, high = np.searchsorted(order, neg, "left"), np.searchsorted(order, neg, "right")
    v01 = 1 - (low + high) / 2 / pos.size
    return float(v10.mean()), float(v10.var(ddof=1) / pos.size + v01.var(ddof=1) / neg.size)


def _delong_logit(pos: np.ndarray, neg: np.ndarray) -> tuple[float, float]:
    a, variance = _delong(pos, neg)
    if not 0 < a < 1:
        return a, a
    centre, half = math.log(a / (1 - a)), 1.96 * math.sqrt(variance) / (a * (1 - a))
    return tuple(1 / (1 + math.exp(-(centre + s * half))) for s in (-1, 1))  # type: ignore[return-value]


def area(make: Scores, truth: float) -> Draw:
    def draw(rng: Rng) -> Drawn:
        pos, neg = make(rng)
        label = np.arange(pos.size + neg.size) < pos.size
        found = roc_auc(label, np.concatenate([pos, neg]), LEVELS).interval
        return held(found, truth, _delong_logit(pos, neg))

    return draw


def area_gap(sizes: Sequence[tuple[int, int]], parts: Sequence[float]) -> Draw:
    areas = [missed_area(part) for part in parts]
    truth = max(areas) - min(areas)
    tests = len(sizes) * (len(sizes) - 1) / 2
    z = float(stats.norm.isf(0.025 / tests))

    def draw(rng: Rng) -> Drawn:
        groups, own = {}, []
        for i, ((m, n), part) in enumerate(zip(sizes, parts, strict=True)):
            pos, neg = missed(m, n, part)(rng)
            label, score = np.arange(m + n) < m, np.concatenate([pos, neg])
            groups[str(i)] = lambda levels, t=label, s=score: roc_auc(t, s, levels)
            own.append(_delong(pos, neg))
        pairs = [
            (abs(a - b), z * math.sqrt(v + w))
            for i, (a, v) in enumerate(own)
            for b, w in own[i + 1 :]
        ]
        rival = max(0.0, *(d - h for d, h in pairs)), max(d + h for d, h in pairs)
        return held(largest_difference(groups, LEVELS).interval, truth, rival)

    return draw


def binned_error(n: int, off: float) -> Draw:
    """Scores uniform in ten bins; the true share is off by ``off`` in every second one."""
    score = (np.arange(10) + 0.5) / 10
    true = np.clip(score + np.where(np.arange(10) % 2, off, -off), 0.01, 0.99)
    truth = float(np.abs(true - score).mean())

    def draw(rng: Rng) -> Drawn:
        sizes = rng.multinomial(n, np.full(10, 0.1))
        kept = np.flatnonzero(sizes)
        bins = [
            CalibrationBin(s, s, int(m), int(rng.binomial(m, p)), s)
            for s, m, p in zip(score[kept], sizes[kept], true[kept], strict=True)
        ]
        return held(expected_calibration_error(bins, LEVELS).interval, truth)

    return draw


def recalibrated(n: int, rate: float, slope: float, is_slope: bool) -> Draw:
    """Labels of logit ``slope`` times the score's, around ``rate``."""
    middle = math.log(rate / (1 - rate))

    def draw(rng: Rng) -> Drawn:
        x = rng.normal(middle, 1.0, n)
        y = rng.random(n) < 1 / (1 + np.exp(-slope * x))
        fit = recalibrate(y, 1 / (1 + np.exp(-x)), LEVELS)
        found = fit.slope if is_slope else fit.intercept
        return held(found.interval, slope if is_slope else 0.0, _wald(x, y, is_slope))

    return draw


def _wald(x: np.ndarray, y: np.ndarray, is_slope: bool) -> tuple[float, float] | None:
    """Wald's interval of a logistic regression, from ten steps of Newton's."""
    design, beta = np.column_stack([np.ones_like(x), x]), np.zeros(2)
    for _ in range(10):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        information = (design * (p * (1 - p))[:, None]).T @ design
        if np.linalg.cond(information) > 1e12:
            return None
        beta = beta + np.linalg.solve(information, design.T @ (y - p))
        if not np.all(np.abs(beta) < 50):
            return None
    half = 1.96 * np.sqrt(np.diag(np.linalg.inv(information)))
    i = int(is_slope)
    return float(beta[i] - half[i]), float(beta[i] + half[i])
