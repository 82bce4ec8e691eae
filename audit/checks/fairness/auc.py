"""Does the score rank people well in every group, and across groups?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from evenhand.audit.checks.record import Recorder
from evenhand.audit.errors import MissingNeed
from evenhand.audit.finding import Finding
from evenhand.audit.reason import because
from evenhand.audit.subject.predictions import predictions_of
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from evenhand.audit.measure.groups.spread import EstimateAt

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
    control features also within each of their levels, where background is the level's own."""
    from evenhand.audit.subject.counts import control_levels

    if not subject.sensitive_features:
        raise MissingNeed(because("no-sensitive-features"))
    predictions = predictions_of(subject)
    truth, score = predictions.is_positive, predictions.score
    if truth is None:
        raise MissingNeed(because("no-true-labels"))
    if score is None:
        raise MissingNeed(because("labels-only-no-scores"))
    record = Recorder(__name__, seed)
    for level, inside in control_levels(predictions.groups, subject.control_features):
        groups = predictions.groups.loc[inside, list(subject.sensitive_features)]
        rows = _Rows(truth[inside], score[inside], groups)
        yield from _within(record, rows, level, levels, min_group_size)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Labels and scores, shape (n,), and sensitive features of the rows at one level."""

    truth: np.ndarray
    score: np.ndarray
    groups: pd.DataFrame


def _within(
    record: Recorder,
    inside: _Rows,
    level: Mapping[str, str],
    levels: Sequence[float],
    minimum: int,
) -> Iterator[Finding]:
    from evenhand.audit.measure.groups.background import Background
    from evenhand.audit.measure.groups.spread import largest_difference
    from evenhand.audit.measure.ranking import roc_auc
    from evenhand.audit.subject.counts import group_rows

    truth, score = inside.truth, inside.score
    everyone = Background(truth, score)
    by_features: dict[tuple[str, ...], dict[str, EstimateAt]] = {}
    for own, rows in group_rows(inside.groups, [str(c) for c in inside.groups.columns])[1:]:
        is_small = rows.size < minimum
        note = because("too-small", n=rows.size, least=minimum) if is_small else ()
        within, group = partial(roc_auc, truth[rows], score[rows]), {**own, **level}
        yield record.write("roc_auc_score", within(levels), group=group, note=note)
        yield record.write("bpsn_auc", everyone.bpsn(rows, levels), group=group, note=note)
        yield record.write("bnsp_auc", everyone.bnsp(rows, levels), group=group, note=note)
        members = by_features.setdefault(tuple(own), {})
        if not note:
            members[", ".join(f"{k}={v}" for k, v in own.items())] = within
    for features, estimates in by_features.items():
        gap = largest_difference(estimates, levels)
        yield record.write("roc_auc_score_difference", gap, group=level, between=features)
