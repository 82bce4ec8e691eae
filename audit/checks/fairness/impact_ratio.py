"""Impact ratios as New York City's Local Law 144 defines them: selection and scoring rates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evenhand.audit.checks.compared import OneGroup
from evenhand.audit.checks.record import Recorder
from evenhand.audit.errors import RowsOnDisk
from evenhand.audit.favourable import Favourable, declared_favourable
from evenhand.audit.finding import Finding, Status, is_known
from evenhand.audit.measure.groups.impact import Selected, impact_ratio, selected
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.reason import Reasons, because
from evenhand.audit.subject.predictions import (
    Predictions,
    ValuePredictions,
    expect,
    group_sizes,
    score,
)
from evenhand.audit.subject.subject import Subject
from evenhand.audit.subject.tallying.counts import feature_sets

if TYPE_CHECKING:
    from evenhand.audit.subject.tallying.counts import Cell, Counts

QUESTION = "How does each group's rate compare with the highest, in tables as LL144 asks for?"
TASKS = frozenset({"binary", "regression"})
NEEDS = frozenset({"sensitive_features"})
SOURCE = "6 RCNY 5-300, 5-301(b), (c) and (d) (New York City Local Law 144); Donner and Zou 2012"
COST = "fast"
MEASURES = {
    "impact_ratio": "a group's rate of the favourable outcome divided by the highest of its table",
    "scoring_rate": "share of the group's people who score above the median of the whole sample",
    "scoring_rate_impact_ratio": "a group's scoring rate (a high score being a burden: its share "
    "below the median) divided by the highest of its table",
    "large_group_impact_ratio": "the impact ratio where groups under a share (2 %) of the table "
    "are left out: shown, not compared, and never the highest",
    "large_group_scoring_rate_impact_ratio": "the same of the scoring rate",
    "unknown_count": "people left out of a table because a sensitive feature is unknown",
}


def measure(
    subject: Subject, *, seed: int, levels: Sequence[float], minimum_share: float = 0.02
) -> Iterator[Finding]:
    """Yields a table for each sensitive feature, each pair and the crossing of all; with control
    features (a job title) also within each of their levels.

    Ratios are of the favourable outcome: being selected, or scored above the median; where
    ``positive_is`` says burden, not being selected, or being scored below it. Where it is not
    declared they are not applicable.

    The full table compares all groups. Beside it ``large_group_...`` leaves out groups under
    ``minimum_share`` of the table, as 5-301(d) allows: they get a reason instead of a ratio, and
    can't be the highest. People whose feature is unknown are counted, not compared. ``counts``
    holds what 5-301(d) asks about: ``assessed`` and ``table``, the people in the group and in the
    whole table.
    """
    tables = _Tables(Recorder(__name__, seed), levels, minimum_share)
    scored, status, why = _beside_median(subject)
    outcome = declared_favourable(subject)
    for level, sizes, halves in _levels(subject, scored):
        for features in feature_sets(subject.sensitive_features):
            yield tables.unknown(features, level, sizes)
            if subject.task == "binary" and outcome is not None:
                table = _table(sizes, features, level, outcome)
                yield from tables.ratios("impact_ratio", table, outcome)
            if halves is not None:
                yield from tables.scoring(features, level, halves, outcome)
    if scored is None:
        for name in _SCORING:
            yield tables.record.without_value(name, status, why)
    if outcome is None:
        names = ["impact_ratio"] if subject.task == "binary" else []
        names += ["scoring_rate_impact_ratio"] if scored is not None else []
        undeclared = because("adverse-not-declared")
        for name in (n for own in names for n in (own, f"large_group_{own}")):
            yield tables.record.without_value(name, "not_applicable", undeclared)


_SCORING = (
    "scoring_rate",
    "scoring_rate_impact_ratio",
    "large_group_scoring_rate_impact_ratio",
)


Level = Mapping[str, str]
Halves = tuple["Counts", "Counts"]  # people above, and people below, the median score


def _levels(
    subject: Subject, scored: Halves | None
) -> Iterator[tuple[Level, Counts, Halves | None]]:
    """Counts of all rows (an empty level), then of each level of the control features."""
    controls = subject.control_features
    sizes = group_sizes(subject).levels(controls)
    if scored is None:
        yield from ((level, part, None) for level, part in sizes)
        return
    sides = (scored[0].levels(controls), scored[1].levels(controls))
    for (level, part), (_, above), (_, below) in zip(sizes, *sides, strict=True):
        yield level, part, (above, below)


def _beside_median(subject: Subject) -> tuple[Halves | None, Status, Reasons]:
    """People above, and people below, the median score as if selected; or why there are none:
    status and reason."""
    import numpy as np

    from evenhand.audit.subject.tallying.counts import count_groups

    try:
        found = score(subject)
    except RowsOnDisk as needed:
        return None, "skipped", needed.reason
    if isinstance(found, Predictions):
        scores = found.score
    else:
        scores = expect(found, ValuePredictions).predicted
    if scores is None:
        return None, "not_applicable", because("labels-only")
    middle = np.median(scores)
    features = (*subject.sensitive_features, *subject.control_features)
    above, below = (
        count_groups(subject.groups, features, None, side, units=subject.units)
        for side in (scores > middle, scores < middle)
    )
    return (above, below), "measured", ()


_AS_COUNTED = Favourable(is_selection=True)


@dataclass(frozen=True, eq=False)
class _Tables:
    """Writes tables of rates and ratios."""

    record: Recorder
    levels: Sequence[float]
    minimum_share: float

    def unknown(self, features: tuple[str, ...], level: Level, sizes: Counts) -> Finding:
        """How many people of the level are in no group of the table."""
        unknown = sum(c.n for c in sizes.by(features).cells() if not is_known(c.group))
        place: dict[str, Any] = {"group": level, "between": features}
        return self.record.plain("unknown_count", unknown, n=sizes.n, unit="row", **place)

    def scoring(
        self, features: tuple[str, ...], level: Level, halves: Halves, outcome: Favourable | None
    ) -> Iterator[Finding]:
        """Scoring rates, and their ratios where it is declared what a high score means."""
        above, below = halves
        for member in _table(above, features, level, _AS_COUNTED):
            found = _rate(member.of, self.levels)
            yield self.record.write("scoring_rate", found, group=member.group)
        if outcome is not None:
            side = above if outcome.is_selection else below
            table = _table(side, features, level, _AS_COUNTED)
            yield from self.ratios("scoring_rate_impact_ratio", table, outcome)

    def ratios(
        self, name: str, table: Sequence[OneGroup[Selected]], outcome: Favourable
    ) -> Iterator[Finding]:
        """The full table, then the one without groups under the minimum share."""
        total = sum(m.n for m in table)
        for own, share in ((name, 0.0), (f"large_group_{name}", self.minimum_share)):
            compared = [m.of for m in table if m.n >= share * total]
            for member in table:
                estimate = self._ratio(member, compared, share, total)
                counts = {**outcome.counts(estimate.counts), "table": total}
                method = outcome.method(estimate.method)
                told = replace(estimate, counts=counts, method=method)
                yield self.record.write(own, told, unit="ratio", group=member.group)

    def _ratio(
        self, member: OneGroup[Selected], compared: Sequence[Selected], share: float, total: int
    ) -> Estimate:
        counts = {"selected": member.of.k, "assessed": member.n}
        if member.n < share * total:
            why = because("under-share", share=share, n=member.n, rate=member.of.k / member.n)
        elif len(compared) < 2:
            why = because("fewer-than-two-groups-to-compare")
        else:
            return impact_ratio(member.of, compared, self.levels)
        return undefined(why, n=member.n, counts=counts)


def _table(
    counts: Counts, features: tuple[str, ...], level: Level, outcome: Favourable
) -> list[OneGroup[Selected]]:
    """The known groups of one table, with how many of each have the outcome."""
    return [
        OneGroup({**c.group, **level}, c.n, _selected(c, outcome))
        for c in counts.by(features).cells()
        if is_known(c.group)
    ]


def _selected(cell: Cell, outcome: Favourable) -> Selected:
    cases = outcome.cases(cell.confusion.selected, cell.n)
    return selected(cases, cell.n, cell.persons, is_selection=outcome.is_selection)


def _rate(of: Selected, levels: Sequence[float]) -> Estimate:
    from evenhand.audit.measure.classification import RateCount, estimate_rate

    is_clustered = of.sums is not None
    count = RateCount(of.k, of.n, of.n, because("no-rows"), is_clustered, of.sums)
    return estimate_rate(count, levels)
