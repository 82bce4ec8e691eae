"""Who is in the data? Rows, shares and label rates of each group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audit.checks.record import Recorder
from audit.errors import MissingNeed
from audit.finding import Finding
from audit.subject import Subject

QUESTION = "How many rows does each group have, and how often does it carry the positive label?"
TASKS = frozenset({"binary", "multiclass", "regression", "generation"})
NEEDS = frozenset({"sensitive_features"})
SOURCE = "counts; Wilson 1927"
COST = "fast"
MEASURES = {
    "group_count": "rows of the group; 0 for a crossing of known groups that nobody is in",
    "group_share": "share of all audited rows that are in the group",
    "label_rate": "share of the group's rows that carry the positive label (binary tasks)",
}
_MOST_EMPTY = 200  # crossings beyond this many cells list only those that have rows


def measure(subject: Subject, *, seed: int, levels: Sequence[float]) -> Iterator[Finding]:
    """Yields count, share and label rate of every group and crossing of groups."""
    import numpy as np

    from audit.counts import cell_counts, feature_sets
    from audit.measure.intervals import rate

    if not subject.sensitive_features:
        raise MissingNeed("no sensitive features were named")
    record = Recorder(__name__, seed)
    labels = subject.truth.labels if subject.task == "binary" else None
    is_positive = None if labels is None else (labels == subject.truth.positive).astype(bool)
    nobody = np.zeros(subject.n, dtype=bool)
    for features in feature_sets(subject.sensitive_features):
        cells = cell_counts(subject.groups, features, is_positive, nobody)
        for cell in cells:
            group = cell.group
            yield record.plain("group_count", cell.n, n=subject.n, unit="row", group=group)
            share = rate(cell.n, subject.n, levels, empty="no rows")
            yield record.write("group_share", share, group=group)
            if cell.has_labels:
                positives = cell.confusion.tp + cell.confusion.fn
                yield record.write(
                    "label_rate", rate(positives, cell.n, levels, empty="no rows"), group=group
                )
        for group in _empty_crossings(subject, features, {tuple(c.group.values()) for c in cells}):
            yield record.plain(
                "group_count", 0, n=subject.n, unit="row", group=group, note="nobody is in it"
            )


def _empty_crossings(
    subject: Subject, features: tuple[str, ...], present: set[tuple[str, ...]]
) -> Iterator[dict[str, str]]:
    from itertools import product
    from math import prod

    known = [sorted(set(subject.groups[f])) for f in features]
    if prod(len(k) for k in known) > _MOST_EMPTY:
        return
    for values in product(*known):
        if values not in present:
            yield dict(zip(features, values, strict=True))
