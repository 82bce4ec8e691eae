"""What if the threshold were another? Every rate of every group along the score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evenhand.audit.checks.compared import ComparedGroups, OneGroup, by_features
from evenhand.audit.checks.record import Artifact, Recorder
from evenhand.audit.finding import Finding
from evenhand.audit.reason import because
from evenhand.audit.subject.deciding import threshold_of
from evenhand.audit.subject.predictions import predictions_of
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from evenhand.audit.measure.groups.sweep import Sweep
    from evenhand.audit.measure.uncertainty.estimate import Estimate
    from evenhand.audit.measure.uncertainty.weighted import Clustered

QUESTION = "How do the groups' rates, and the gaps between them, depend on the threshold?"
TASKS = frozenset({"binary"})
NEEDS = frozenset({"rows", "scores", "sensitive_features"})
SOURCE = "Hardt, Price and Srebro 2016, section 3; Wilson 1927; Newcombe 1998"
COST = "fast"
SCHEMA = "evenhand-thresholds/1"
MEASURES = {
    "swept_threshold_count": "thresholds at which the rates were counted",
    "demographic_parity_difference_at_worst_threshold": "largest gap in selection rate at any "
    "threshold of the sweep",
    "equalized_odds_difference_at_worst_threshold": "largest gap in true or false positive rate "
    "at any threshold of the sweep",
}
_GAPS = {
    "demographic_parity_difference_at_worst_threshold": ("selection_rate",),
    "equalized_odds_difference_at_worst_threshold": ("true_positive_rate", "false_positive_rate"),
}
_WITHOUT_LABELS = ("selection_rate",)
_MOST_GROUPS = 60  # of one set of features in the artifact: beyond it nobody reads the curves
_NOT_SWEPT = because("too-many-groups-for-sweep", most=_MOST_GROUPS)


def measure(
    subject: Subject,
    *,
    seed: int,
    levels: Sequence[float],
    points: int = 101,
    min_group_size: int = 10,
) -> Iterator[Finding | Artifact]:
    """Yields the largest gaps along the sweep, and counts and bands of every group as artifact.

    ``points`` thresholds: evenly spaced for probabilities, quantiles of the score otherwise, and
    the subject's own. The gaps hold for all thresholds and pairs of groups together; with control
    features they are measured within each of their levels too.
    """
    from evenhand.audit.measure.groups.sweep import RATES
    from evenhand.audit.subject.tallying.counts import control_levels

    predictions = predictions_of(subject)
    score, truth = predictions.score, predictions.is_positive
    assert score is not None  # NEEDS scores
    record = Recorder(__name__, seed)
    current = threshold_of(subject)
    thresholds = _thresholds(score, predictions.is_probability, points, current)
    labels = predictions.is_selected if truth is None else truth
    rates = tuple(RATES) if truth is not None else _WITHOUT_LABELS
    if truth is None:  # without labels every row counts as tp or fn: selection alone is read
        labels = labels | True
    named = (record.artifact(None).name,)
    count = float(thresholds.size)
    yield record.plain(
        "swept_threshold_count", count, n=predictions.n, unit="threshold", artifacts=named
    )
    everyone: list[OneGroup[Sweep]] = []
    for level, inside in control_levels(predictions.groups, subject.control_features):
        groups = predictions.groups.loc[inside, list(subject.sensitive_features)]
        units = None if subject.units is None else subject.units[inside]
        members = _swept(groups, labels[inside], score[inside], thresholds, units)
        everyone += [OneGroup({**m.group, **level}, m.n, m.of) for m in members]
        for features, name, gap in _gaps(members, rates, levels, min_group_size):
            kept = () if gap.reason == _NOT_SWEPT else named
            yield record.write(name, gap, group=level, between=features, artifacts=kept)
    yield record.artifact(_document(everyone, thresholds, current, rates, levels[0]))


def _swept(
    groups: pd.DataFrame,
    labels: np.ndarray,
    score: np.ndarray,
    thresholds: np.ndarray,
    units: np.ndarray | None,
) -> list[OneGroup[Sweep]]:
    """The counts of all rows (an empty name), and of every group and crossing."""
    from evenhand.audit.measure.groups.sweep import sweep
    from evenhand.audit.subject.tallying.counts import group_rows

    def of(rows: np.ndarray) -> np.ndarray | None:
        return None if units is None else units[rows]

    positions = group_rows(groups, [str(c) for c in groups.columns])
    return [
        OneGroup(own, len(rows), sweep(labels[rows], score[rows], thresholds, of(rows)))
        for own, rows in positions
    ]


def _thresholds(
    score: np.ndarray, is_probability: bool, points: int, current: float | None
) -> np.ndarray:
    import numpy as np

    even = np.linspace(0, 1, points).round(12)
    grid = even if is_probability else np.quantile(score, even)
    own = [] if current is None else [current]
    return np.unique(np.append(grid, own))


def _document(
    everyone: Sequence[OneGroup[Sweep]],
    thresholds: np.ndarray,
    current: float | None,
    rates: Sequence[str],
    level: float,
) -> dict[str, Any]:
    from evenhand.audit.measure.groups.sweep import RATES

    sizes = Counter(tuple(m.group) for m in everyone)
    shown = [m for m in everyone if sizes[tuple(m.group)] <= _MOST_GROUPS]
    return {
        "schema": SCHEMA,
        "level": level,
        "threshold": current,
        "thresholds": thresholds.tolist(),
        "rates": {r: {"cases": list(RATES[r][0]), "rows": list(RATES[r][1])} for r in rates},
        "groups": [{"group": dict(m.group), **m.of.to_json(level, rates)} for m in shown],
        "left_out": [list(f) for f, n in sizes.items() if n > _MOST_GROUPS],
    }


def _gaps(
    members: Sequence[OneGroup[Sweep]], rates: Sequence[str], levels: Sequence[float], minimum: int
) -> Iterator[tuple[tuple[str, ...], str, Estimate]]:
    """For each set of features: name and value of each gap that the labels allow."""
    from evenhand.audit.measure.uncertainty.estimate import undefined

    for features, groups in by_features(members, minimum).items():
        for name, used in _GAPS.items():
            if not set(used) <= set(rates):
                continue
            if len(groups.members) > _MOST_GROUPS:
                n = sum(m.n for m in groups.members)
                yield features, name, undefined(_NOT_SWEPT, n=n)
            else:
                yield features, name, _worst_gap(groups, used, levels)


def _sums(swept: Sweep, rate: str) -> list[Clustered] | None:
    return None if swept.persons is None else swept.persons.sums(rate)


def _worst_gap(
    groups: ComparedGroups[Sweep], rates: Sequence[str], levels: Sequence[float]
) -> Estimate:
    from evenhand.audit.measure.groups.gaps import Family, GroupCount, gap

    families = []
    for rate in rates:
        counted = [(m.name, *m.of.cases(rate), _sums(m.of, rate)) for m in groups.big]
        for i in range(counted[0][1].size if counted else 1):
            at = tuple(
                GroupCount(name, int(k[i]), int(n[i]), weights=sums[i] if sums and n[i] else None)
                for name, k, n, sums in counted
            )
            families.append(Family(rate, at, because("no-rows-for-rate", rate=rate)))
    estimate = gap(families, scale="difference", levels=levels)
    method = f"{estimate.method}, of all thresholds together"
    rows = sum(m.n for m in groups.big)
    counts = {**estimate.counts, "groups": len(groups.known), "groups_left_out": 0}
    return groups.noted(replace(estimate, n=rows, counts=counts, method=method))
