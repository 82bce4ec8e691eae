"""Several rows of one person: every measure that takes a person's rows together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy import stats

from evenhand.audit.checks.fairness import gaps
from evenhand.audit.measure import classification as c
from evenhand.audit.measure import multiclass, regression
from evenhand.audit.measure.calibration import calibration_error_of_persons, equal_mass_bins
from evenhand.audit.measure.groups import exposure, inequality
from evenhand.audit.measure.groups.background import Background
from evenhand.audit.measure.paired_gap import PairedPeople, gap_change
from evenhand.audit.measure.paired_persons import paired_interval, sign_flip_p_value
from evenhand.audit.measure.ranking import roc_auc
from evenhand.audit.measure.recalibration import recalibrate
from evenhand.audit.measure.uncertainty import intervals
from evenhand.audit.measure.uncertainty.picked import shortfall_p_values_of_persons
from evenhand.audit.measure.uncertainty.quantiles import quantile
from evenhand.audit.measure.uncertainty.testing import adjust, equal_rates_of_persons
from evenhand.audit.measure.uncertainty.weighted import cluster_limits, clustered
from evenhand.audit.subject.tallying.counts import count_groups
from tests.proof.cell import LEVELS, Cell, Draw, Drawn, Rng, alarms, held

Sizes = Callable[[Rng, int], np.ndarray]  # rows of each of n persons


def five(rng: Rng, n: int) -> np.ndarray:
    return np.full(n, 5)


def uneven(rng: Rng, n: int) -> np.ndarray:
    """Most persons have one or two rows, a few dozens."""
    return np.minimum(50, 1 + rng.pareto(1.5, n).astype(int))


def cells() -> Iterator[Cell]:
    """All cells of persons. Rows of one person agree with a correlation of .3 unless it is said."""
    shapes: list[tuple[str, Sizes]] = [("5 rows each", five), ("1 to 50 rows", uneven)]
    for name, sizes in shapes:
        for persons in (20, 60, 300):
            told = f"{persons} persons, {name}"
            for p in (0.05, 0.3):
                yield Cell(
                    "clusters, rate", f"{told}, {p:g}", rate(persons, sizes, p), rival="rows"
                )
            yield Cell("clusters, mean", told, mean(persons, sizes), rival="rows")
            yield Cell("clusters, R2", told, r_squared(persons, sizes))
            yield Cell("clusters, area", told, scored(persons, sizes, "area"))
            for what in ("F1", "balanced accuracy"):
                yield Cell(f"clusters, {what}", told, joined(persons, sizes, what))
            for what in ("calibration slope", "binned calibration error"):
                yield Cell(f"clusters, {what}", told, scored(persons, sizes, what))
            for share in (0.5, 0.95):
                draw = quantile_of(persons, sizes, share)
                yield Cell("clusters, quantile", f"{told}, {share:g}", draw)
            for what in ("macro F1", "macro recall"):
                yield Cell(f"clusters, {what}", told, several(persons, sizes, what))
            yield Cell("clusters, exposure", told, ranked(persons, sizes))
            yield Cell("clusters, area across groups", told, across(persons, sizes))
            for alpha in (1, 2):
                draw = unequal(persons, sizes, alpha)
                yield Cell("clusters, individual inequality", f"{told}, alpha {alpha}", draw)
                draw = unequal(persons, sizes, alpha, apart=True)
                yield Cell("clusters, inequality between groups", f"{told}, alpha {alpha}", draw)
            yield Cell("clusters, paired change", told, paired(persons, sizes, 0.0))
            yield Cell("clusters, paired change", f"{told}, .1 apart", paired(persons, sizes, 0.1))
            yield Cell("clusters, sign flips", told, flips(persons, sizes), "test", "McNemar")
        for groups in ((60, 60), (300, 60, 20), (40,) * 6):
            told = f"{'/'.join(map(str, groups))} persons, {name}"
            for measure in (
                "demographic_parity_difference",
                "equalized_odds_difference",
                "demographic_parity_difference_to_overall",
                "balanced_accuracy_score_difference",
            ):
                yield Cell(f"clusters, {measure}", told, gap_of(groups, sizes, measure), most=4000)
            draw = top_test(groups, sizes, 0.3)
            yield Cell("clusters, 80 % rule", told, draw, "test", "rows, z", most=8000)
            draw = rest_test(groups, sizes, 0.3)
            yield Cell("clusters, group against the rest", told, draw, "test", most=8000)
            apart = (*(0.4,) * (len(groups) - 1), 0.15)
            draw = top_test(groups, sizes, apart)
            yield Cell("clusters, 80 % rule", f"{told}, .4, last .15", draw, "power", "rows, z")
        draw = smaller((60, 60), sizes)
        told = f".1 -> .1, 60/60 persons, {name}"
        yield Cell("clusters, gap made smaller", told, draw, "test", limit=0.03, most=4000)


def _alike(rng: Rng, unit: np.ndarray, rho: float = 0.3) -> np.ndarray:
    """Normal values of variance 1 that rows of one person share in part."""
    own = rng.normal(size=int(unit.max()) + 1)
    return np.sqrt(rho) * own[unit] + np.sqrt(1 - rho) * rng.normal(size=unit.size)


def _units(rng: Rng, persons: int, sizes: Sizes) -> np.ndarray:
    return np.repeat(np.arange(persons), sizes(rng, persons))


def _cases(rng: Rng, unit: np.ndarray, p: float | np.ndarray) -> np.ndarray:
    """Rows that are cases with the chance ``p``; two of one person agree more often."""
    found: np.ndarray = _alike(rng, unit) < stats.norm.ppf(p)
    return found


def rate(persons: int, sizes: Sizes, p: float) -> Draw:
    def draw(rng: Rng) -> Drawn:
        unit = _units(rng, persons, sizes)
        case = _cases(rng, unit, p)
        of = clustered(np.bincount(unit, case), np.bincount(unit))
        k, n = int(case.sum()), case.size
        return held(cluster_limits(of, 0.95), p, intervals.share(k, n))

    return draw


def mean(persons: int, sizes: Sizes) -> Draw:
    """Of exponential values."""

    def draw(rng: Rng) -> Drawn:
        unit = _units(rng, persons, sizes)
        x = stats.expon.ppf(stats.norm.cdf(_alike(rng, unit)))
        plain, found = intervals.mean(x, LEVELS), intervals.mean(x, LEVELS, units=unit)
        return held(found.interval, 1.0, plain.interval)

    return draw


def r_squared(persons: int, sizes: Sizes) -> Draw:
    def draw(rng: Rng) -> Drawn:
        unit = _units(rng, persons, sizes)
        predicted, error = _alike(rng, unit), _alike(rng, unit)
        found = regression.r2(predicted + error, predicted, LEVELS, unit)
        return held(found.interval, 0.5)

    return draw


_AREA = float(stats.norm.cdf(1 / np.sqrt(2)))


def scored(persons: int, sizes: Sizes, what: str) -> Draw:
    """Labels and scores that both go with the person."""

    def draw(rng: Rng) -> Drawn:
        unit = _units(rng, persons, sizes)
        if what == "area":
            y = _cases(rng, unit, 0.4)
            return held(roc_auc(y, _alike(rng, unit) + y, LEVELS, unit).interval, _AREA)
        score = stats.norm.cdf(_alike(rng, unit))  # uniform, alike within persons
        y = rng.random(unit.size) < score
        person = rng.random(persons) < 0.3  # labels of some persons are all decided at once
        together = rng.random(persons)[unit] < score
        y = np.where(person[unit], together, y)
        if what == "calibration slope":
            return held(recalibrate(y, score, LEVELS, unit).slope.interval, 1.0)
        bins = equal_mass_bins(y, score, 5)
        found = calibration_error_of_persons(bins, y, score, unit, LEVELS)
        return held(found.interval, 0.0)

    return draw


def _four(rng: Rng, unit: np.ndarray) -> np.ndarray:
    """Each person's tn, fp, fn, tp; a third of the rows positive, .8 of either kind right."""
    y, right = _cases(rng, unit, 1 / 3), _cases(rng, unit, 0.8)
    cell = np.where(y, np.where(right, 3, 2), np.where(right, 0, 1))
    persons = int(unit.max()) + 1
    return np.bincount(unit * 4 + cell, minlength=persons * 4).reshape(-1, 4).astype(float)


def joined(persons: int, sizes: Sizes, what: str) -> Draw:
    of = c.f1 if what == "F1" else c.balanced_accuracy
    truth = 2 * 0.8 / (2 * 0.8 + 0.2 + 0.4) if what == "F1" else 0.8

    def draw(rng: Rng) -> Drawn:
        four = _four(rng, _units(rng, persons, sizes))
        tn, fp, fn, tp = (int(v) for v in four.sum(axis=0))
        confusion = c.Confusion(tp=tp, fp=fp, fn=fn, tn=tn)
        return held(of(confusion, LEVELS, four).interval, truth)

    return draw


def ranked(persons: int, sizes: Sizes) -> Draw:
    """The exposure of one half of the persons, whose scores are like the others'."""

    def draw(rng: Rng) -> Drawn:
        unit = _units(rng, persons, sizes)
        weights = exposure.position_weights(_alike(rng, unit))
        weights = weights / weights.mean()
        inside = unit < persons // 2
        found = exposure.exposure_limits(
            weights[inside], unit.size, float(weights.max()), 0.95, unit[inside]
        )
        return held(found, 1.0)

    return draw


def _two_models(rng: Rng, unit: np.ndarray, apart: float) -> tuple[np.ndarray, np.ndarray]:
    return _cases(rng, unit, 0.5 + apart), _cases(rng, unit, 0.5)


def paired(persons: int, sizes: Sizes, apart: float) -> Draw:
    def draw(rng: Rng) -> Drawn:
        unit = _units(rng, persons, sizes)
        one, other = _two_models(rng, unit, apart)
        return held(paired_interval(one.astype(int) - other, unit), apart)

    return draw


def flips(persons: int, sizes: Sizes) -> Draw:
    def draw(rng: Rng) -> Drawn:
        unit = _units(rng, persons, sizes)
        one, other = _two_models(rng, unit, 0.0)
        difference = one.astype(int) - other
        rows = sign_flip_p_value(difference, np.arange(unit.size))
        return alarms(sign_flip_p_value(difference, unit), rows)

    return draw


def quantile_of(persons: int, sizes: Sizes, share: float) -> Draw:
    """Of exponential values."""
    truth = float(stats.expon.ppf(share))

    def draw(rng: Rng) -> Drawn:
        unit = _units(rng, persons, sizes)
        x = stats.expon.ppf(stats.norm.cdf(_alike(rng, unit)))
        return held(quantile(x, share, LEVELS, unit).interval, truth)

    return draw


def several(persons: int, sizes: Sizes, what: str) -> Draw:
    """Classes of .6, .3 and .1 of the rows, right in .8 of each, else either of the others."""
    p, n = np.array([0.6, 0.3, 0.1]), 3
    wrong = 0.1 * p[:, None] * (1 - np.eye(n)) + 0.8 * np.diag(p)
    f1 = 2 * np.diag(wrong) / (wrong.sum(axis=0) + wrong.sum(axis=1))
    truth = 0.8 if what == "macro recall" else float(f1.mean())
    of = multiclass.macro_f1 if what == "macro F1" else multiclass.balanced_accuracy

    def draw(rng: Rng) -> Drawn:
        unit = _units(rng, persons, sizes)
        actual = np.searchsorted(p.cumsum()[:2], stats.norm.cdf(_alike(rng, unit)))
        right = _cases(rng, unit, 0.8)
        other = (actual + rng.integers(1, n, unit.size)) % n
        each = multiclass.persons_matrices(actual, np.where(right, actual, other), n, unit)
        return held(of(each.sum(axis=0).astype(int), LEVELS, each).interval, truth)

    return draw


def across(persons: int, sizes: Sizes) -> Draw:
    """Positives of one half of the persons against the negatives of the other."""

    def draw(rng: Rng) -> Drawn:
        unit = _units(rng, persons, sizes)
        y = _cases(rng, unit, 0.4)
        background = Background(y, _alike(rng, unit) + y, None, unit)
        inside = np.flatnonzero(unit < persons // 2)
        return held(background.bnsp(inside, LEVELS).interval, _AREA)

    return draw


def unequal(persons: int, sizes: Sizes, alpha: int, *, apart: bool = False) -> Draw:
    """Of benefits that are right in .8 of the rows; ``apart``: between halves, .9 and .6 right."""
    chance = np.array([[1 / 3 * 0.2, 0.8, 2 / 3 * 0.2]] * 2)
    if apart:
        chance = np.array([[p / 3, 1 - p, 2 * p / 3] for p in (0.1, 0.4)])
    means = chance @ np.arange(3.0)
    truth = float(inequality.generalized_entropy(chance[0], np.arange(3.0), alpha))

    def draw(rng: Rng) -> Drawn:
        unit = _units(rng, persons, sizes)
        half = (unit >= persons // 2).astype(int)
        place = _alike(rng, unit)
        cuts = stats.norm.ppf(np.cumsum(chance, axis=1)[:, :2])[half]
        benefit = (place[:, None] > cuts).sum(axis=1)
        each = np.bincount(unit * 3 + benefit, minlength=persons * 3).reshape(-1, 3).astype(float)
        if not apart:
            total = each.sum(axis=0).astype(int)
            return held(
                inequality.individual_index(total, alpha, LEVELS, [1], each).interval, truth
            )
        sides = [each[: persons // 2], each[persons // 2 :]]
        table = np.array([s.sum(axis=0) for s in sides]).astype(int)
        found = inequality.between_groups_index(table, alpha, LEVELS, sides)
        shares = table.sum(axis=1).astype(float)
        return held(found.interval, float(inequality.generalized_entropy(shares, means, alpha)))

    return draw


def _groups(rng: Rng, persons: Sequence[int], sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """Each row's group and person."""
    unit = _units(rng, sum(persons), sizes)
    return np.repeat(np.arange(len(persons)), persons)[unit], unit


def gap_of(persons: Sequence[int], sizes: Sizes, measure: str) -> Draw:
    """A gap of groups that are alike, by the check itself: truly 0."""

    def draw(rng: Rng) -> Drawn:
        group, unit = _groups(rng, persons, sizes)
        y, right = _cases(rng, unit, 1 / 3), _cases(rng, unit, 0.8)
        names = {"g": np.array([f"g{i}" for i in range(len(persons))], dtype=object)[group]}
        counts = count_groups(names, ["g"], y, np.where(right, y, ~y), units=unit)
        found = gaps.from_counts(counts, seed=1, levels=LEVELS, measures=[measure])
        return held(next(iter(found)).interval, 0.0)

    return draw


def top_test(persons: Sequence[int], sizes: Sizes, p: float | Sequence[float]) -> Draw:
    rates = np.broadcast_to(p, len(persons))

    def draw(rng: Rng) -> Drawn:
        group, unit = _groups(rng, persons, sizes)
        case = _cases(rng, unit, rates[group])
        sums, rows = [], []
        for i in range(len(persons)):
            own = group == i
            _, code = np.unique(unit[own], return_inverse=True)
            sums.append(clustered(np.bincount(code, case[own]), np.bincount(code)))
            one_each = case[own].astype(float)
            rows.append(clustered(one_each, np.ones(one_each.size)))
        seed = [int(rng.integers(1 << 30))]
        asked = slice(None) if isinstance(p, float) else slice(-1, None)
        ours, plain = (
            min(shortfall_p_values_of_persons(s, seed=seed, draws=600)[asked]) for s in (sums, rows)
        )
        return alarms(ours, plain)

    return draw


def rest_test(persons: Sequence[int], sizes: Sizes, p: float) -> Draw:
    def draw(rng: Rng) -> Drawn:
        group, unit = _groups(rng, persons, sizes)
        case, found = _cases(rng, unit, p), []
        for i in range(len(persons)):
            sides = []
            for rows in (group == i, group != i):
                _, code = np.unique(unit[rows], return_inverse=True)
                sides.append(clustered(np.bincount(code, case[rows]), np.bincount(code)))
            found.append(equal_rates_of_persons(sides[0], sides[1]))
        return alarms(min(adjust(found)))

    return draw


def smaller(persons: Sequence[int], sizes: Sizes) -> Draw:
    """Was a gap that stayed at .1 said to have shrunk?"""
    new, old = np.array([0.1, 0.2]), np.array([0.5, 0.6])

    def draw(rng: Rng) -> Drawn:
        group, unit = _groups(rng, persons, sizes)
        one, other = _cases(rng, unit, new[group]), _cases(rng, unit, old[group])
        cell = 4 + one * 2 + other  # all positive
        counts = np.bincount(unit * 8 + cell, minlength=sum(persons) * 8).reshape(-1, 2, 2, 2)
        of = np.repeat(np.arange(len(persons)), persons)
        people = PairedPeople(of, np.arange(len(of)), counts.astype(float))
        table = np.array([counts[of == i].sum(axis=0) for i in range(len(persons))])
        seed = int(rng.integers(1 << 30))
        found = gap_change(table, ("selection_rate",), seed=seed, people=people).interval
        return Drawn(found is not None and found.high < 0)

    return draw
