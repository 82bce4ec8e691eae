"""How unequally are benefits spread over people, and how much of that lies between groups?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from evenhand.audit.checks.compared import ComparedGroups, OneGroup
from evenhand.audit.checks.record import Recorder
from evenhand.audit.favourable import favourable
from evenhand.audit.finding import Finding
from evenhand.audit.subject.predictions import counts_of
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np

    from evenhand.audit.subject.tallying.counts import Cell, Counts

QUESTION = "How unequal are the benefits people get, and how much of it lies between groups?"
TASKS = frozenset({"binary"})
NEEDS = frozenset({"labels", "sensitive_features"})
SOURCE = "Speicher et al. 2018; Shorrocks 1980; AIF360's functions of the same names"
COST = "fast"
MEASURES = {
    "generalized_entropy_index": "inequality of benefits over people, alpha 2; 0 is equality",
    "theil_index": "inequality of benefits over people, alpha 1; 0 is equality",
    "between_group_generalized_entropy_index": "the part of it between known groups, alpha 2",
    "between_group_theil_index": "the part of it between known groups, alpha 1",
}
_ALPHA = {"generalized_entropy_index": 2, "theil_index": 1}


def measure(subject: Subject, *, seed: int, levels: Sequence[float]) -> Iterator[Finding]:
    """Yields both indices over people, and between the groups of each set of features; with
    control features also within each of their levels.

    The benefit is predicted - true + 1 where the positive label is a benefit, and
    true - predicted + 1 where it is a burden; undeclared, there are no indices.
    """
    counts = counts_of(subject)
    is_burden = not favourable(subject).is_selection
    record = Recorder(__name__, seed)
    for level, part in counts.levels(subject.control_features):
        yield from _within(record, part, subject.sensitive_features, is_burden, level, levels)


def _within(
    record: Recorder,
    counts: Counts,
    sensitive_features: Sequence[str],
    is_burden: bool,
    level: Mapping[str, str],
    levels: Sequence[float],
) -> Iterator[Finding]:
    import numpy as np

    from evenhand.audit.measure.groups.inequality import between_groups_index, individual_index
    from evenhand.audit.subject.tallying.counts import feature_sets

    meaning = "true - predicted + 1" if is_burden else "predicted - true + 1"
    everybody = None
    if counts.weights is None:
        everybody = _persons(counts.by(()).cells()[0], is_burden)
    for position, features in enumerate(feature_sets(sensitive_features)):
        # The order of groups must not depend on their names: sums follow it.
        cells = counts.by(features).cells()
        groups = ComparedGroups((OneGroup(c.group, c.n, c) for c in cells), 0)
        known = sorted((m.of for m in groups.known), key=lambda c: _benefits(c, is_burden))
        table = np.array([_benefits(c, is_burden) for c in known]).reshape(-1, 3)
        of_each = [p for c in known if (p := _persons(c, is_burden)) is not None]
        persons = of_each if everybody is not None else None
        for name, alpha in _ALPHA.items() if position == 0 else ():
            people = np.sum([_benefits(m.of, is_burden) for m in groups.members], axis=0)
            found = individual_index(people, alpha, levels, record.stream(name), everybody)
            found = replace(found, method=f"benefit: {meaning}; {found.method}")
            yield record.write(name, found, unit="index", group=level, random=True)
        for name, alpha in _ALPHA.items():
            found = between_groups_index(table, alpha, levels, persons)
            found = replace(groups.told(found), method=f"benefit: {meaning}; {found.method}")
            named = f"between_group_{name}"
            yield record.write(named, found, unit="index", group=level, between=features)


def _persons(cell: Cell, is_burden: bool) -> np.ndarray | None:
    """Each person's rows by benefit, shape (persons, 3); None where every row is another's."""
    import numpy as np

    if cell.weights is None or isinstance(cell.weights, tuple):
        return None
    tn, fp, fn, tp = cell.weights.T
    missed, undeserved = (fp, fn) if is_burden else (fn, fp)
    return np.stack([missed, tp + tn, undeserved], axis=1)


def _benefits(cell: Cell, is_burden: bool) -> tuple[int, int, int]:
    c = cell.confusion
    missed, undeserved = (c.fp, c.fn) if is_burden else (c.fn, c.fp)
    return missed, c.tp + c.tn, undeserved
