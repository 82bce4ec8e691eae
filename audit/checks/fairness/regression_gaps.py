"""Do groups get other numbers, and worse ones? Gaps of predicted numbers and of their errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from evenhand.audit.checks.compared import OneGroup, by_features
from evenhand.audit.checks.record import Recorder
from evenhand.audit.finding import Finding
from evenhand.audit.reason import because
from evenhand.audit.subject.predictions import ValuePredictions, expect, score
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from evenhand.audit.measure.uncertainty.estimate import Estimate

QUESTION = "How far apart are the groups in the numbers predicted for them, and in their errors?"
TASKS = frozenset({"regression"})
NEEDS = frozenset({"rows", "sensitive_features"})
SOURCE = (
    "Fairlearn's mean_prediction and group_max metrics; Agarwal, Dudik and Wu 2019 (bounded group "
    "loss); intervals: Hall 1992 in each group, gaps by Zou and Donner 2008; quantiles: "
    "David and Nagaraja 2003"
)
COST = "fast"
_PERCENTS = (5, 25, 50, 75, 95)
MEASURES = {
    "mean_prediction": "mean of the numbers predicted for the group",
    "mean_prediction_difference": "highest minus lowest mean prediction over groups",
    "mean_error_difference": "highest minus lowest mean of predicted - true over groups",
    "mean_absolute_error_difference": "highest minus lowest mean absolute error over groups",
    "mean_absolute_error_group_max": "the worst group's mean absolute error (bounded group loss)",
    "mean_squared_error_group_max": "the worst group's mean squared error (bounded group loss)",
    **{
        f"error_quantile_{percent:02}": f"predicted - true that {percent} % of the group's rows "
        "lie at or below"
        for percent in _PERCENTS
    },
}
Rows = dict[str, "np.ndarray"]


def measure(
    subject: Subject, *, seed: int, levels: Sequence[float], min_group_size: int = 10
) -> Iterator[Finding]:
    """Yields mean prediction and quantiles of the error of every group, then the gaps and the worst
    group's loss; with control features also within each of their levels.

    Groups under ``min_group_size`` are shown, marked, and left out of gaps and worst losses.
    """
    from evenhand.audit.subject.tallying.counts import control_levels

    found = expect(score(subject), ValuePredictions)
    record = Recorder(__name__, seed)
    unit = f"unit of {subject.target or 'the prediction'}"
    for level, inside in control_levels(subject.groups, subject.control_features):
        part = ValuePredictions(
            None if found.actual is None else found.actual[inside], found.predicted[inside]
        )
        groups = subject.groups.loc[inside, list(subject.sensitive_features)]
        units = None if subject.units is None else subject.units[inside]
        yield from _within(record, part, groups, level, unit, levels, min_group_size, units)


def _within(
    record: Recorder,
    predictions: ValuePredictions,
    groups: pd.DataFrame,
    level: Mapping[str, str],
    unit: str,
    levels: Sequence[float],
    minimum: int,
    units: np.ndarray | None,
) -> Iterator[Finding]:
    from evenhand.audit.measure.uncertainty.intervals import mean
    from evenhand.audit.subject.tallying.counts import group_rows

    named = [str(c) for c in groups.columns]
    members = [OneGroup(own, len(rows), rows) for own, rows in group_rows(groups, named)]
    parts = by_features(members, minimum)
    for compared in parts.values():
        for each in compared.members:
            group, note = {**each.group, **level}, compared.note(each)
            place: dict[str, Any] = {"unit": unit, "group": group, "note": note}
            own = None if units is None else units[each.of]
            average = mean(predictions.predicted[each.of], levels, units=own)
            yield record.write("mean_prediction", average, **place)
            if predictions.actual is not None:
                error = predictions.predicted[each.of] - predictions.actual[each.of]
                yield from _quantiles(record, error, levels, place, own)
    for features, compared in parts.items():

        def of(values: np.ndarray, big: Rows = compared.by_name) -> Rows:
            return {name: values[rows] for name, rows in big.items()}

        for name, estimate in _estimates(predictions, of, levels, units):
            told = f"({unit})^2" if name.startswith("mean_squared") else unit
            place = {"unit": told, "group": level, "between": features}
            yield record.write(name, compared.noted(estimate), **place)


def _quantiles(
    record: Recorder,
    error: np.ndarray,
    levels: Sequence[float],
    place: dict[str, Any],
    units: np.ndarray | None,
) -> Iterator[Finding]:
    from evenhand.audit.measure.uncertainty.quantiles import quantile

    for percent in _PERCENTS:
        found = quantile(error, percent / 100, levels, units)
        yield record.write(f"error_quantile_{percent:02}", found, **place)


def _estimates(
    found: ValuePredictions,
    of: Callable[[np.ndarray], Rows],
    levels: Sequence[float],
    units: np.ndarray | None,
) -> Iterator[tuple[str, Estimate]]:
    import numpy as np

    whose = {} if units is None else of(units)
    yield "mean_prediction_difference", _spread(of(found.predicted), levels, whose)
    if found.actual is None:
        return
    error = found.predicted - found.actual
    yield "mean_error_difference", _spread(of(error), levels, whose)
    yield "mean_absolute_error_difference", _spread(of(np.abs(error)), levels, whose)
    yield "mean_absolute_error_group_max", _worst(of(np.abs(error)), levels, whose)
    yield "mean_squared_error_group_max", _worst(of(error**2), levels, whose)


def _spread(
    groups: Rows, levels: Sequence[float], units: Mapping[str, np.ndarray] = MappingProxyType({})
) -> Estimate:
    from evenhand.audit.measure.groups.spread import largest_difference
    from evenhand.audit.measure.uncertainty.intervals import mean

    def at(name: str, values: np.ndarray) -> Callable[[Sequence[float]], Estimate]:
        return lambda asked: mean(values, asked, units=units.get(name))

    return largest_difference({name: at(name, values) for name, values in groups.items()}, levels)


def _worst(groups: Rows, levels: Sequence[float], units: Mapping[str, np.ndarray]) -> Estimate:
    """The largest mean of ``groups``: its lower end from limits that hold for all groups together,
    its upper end the largest of the groups' own, among which is that of the truly worst group."""
    from evenhand.audit.finding import Interval
    from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
    from evenhand.audit.measure.uncertainty.intervals import mean

    rows = {name: len(set(units[name].tolist())) for name in units}  # persons, where they are known
    many = {name: v for name, v in groups.items() if rows.get(name, v.size) > 1}
    n = int(sum(v.size for v in many.values()))
    counts = {"groups": len(groups), "groups_left_out": len(groups) - len(many)}
    method = f"the groups' own intervals, lower end for all {len(many)} groups together"
    if not many:
        return undefined(because("no-group-with-two-rows"), n=n, counts=counts, method=method)
    together = [1 - (1 - level) / len(many) for level in levels]
    counts |= {"units": sum(rows[name] for name in many)} if units else {}
    asked = [*together, *levels]
    means = {name: mean(values, asked, units=units.get(name)) for name, values in many.items()}
    worst = max(means, key=lambda name: (means[name].value or 0.0, means[name].n))
    value = float(means[worst].value or 0.0)
    intervals = tuple(
        Interval(
            low=min(value, max(0.0, max(m.intervals[i].low for m in means.values()))),
            high=max(m.intervals[len(levels) + i].high for m in means.values()),
            level=level,
            method=method,
        )
        for i, level in enumerate(levels)
    )
    return Estimate(value, n, intervals, counts, method, because("worst-group", name=worst))
