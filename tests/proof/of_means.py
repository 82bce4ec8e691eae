"""Means of skewed and heavy-tailed values, their gaps, R2, quantiles, ratios of sums."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy import stats

from evenhand.audit.measure import regression
from evenhand.audit.measure.groups.spread import largest_difference
from evenhand.audit.measure.uncertainty import intervals
from evenhand.audit.measure.uncertainty.bounded import bounded_mean
from evenhand.audit.measure.uncertainty.quantiles import quantile
from tests.proof.cell import LAYOUTS, LEVELS, Cell, Draw, Drawn, Rng, held

Values = Callable[[Rng, int], np.ndarray]
RARE = "heavy tails without variance: the finding says that a few rows carry the mean"
LONG = "a few long texts carry the sum: the finding says that a few rows carry it"
SMALL = "few rows of a very skewed value: the finding says that a few rows carry the mean"


def lognormal(sigma: float) -> Values:
    return lambda rng, n: rng.lognormal(0, sigma, n)


def squares(df: float) -> Values:
    return lambda rng, n: rng.standard_t(df, n) ** 2


def absolute(df: float) -> Values:
    return lambda rng, n: np.abs(rng.standard_t(df, n))


def normal(rng: Rng, n: int) -> np.ndarray:
    return rng.normal(size=n)


def exponential(rng: Rng, n: int) -> np.ndarray:
    return rng.exponential(1, n)


def cells() -> Iterator[Cell]:
    """All cells of means."""
    t = "Student's t"
    third = float(2 * math.sqrt(3) / math.pi)  # E|t3|
    shapes: list[tuple[str, Values, float, Sequence[int], dict[int, str]]] = [
        ("normal", normal, 0.0, (5, 20, 100), {}),
        ("exponential", exponential, 1.0, (20, 50, 200), {}),
        ("lognormal 0.8", lognormal(0.8), math.exp(0.32), (30, 100, 1000), {}),
        ("lognormal 1.2", lognormal(1.2), math.exp(0.72), (15, 100, 1000), {15: SMALL}),
        ("squares of t6", squares(6), 1.5, (50, 100, 1000), {}),
        ("squares of t3", squares(3), 3.0, (50, 500), {50: RARE, 500: RARE}),
        ("|t3|", absolute(3), third, (50, 500), {}),
        ("-log p, overconfident", _loss, _mean_loss(), (50, 200, 1000), {}),
    ]
    for name, values, truth, sizes, listed in shapes:
        for n in sizes:
            why = listed.get(n, "")
            yield Cell("mean", f"{name}, n {n}", mean(values, n, truth), rival=t, listed=why)
    for name, values in (("lognormal 1.2", lognormal(1.2)), ("|t3|", absolute(3))):
        for each in LAYOUTS:
            draw = mean_gap(values, each.sizes)
            yield Cell("mean gap", f"{name}, {each.name}", draw, rival="Welch, Bonferroni")
    errors = [("normal", normal, 1.0, "")]
    errors += [("t6", lambda r, n: r.standard_t(6, n), 1.5, "")]
    errors += [("t3", lambda r, n: r.standard_t(3, n), 3.0, RARE)]
    for name, made, variance, why in errors:
        for n in (30, 50, 100, 500):
            draw = r_squared(made, variance, n)
            yield Cell("R2", f"{name} errors, n {n}", draw, rival="log, t", listed=why)
            draw = root(made, variance, n)
            yield Cell("RMSE", f"{name} errors, n {n}", draw, rival="t, rooted", listed=why)
    for a, b, n in ((0.3, 2.7, 50), (2, 2, 20), (0.1, 0.1, 100)):
        draw = bounded(a, b, n)
        yield Cell("mean in [0, 1]", f"beta({a:g}, {b:g}), n {n}", draw, rival=t)
    for share in (0.05, 0.5, 0.95):
        for n in (50, 200):
            draw = middle(share, n)
            yield Cell("quantile", f"{share:g} of t3, n {n}", draw, rival="smoothed normal")
    for n in (10, 30, 200):
        why = LONG if n < 100 else ""
        draw, told = texts(n, False), f"lengths lognormal, {n} texts"
        yield Cell("ratio of sums", told, draw, rival="linearised", listed=why if n < 20 else "")
        told = f"lengths lognormal, skewed, {n} texts"
        yield Cell("ratio of sums", told, texts(n, True), rival="linearised", listed=why)
    for n, m in ((50, 500), (200, 200), (1000, 100)):
        yield Cell("loss gap", f"-log p, {n} and {m} rows", two_losses(n, m), rival="Welch")


def _student(x: np.ndarray) -> tuple[float, float]:
    half = float(stats.t.ppf(0.975, x.size - 1) * x.std(ddof=1) / math.sqrt(x.size))
    return float(x.mean()) - half, float(x.mean()) + half


def mean(values: Values, n: int, truth: float) -> Draw:
    def draw(rng: Rng) -> Drawn:
        x = values(rng, n)
        return held(intervals.mean(x, LEVELS).interval, truth, _student(x))

    return draw


def mean_gap(values: Values, sizes: Sequence[int]) -> Draw:
    """The largest difference of groups whose values are distributed alike: 0."""
    tests = len(sizes) * (len(sizes) - 1) / 2

    def draw(rng: Rng) -> Drawn:
        groups, own = {}, []
        for i, n in enumerate(sizes):
            x = values(rng, n)
            groups[str(i)] = lambda levels, x=x: intervals.mean(x, levels)
            own.append((float(x.mean()), float(x.var(ddof=1)) / n, n - 1))
        found = largest_difference(groups, LEVELS).interval
        return held(found, 0.0, _welch_pairs(own, tests))

    return draw


def _welch_pairs(own: Sequence[tuple[float, float, int]], tests: float) -> tuple[float, float]:
    mean_, variance, freedom = (np.array(x, dtype=float) for x in zip(*own, strict=True))
    i, j = np.triu_indices(len(own), 1)
    both = variance[i] + variance[j]
    df = both**2 / (variance[i] ** 2 / freedom[i] + variance[j] ** 2 / freedom[j])
    half = stats.t.isf(0.025 / tests, df) * np.sqrt(both)
    apart = np.abs(mean_[i] - mean_[j])
    return max(0.0, float((apart - half).max())), float((apart + half).max())


def r_squared(errors: Values, variance: float, n: int) -> Draw:
    truth = 1 - variance / (1 + variance)

    def draw(rng: Rng) -> Drawn:
        predicted, error = rng.normal(size=n), errors(rng, n)
        actual = predicted + error
        found = regression.r2(actual, predicted, LEVELS).interval
        ratio = float((error**2).mean() / actual.var())
        moved = error**2 / (error**2).mean() - (actual - actual.mean()) ** 2 / actual.var()
        half = float(stats.t.ppf(0.975, n - 1) * moved.std(ddof=1) / math.sqrt(n))
        return held(found, truth, (1 - ratio * math.exp(half), 1 - ratio * math.exp(-half)))

    return draw


def root(errors: Values, variance: float, n: int) -> Draw:
    def draw(rng: Rng) -> Drawn:
        error = errors(rng, n)
        low, high = _student(error**2)
        rival = math.sqrt(max(0.0, low)), math.sqrt(high)
        found = regression.root_mean_squared_error(error, LEVELS).interval
        return held(found, math.sqrt(variance), rival)

    return draw


def bounded(a: float, b: float, n: int) -> Draw:
    def draw(rng: Rng) -> Drawn:
        x = rng.beta(a, b, n)
        return held(bounded_mean(x, LEVELS).interval, a / (a + b), _student(x))

    return draw


def middle(share: float, n: int) -> Draw:
    truth = float(stats.t.ppf(share, 3))

    def draw(rng: Rng) -> Drawn:
        return held(quantile(rng.standard_t(3, n), share, LEVELS).interval, truth)

    return draw


def texts(n: int, is_skewed: bool) -> Draw:
    """Bits of texts over their characters, 2 on average; each text has a mean of its own."""

    def draw(rng: Rng) -> Drawn:
        length = np.maximum(1, rng.lognormal(4, 1, n).round())
        own = rng.standard_gamma(1, n) - 1 if is_skewed else rng.normal(size=n)
        bits = length * (2 + 0.3 * own)
        found = regression.ratio_of_sums(bits, length, LEVELS, empty=())
        value = bits.sum() / length.sum()
        half = 1.96 * (bits - value * length).std(ddof=1) / math.sqrt(n) / length.mean()
        return held(found.interval, 2.0, (float(value - half), float(value + half)))

    return draw


def two_losses(n: int, m: int) -> Draw:
    """The mean loss of new rows less that of the rows trained on, which is distributed alike."""

    def draw(rng: Rng) -> Drawn:
        here, there = _loss(rng, n), _loss(rng, m)
        rival = _welch_signed(here, there)
        return held(intervals.mean_difference(here, there, LEVELS).interval, 0.0, rival)

    return draw


def _welch_signed(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    a, b = x.var(ddof=1) / x.size, y.var(ddof=1) / y.size
    df = (a + b) ** 2 / (a**2 / (x.size - 1) + b**2 / (y.size - 1))
    half = float(stats.t.ppf(0.975, df) * math.sqrt(a + b))
    value = float(x.mean() - y.mean())
    return value - half, value + half


def _loss(rng: Rng, n: int) -> np.ndarray:
    """-log of the probability given to what comes, where the odds are taken to the power 3."""
    logit = rng.normal(size=n)
    is_case = rng.random(n) < 1 / (1 + np.exp(-logit))
    return np.log1p(np.exp(-3 * np.where(is_case, logit, -logit)))


def _mean_loss() -> float:
    x = np.linspace(-9, 9, 20_001)
    density = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    p = 1 / (1 + np.exp(-x))
    loss = p * np.log1p(np.exp(-3 * x)) + (1 - p) * np.log1p(np.exp(3 * x))
    return float((density * loss).sum() * (x[1] - x[0]))
