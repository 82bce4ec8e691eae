"""What happens to each group when there are several classes? One-vs-rest rates and macro means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from evenhand.audit.checks.compared import ComparedGroups, OneGroup
from evenhand.audit.checks.record import Artifact, Recorder
from evenhand.audit.finding import Finding
from evenhand.audit.reason import because
from evenhand.audit.subject.predictions import ClassPredictions, expect, score
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np

    from evenhand.audit.measure.classification import RateCount
    from evenhand.audit.measure.groups.gaps import Family
    from evenhand.audit.measure.uncertainty.estimate import Estimate
    from evenhand.audit.subject.tallying.counts import Counts

QUESTION = (
    "How often is each group given each class, how often rightly, and how far apart are they?"
)
TASKS = frozenset({"multiclass"})
NEEDS = frozenset({"rows", "sensitive_features"})
SOURCE = (
    "one-vs-rest: Fairlearn's base metrics with each class as the positive label; macro: Sokolova "
    "and Lapalme 2009; intervals: Wilson 1927, Newcombe 1998, Zou and Donner 2008"
)
COST = "fast"
SCHEMA = "evenhand-class-tables/1"
# Measures of each class as the positive one, then of all classes; each by group and as a gap.
_ONE_VS_REST = {
    "selection_rate": "share of the group's rows that are predicted as the class",
    "true_positive_rate": "share of the group's rows of the class that are predicted as it",
    "false_positive_rate": "share of the group's rows of other classes that are predicted as it",
    "precision_score": "share of the group's rows predicted as the class that are of it",
}
_GAPS = {
    "selection_rate": "demographic_parity_difference",
    "true_positive_rate": "equal_opportunity_difference",
    "false_positive_rate": "false_positive_rate_difference",
    "precision_score": "precision_score_difference",
    "accuracy_score": "accuracy_score_difference",
}
MEASURES = {
    "count": "rows in the group",
    **_ONE_VS_REST,
    "accuracy_score": "share of the group's rows whose predicted class is the true one",
    "balanced_accuracy_score": "macro recall: mean over the classes that have rows in the group",
    **{
        gap: f"highest minus lowest {rate.replace('_', ' ')} of one class over groups"
        for rate, gap in _GAPS.items()
        if rate in _ONE_VS_REST
    },
    "accuracy_score_difference": "highest minus lowest accuracy over groups",
    "balanced_accuracy_score_difference": "highest minus lowest macro recall over groups",
    **{
        f"{gap}_{end}": f"that gap at {bound}, whatever groups the unknown are in"
        for gap in _GAPS.values()
        for end, bound in (("lowest", "least"), ("highest", "most"))
    },
}


def measure(
    subject: Subject, *, seed: int, levels: Sequence[float], min_group_size: int = 10
) -> Iterator[Finding | Artifact]:
    """Yields the rates of every group (``group`` also names the class), then the gaps; with
    control features also within each of their levels. The artifact holds every group's counts of
    true by predicted class.

    Groups under ``min_group_size`` are shown and marked, and left out of gaps. People whose group
    is unknown are in no gap; bounds beside it say what it could be if they were known. Macro recall
    is over the classes that the group has rows of; a group without rows of some class is left out
    of the macro gap, since its mean is about fewer classes.
    """
    from evenhand.audit.subject.tallying.counts import count_groups

    found = expect(score(subject), ClassPredictions)
    counts = count_groups(
        subject.groups,
        (*subject.sensitive_features, *subject.control_features),
        found.actual,
        found.predicted,
        classes=found.classes,
        units=subject.units,
    )
    record = Recorder(__name__, seed)
    confusion = []
    for level, part in counts.groupings(subject.control_features):
        yield from _rates(record, part, level, levels, min_group_size)
        yield from _gaps(record, part, level, levels, min_group_size)
        tables = [({**g, **level}, t.counts.tolist()) for g, t in _groups(part)]
        confusion += [{"group": group, "table": table} for group, table in tables]
    yield record.artifact({"schema": SCHEMA, "classes": list(counts.classes), "groups": confusion})


@dataclass(frozen=True, eq=False)
class _Table:
    """A group's counts of true by predicted class, (classes or 1, classes); each person's own,
    (persons, classes or 1, classes), where they have several rows."""

    counts: np.ndarray
    persons: np.ndarray | None

    def behind(self, position: int, rate: str) -> RateCount:
        """Cases and rows behind a rate of one class, or of all for accuracy."""
        from evenhand.audit.measure import multiclass as m
        from evenhand.audit.measure.classification import RateCount

        if rate == "accuracy_score":
            k, n = int(self.counts.trace()), int(self.counts.sum())
            empty = because("no-rows")
        else:
            k, n, empty = m.one_vs_rest_count(self.counts, position, rate)
        if self.persons is None:
            return RateCount(k, n, n, empty)
        of_all = rate == "accuracy_score"
        four = m.right_or_wrong if of_all else partial(m.one_against_rest, position=position)
        return m.persons_count(four(self.persons), rate, empty)


def _groups(counts: Counts) -> list[tuple[dict[str, str], _Table]]:
    import numpy as np

    names = [dict(zip(counts.features, name, strict=True)) for name in counts.names.tolist()]
    persons: list[np.ndarray | None] = [None] * len(names)
    if counts.people is not None:
        order = np.argsort(counts.people.group, kind="stable")
        ends = np.searchsorted(counts.people.group[order], np.arange(1, len(names)))
        persons = list(np.split(counts.people.sums[order], ends))
    tables = (_Table(t, p) for t, p in zip(counts.table, persons, strict=True))
    return list(zip(names, tables, strict=True))


def _rates(
    record: Recorder,
    counts: Counts,
    level: Mapping[str, str],
    levels: Sequence[float],
    minimum: int,
) -> Iterator[Finding]:
    from evenhand.audit.measure import multiclass as m

    named_artifact = (record.artifact(None).name,)
    for own, table in _groups(counts):
        group = {**own, **level}
        n = int(table.counts.sum())
        note = because("too-small", n=n, least=minimum) if n < minimum else ()
        yield record.plain(
            "count", n, n=n, unit="row", group=group, note=note, artifacts=named_artifact
        )
        for position, label in enumerate(counts.classes):
            named = {**group, "class": label}
            for rate in _ONE_VS_REST if counts.has_labels else ("selection_rate",):
                estimate = m.one_vs_rest(table.counts, position, rate, levels, table.persons)
                yield record.write(rate, estimate, group=named, note=note)
        if counts.has_labels:
            right = m.accuracy(table.counts, levels, table.persons)
            yield record.write("accuracy_score", right, group=group, note=note)
            macro = m.balanced_accuracy(table.counts, levels, table.persons)
            yield record.write("balanced_accuracy_score", macro, group=group, note=note)


def _gaps(
    record: Recorder,
    counts: Counts,
    level: Mapping[str, str],
    levels: Sequence[float],
    minimum: int,
) -> Iterator[Finding]:
    from evenhand.audit.measure.groups.spread import largest_difference

    groups = ComparedGroups(
        (OneGroup(g, int(t.counts.sum()), t) for g, t in _groups(counts)), minimum
    )
    between = counts.features
    for position, label in enumerate(counts.classes):
        of_class: Mapping[str, str] = {**level, "class": label}
        for rate in _ONE_VS_REST if counts.has_labels else ("selection_rate",):
            for name, estimate in _gap_and_bounds(groups, rate, position, levels):
                yield record.write(name, estimate, group=of_class, between=between)
    if not counts.has_labels:
        return
    for name, estimate in _gap_and_bounds(groups, "accuracy_score", 0, levels):
        yield record.write(name, estimate, group=level, between=between)
    macro = {name: _macro_at(table) for name, table in groups.by_name.items()}
    estimate = groups.noted(largest_difference(macro, levels))
    name = "balanced_accuracy_score_difference"
    yield record.write(name, estimate, group=level, between=between)


def _gap_and_bounds(
    groups: ComparedGroups[_Table], rate: str, position: int, levels: Sequence[float]
) -> Iterator[tuple[str, Estimate]]:
    """The gap over known groups; then, where some are unknown, its bounds."""
    from evenhand.audit.measure.groups.gaps import gap
    from evenhand.audit.measure.groups.unknown import End, apart_from_persons, if_known, widens
    from evenhand.audit.measure.uncertainty.estimate import undefined

    name = _GAPS[rate]
    family = _family(groups.big, rate, position)
    yield name, groups.noted(gap([family], scale="difference", levels=levels))
    ends: tuple[End, End] = ("lowest", "highest")
    for end in ends if groups.unknown else ():
        known = groups.known if widens("difference", end) else groups.big
        behind = [m.of.behind(position, rate) for m in groups.unknown]
        of_known = _family(known, rate, position)
        apart, rest, persons = apart_from_persons(of_known, behind, levels)
        if apart is None:
            without = undefined(because("one-person"), n=groups.n_unknown)
            yield f"{name}_{end}", groups.noted(without, is_bound=True)
            continue
        bound = if_known(
            [apart], [rest], end, scale="difference", levels=levels, rows=groups.n_unknown
        )
        counts = {**bound.counts, **({"units": persons} if persons else {})}
        yield f"{name}_{end}", groups.noted(replace(bound, counts=counts), is_bound=True)


def _family(members: Sequence[OneGroup[_Table]], rate: str, position: int) -> Family:
    from evenhand.audit.measure.groups.gaps import Family, GroupCount

    counted = [(m.name, m.of.behind(position, rate)) for m in members]
    empty = counted[0][1].empty if counted else because("no-rows")
    groups = (GroupCount(name, c.k, c.n, c.rows, c.weights) for name, c in counted)
    return Family(rate, tuple(groups), empty)


def _macro_at(table: _Table) -> Callable[[Sequence[float]], Estimate]:
    """Macro recall of one group at given levels; undefined unless every class has rows."""
    from evenhand.audit.measure.multiclass import balanced_accuracy
    from evenhand.audit.measure.uncertainty.estimate import undefined

    def at(levels: Sequence[float]) -> Estimate:
        if (table.counts.sum(axis=1) == 0).any():
            return undefined(because("no-rows-of-some-class"), n=int(table.counts.sum()))
        return balanced_accuracy(table.counts, levels, table.persons)

    return at
