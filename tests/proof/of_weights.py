"""Weighted rows: rates whose weights tell of the outcome, and their gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from evenhand.audit.measure.groups.gaps import Family, GroupCount, gap
from evenhand.audit.measure.uncertainty.score import share_limits
from evenhand.audit.measure.uncertainty.weighted import Weighted, weighted_limits
from tests.proof.cell import LEVELS, Cell, Draw, Drawn, Rng, held

Rows = Callable[[Rng, int], tuple[np.ndarray, np.ndarray]]  # weights, and who is a case


def cells() -> Iterator[Cell]:
    """All cells of weighted rows."""
    kinds: list[tuple[str, Rows, float, Sequence[int]]] = [
        ("cases weigh 10", strata(0.2, 10, 1.0, 0.0), 2 / 2.8, (50, 200, 1000)),
        (
            "10 % weigh 8 and differ",
            strata(0.1, 8, 0.6, 0.2),
            _truth(0.1, 8, 0.6, 0.2),
            (200, 1000),
        ),
        (
            "5 % weigh 5, .9 for .03",
            strata(0.05, 5, 0.9, 0.03),
            _truth(0.05, 5, 0.9, 0.03),
            (200, 1000),
        ),
        ("3 % weigh 20", strata(0.03, 20, 0.9, 0.1), _truth(0.03, 20, 0.9, 0.1), (200, 1000)),
        ("others weigh 10", strata(0.8, 10, 0.0, 1.0), 0.2 / 8.2, (200, 1000)),
        ("lognormal 1.2, rate .03", spread(1.2, 0.03), 0.03, (200, 1000)),
        ("lognormal 1.2, rate .3", spread(1.2, 0.3), 0.3, (50, 200)),
    ]
    for told, rows, truth, sizes in kinds:
        for n in sizes:
            draw = weighted(rows, n, truth)
            yield Cell("weighted rate", f"{told}, n {n}", draw, rival="Kish")
        draw = weighted_gap(rows, (1000, 200))
        yield Cell("weighted rate gap", f"{told}, 1000/200", draw, rival="Kish")
        draw = weighted_gap(rows, (200,) * 5)
        yield Cell("weighted rate gap", f"{told}, 5 x 200", draw, rival="Kish")


def strata(heavy: float, weight: float, of_heavy: float, of_light: float) -> Rows:
    def made(rng: Rng, n: int) -> tuple[np.ndarray, np.ndarray]:
        w = np.where(rng.random(n) < heavy, weight, 1.0)
        return w, rng.random(n) < np.where(w > 1, of_heavy, of_light)

    return made


def _truth(heavy: float, weight: float, of_heavy: float, of_light: float) -> float:
    mass = heavy * weight * of_heavy + (1 - heavy) * of_light
    return mass / (heavy * weight + 1 - heavy)


def spread(sigma: float, rate: float) -> Rows:
    return lambda rng, n: (rng.lognormal(0, sigma, n), rng.random(n) < rate)


def _sums(w: np.ndarray, y: np.ndarray) -> Weighted:
    own, rest = w[y], w[~y]
    sums = (float((part**power).sum()) for power in (1, 2, 4) for part in (own, rest))
    return Weighted(*sums)


def _kish(of: Weighted) -> tuple[float, float]:
    low, high = share_limits(of.share * of.effective, of.effective, 0.95)
    return float(low), float(high)


def weighted(rows: Rows, n: int, truth: float) -> Draw:
    def draw(rng: Rng) -> Drawn:
        of = _sums(*rows(rng, n))
        return held(weighted_limits(of, 0.95), truth, _kish(of))

    return draw


def weighted_gap(rows: Rows, sizes: Sequence[int]) -> Draw:
    def draw(rng: Rng) -> Drawn:
        sums = [_sums(*rows(rng, n)) for n in sizes]
        found, kish = (
            gap([_family(sums, sizes, known)], scale="difference", levels=LEVELS).interval
            for known in (True, False)
        )
        return held(found, 0.0, kish)

    return draw


def _family(sums: Sequence[Weighted], sizes: Sequence[int], known: bool) -> Family:
    groups = (
        GroupCount(str(i), s.share * s.effective, s.effective, n, s if known else None)
        for i, (s, n) in enumerate(zip(sums, sizes, strict=True))
    )
    return Family("r", tuple(groups), ())
