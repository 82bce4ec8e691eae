"""Of whom does the model give away that they were in its training data?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evenhand.audit.asking.membership import attacked
from evenhand.audit.checks.compared import ComparedGroups, OneGroup
from evenhand.audit.checks.record import Recorder
from evenhand.audit.finding import Finding
from evenhand.audit.reason import because
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np

    from evenhand.audit.measure.groups.spread import EstimateAt
    from evenhand.audit.measure.uncertainty.estimate import Estimate

QUESTION = "In which group are members of the training data found most easily?"
TASKS = frozenset({"binary", "multiclass", "regression", "generation"})
NEEDS = frozenset({"labels", "rows", "training_data", "sensitive_features"})
SOURCE = (
    "Yeom et al. 2018; thresholds of each group's own; Zou and Donner 2008 for the joined limits"
)
COST = "fast"
MEASURES = {
    "leakage_auc": "share of (member, other) pairs of the group that the attack puts in order",
    "leakage_auc_difference": "highest minus lowest of these",
    "leakage_tpr_at_10_percent": "share of the group's members found at the threshold that accuses "
    "10 % of the group's others",
    "leakage_tpr_at_1_percent": "the same at 1 %",
    "pooled_leakage_tpr": "share of the group's members found at the one threshold that accuses "
    "10 % of all others",
    "pooled_leakage_fpr": "share of the group's others whom that threshold accuses",
}


def measure(
    subject: Subject, *, seed: int, levels: Sequence[float], min_group_size: int = 10
) -> Iterator[Finding]:
    """Yields both thresholds' rates in each group. The group's own threshold tells how much is
    given away of it; the pooled one, at which groups differ though they leak alike, says something
    only with the rate at which the group's others are accused. Groups of a feature are held at
    levels that hold together (Bonferroni)."""
    from evenhand.audit.measure.exposure.membership import threshold_at

    rows = attacked(subject)
    record = Recorder(__name__, seed)
    pooled = threshold_at(rows.others, 0.1)
    for feature in subject.sensitive_features:
        of_members = rows.member_groups[feature].to_numpy()
        of_others = rows.other_groups[feature].to_numpy()
        groups = []
        for name in sorted(set(of_members) | set(of_others)):
            own = _Split(rows.members[of_members == name], rows.others[of_others == name])
            groups.append(OneGroup({feature: name}, min(own.n), own))
        compared = ComparedGroups(groups, min_group_size)
        yield from _of_feature(record, compared, feature, pooled, levels, rows.attack)


@dataclass(frozen=True, eq=False)
class _Split:
    members: np.ndarray
    others: np.ndarray

    @property
    def n(self) -> tuple[int, int]:
        return len(self.members), len(self.others)

    def area(self, levels: Sequence[float]) -> Estimate:
        from evenhand.audit.measure.exposure.membership import area

        return area(self.members, self.others, levels)


def _of_feature(
    record: Recorder,
    groups: ComparedGroups[_Split],
    feature: str,
    pooled: float,
    levels: Sequence[float],
    attack: str,
) -> Iterator[Finding]:
    from evenhand.audit.measure.exposure.membership import true_positive_rate
    from evenhand.audit.measure.groups.spread import largest_difference
    from evenhand.audit.measure.uncertainty.intervals import rate

    together = max(1, len(groups.big))
    strict = [1 - (1 - level) / together for level in levels]
    areas: dict[str, EstimateAt] = {}
    for each in groups.members:
        own, note = each.of, groups.note(each)
        group: Mapping[str, str] = each.group
        for name, share in (
            ("leakage_tpr_at_10_percent", 0.1),
            ("leakage_tpr_at_1_percent", 0.01),
        ):
            told = _at(true_positive_rate(own.members, own.others, share, strict), levels)
            method = f"{attack}; {told.method}; {together} groups together"
            yield record.write(name, replace(told, method=method), group=group, note=note)
        for name, scores in (
            ("pooled_leakage_tpr", own.members),
            ("pooled_leakage_fpr", own.others),
        ):
            k = int((scores > pooled).sum())
            told = rate(k, len(scores), levels, empty=because("no-rows"))
            yield record.write(name, told, group=group, note=note)
        yield record.write("leakage_auc", own.area(levels), group=group, note=note)
        if groups.compares(each):
            areas[each.name] = own.area
    gap = groups.noted(largest_difference(areas, levels))
    yield record.write("leakage_auc_difference", gap, between=(feature,))


def _at(estimate: Estimate, levels: Sequence[float]) -> Estimate:
    """The intervals of stricter levels under the levels that they hold at together."""
    held = tuple(
        interval.model_copy(update={"level": level})
        for interval, level in zip(estimate.intervals, levels, strict=False)
    )
    return replace(estimate, intervals=held)
