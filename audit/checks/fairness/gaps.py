"""Do groups fare differently? The gaps that Fairlearn names, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from evenhand.audit.checks.compared import ComparedGroups, OneGroup
from evenhand.audit.checks.record import Recorder
from evenhand.audit.finding import Finding
from evenhand.audit.reason import because, listed, named
from evenhand.audit.subject.predictions import counts_of
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    from evenhand.audit.measure.groups.gaps import Aggregate, Family, GroupCount, Scale
    from evenhand.audit.measure.groups.unknown import End
    from evenhand.audit.measure.uncertainty.estimate import Estimate
    from evenhand.audit.subject.tallying.counts import Cell, Counts

QUESTION = "How far apart are the groups in being selected, and in the errors made about them?"
TASKS = frozenset({"binary"})
NEEDS = frozenset({"sensitive_features"})
SOURCE = (
    "Fairlearn's functions of the same names; Dwork et al. 2012; Hardt, Price and Srebro 2016; "
    "Berk et al. 2018 (treatment equality); Manski 2003 (unknown values); "
    "intervals: Newcombe 1998, Donner and Zou 2012, Zou and Donner 2008"
)
COST = "fast"
_DIFFERENCE, _RATIO = (
    "highest minus lowest {} over groups",
    "lowest divided by highest {} over groups",
)
# Stem of the name -> the rates whose gaps make it up, and their name in words.
_STEMS: dict[str, tuple[tuple[str, ...], str]] = {
    "demographic_parity": (("selection_rate",), "selection rate"),
    "equal_opportunity": (("true_positive_rate",), "true positive rate"),
    "false_positive_rate": (("false_positive_rate",), "false positive rate"),
    "false_negative_rate": (("false_negative_rate",), "false negative rate"),
    "true_negative_rate": (("true_negative_rate",), "true negative rate"),
    "accuracy_score": (("accuracy_score",), "accuracy"),
    "zero_one_loss": (("zero_one_loss",), "share of wrong predictions"),
    "precision_score": (("precision_score",), "precision (predictive parity)"),
    "false_discovery_rate": (("false_discovery_rate",), "false discovery rate"),
    "false_omission_rate": (("false_omission_rate",), "false omission rate"),
    "negative_predictive_value": (("negative_predictive_value",), "negative predictive value"),
}
_ODDS = ("true_positive_rate", "false_positive_rate")
_CLOSED = {
    **{f"{s}_difference": _DIFFERENCE.format(words) for s, (_, words) in _STEMS.items()},
    **{f"{s}_ratio": _RATIO.format(words) for s, (_, words) in _STEMS.items()},
    "equalized_odds_difference": "larger of the gaps in true and in false positive rate",
    "equalized_odds_ratio": "smaller of the ratios of true and of false positive rates",
    "equalized_odds_difference_mean": "mean of the gaps in true and in false positive rate "
    "(average odds)",
    "equalized_odds_ratio_mean": "mean of the ratios of true and of false positive rates",
}
MEASURES = {
    **_CLOSED,
    "treatment_equality_difference": "highest minus lowest ratio of false negatives to false "
    "positives over groups",
    "balanced_accuracy_score_difference": _DIFFERENCE.format("balanced accuracy"),
    "f1_score_difference": _DIFFERENCE.format("F1"),
    "demographic_parity_difference_to_overall": "largest distance of a group's selection rate from "
    "that of all rows of known group",
    **{
        f"{name}_{end}": f"that gap or ratio at {bound}, whatever groups the unknown are in"
        for name in _CLOSED
        for end, bound in (("lowest", "least"), ("highest", "most"))
    },
}
_JOINED = ("balanced_accuracy_score", "f1_score")


def measure(
    subject: Subject, *, seed: int, levels: Sequence[float], min_group_size: int = 10
) -> Iterator[Finding]:
    """Yields every gap for each sensitive feature, each pair and the crossing of all; with
    control features also within each of their levels (``group`` names the level).

    Unlike Fairlearn, which puts 0 for a rate without rows (so that a perfect classifier can have
    an equalized odds difference of 1), groups for which a rate is undefined or whose size is
    under ``min_group_size`` are left out, counted and named. People whose group is unknown are in
    no gap; the bounds beside it say what it could be if they were known.
    """
    yield from from_counts(
        counts_of(subject),
        seed=seed,
        levels=levels,
        control_features=subject.control_features,
        min_group_size=min_group_size,
    )


def from_counts(
    counts: Counts,
    *,
    seed: int,
    levels: Sequence[float],
    control_features: Sequence[str] = (),
    min_group_size: int = 10,
    measures: Sequence[str] = tuple(MEASURES),
) -> Iterator[Finding]:
    """The same findings from counts (``tallying.tally.count_file``), however many
    rows they hold.

    The features of ``counts`` that are no control features are the sensitive ones.
    """
    record = Recorder(__name__, seed)
    for level, grouped in counts.groupings(control_features):
        groups, between = _compared(grouped, min_group_size), grouped.features
        for name, estimate in _estimates(groups, grouped, levels, measures):
            unit = "ratio of counts" if name.startswith("treatment_equality") else "rate"
            yield record.write(name, estimate, unit=unit, group=level, between=between)


def _compared(counts: Counts, minimum: int) -> ComparedGroups[Cell]:
    return ComparedGroups((OneGroup(c.group, c.n, c) for c in counts.cells()), minimum)


def _cells(members: Sequence[OneGroup[Cell]]) -> list[Cell]:
    return [m.of for m in members]


def _estimates(
    groups: ComparedGroups[Cell], grouped: Counts, levels: Sequence[float], wanted: Sequence[str]
) -> Iterator[tuple[str, Estimate]]:
    has_labels = grouped.has_labels
    big = _cells(groups.big)
    ends: tuple[End, End] = ("lowest", "highest")
    for name, form in _closed_forms().items():
        if has_labels or form.rates == ("selection_rate",):
            if name in wanted:
                yield name, groups.noted(_closed(big, form, levels))
            for end in ends:
                if f"{name}_{end}" in wanted and groups.unknown:
                    bound = _if_known(groups, form, end, levels)
                    yield f"{name}_{end}", groups.noted(bound, is_bound=True)
    name = "treatment_equality_difference"
    if name in wanted and has_labels:
        yield name, groups.noted(_treatment_equality(big, levels))
    for rate in _JOINED if has_labels else ():
        if f"{rate}_difference" in wanted:
            yield f"{rate}_difference", groups.noted(_joined(big, rate, levels))
    name = "demographic_parity_difference_to_overall"
    if name in wanted:
        yield name, groups.noted(_to_overall(groups, grouped, levels))


@dataclass(frozen=True)
class _Form:
    """A gap with closed intervals: of one rate, or of several rates taken together."""

    rates: tuple[str, ...]
    scale: Scale
    agg: Aggregate = "worst_case"


def _closed_forms() -> Mapping[str, _Form]:
    forms: dict[str, _Form] = {}
    scales: tuple[Scale, Scale] = ("difference", "ratio")
    for scale in scales:
        for stem, (rates, _) in _STEMS.items():
            forms[f"{stem}_{scale}"] = _Form(rates, scale)
        forms[f"equalized_odds_{scale}"] = _Form(_ODDS, scale)
        forms[f"equalized_odds_{scale}_mean"] = _Form(_ODDS, scale, "mean")
    return forms


def _closed(cells: Sequence[Cell], form: _Form, levels: Sequence[float]) -> Estimate:
    from evenhand.audit.measure.groups.gaps import gap

    # A big group may still have few rows behind one rate: that shows in its interval. Only none
    # at all leaves it out.
    families = [_family(cells, rate) for rate in form.rates]
    estimate = gap(families, scale=form.scale, levels=levels, agg=form.agg)
    if cells and cells[0].weights is not None:
        kind = "weighted rates" if isinstance(cells[0].weights, tuple) else "rates of persons' rows"
        weighted = f"{kind}, linearised; {estimate.method}"
        return replace(estimate, method=weighted)
    return estimate


def _family(cells: Sequence[Cell], rate: str) -> Family:
    from evenhand.audit.measure.classification import RATES
    from evenhand.audit.measure.groups.gaps import Family

    return Family(rate, tuple(_group(c, rate) for c in cells), RATES[rate][2])


def _group(cell: Cell, rate: str) -> GroupCount:
    from evenhand.audit.measure.groups.gaps import GroupCount

    count = cell.rate(rate)
    return GroupCount(cell.name, count.k, count.n, count.rows, count.weights)


def _treatment_equality(cells: Sequence[Cell], levels: Sequence[float]) -> Estimate:
    """FN / FP = q / (1 - q) with q the share of false negatives among errors, a plain rate."""
    import numpy as np

    from evenhand.audit.measure.groups.gaps import limits_gap, limits_of_rates, persons
    from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined

    counted = [_group(c, "false_negatives_among_errors") for c in cells]
    family = _family(cells, "false_negatives_among_errors")
    kept = [g for g in counted if g.n > g.k]
    counts = {"groups": len(cells), "groups_left_out": len(cells) - len(kept), **persons([family])}
    without = {g.name: because("no-false-positives") for g in counted if g.n <= g.k}
    note = because("left-out", names=listed(named(without))) if without else ()
    n = sum(int(g.rows or 0) for g in kept)
    if len(kept) < 2:
        why = because("fewer-than-two-groups-to-compare")
        return undefined(why + note, n=n, counts=counts, method="ratio of counts")
    k = np.array([g.k for g in kept], dtype=float)
    rows = np.array([g.n for g in kept], dtype=float)

    def limits(level: float) -> tuple[np.ndarray, np.ndarray]:
        _, low, high = limits_of_rates(kept, level)
        with np.errstate(divide="ignore"):
            return low / (1 - low), high / (1 - high)

    kind = "limits of FN / (FN + FP), mapped"
    value, intervals = limits_gap(k / (rows - k), limits, levels=levels, kind=kind)
    method = intervals[0].method if intervals else kind
    return Estimate(value, n, intervals, counts, method, note)


def _if_known(
    groups: ComparedGroups[Cell], form: _Form, end: End, levels: Sequence[float]
) -> Estimate:
    from evenhand.audit.measure.groups.unknown import apart_from_persons, if_known, widens
    from evenhand.audit.measure.uncertainty.estimate import undefined

    n = sum(m.n for m in groups.members)
    if isinstance(groups.members[0].of.weights, tuple):
        return undefined(because("no-bounds-for-weights"), n=n)
    # unknown rows may make a small group large: what widens a gap may be any known group
    known = _cells(groups.known if widens(form.scale, end) else groups.big)
    families, unknown, persons = [], [], 0
    for rate in form.rates:
        behind = [m.of.rate(rate) for m in groups.unknown]
        family, rest, counted = apart_from_persons(_family(known, rate), behind, levels)
        if family is None:
            return undefined(because("one-person"), n=n)
        families.append(family)
        unknown.append(rest)
        persons = max(persons, counted)
    found = if_known(
        families,
        unknown,
        end,
        scale=form.scale,
        levels=levels,
        rows=groups.n_unknown,
        agg=form.agg,
    )
    counts = {**found.counts, **({"units": persons} if persons else {})}
    return replace(found, n=n, counts=counts)


def _joined(cells: Sequence[Cell], name: str, levels: Sequence[float]) -> Estimate:
    """The gap of a measure that joins several rates, from each group's own limits."""
    from evenhand.audit.measure.classification import balanced_accuracy, f1
    from evenhand.audit.measure.groups.spread import largest_difference

    of = {"balanced_accuracy_score": balanced_accuracy, "f1_score": f1}[name]
    own = {c.name: partial(of, c.confusion, weights=c.weights) for c in cells}
    return largest_difference({n: _at(each) for n, each in own.items()}, levels)


def _at(of: Callable[..., Estimate]) -> Callable[[Sequence[float]], Estimate]:
    return lambda levels: of(levels=levels)


def _to_overall(groups: ComparedGroups[Cell], counts: Counts, levels: Sequence[float]) -> Estimate:
    """Overall is everybody whose group is known."""
    from evenhand.audit.measure.groups.overall import gap_to_overall
    from evenhand.audit.subject.tallying.sides import own_and_rest

    sides = []
    for member in groups.big:
        own, rest = (_group(c, "selection_rate") for c in own_and_rest(counts, member.of))
        sides.append((own, rest))
    return gap_to_overall(sides, levels)
