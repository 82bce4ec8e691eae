"""Measures that join several rates: F1, balanced accuracy, macro F1, treatment equality, the gap to
the overall rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from evenhand.audit.checks.fairness import gaps
from evenhand.audit.measure import classification as c
from evenhand.audit.measure.groups.spread import largest_difference
from evenhand.audit.measure.multiclass import balanced_accuracy, macro_f1
from evenhand.audit.subject.tallying.counts import BINARY, Counts
from tests.proof.cell import LAYOUTS, LEVELS, Cell, Draw, Drawn, Rng, held
from tests.proof.of_rates import exact_bands

Four = Sequence[float]  # shares of tn, fp, fn, tp
RARE: Four = (0.9, 0.04, 0.02, 0.04)
EASY: Four = (0.5, 0.1, 0.1, 0.3)
POOR: Four = (0.55, 0.15, 0.2, 0.1)
PERFECT: Four = (0.7, 0.0, 0.0, 0.3)


def cells() -> Iterator[Cell]:
    """All cells of joined measures."""
    exact = "exact limits of its rates"
    for kind, shares in (("rare", RARE), ("easy", EASY), ("poor", POOR), ("perfect", PERFECT)):
        for n in (60, 100, 1000):
            yield Cell("F1", f"{kind}, n {n}", single(n, c.f1, shares, f1_of))
            draw = single(n, c.balanced_accuracy, shares, balanced_of)
            yield Cell("balanced accuracy", f"{kind}, n {n}", draw)
        for each in LAYOUTS:
            told = f"{kind}, {each.name}"
            for name, of, truth in (
                ("F1 gap", c.f1, f1_of),
                ("balanced accuracy gap", c.balanced_accuracy, balanced_of),
            ):
                draw = joined_gap(each.sizes, of, [shares] * len(each.sizes), truth)
                yield Cell(name, told, draw, rival=exact)
            if kind != "perfect":
                n = each.sizes
                yield Cell("treatment equality", told, whole(n, shares, "treatment_equality"))
                yield Cell("gap to the overall rate", told, whole(n, shares, "to_overall"))
    for each in LAYOUTS[:4]:
        shares = [EASY] * (len(each.sizes) - 1) + [POOR]
        told = f"easy, the last poor, {each.name}"
        for name, of, truth in (
            ("F1 gap", c.f1, f1_of),
            ("balanced accuracy gap", c.balanced_accuracy, balanced_of),
        ):
            yield Cell(name, told, joined_gap(each.sizes, of, shares, truth), rival=exact)
    for told, matrix in (
        ("one rare class of 3", [[0.4, 0.05, 0.05], [0.05, 0.3, 0.05], [0.02, 0.02, 0.06]]),
        ("two classes", [[0.5, 0.1], [0.1, 0.3]]),
        ("six classes", (np.eye(6) * 0.1 + (1 - np.eye(6)) * 0.4 / 30).tolist()),
        ("four, one at 2 %", _four()),
    ):
        for n in (60, 100, 300, 1000):
            yield Cell("macro F1", f"{told}, n {n}", macro(np.array(matrix), n))
            yield Cell("macro recall", f"{told}, n {n}", recalls(np.array(matrix), n))


def _four() -> list[list[float]]:
    return [
        [0.4, 0.04, 0.04, 0.0],
        [0.03, 0.25, 0.02, 0.0],
        [0.02, 0.02, 0.16, 0.0],
        [0.005, 0.003, 0.002, 0.01],
    ]


def f1_of(shares: Four) -> float:
    return 2 * shares[3] / (2 * shares[3] + shares[1] + shares[2])


def balanced_of(shares: Four) -> float:
    return (shares[3] / (shares[2] + shares[3]) + shares[0] / (shares[0] + shares[1])) / 2


def _drawn(rng: Rng, n: int, shares: Four) -> c.Confusion:
    tn, fp, fn, tp = (int(v) for v in rng.multinomial(n, shares))
    return c.Confusion(tp=tp, fp=fp, fn=fn, tn=tn)


def single(n: int, of: Callable[..., object], shares: Four, truth: Callable[[Four], float]) -> Draw:
    return lambda rng: held(of(_drawn(rng, n, shares), LEVELS).interval, truth(shares))  # type: ignore[attr-defined]


def joined_gap(
    sizes: Sequence[int],
    of: Callable[..., object],
    shares: Sequence[Four],
    truth: Callable[[Four], float],
) -> Draw:
    true = [truth(s) for s in shares]

    def draw(rng: Rng) -> Drawn:
        groups, bands = {}, []
        for i, (n, own) in enumerate(zip(sizes, shares, strict=True)):
            one = _drawn(rng, n, own)
            groups[str(i)] = lambda levels, one=one: of(one, levels)
            bands.append(_exact(one, of is c.f1, len(sizes)))
        found = largest_difference(groups, LEVELS).interval  # type: ignore[arg-type]
        lows, highs = zip(*bands, strict=True)
        rival = max(0.0, max(lows) - min(highs)), max(highs) - min(lows)
        return held(found, max(true) - min(true), rival)

    return draw


def _exact(of: c.Confusion, is_f1: bool, groups: int) -> tuple[float, float]:
    """Limits of F1 or balanced accuracy from exact ones of the rates that they are made of."""
    if is_f1:
        rows = of.tp + of.fp + of.fn
        low, high = exact_bands([of.tp], [rows], groups)
        return (
            (float(2 * low[0] / (1 + low[0])), float(2 * high[0] / (1 + high[0])))
            if rows
            else (0.0, 1.0)
        )
    low, high = exact_bands([of.tp, of.tn], [of.tp + of.fn, of.tn + of.fp], 2 * groups)
    return float(low.mean()), float(high.mean())


_WHOLE = {
    "treatment_equality": "treatment_equality_difference",
    "to_overall": "demographic_parity_difference_to_overall",
}


def whole(sizes: Sequence[int], shares: Four, which: str) -> Draw:
    """A gap of groups that are alike, by the check itself: truly 0."""
    names = np.array([[f"g{i:02}"] for i in range(len(sizes))], dtype=object)

    def draw(rng: Rng) -> Drawn:
        four = np.array([rng.multinomial(n, shares) for n in sizes])
        table = four.reshape(-1, 2, 2)
        counts = Counts(("g",), BINARY, names, table)
        seed = int(rng.integers(1 << 30))
        found = gaps.from_counts(counts, seed=seed, levels=LEVELS, measures=[_WHOLE[which]])
        return held(next(iter(found)).interval, 0.0)

    return draw


def macro(shares: np.ndarray, n: int) -> Draw:
    shares = shares / shares.sum()
    hit, sizes = np.diag(shares), shares.sum(axis=0) + shares.sum(axis=1)
    truth = float((2 * hit / sizes).mean())

    def draw(rng: Rng) -> Drawn:
        drawn = rng.multinomial(n, shares.ravel()).reshape(shares.shape)
        if (drawn.sum(axis=1) == 0).any():  # of the classes that have rows: another number
            return Drawn(None)
        return held(macro_f1(drawn, LEVELS).interval, truth)

    return draw


def recalls(shares: np.ndarray, n: int) -> Draw:
    shares = shares / shares.sum()
    truth = float((np.diag(shares) / shares.sum(axis=1)).mean())

    def draw(rng: Rng) -> Drawn:
        drawn = rng.multinomial(n, shares.ravel()).reshape(shares.shape)
        if (drawn.sum(axis=1) == 0).any():
            return Drawn(None)
        return held(balanced_accuracy(drawn, LEVELS).interval, truth)

    return draw
