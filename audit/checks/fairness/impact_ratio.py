"""Impact ratios as New York City's Local Law 144 defines them: selection and scoring rates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from evenhand.audit.checks.record import Recorder
from evenhand.audit.errors import RowsOnDisk
from evenhand.audit.favourable import Favourable, declared_favourable
from evenhand.audit.finding import Finding, Status
from evenhand.audit.reason import Reasons, because
from evenhand.audit.subject.predictions import (
    Predictions,
    ValuePredictions,
    expect,
    group_sizes,
    score,
)
from evenhand.audit.subject.subject import UNKNOWN, Subject

if TYPE_CHECKING:
    from evenhand.audit.subject.counts import Counts

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
    "unknown_count": "people left out of a table because a sensitive feature is unknown",
}


def measure(
    subject: Subject, *, seed: int, levels: Sequence[float], minimum_share: float = 0.0
) -> Iterator[Finding]:
    """Yields a table for each sensitive feature, each pair and the crossing of all.

    Ratios are of the favourable outcome: being selected, or scored above the median; where
    ``positive_is`` says burden, not being selected, or being scored below it. Where it is not
    declared they are not applicable.

    The highest rate is taken over all groups of the table. People whose feature is unknown are
    counted, not compared. ``counts`` holds what 5-301(d) asks about: ``assessed`` and ``table``,
    the people in the group and in the whole table. With ``minimum_share`` (0.02 there) groups
    under that share get a reason instead of a ratio, and can't be the highest.
    """
    from evenhand.audit.subject.counts import feature_sets

    record = Recorder(__name__, seed)
    sizes = group_sizes(subject)
    selected = sizes if subject.task == "binary" else None
    scored, status, why = _beside_median(subject)
    outcome = declared_favourable(subject)
    for features in feature_sets(subject.sensitive_features):
        unknown = sum(c.n for c in sizes.by(features).cells() if UNKNOWN in c.group.values())
        yield record.plain("unknown_count", unknown, n=subject.n, unit="row", between=features)
        if selected is not None and outcome is not None:
            table = _table(selected, features, outcome)
            yield from _ratios(record, "impact_ratio", table, outcome, levels, minimum_share)
        if scored is not None:
            above, below = scored
            yield from _scoring_rates(record, _table(above, features), levels)
            if outcome is not None:
                table = _table(above if outcome.is_selection else below, features)
                name = "scoring_rate_impact_ratio"
                yield from _ratios(record, name, table, outcome, levels, minimum_share)
    if scored is None:
        for name in ("scoring_rate", "scoring_rate_impact_ratio"):
            yield record.without_value(name, status, why)
    if outcome is None:
        names = ["impact_ratio"] if selected is not None else []
        for name in [*names, *(["scoring_rate_impact_ratio"] if scored is not None else [])]:
            yield record.without_value(name, "not_applicable", because("adverse-not-declared"))


Table = Sequence[tuple[Mapping[str, str], int, int]]


def _beside_median(subject: Subject) -> tuple[tuple[Counts, Counts] | None, Status, Reasons]:
    """People above, and people below, the median score as if selected; or why there are none:
    status and reason."""
    import numpy as np

    from evenhand.audit.subject.counts import count_groups

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
    above, below = (
        count_groups(subject.groups, subject.sensitive_features, None, side)
        for side in (scores > middle, scores < middle)
    )
    return (above, below), "measured", ()


_AS_COUNTED = Favourable(is_selection=True)


def _table(counts: Counts, features: tuple[str, ...], outcome: Favourable = _AS_COUNTED) -> Table:
    cells = [c for c in counts.by(features).cells() if UNKNOWN not in c.group.values()]
    return [(c.group, outcome.cases(c.confusion.tp + c.confusion.fp, c.n), c.n) for c in cells]


def _scoring_rates(record: Recorder, table: Table, levels: Sequence[float]) -> Iterator[Finding]:
    from evenhand.audit.measure.uncertainty.intervals import rate

    for group, k, n in table:
        yield record.write(
            "scoring_rate", rate(k, n, levels, empty=because("no-rows")), group=group
        )


def _ratios(
    record: Recorder,
    name: str,
    table: Table,
    outcome: Favourable,
    levels: Sequence[float],
    minimum_share: float,
) -> Iterator[Finding]:
    from dataclasses import replace

    from evenhand.audit.measure.groups.impact import Selected, impact_ratio
    from evenhand.audit.measure.uncertainty.estimate import undefined

    total = sum(n for _, _, n in table)
    compared = [Selected(k, n) for _, k, n in table if n >= minimum_share * total]
    for group, k, n in table:
        if n < minimum_share * total:
            why = because("under-share", share=minimum_share, n=n, rate=k / n)
            estimate = undefined(why, n=n)
        elif len(compared) < 2:
            estimate = undefined(because("fewer-than-two-groups-to-compare"), n=n)
        else:
            estimate = impact_ratio(Selected(k, n), compared, levels)
        counts = {**outcome.counts(estimate.counts), "table": total}
        estimate = replace(estimate, counts=counts, method=outcome.method(estimate.method))
        yield record.write(name, estimate, unit="ratio", group=group)
