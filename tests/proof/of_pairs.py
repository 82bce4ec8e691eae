"""Two models on the same rows: changes of rates, and of the gap between groups."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from evenhand.audit.measure.paired import PairedCounts, mcnemar_exact, newcombe_paired
from evenhand.audit.measure.paired_gap import gap_change
from tests.proof.cell import Cell, Draw, Drawn, Rng, alarms, held


def cells() -> Iterator[Cell]:
    """All cells of pairs."""
    for n in (50, 200, 1000):
        for told, shares in (
            ("alike, .9", (0.85, 0.05, 0.05, 0.05)),
            ("alike, hardly ever apart", (0.89, 0.01, 0.01, 0.09)),
            (".8 and .7", (0.65, 0.15, 0.05, 0.15)),
            ("opposed", (0.1, 0.4, 0.4, 0.1)),
        ):
            yield Cell("paired change", f"{told}, n {n}", paired(n, shares), rival="Wald")
            if shares[1] == shares[2]:
                draw = mcnemar(n, shares)
                yield Cell("McNemar's test", f"{told}, n {n}", draw, "test", "without exactness")
    mild = {"kind": "test", "limit": 0.03}
    for told, n, new, old in (
        ("0 -> 0, 10 x 50, .5 -> .05", (50,) * 10, (0.05,) * 10, (0.5,) * 10),
        ("0 -> 0, 3 x 40, .3 -> .02", (40,) * 3, (0.02,) * 3, (0.3,) * 3),
        (".1 -> .1, 2 x 200", (200,) * 2, (0.1, 0.2), (0.5, 0.6)),
        (".1 -> .1, 4 x 500", (500,) * 4, (0.1, 0.1, 0.1, 0.2), (0.5, 0.5, 0.6, 0.6)),
        (".2 -> .2, 1000 and 15", (1000, 15), (0.1, 0.3), (0.5, 0.7)),
    ):
        few = 4000 if len(n) < 10 else 2000
        yield Cell("gap made smaller", told, helped(n, new, old), **mild, most=few)
    for told, n, new, old in (
        (".2 -> 0, 2 x 500", (500,) * 2, (0.3, 0.3), (0.4, 0.6)),
        (".3 -> .05, 6 x 300", (300,) * 6, (0.3,) * 5 + (0.35,), (0.3,) * 5 + (0.6,)),
    ):
        yield Cell("gap made smaller", told, helped(n, new, old), "power", most=1000)


def _paired(rng: Rng, n: int, shares: Sequence[float]) -> PairedCounts:
    return PairedCounts(*(int(v) for v in rng.multinomial(n, shares)))


def paired(n: int, shares: Sequence[float]) -> Draw:
    def draw(rng: Rng) -> Drawn:
        of = _paired(rng, n, shares)
        p, q = of.first / n, of.second / n
        half = 1.96 * math.sqrt(max(p + q - (p - q) ** 2, 0) / n)
        return held(newcombe_paired(of), shares[1] - shares[2], (p - q - half, p - q + half))

    return draw


def mcnemar(n: int, shares: Sequence[float]) -> Draw:
    def draw(rng: Rng) -> Drawn:
        of = _paired(rng, n, shares)
        apart = of.first + of.second
        z = abs(of.first - of.second) / math.sqrt(apart) if apart else 0.0
        return alarms(mcnemar_exact(of.first, of.second), math.erfc(z / math.sqrt(2)))

    return draw


def helped(n: Sequence[int], new: Sequence[float], old: Sequence[float]) -> Draw:
    """Was a gap said to have shrunk?"""

    def draw(rng: Rng) -> Drawn:
        table = np.zeros((len(n), 2, 2, 2))
        for g, (m, p, q) in enumerate(zip(n, new, old, strict=True)):
            shares = [(1 - p) * (1 - q), (1 - p) * q, p * (1 - q), p * q]
            table[g, 1] = rng.multinomial(m, shares).reshape(2, 2)
        seed = int(rng.integers(1 << 30))
        found = gap_change(table, ("selection_rate",), seed=seed).interval
        return Drawn(found is not None and found.high < 0)

    return draw
