"""The search for the worst groups: what the half that was not searched says of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from evenhand.audit.measure.groups.worst_groups import Levels, confirm, search
from evenhand.audit.measure.uncertainty.intervals import newcombe, share
from evenhand.audit.measure.uncertainty.weighted import cluster_limits
from tests.proof.cell import Cell, Draw, Drawn, Rng, alarms

SHAPE = (3, 4, 5)  # levels of three columns
BASE = 0.15
CANDIDATES = 10


def cells() -> Iterator[Cell]:
    """All cells of the search."""
    for n in (400, 1000, 4000):
        for lift in (0.0, 0.1, 0.3):
            told = f"n {n}, one crossing {lift:g} above"
            yield Cell("worst groups, share", told, searched(n, lift, "share"), most=2000)
            yield Cell("worst groups, lift", told, searched(n, lift, "lift"), most=2000)
        draw = searched(n, 0.0, "test")
        yield Cell("worst groups, confirmed", f"n {n}, none is worse", draw, "test", most=2000)
        draw = of_persons(n // 5, alarm=True)
        told = f"{n // 5} persons of 5 rows, none is worse"
        yield Cell("worst groups of persons, confirmed", told, draw, "test", most=4000)
        draw = of_persons(n // 5, alarm=False)
        yield Cell("worst groups of persons, share", told, draw, most=4000)
        draw = searched(n, 0.2, "test")
        yield Cell("worst groups, confirmed", f"n {n}, one .2 worse", draw, "power", most=1000)


def _risk(lift: float) -> np.ndarray:
    risk = np.full(SHAPE, BASE)
    risk[0, 1] += lift  # a crossing of two columns: a twelfth of the rows
    return risk


def _true(where: tuple[tuple[int, int], ...], risk: np.ndarray) -> tuple[float, float]:
    """The share of errors inside and outside of a crossing; all cells are as likely."""
    inside = np.ones(SHAPE, dtype=bool)
    for cell in product(*(range(s) for s in SHAPE)):
        inside[cell] = all(cell[c] == level for c, level in where)
    return float(risk[inside].mean()), float(risk[~inside].mean())


def searched(n: int, lift: float, what: str) -> Draw:
    risk = _risk(lift)

    def draw(rng: Rng) -> Drawn:
        codes = [rng.integers(0, s, n) for s in SHAPE]
        is_error = rng.random(n) < risk[tuple(codes)]
        halves = (slice(0, n // 2), slice(n // 2, n))
        first, second = (
            [
                Levels(str(i), c[h], tuple(str(v) for v in range(s)))
                for i, (c, s) in enumerate(zip(codes, SHAPE, strict=True))
            ]
            for h in halves
        )
        found, _ = search(first, is_error[halves[0]], depth=2, smallest=20, most=CANDIDATES)
        tested = confirm(found, second, is_error[halves[1]])
        if what == "test":
            return alarms(min((t.adjusted for t in tested), default=1.0))
        level = 1 - 0.05 / max(1, len(tested))
        hits, widths = [], []
        for one in tested:
            if not one.rows or not one.other_rows:
                continue
            inside, outside = _true(one.where, risk)
            if what == "share":
                i, truth = share(one.errors, one.rows, level), inside
            else:
                pair = (one.errors, one.rows, one.other_errors, one.other_rows)
                i, truth = newcombe(*pair, level), inside - outside
            hits.append(i.low <= truth <= i.high)
            widths.append(i.high - i.low)
        return Drawn(all(hits), float(np.mean(widths))) if hits else Drawn(None)

    return draw


def of_persons(persons: int, *, alarm: bool) -> Draw:
    """Every person has five rows in one crossing, whose errors correlate by .3 or so."""

    def draw(rng: Rng) -> Drawn:
        unit = np.repeat(np.arange(persons), 5)
        codes = [rng.integers(0, s, persons)[unit] for s in SHAPE]
        risk = rng.beta(BASE * 2, (1 - BASE) * 2, persons)  # variance p (1 - p) / 3 of a person's
        is_error = rng.random(unit.size) < risk[unit]
        half = unit < persons // 2
        first, second = (
            [
                Levels(str(i), c[h], tuple(str(v) for v in range(s)))
                for i, (c, s) in enumerate(zip(codes, SHAPE, strict=True))
            ]
            for h in (half, ~half)
        )
        found, _ = search(first, is_error[half], depth=2, smallest=20, most=CANDIDATES)
        tested = confirm(found, second, is_error[~half], unit[~half])
        if alarm:
            return alarms(min((t.adjusted for t in tested), default=1.0))
        level = 1 - 0.05 / max(1, len(tested))
        ends = [cluster_limits(t.persons[0], level) for t in tested if t.persons is not None]
        return Drawn(all(low <= BASE <= high for low, high in ends)) if ends else Drawn(None)

    return draw
