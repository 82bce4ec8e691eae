"""Rankings: how good they are, and who is shown at the top."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import numpy as np

from evenhand.audit.measure.groups import exposure
from tests.proof.cell import LEVELS, Cell, Draw, Drawn, Rng, held


def cells() -> Iterator[Cell]:
    """All cells of rankings."""
    for n, rate, apart in (
        (30, 0.3, 1.0),
        (30, 0.3, 0.0),
        (100, 0.3, 1.0),
        (100, 0.3, 0.0),
        (100, 0.05, 1.0),
        (100, 0.5, 2.0),
        (300, 0.1, 1.0),
        (1000, 0.3, 1.0),
        (1000, 0.02, 2.0),
    ):
        yield Cell("nDCG", f"n {n}, rate {rate:g}, separated by {apart:g}", quality(n, rate, apart))
    for n, part, shift in (
        (1000, 0.05, 0.0),
        (100, 0.1, 0.0),
        (200, 0.5, 0.0),
        (200, 0.9, 0.0),
        (300, 0.1, -0.5),
        (300, 0.1, 1.0),
        (5000, 0.02, 0.0),
    ):
        told = f"{part:.0%} of {n}" + (f", shifted by {shift:g}" if shift else "")
        yield Cell("exposure", told, exposed(n, part, shift))


def _ranked(rng: Rng, n: int, rate: float, apart: float) -> tuple[np.ndarray, np.ndarray]:
    label = (rng.random(n) < rate).astype(float)
    return label, rng.normal(size=n) + apart * label


@cache
def _quality(n: int, rate: float, apart: float) -> float:
    """The mean over 20,000 rankings of a stream of its own."""
    rng = np.random.default_rng(99)
    found = [exposure.ndcg(*_ranked(rng, n, rate, apart)) for _ in range(20_000)]
    return float(np.mean([v for v in found if v is not None]))


def quality(n: int, rate: float, apart: float) -> Draw:
    def draw(rng: Rng) -> Drawn:
        label, score = _ranked(rng, n, rate, apart)
        found = exposure.ndcg_estimate(label, score, LEVELS).interval
        return held(found, _quality(n, rate, apart))

    return draw


@cache
def _exposure(n: int, part: float, shift: float) -> float:
    """The group's mean relative exposure over 4,000 rankings."""
    rng, own, found = np.random.default_rng(98), round(n * part), []
    for _ in range(4000 if shift else 0):
        score = rng.normal(size=n)
        score[:own] += shift
        weights = exposure.position_weights(score)
        found.append(float(weights[:own].mean() / weights.mean()))
    return math.fsum(found) / len(found) if found else 1.0


def exposed(n: int, part: float, shift: float) -> Draw:
    own = round(n * part)

    def draw(rng: Rng) -> Drawn:
        score = rng.normal(size=n)
        score[:own] += shift
        weights = exposure.position_weights(score)
        weights = weights / weights.mean()
        found = exposure.exposure_limits(weights[:own], n, float(weights.max()), 0.95)
        return held(found, _exposure(n, part, shift))

    return draw
