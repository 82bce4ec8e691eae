"""Members of training data told from others: rates at a threshold that is itself estimated."""

from __future__ import annotations

from collections.abc import Iterator

from scipy import stats

from evenhand.audit.measure.exposure.membership import advantage, true_positive_rate
from evenhand.audit.measure.uncertainty.intervals import clopper_pearson
from tests.proof.cell import LEVELS, Cell, Draw, Drawn, Rng, held


def cells() -> Iterator[Cell]:
    """All cells of membership attacks: scores normal, members higher by ``shift``; or a part of the
    members found for sure, the others alike."""
    for rate, m, n in (
        (0.1, 100, 100),
        (0.1, 300, 3000),
        (0.1, 3000, 300),
        (0.01, 1000, 1000),
        (0.01, 100, 3000),
    ):
        for shift in (0.0, 0.5, 1.5):
            told = f"{rate:.0%}, {m} members, {n} others, shift {shift:g}"
            truth = float(stats.norm.sf(stats.norm.isf(rate) - shift))
            draw = found(m, n, rate, truth, shift)
            yield Cell("members found at a rate", told, draw, rival="Clopper-Pearson alone")
    for rate in (0.1, 0.01):
        truth = 0.1 + 0.9 * rate
        told = f"{rate:.0%}, 1000 members, 1000 others, a tenth found for sure"
        draw = found(1000, 1000, rate, truth, 0.0, sure=0.1)
        yield Cell("members found at a rate", told, draw, rival="Clopper-Pearson alone")
    for m, n, shift in ((100, 100, 0.0), (100, 1000, 0.5), (1000, 1000, 1.5)):
        # the distributions of two shifted normals part most half-way
        truth = 2 * float(stats.norm.cdf(shift / 2)) - 1
        yield Cell(
            "advantage in telling members",
            f"{m} members, {n} others, shift {shift:g}",
            parted(m, n, shift, truth),
        )


def found(m: int, n: int, rate: float, truth: float, shift: float, sure: float = 0.0) -> Draw:
    def draw(rng: Rng) -> Drawn:
        members = rng.normal(shift, 1, m)
        members[rng.random(m) < sure] = 10.0
        others = rng.normal(0, 1, n)
        told = true_positive_rate(members, others, rate, LEVELS)
        own = clopper_pearson(told.counts["found"], m, LEVELS[0])
        return held(told.interval, truth, (own.low, own.high))

    return draw


def parted(m: int, n: int, shift: float, truth: float) -> Draw:
    def draw(rng: Rng) -> Drawn:
        own = advantage(rng.normal(shift, 1, m), rng.normal(0, 1, n), LEVELS)
        return held(own.interval, truth)

    return draw
