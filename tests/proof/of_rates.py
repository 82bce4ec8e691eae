"""Rates of groups: their intervals, gaps, ratios, and the tests of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import betaincinv

from evenhand.audit.measure.groups.gaps import Family, GroupCount, Scale, gap
from evenhand.audit.measure.groups.impact import Selected, impact_ratio
from evenhand.audit.measure.groups.unknown import if_known
from evenhand.audit.measure.uncertainty import intervals
from evenhand.audit.measure.uncertainty.picked import shortfall_p_values
from evenhand.audit.measure.uncertainty.testing import adjust, equal_rates, two_proportion_z
from tests.proof.cell import LAYOUTS, LEVELS, Cell, Draw, Drawn, Rng, alarms, held

Counted = Sequence[int]
_EMPTY = ()


def cells() -> Iterator[Cell]:
    """All cells of rates."""
    for n in (10, 20, 50, 200, 1000):
        for p in (0.02, 0.1, 0.5):
            yield Cell("rate", f"{p:g} of {n}", share(n, p), rival="Clopper-Pearson")
    for each in LAYOUTS:
        name, n = each.name, each.sizes
        for p in (0.02, 0.1, 0.5):
            flat = (p,) * len(n)
            apart = (*flat[:-1], 1.5 * p)
            for told, rates in ((f"all {p:g}", flat), (f"{p:g}, last x1.5", apart)):
                exact = "exact limits of all"
                yield Cell("rate gap", f"{name}, {told}", rate_gap(n, rates), rival=exact)
                draw = rate_gap(n, rates, "ratio")
                yield Cell("rate ratio", f"{name}, {told}", draw, rival=exact)
                yield Cell("mean of gaps", f"{name}, {told}", mean_of_gaps(n, rates), rival=exact)
            for lowest in (False, True):
                family = f"impact ratio, {'the lowest' if lowest else 'any group'}"
                yield Cell(family, f"{name}, all {p:g}", ratio_to_top(n, flat, lowest), rival=exact)
            test = {"kind": "test", "rival": "z against the top as given"}
            yield Cell("80 % rule, top picked", f"{name}, all {p:g}", picked_test(n, flat), **test)
            test["rival"] = "z tests, Holm"
            draw = rest_test(n, flat)
            yield Cell("group against the rest, Holm", f"{name}, all {p:g}", draw, **test)
        low = (*(0.3,) * (len(n) - 1), 0.2)
        yield Cell("impact ratio, any group", f"{name}, .3, last .2", ratio_to_last(n, low))
        yield from _power(name, n)
        for p in (0.1, 0.5):
            for missing in (0.05, 0.2):
                told = f"{name}, all {p:g}, {missing:.0%} unknown"
                yield Cell("unknown values, at most", told, unknown(n, p, missing, "highest"))
                yield Cell("unknown values, at least", told, unknown(n, p, missing, "lowest"))


def _power(name: str, n: Counted) -> Iterator[Cell]:
    apart = (*(0.3,) * (len(n) - 1), 0.15)
    told = f"{name}, .3, last .15"
    rival = "z against the top as given"
    yield Cell("80 % rule, top picked", told, picked_test(n, apart), "power", rival)
    yield Cell("group against the rest, Holm", told, rest_test(n, apart), "power", "z tests, Holm")


def share(n: int, p: float) -> Draw:
    def draw(rng: Rng) -> Drawn:
        k = int(rng.binomial(n, p))
        low, high = exact_bands([k], [n])
        return held(intervals.share(k, n), p, (float(low[0]), float(high[0])))

    return draw


def family(k: Sequence[int], n: Sequence[int]) -> Family:
    groups = (GroupCount(str(i), int(a), int(b)) for i, (a, b) in enumerate(zip(k, n, strict=True)))
    return Family("r", tuple(groups), _EMPTY)


Bands = tuple[np.ndarray, np.ndarray]


def exact_bands(k: Sequence[int], n: Sequence[int], tests: float | None = None) -> Bands:
    """Clopper and Pearson's limits that hold for all groups' rates together."""
    a, m = np.asarray(k, dtype=float), np.asarray(n, dtype=float)
    tail = 0.025 / (len(n) if tests is None else tests)
    low = np.where(a > 0, betaincinv(np.maximum(a, 0.5), m - a + 1, tail), 0.0)
    high = np.where(a < m, 1 - betaincinv(np.maximum(m - a, 0.5), a + 1, tail), 1.0)
    return low, high


def exact_gap(bands: Bands, scale: Scale) -> tuple[float, float]:
    """The gap that limits of all rates together leave room for."""
    low, high = bands
    if scale == "difference":
        return max(0.0, float(low.max() - high.min())), float(high.max() - low.min())
    return float(low.min() / high.max()), float(min(1.0, high.min() / max(low.max(), 1e-12)))


def rate_gap(n: Counted, p: Sequence[float], scale: Scale = "difference") -> Draw:
    truth = max(p) - min(p) if scale == "difference" else min(p) / max(p)

    def draw(rng: Rng) -> Drawn:
        k = rng.binomial(n, p)
        found = gap([family(k, n)], scale=scale, levels=LEVELS)
        return held(found.interval, truth, exact_gap(exact_bands(k, n), scale))

    return draw


def mean_of_gaps(n: Counted, p: Sequence[float]) -> Draw:
    """Of a rate over a fifth of the rows and one over the others (average odds)."""
    few = [max(2, m // 5) for m in n]
    many = [m - f for m, f in zip(n, few, strict=True)]
    other = [q / 2 for q in p]
    truth = (max(p) - min(p) + max(other) - min(other)) / 2

    def draw(rng: Rng) -> Drawn:
        k = [(rng.binomial(few, p), few), (rng.binomial(many, other), many)]
        found = gap([family(a, b) for a, b in k], scale="difference", levels=LEVELS, agg="mean")
        each = [exact_gap(exact_bands(a, b, 2 * len(n)), "difference") for a, b in k]
        return held(found.interval, truth, tuple(sum(e) / 2 for e in zip(*each, strict=True)))

    return draw


def _table(k: Sequence[int], n: Counted) -> list[Selected]:
    return [Selected(int(a), int(b)) for a, b in zip(k, n, strict=True)]


def ratio_to_top(n: Counted, p: Sequence[float], lowest: bool) -> Draw:
    def draw(rng: Rng) -> Drawn:
        k = rng.binomial(n, p)
        table = _table(k, n)
        pick = min(range(len(table)), key=lambda i: table[i].rate) if lowest else 0
        low, high = exact_bands(k, n)
        rival = float(low[pick] / high.max()), 1.0
        return held(impact_ratio(table[pick], table, LEVELS).interval, p[pick] / max(p), rival)

    return draw


def ratio_to_last(n: Counted, p: Sequence[float]) -> Draw:
    """The ratio of the last group, whose rate is truly lower."""

    def draw(rng: Rng) -> Drawn:
        table = _table(rng.binomial(n, p), n)
        return held(impact_ratio(table[-1], table, LEVELS).interval, p[-1] / max(p))

    return draw


def picked_test(n: Counted, p: Sequence[float]) -> Draw:
    """Is any group said to fall short of the highest? (For power: the last one.)"""

    def draw(rng: Rng) -> Drawn:
        k = rng.binomial(n, p).tolist()
        seed = [int(rng.integers(1 << 30))]
        found = shortfall_p_values(k, n, seed=seed, draws=600)
        top = max(range(len(n)), key=lambda i: k[i] / n[i])
        asked = range(len(n)) if len(set(p)) == 1 else [len(n) - 1]
        taken = [two_proportion_z(k[top], n[top], k[i], n[i]) for i in asked if i != top]
        other = min(1.0, *(q * (len(n) - 1) for q in taken)) if taken else 1.0
        return alarms(min(found[i] for i in asked), other)

    return draw


def rest_test(n: Counted, p: Sequence[float]) -> Draw:
    def draw(rng: Rng) -> Drawn:
        k = rng.binomial(n, p)
        cases, rows = int(k.sum()), int(sum(n))
        ours, z = [], []
        for a, b in zip(k.tolist(), n, strict=True):
            four = (a, b, cases - a, rows - b)
            ours.append(equal_rates(*four)[0])
            z.append(two_proportion_z(*four))
        asked = slice(None) if len(set(p)) == 1 else slice(-1, None)
        return alarms(min(adjust(ours)[asked]), min(adjust(z)[asked]))

    return draw


def unknown(n: Counted, p: float, missing: float, end: str) -> Draw:
    """A share of each group's rows is of unknown group: the bound of the gap over all ways to
    assign them, whose truth is that of the expected counts."""
    rates = (p,) * len(n)
    known = [m * (1 - missing) for m in n]
    gone = sum(n) * missing
    groups = [GroupCount(str(i), p * m, m) for i, m in enumerate(known)]
    options = {"scale": "difference", "levels": LEVELS, "rows": 0}
    truth = if_known([Family("r", tuple(groups), _EMPTY)], [(p * gone, gone)], end, **options)

    def draw(rng: Rng) -> Drawn:
        hidden = rng.binomial(n, missing)
        rest = np.array(n) - hidden
        k, lost = rng.binomial(rest, rates), int(rng.binomial(hidden.sum(), p))
        found = if_known(
            [family(k, np.maximum(rest, 1))], [(lost, int(hidden.sum()))], end, **options
        )
        return held(found.interval, float(truth.value or 0.0))

    return draw
