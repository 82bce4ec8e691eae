"""Who is in the data? Rows, shares and label rates of each group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from evenhand.audit.checks.compared import ComparedGroups, OneGroup
from evenhand.audit.checks.record import Recorder
from evenhand.audit.finding import UNKNOWN, Finding
from evenhand.audit.reason import because
from evenhand.audit.subject.predictions import group_sizes
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    from evenhand.audit.measure.uncertainty.estimate import Estimate
    from evenhand.audit.subject.tallying.counts import Cell, Counts

QUESTION = "How many rows does each group have, and how often does it carry the positive label?"
TASKS = frozenset({"binary", "multiclass", "regression", "generation"})
NEEDS = frozenset({"sensitive_features"})
SOURCE = "counts; Wilson 1927; gaps: Newcombe 1998"
COST = "fast"
MEASURES = {
    "group_count": "rows of the group; 0 for a crossing of known groups that nobody is in",
    "group_share": "share of all audited rows that are in the group",
    "label_rate": "share of the group's rows that carry the positive label (binary tasks)",
    "label_rate_difference": "highest minus lowest label rate over groups",
}
_MOST_EMPTY = 200  # crossings beyond this many cells list only those that have rows


def measure(
    subject: Subject, *, seed: int, levels: Sequence[float], min_group_size: int = 10
) -> Iterator[Finding]:
    """Yields count, share and label rate of every group and crossing of groups, and the largest
    difference of label rates over groups of ``min_group_size``."""
    from evenhand.audit.subject.tallying.counts import feature_sets

    sizes = group_sizes(subject)
    record = Recorder(__name__, seed)
    for features in feature_sets(subject.sensitive_features):
        grouped = sizes.by(features)
        for cell in grouped.cells():
            group = cell.group
            yield record.plain("group_count", cell.n, n=subject.n, unit="row", group=group)
            yield record.write("group_share", _share(grouped, cell, levels), group=group)
            if cell.has_labels:
                yield record.write("label_rate", _label_rate(cell, levels), group=group)
        if grouped.has_labels and subject.task == "binary":
            yield _label_gap(record, grouped, levels, min_group_size)
        nobody = because("nobody-in-group")
        for group in _empty_crossings(grouped):
            yield record.plain(
                "group_count",
                0,
                n=subject.n,
                unit="row",
                group=group,
                note=nobody,
            )


def _share(counts: Counts, cell: Cell, levels: Sequence[float]) -> Estimate:
    """The group's share of all rows; a person's rows together, most of which are of one group."""
    import numpy as np

    from evenhand.audit.measure.classification import RateCount, estimate_rate
    from evenhand.audit.measure.uncertainty.intervals import rate
    from evenhand.audit.measure.uncertainty.weighted import clustered

    why, n = because("no-rows"), counts.n
    people = counts.people
    if people is None or counts.weights is not None:
        return rate(cell.n, n, levels, empty=why)
    own = people.group == counts.names.tolist().index(list(cell.group.values()))
    rows, code = people.sums.sum(axis=(1, 2)), np.unique(people.unit, return_inverse=True)[1]
    of = clustered(np.bincount(code, rows * own), np.bincount(code, rows))
    return estimate_rate(RateCount(cell.n, n, n, why, is_weighted=True, weights=of), levels)


def _label_rate(cell: Cell, levels: Sequence[float]) -> Estimate:
    from evenhand.audit.measure.classification import estimate_rate
    from evenhand.audit.measure.uncertainty.intervals import rate

    if cell.persons is not None:
        return estimate_rate(cell.rate("prevalence"), levels)
    positives = cell.confusion.tp + cell.confusion.fn
    return rate(positives, cell.n, levels, empty=because("no-rows"))


def _label_gap(record: Recorder, counts: Counts, levels: Sequence[float], minimum: int) -> Finding:
    from evenhand.audit.measure.groups.gaps import Family, GroupCount, gap

    groups = ComparedGroups((OneGroup(c.group, c.n, c) for c in counts.cells()), minimum)
    table = []
    for member in groups.big:
        confusion = member.of.confusion
        persons = None if member.of.persons is None else member.of.rate("prevalence").weights
        positives = confusion.tp + confusion.fn
        table.append(GroupCount(member.name, positives, member.n, weights=persons))
    found = gap(
        [Family("label_rate", tuple(table), because("no-rows"))], scale="difference", levels=levels
    )
    noted = groups.noted(found)
    return record.write("label_rate_difference", noted, between=counts.features)


def _empty_crossings(counts: Counts) -> Iterator[dict[str, str]]:
    from itertools import product
    from math import prod

    present = {tuple(name) for name in counts.names.tolist()}
    known = [sorted({*column} - {UNKNOWN}) for column in counts.names.T.tolist()]
    if prod(len(k) for k in known) > _MOST_EMPTY:
        return
    for values in product(*known):
        if values not in present:
            yield dict(zip(counts.features, values, strict=True))
