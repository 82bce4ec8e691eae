"""Rows that are advised: do they settle an open item four times in five?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from evenhand.audit.measure.groups.gaps import Scale, gap
from evenhand.audit.measure.uncertainty.intervals import share
from evenhand.policies.deciding.power import rows_for_gap, rows_for_rate
from tests.proof.cell import LEVELS, Cell, Draw, Drawn, Rng
from tests.proof.of_rates import family

ANY = "any truth"
Truths = Callable[[Rng], np.ndarray]


def cells() -> Iterator[Cell]:
    """All cells of advice. Truths are drawn anew for each data set: what is not known of them is
    what assurance is about. Only data sets in which the item is open, and advice is given, count.
    """
    for told, truth in (
        ("truth between .6 and 1", lambda r: r.uniform(0.6, 1.0)),
        ("truth .85", lambda r: 0.85),
        ("truth around .8 by .03", lambda r: min(1.0, r.normal(0.8, 0.03))),
    ):
        regime, draw = f"{told}, 100 rows, limit .8", for_rate(truth)
        yield Cell("rows for a rate", regime, draw, "assurance", ANY)
    spreads: list[tuple[str, int, Truths]] = [
        (f"{groups} groups drawn by {by:g}", groups, _drawn(groups, by))
        for groups, by in ((2, 0.03), (5, 0.02), (5, 0.03), (5, 0.06))
    ]
    spreads += [
        ("5 groups alike", 5, lambda r: np.full(5, 0.3)),
        ("5 groups, true gap .05", 5, lambda r: np.array([0.3] * 4 + [0.35])),
        ("2 groups, true gap .15", 2, lambda r: np.array([0.3, 0.45])),
        ("5 groups, true gap .2", 5, lambda r: np.array([0.3] * 4 + [0.5])),
    ]
    for told, groups, truths in spreads:
        draw = for_gap(truths, (200,) * groups, 0.1, "difference")
        yield Cell(
            "rows for a gap", f"{told}, 200 each, limit .1", draw, "assurance", ANY, most=800
        )
    draw = for_gap(_drawn(5, 0.05), (600, 200, 100, 100, 50), 0.1, "difference")
    told = "5 groups of 600 to 50 drawn by .05, limit .1"
    yield Cell("rows for a gap", told, draw, "assurance", ANY, most=800)
    for groups, by in ((2, 0.03), (4, 0.03)):
        draw = for_gap(_drawn(groups, by), (300,) * groups, 0.8, "ratio")
        told = f"{groups} groups drawn by {by:g}, 300 each, limit .8"
        yield Cell("rows for a ratio", told, draw, "assurance", ANY, most=800)


def _drawn(groups: int, by: float) -> Truths:
    return lambda rng: np.clip(rng.normal(0.3, by, groups), 0.02, 0.98)


def for_rate(truth: Callable[[Rng], float]) -> Draw:
    def draw(rng: Rng) -> Drawn:
        p = float(truth(rng))
        k = int(rng.binomial(100, p))
        if not share(k, 100).low <= 0.8 <= share(k, 100).high:
            return Drawn(None)
        rows = rows_for_rate(k, 100, 0.8, 0.95)
        more = rows.sure
        if more is None or rows.zone is None:
            return Drawn(None)
        found = share(k + int(rng.binomial(more, p)), 100 + more)
        is_settled = not found.low <= 0.8 <= found.high
        return _beyond(is_settled, p, rows.zone, more)

    return draw


def _beyond(is_settled: bool, truth: float, zone: tuple[float, float], more: int) -> Drawn:
    """What is promised beyond the zone; beside it, whatever the truth."""
    is_promised = not zone[0] < truth < zone[1]
    return Drawn(is_settled if is_promised else None, float(more), is_settled)


def for_gap(truths: Truths, n: tuple[int, ...], limit: float, scale: Scale) -> Draw:
    def is_open(k: np.ndarray, rows: np.ndarray) -> bool:
        found = gap([family(k, rows)], scale=scale, levels=LEVELS).interval
        return found is not None and found.low <= limit <= found.high

    def draw(rng: Rng) -> Drawn:
        p, rows = truths(rng), np.array(n)
        k = rng.binomial(rows, p)
        if not is_open(k, rows):
            return Drawn(None)
        cells_ = [(int(a), int(b)) for a, b in zip(k, rows, strict=True)]
        advice = rows_for_gap(cells_, limit, 0.95, ratio=scale == "ratio")
        more, true = advice.sure, float(p.max() - p.min())
        true = float(p.min() / p.max()) if scale == "ratio" else true
        if more is None or advice.zone is None:
            return Drawn(None)
        further = np.round(more * rows / rows.sum()).astype(int)
        is_settled = not is_open(k + rng.binomial(further, p), rows + further)
        return _beyond(is_settled, true, advice.zone, more)

    return draw
