"""What happens to each group? Rates per group and per crossing of groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from evenhand.audit.checks.record import Recorder
from evenhand.audit.finding import Finding
from evenhand.audit.reason import because
from evenhand.audit.subject.predictions import counts_of
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    from evenhand.audit.subject.tallying.counts import Cell, Counts

QUESTION = "How often is each group selected, and how often is the model wrong about it?"
TASKS = frozenset({"binary"})
NEEDS = frozenset({"sensitive_features"})
SOURCE = "Fairlearn's MetricFrame and base metrics; Hardt, Price and Srebro 2016; Wilson 1927"
COST = "fast"
MEASURES = {
    "count": "rows in the group",
    "selection_rate": "share of the group's rows that are predicted positive",
    "prevalence": "share of the group's rows that are positive",
    "true_positive_rate": "share of the group's positive rows that are predicted positive",
    "false_positive_rate": "share of the group's negative rows that are predicted positive",
    "false_negative_rate": "share of the group's positive rows that are predicted negative",
    "true_negative_rate": "share of the group's negative rows that are predicted negative",
    "precision_score": "share of the group's rows predicted positive that are positive",
    "false_discovery_rate": "share of the group's rows predicted positive that are negative",
    "false_omission_rate": "share of the group's rows predicted negative that are positive",
    "negative_predictive_value": "share of the group's rows predicted negative that are negative",
    "accuracy_score": "share of the group's rows whose predicted label is the true one",
}
WITHOUT_LABELS = ("selection_rate",)


def measure(
    subject: Subject, *, seed: int, levels: Sequence[float], min_group_size: int = 10
) -> Iterator[Finding]:
    """Yields n and every rate for every group; a group under ``min_group_size`` is marked so.

    With control features, also for every group within each of their levels.
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
        for cell in grouped.cells():
            yield from _cell_findings(record, cell, level, levels, min_group_size, measures)


def _cell_findings(
    record: Recorder,
    cell: Cell,
    level: Mapping[str, str],
    levels: Sequence[float],
    minimum: int,
    measures: Sequence[str],
) -> Iterator[Finding]:
    from evenhand.audit.measure.classification import estimate_rate

    small = cell.n < minimum
    note = because("too-small", n=cell.n, least=minimum) if small else ()
    group = {**cell.group, **level}
    for name in measures:
        if name == "count":
            yield record.plain("count", cell.n, n=cell.n, unit="row", group=group, note=note)
        elif cell.has_labels or name in WITHOUT_LABELS:
            yield record.write(name, estimate_rate(cell.rate(name), levels), group=group, note=note)
