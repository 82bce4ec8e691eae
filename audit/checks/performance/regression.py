"""How far are predicted numbers from the true ones, overall and by group?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evenhand.audit.checks.record import Recorder
from evenhand.audit.finding import Finding
from evenhand.audit.subject.predictions import ValuePredictions, expect, score
from evenhand.audit.subject.subject import Subject

QUESTION = "How far are the predicted numbers from the true ones, over all rows and by group?"
TASKS = frozenset({"regression"})
NEEDS = frozenset({"labels", "rows"})
SOURCE = "scikit-learn's functions of the same names; delta method: van der Vaart 1998, chapter 3"
COST = "fast"
MEASURES = {
    "mean_absolute_error": "mean of |predicted - true|, in the target's unit",
    "root_mean_squared_error": "root of the mean squared error, in the target's unit",
    "r2_score": "1 - mean squared error / variance of the true values",
    "mean_error": "mean of predicted - true: above 0 where predictions are too high",
}


def measure(subject: Subject, *, seed: int, levels: Sequence[float]) -> Iterator[Finding]:
    """Yields every measure over all rows, then for every group and crossing of groups."""
    from evenhand.audit.measure import regression as r
    from evenhand.audit.measure.uncertainty.intervals import mean
    from evenhand.audit.subject.tallying.counts import group_rows

    found = expect(score(subject), ValuePredictions)
    assert found.actual is not None  # NEEDS labels
    record = Recorder(__name__, seed)
    unit = f"unit of {subject.target}"
    for group, rows in group_rows(subject.groups, subject.sensitive_features):
        actual, predicted = found.actual[rows], found.predicted[rows]
        error = predicted - actual
        units = None if subject.units is None else subject.units[rows]
        absolute = r.mean_absolute_error(error, levels, units)
        yield record.write("mean_absolute_error", absolute, unit=unit, group=group)
        rooted = r.root_mean_squared_error(error, levels, units)
        yield record.write("root_mean_squared_error", rooted, unit=unit, group=group)
        share = r.r2(actual, predicted, levels, units)
        yield record.write("r2_score", share, unit="share", group=group)
        yield record.write("mean_error", mean(error, levels, units=units), unit=unit, group=group)
