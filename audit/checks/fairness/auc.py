"""Does the score rank people well in every group, and across groups?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from evenhand.audit.checks.compared import OneGroup, by_features
from evenhand.audit.checks.record import Recorder
from evenhand.audit.finding import UNKNOWN, Finding, is_known
from evenhand.audit.reason import because
from evenhand.audit.subject.predictions import predictions_of
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from evenhand.audit.measure.groups.background import Background
    from evenhand.audit.measure.groups.spread import EstimateAt
    from evenhand.audit.measure.uncertainty.estimate import Estimate

QUESTION = "Does the score put positives above negatives within each group, and across groups?"
TASKS = frozenset({"binary"})
NEEDS = frozenset({"labels", "rows", "scores", "sensitive_features"})
SOURCE = "Borkan et al. 2019, sections 2.2 and 2.3; Mann and Whitney 1947; DeLong et al. 1988"
COST = "fast"
MEASURES = {
    "roc_auc_score": "share of (positive, negative) pairs of the group that the score orders",
    "bpsn_auc": "the same for positives outside and negatives inside the group: low where the "
    "score is too high for the group's negatives",
    "bnsp_auc": "the same for negatives outside and positives inside the group: low where the "
    "score is too low for the group's positives",
    "roc_auc_score_difference": "highest minus lowest area of the groups",
}


def measure(
    subject: Subject, *, seed: int, levels: Sequence[float], min_group_size: int = 10
) -> Iterator[Finding]:
    """Yields the three areas for every group, and the largest difference of the first; with
    control features also within each of their levels, where background is the level's own.

    Background is everybody else whose group is known."""
    from evenhand.audit.subject.tallying.counts import control_levels

    predictions = predictions_of(subject)
    truth, score = predictions.is_positive, predictions.score
    assert truth is not None  # NEEDS labels
    assert score is not None  # NEEDS scores
    record = Recorder(__name__, seed)
    for level, inside in control_levels(predictions.groups, subject.control_features):
        groups = predictions.groups.loc[inside, list(subject.sensitive_features)]
        units = None if subject.units is None else subject.units[inside]
        rows = _Rows(truth[inside], score[inside], groups, units)
        yield from _within(record, rows, level, levels, min_group_size)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Labels and scores, shape (n,), and sensitive features of the rows at one level."""

    truth: np.ndarray
    score: np.ndarray
    groups: pd.DataFrame
    units: np.ndarray | None = None

    def background(self, features: Sequence[str]) -> Background:
        """Everybody of whom it is known to which group of ``features`` they belong."""
        from evenhand.audit.measure.groups.background import Background

        known = (self.groups[list(features)] != UNKNOWN).all(axis=1).to_numpy()
        return Background(self.truth, self.score, known, self.units)

    def across(
        self, known: Background, of: OneGroup[np.ndarray], levels: Sequence[float]
    ) -> Iterator[tuple[str, Estimate]]:
        """The areas between one group and the other people whose group is known."""
        from evenhand.audit.measure.uncertainty.estimate import undefined

        if not is_known(of.group):
            for name in ("bpsn_auc", "bnsp_auc"):
                yield name, undefined(because("unknown-not-compared", n=of.n), n=of.n)
            return
        yield "bpsn_auc", known.bpsn(of.of, levels)
        yield "bnsp_auc", known.bnsp(of.of, levels)


def _within(
    record: Recorder,
    inside: _Rows,
    level: Mapping[str, str],
    levels: Sequence[float],
    minimum: int,
) -> Iterator[Finding]:
    from evenhand.audit.measure.groups.spread import largest_difference
    from evenhand.audit.measure.ranking import roc_auc
    from evenhand.audit.subject.tallying.counts import group_rows

    named = [str(c) for c in inside.groups.columns]
    members = [OneGroup(own, rows.size, rows) for own, rows in group_rows(inside.groups, named)]
    for features, groups in by_features(members, minimum).items():
        background = inside.background(features)
        areas: dict[str, EstimateAt] = {}
        for each in groups.members:
            rows, note = each.of, groups.note(each)
            units = None if inside.units is None else inside.units[rows]
            within = partial(roc_auc, inside.truth[rows], inside.score[rows], units=units)
            place: dict[str, Any] = {"group": {**each.group, **level}, "note": note}
            yield record.write("roc_auc_score", within(levels), **place)
            for name, area in inside.across(background, each, levels):
                told = groups.told(area) if is_known(each.group) else area
                yield record.write(name, told, **place)
            if groups.compares(each):
                areas[each.name] = within
        gap = groups.noted(largest_difference(areas, levels))
        yield record.write("roc_auc_score_difference", gap, group=level, between=features)
