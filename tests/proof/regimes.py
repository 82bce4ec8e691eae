"""Which family is tried in which regime."""

from __future__ import annotations

import math

import numpy as np

from evenhand.audit.measure import classification as c
from tests.proof import cells as k
from tests.proof.cells import Cell

GROUPS = {
    "1000/200/60": (1000, 200, 60),
    "5000/300/100/50": (5000, 300, 100, 50),
    "2 x 100": (100,) * 2,
    "5 x 100": (100,) * 5,
    "10 x 100": (100,) * 10,
    "20 x 100": (100,) * 20,
}
RARE = "heavy tails without variance: the finding says that a few rows carry the mean"
SMALL = "15 rows of a very skewed value: the finding says that a few rows carry the mean"


def _rates() -> list[Cell]:
    found = [
        Cell("rate", f"{p:g} of {n}", k.share(n, p))
        for n in (20, 50, 200, 1000)
        for p in (0.02, 0.1, 0.5)
    ]
    for name, n in GROUPS.items():
        for p in (0.02, 0.1, 0.5):
            flat = (p,) * len(n)
            found.append(Cell("rate gap", f"{name}, all {p:g}", k.rate_gap(n, flat)))
            apart = (*flat[:-1], 1.5 * p)
            found.append(Cell("rate gap", f"{name}, {p:g}, last x1.5", k.rate_gap(n, apart)))
        found.append(Cell("rate ratio", f"{name}, all .1", k.rate_gap(n, (0.1,) * len(n), "ratio")))
        low = (*(0.3,) * (len(n) - 1), 0.2)
        found.append(Cell("rate ratio", f"{name}, .3, last .2", k.rate_gap(n, low, "ratio")))
        found.append(
            Cell("impact ratio, any group", name, k.ratio_to_top(n, (0.3,) * len(n), False))
        )
        found.append(
            Cell("impact ratio, the lowest", name, k.ratio_to_top(n, (0.3,) * len(n), True))
        )
        for p in (0.1, 0.3):
            test = {"is_test": True, "limit": 0.06}
            found.append(
                Cell("80 % rule, top picked", f"{name}, all {p:g}", k.picked_test(n, p), **test)
            )
            found.append(
                Cell("group against the rest, Holm", f"{name}, {p:g}", k.rest_test(n, p), **test)
            )
    return found


def _areas() -> list[Cell]:
    found = [
        Cell(
            "area", f"{part:.0%} missed, {m}/{n}", k.area(k.missed(m, n, part), k.missed_area(part))
        )
        for part, m, n in ((0.0, 20, 200), (0.3, 20, 200), (0.3, 100, 1000), (0.1, 30, 100))
    ]

    def ties(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        return (rng.random(40) < 0.7).astype(float), (rng.random(200) < 0.3).astype(float)

    # .7 x .7 in order, .7 x .3 + .3 x .7 tied
    found.append(Cell("area", "scores 0 and 1", k.area(ties, 0.49 + 0.21)))
    for name, sizes in (
        ("3 x 50/500", ((50, 500),) * 3),
        ("50/500, 20/200", ((50, 500), (20, 200))),
    ):
        found.append(Cell("area gap", f"30% missed, {name}", k.area_gap(sizes, 0.3)))
    return found


def _weights() -> list[Cell]:
    return [
        Cell("weighted rate", "cases weigh 10", k.weighted(200, 0.2, 10, 1.0, 0.0)),
        Cell("weighted rate", "10 % weigh 8 and differ", k.weighted(200, 0.1, 8, 0.6, 0.2)),
        Cell("weighted rate", "3 % weigh 20, n 1000", k.weighted(1000, 0.03, 20, 0.9, 0.1)),
        Cell("clusters", "100 persons of 5 rows", k.clusters(100, 5, 0.3, 0.3)),
        Cell("clusters", "20 persons of 5 rows", k.clusters(20, 5, 0.3, 0.3)),
    ]


def _means() -> list[Cell]:
    def lognormal(rng: np.random.Generator, n: int) -> np.ndarray:
        return rng.lognormal(0, 1.2, n)

    def squares(df: float) -> k.Values:
        return lambda rng, n: rng.standard_t(df, n) ** 2

    return [
        Cell("mean", "normal, n 20", k.mean(lambda r, n: r.normal(size=n), 20, 0.0)),
        Cell("mean", "exponential, n 50", k.mean(lambda r, n: r.exponential(1, n), 50, 1.0)),
        Cell("mean", "lognormal 1.2, n 100", k.mean(lognormal, 100, math.exp(0.72))),
        Cell("mean", "lognormal 1.2, n 15", k.mean(lognormal, 15, math.exp(0.72)), listed=SMALL),
        Cell("mean", "squares of t6, n 100", k.mean(squares(6), 100, 1.5)),
        Cell("mean", "squares of t3, n 500", k.mean(squares(3), 500, 3.0), listed=RARE),
        Cell("mean", "-log p, overconfident, n 200", k.mean(_loss, 200, _mean_loss())),
        Cell("mean gap", "lognormal 1.2, 3 x 100", k.mean_gap(lognormal, (100,) * 3)),
        Cell("mean gap", "lognormal 1.2, 1000/200/60", k.mean_gap(lognormal, (1000, 200, 60))),
        Cell("R2", "normal errors, n 50", k.r_squared(lambda r, n: r.normal(size=n), 1.0, 50)),
        Cell("R2", "t6 errors, n 100", k.r_squared(lambda r, n: r.standard_t(6, n), 1.5, 100)),
        Cell(
            "R2",
            "t3 errors, n 50",
            k.r_squared(lambda r, n: r.standard_t(3, n), 3.0, 50),
            listed=RARE,
        ),
        Cell("mean in [0, 1]", "beta(.3, 2.7), n 50", k.bounded(50)),
        Cell("quantile", "median of t3, n 50", k.middle(50)),
    ]


def _loss(rng: np.random.Generator, n: int) -> np.ndarray:
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


def _others() -> list[Cell]:
    rare, easy = (0.9, 0.04, 0.02, 0.04), (0.5, 0.1, 0.1, 0.3)
    classes = np.array([[0.4, 0.05, 0.05], [0.05, 0.3, 0.05], [0.02, 0.02, 0.06]])
    cells = ((0.09, 0.8, 0.11), (0.12, 0.81, 0.07))
    mild = {"is_test": True, "limit": 0.03}
    return [
        Cell("F1", "rare, n 100", k.f1(100, rare)),
        Cell("F1", "easy, n 100", k.f1(100, easy)),
        *(
            Cell(f"{name} gap", f"{kind}, {sizes}", k.joined_gap(GROUPS[sizes], of, shares))
            for name, of in (("F1", c.f1), ("balanced accuracy", c.balanced_accuracy))
            for kind, shares in (("rare", rare), ("easy", easy))
            for sizes in ("1000/200/60", "5000/300/100/50", "2 x 100")
        ),
        Cell("macro F1", "one rare class, n 100", k.macro(classes, 100)),
        Cell("macro F1", "one rare class, n 300", k.macro(classes, 300)),
        Cell("nDCG", "n 30, separated by 1", k.quality(30, 1.0, k.quality_truth(30, 1.0))),
        Cell("nDCG", "n 100, separated by 1", k.quality(100, 1.0, k.quality_truth(100, 1.0))),
        Cell("exposure", "5 % of 1000", k.exposed(1000, 0.05)),
        Cell("exposure", "half of 200", k.exposed(200, 0.5)),
        Cell("inequality between groups", "400/200", k.between((400, 200), cells, 2)),
        Cell("inequality between groups", "1000/30, Theil", k.between((1000, 30), cells, 1)),
        Cell(
            "inequality between groups", "equal, 400/200", k.between((400, 200), cells[:1] * 2, 2)
        ),
        Cell(
            "representation distance",
            "70/30 for 50/50, n 100",
            k.distance(100, (0.7, 0.3), (0.5, 0.5)),
        ),
        Cell(
            "representation distance",
            "as declared, n 300",
            k.distance(300, (0.1,) * 10, (0.1,) * 10),
        ),
        Cell("binned calibration error", "off by .1, n 300", k.binned_error(300, 0.1)),
        Cell("binned calibration error", "calibrated, n 300", k.binned_error(300, 0.0)),
        Cell(
            "gap made smaller",
            "0 -> 0, 10 x 50, .5 -> .05",
            k.helped((50,) * 10, (0.05,) * 10, (0.5,) * 10),
            **mild,
        ),
        Cell(
            "gap made smaller",
            ".1 -> .1, 2 x 200",
            k.helped((200,) * 2, (0.1, 0.2), (0.5, 0.6)),
            **mild,
        ),
        Cell(
            "gap made smaller",
            ".1 -> .1, 4 x 500",
            k.helped((500,) * 4, (0.1, 0.1, 0.1, 0.2), (0.5, 0.5, 0.6, 0.6)),
            **mild,
        ),
    ]


def every() -> list[Cell]:
    """All cells of the proof, in the order of docs/proof.md."""
    return [*_rates(), *_areas(), *_weights(), *_means(), *_others()]
