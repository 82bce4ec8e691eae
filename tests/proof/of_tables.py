"""Numbers of tables of counts: inequality, representation, dependence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np

from evenhand.audit.measure.dependence import dependence, mutual_information
from evenhand.audit.measure.groups import inequality
from evenhand.audit.measure.groups.representation import total_variation
from tests.proof.cell import LAYOUTS, LEVELS, Cell, Draw, Drawn, Rng, held

FAIR, WORSE = (0.09, 0.8, 0.11), (0.12, 0.81, 0.07)  # shares of benefit 0, 1, 2
POOR, FEW = (0.3, 0.6, 0.1), (0.02, 0.97, 0.01)


def cells() -> Iterator[Cell]:
    """All cells of tables."""
    for n in (20, 100, 1000):
        for name, shares in (("fair", FAIR), ("poor", POOR), ("hardly any wrong", FEW)):
            for alpha in (1, 2):
                told = f"{name}, n {n}, alpha {alpha}"
                yield Cell("individual inequality", told, individual(n, shares, alpha))
    for each in LAYOUTS:
        n = each.sizes
        for told, rows in (
            ("alike", [FAIR] * len(n)),
            ("the last worse", [FAIR] * (len(n) - 1) + [WORSE]),
            ("the last poor", [FAIR] * (len(n) - 1) + [POOR]),
            ("hardly any wrong", [FEW] * len(n)),
        ):
            for alpha in (1, 2) if len(n) < 5 else (2,):
                name = f"{each.name}, {told}, alpha {alpha}"
                yield Cell("inequality between groups", name, between(n, rows, alpha), most=4000)
    for name, n, p, declared in (
        ("70/30 for 50/50, n 100", 100, (0.7, 0.3), (0.5, 0.5)),
        ("as declared, 10 groups, n 300", 300, (0.1,) * 10, (0.1,) * 10),
        ("as declared, 20 groups, n 1000", 1000, (0.05,) * 20, (0.05,) * 20),
        ("one missing, n 50", 50, (0.5, 0.5, 0.0), (0.5, 0.45, 0.05)),
        ("off, 5 groups, n 500", 500, (0.4, 0.3, 0.1, 0.1, 0.1), (0.2,) * 5),
    ):
        yield Cell("representation distance", name, distance(n, p, declared))
    for n in (100, 500):
        for levels, groups, told in ((2, 2, 0.0), (2, 2, 0.3), (10, 3, 0.0), (10, 3, 0.5)):
            name = f"{levels} levels, {groups} groups, told {told:g}, n {n}"
            yield Cell("dependence", name, told_by(n, levels, groups, told), most=4000)
            if not told:
                draw = told_test(n, levels, groups)
                yield Cell("dependence, shuffled", name, draw, "test", most=4000)


def individual(n: int, shares: Sequence[float], alpha: int) -> Draw:
    benefits = np.arange(3.0)
    truth = float(inequality.generalized_entropy(np.array(shares), benefits, alpha))

    def draw(rng: Rng) -> Drawn:
        seed = [int(rng.integers(1 << 30))]
        counts = rng.multinomial(n, shares)
        found = inequality.individual_index(counts, alpha, LEVELS, seed)
        return held(found.interval, truth)

    return draw


def between(n: Sequence[int], rows: Sequence[Sequence[float]], alpha: int) -> Draw:
    size, means = np.array(n, dtype=float), np.array(rows) @ np.arange(3.0)
    truth = float(inequality.generalized_entropy(size, means, alpha))

    def draw(rng: Rng) -> Drawn:
        drawn = np.array([rng.multinomial(m, p) for m, p in zip(n, rows, strict=True)])
        return held(inequality.between_groups_index(drawn, alpha, LEVELS).interval, truth)

    return draw


def distance(n: int, p: Sequence[float], declared: Sequence[float]) -> Draw:
    truth = float(np.abs(np.array(p) - declared).sum() / 2)

    def draw(rng: Rng) -> Drawn:
        return held(
            total_variation(rng.multinomial(n, p).tolist(), declared, LEVELS).interval, truth
        )

    return draw


def _table(levels: int, groups: int, told: float) -> np.ndarray:
    """Shares: with chance ``told`` the level's own group, else any."""
    table = np.full((levels, groups), (1 - told) / groups / levels)
    for level in range(levels):
        table[level, level % groups] += told / levels
    return table


@cache
def _strength(levels: int, groups: int, told: float) -> float:
    table = _table(levels, groups, told)
    share = table.sum(axis=0)
    return float(mutual_information(table) / -(share * np.log(share)).sum())


def _drawn(rng: Rng, n: int, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    places = rng.choice(table.size, size=n, p=table.ravel())
    one, other = np.unravel_index(places, table.shape)
    return np.asarray(one), np.asarray(other)


def told_by(n: int, levels: int, groups: int, told: float) -> Draw:
    table = _table(levels, groups, told)

    def draw(rng: Rng) -> Drawn:
        one, other = _drawn(rng, n, table)
        seed = [int(rng.integers(1 << 30))]
        found = dependence(one, other, LEVELS, permutations=199, seed=seed).strength
        return held(found.interval, _strength(levels, groups, told))

    return draw


def told_test(n: int, levels: int, groups: int) -> Draw:
    table = _table(levels, groups, 0.0)

    def draw(rng: Rng) -> Drawn:
        one, other = _drawn(rng, n, table)
        seed = [int(rng.integers(1 << 30))]
        found = dependence(one, other, LEVELS, permutations=199, seed=seed).p_value
        return Drawn(None if found is None else found <= 0.05)

    return draw
