"""What happens to each group? Rates per group and per crossing of groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from audit.checks.record import Recorder
from audit.errors import MissingNeed
from audit.finding import Finding
from audit.predictions import Predictions, predictions_of
from audit.subject import Subject

if TYPE_CHECKING:
    import pandas as pd

    from audit.counts import Cell

QUESTION = "How often is each group selected, and how often is the model wrong about it?"
TASKS = frozenset({"binary"})
NEEDS = frozenset({"sensitive_features"})
SOURCE = "Fairlearn's MetricFrame and base metrics; Hardt, Price and Srebro 2016; Wilson 1927"
COST = "fast"
MEASURES = {
    "count": "rows in the group",
    "selection_rate": "share of the group's rows that are predicted positive",
    "true_positive_rate": "share of the group's positive rows that are predicted positive",
    "false_positive_rate": "share of the group's negative rows that are predicted positive",
    "false_negative_rate": "share of the group's positive rows that are predicted negative",
    "precision_score": "share of the group's rows predicted positive that are positive",
    "accuracy_score": "share of the group's rows whose predicted label is the true one",
}
WITHOUT_LABELS = ("selection_rate",)


def measure(
    subject: Subject, *, seed: int, levels: Sequence[float], min_group_size: int = 10
) -> Iterator[Finding]:
    """Yields n and every rate for every group; a group under ``min_group_size`` is marked so.

    With control features, also for every group within each of their levels.
    """
    from audit.counts import cell_counts, control_levels, feature_sets

    if not subject.sensitive_features:
        raise MissingNeed("no sensitive features were named")
    record = Recorder(__name__, seed)
    everyone = predictions_of(subject)
    for level, rows in control_levels(everyone.groups, subject.control_features):
        part = everyone.only(rows)
        for features in feature_sets(subject.sensitive_features):
            reference = _fairlearn_rates(part, features)
            for cell in cell_counts(part.groups, features, part.is_positive, part.is_selected):
                yield from _cell_findings(record, cell, level, reference, levels, min_group_size)


def _cell_findings(
    record: Recorder,
    cell: Cell,
    level: Mapping[str, str],
    reference: pd.DataFrame,
    levels: Sequence[float],
    minimum: int,
) -> Iterator[Finding]:
    from audit.measure.classification import named_rate

    small = cell.n < minimum
    note = f"too small to compare: {cell.n} rows, the minimum is {minimum}" if small else ""
    group = {**cell.group, **level}
    yield record.plain("count", cell.n, n=cell.n, unit="row", group=group, note=note)
    key: Any = tuple(cell.group.values())
    rates = reference.loc[key if len(key) > 1 else key[0]]
    for name in MEASURES:
        if name == "count":
            continue
        if not cell.has_labels and name not in WITHOUT_LABELS:
            continue
        estimate = named_rate(cell.confusion, name, levels)
        if estimate.value is not None and abs(estimate.value - float(rates[name])) > 1e-12:
            raise ArithmeticError(
                f"{name} of {cell.name}: counts give {estimate.value}, Fairlearn {rates[name]}"
            )
        yield record.write(name, estimate, group=group, note=note)


def _fairlearn_rates(predictions: Predictions, features: Sequence[str]) -> pd.DataFrame:
    """Fairlearn's own value of every rate by group: the definition that the counts must meet."""
    from fairlearn import metrics as fl
    from sklearn.metrics import accuracy_score, precision_score

    def precision(y_true: object, y_pred: object) -> float:
        return float(precision_score(y_true, y_pred, zero_division=0.0))

    has_labels = predictions.is_positive is not None
    functions = {"selection_rate": fl.selection_rate}
    if has_labels:
        functions |= {
            "true_positive_rate": fl.true_positive_rate,
            "false_positive_rate": fl.false_positive_rate,
            "false_negative_rate": fl.false_negative_rate,
            "precision_score": precision,
            "accuracy_score": accuracy_score,
        }
    truth = predictions.is_positive if has_labels else predictions.is_selected
    frame = fl.MetricFrame(
        metrics=functions,
        y_true=truth.astype(int),  # type: ignore[union-attr]
        y_pred=predictions.is_selected.astype(int),
        sensitive_features=predictions.groups[list(features)],
    )
    by_group: pd.DataFrame = frame.by_group
    return by_group
