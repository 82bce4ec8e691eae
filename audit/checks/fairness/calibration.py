"""Does a score mean the same for every group? Calibration by group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evenhand.audit.checks.compared import OneGroup, by_features
from evenhand.audit.checks.record import Artifact, Recorder
from evenhand.audit.errors import MissingNeed
from evenhand.audit.finding import Finding
from evenhand.audit.reason import Reasons, because
from evenhand.audit.subject.predictions import Predictions, predictions_of
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np

    from evenhand.audit.measure.calibration import CalibrationBin

QUESTION = "Among people with the same score, is the same share positive in every group?"
TASKS = frozenset({"binary"})
NEEDS = frozenset({"labels", "rows", "scores", "sensitive_features"})
SOURCE = (
    "Kleinberg, Mullainathan and Raghavan 2017; Naeini et al. 2015; Nixon et al. 2019; Cox 1958; "
    "Van Calster et al. 2019"
)
COST = "fast"
SCHEMA = "evenhand-calibration/1"
MEASURES = {
    "expected_calibration_error": "mean over rows of |share of positives - mean score| of a bin",
    "mean_calibration_gap": "share of positives minus mean score: above 0, scores are too low",
    "calibration_intercept": "intercept of the logistic recalibration: 0 where calibrated",
    "calibration_slope": "slope of the logistic recalibration: 1 where calibrated",
    "expected_calibration_error_difference": "largest minus smallest calibration error of groups",
    "mean_calibration_gap_difference": "largest minus smallest mean calibration gap of groups",
}
_COMPARED = ("expected_calibration_error", "mean_calibration_gap")


def measure(
    subject: Subject,
    *,
    seed: int,
    levels: Sequence[float],
    bins: int = 10,
    min_group_size: int = 10,
) -> Iterator[Finding | Artifact]:
    """Yields every measure for all rows and for each group, the gaps, and the reliability curves.

    Each group has its own bins between quantiles of its scores, ``bins`` at most and no fewer than
    five rows a bin on average. Groups under ``min_group_size`` are marked and left out of gaps.
    With control features all of it again within each of their levels.
    """
    from evenhand.audit.subject.tallying.counts import control_levels

    predictions = predictions_of(subject)
    assert predictions.is_positive is not None  # NEEDS labels
    assert predictions.score is not None  # NEEDS scores
    if not predictions.is_probability:
        raise MissingNeed(because("scores-of-another-kind"))
    record = Recorder(__name__, seed)
    curves: list[dict[str, Any]] = []
    for level, inside in control_levels(predictions.groups, subject.control_features):
        units = None if subject.units is None else subject.units[inside]
        groups = _groups(predictions.only(inside), units, subject.sensitive_features, bins)
        for own, found in groups:
            is_small = found.n < min_group_size
            note = because("too-small", n=found.n, least=min_group_size) if is_small else ()
            group = {**own, **level}
            yield from found.findings(record, group, levels, note)
            curves.append({"group": group, "bins": [b.to_json(levels[0]) for b in found.bins]})
        yield from _gaps(record, groups, level, levels, min_group_size)
    yield record.artifact(
        {
            "schema": SCHEMA,
            "level": levels[0],
            "bins": "equal mass by group",
            "curves": curves,
        }
    )


def _groups(
    predictions: Predictions, units: np.ndarray | None, sensitive: Sequence[str], bins: int
) -> list[tuple[dict[str, str], _Group]]:
    """All rows first (with an empty name), then every group and crossing."""
    from evenhand.audit.subject.tallying.counts import group_rows

    truth, score = predictions.is_positive, predictions.score
    assert truth is not None
    assert score is not None
    positions = group_rows(predictions.groups, sensitive)
    return [
        (own, _Group(truth[rows], score[rows], None if units is None else units[rows], bins))
        for own, rows in positions
    ]


class _Group:
    """The labels and scores of one group, in bins."""

    def __init__(
        self, is_positive: np.ndarray, score: np.ndarray, units: np.ndarray | None, bins: int
    ) -> None:
        from evenhand.audit.measure.calibration import equal_mass_bins

        self.is_positive, self.score, self.n = is_positive, score, int(score.size)
        self.units = units
        self.bins: tuple[CalibrationBin, ...] = equal_mass_bins(
            is_positive, score, max(1, min(bins, self.n // 5))
        )

    def estimate(self, name: str, levels: Sequence[float]) -> Any:
        """One of the two compared measures."""
        from evenhand.audit.measure import calibration as c
        from evenhand.audit.measure.uncertainty.intervals import mean

        if name != "expected_calibration_error":
            return mean(self.is_positive - self.score, levels, units=self.units)
        if self.units is None:
            return c.expected_calibration_error(self.bins, levels)
        rows = (self.is_positive, self.score, self.units)
        return c.calibration_error_of_persons(self.bins, *rows, levels)

    def findings(
        self, record: Recorder, group: Mapping[str, str], levels: Sequence[float], note: Reasons
    ) -> Iterator[Finding]:
        """Every measure of this group."""
        from evenhand.audit.measure.recalibration import recalibrate

        place: dict[str, Any] = {"group": group, "note": note}
        error = self.estimate("expected_calibration_error", levels)
        curve = (record.artifact(None).name,)
        yield record.write("expected_calibration_error", error, artifacts=curve, **place)
        gap = self.estimate("mean_calibration_gap", levels)
        yield record.write("mean_calibration_gap", gap, unit="probability difference", **place)
        fit = recalibrate(self.is_positive, self.score, levels, self.units)
        yield record.write("calibration_intercept", fit.intercept, unit="log odds", **place)
        yield record.write("calibration_slope", fit.slope, unit="slope", **place)


def _gaps(
    record: Recorder,
    groups: Sequence[tuple[Mapping[str, str], _Group]],
    level: Mapping[str, str],
    levels: Sequence[float],
    minimum: int,
) -> Iterator[Finding]:
    from functools import partial

    from evenhand.audit.measure.groups.spread import largest_difference

    members = [OneGroup(own, found.n, found) for own, found in groups]
    for features, compared in by_features(members, minimum).items():
        for name in _COMPARED:
            estimates = {n: partial(g.estimate, name) for n, g in compared.by_name.items()}
            yield record.write(
                f"{name}_difference",
                compared.noted(largest_difference(estimates, levels)),
                unit="probability difference",
                group=level,
                between=features,
            )
