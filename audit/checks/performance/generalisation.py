"""Does the model do better on the rows it was trained on?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from evenhand.audit.asking.losses import losses_of
from evenhand.audit.asking.overlap import Overlap, overlap_of
from evenhand.audit.checks.record import Recorder
from evenhand.audit.finding import Finding
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.reason import Reasons, because
from evenhand.audit.subject.predictions import (
    AnyPredictions,
    ClassPredictions,
    Predictions,
    ValuePredictions,
    score,
    score_training,
)
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np

QUESTION = "How much better is the model on its training rows than on rows it has not seen?"
TASKS = frozenset({"binary", "multiclass", "regression", "generation"})
NEEDS = frozenset({"labels", "rows", "training_data"})
SOURCE = "Newcombe 1998, method 10; Zou and Donner 2008; Hall 1992"
COST = "fast"
MEASURES = {
    "accuracy_generalisation_gap": "accuracy on the training rows minus on the audited rows",
    "loss_generalisation_gap": "mean loss on the audited rows minus on the training rows: "
    "nat (classification), squared error (regression), bit per character (generation)",
    "relative_loss_generalisation_gap": "of values: the same gap as a share of the variance of the "
    "audited rows' target, so that it is the same in euros and in cents",
}


def measure(subject: Subject, *, seed: int, levels: Sequence[float]) -> Iterator[Finding]:
    """Yields the gap in accuracy (classifiers) and in mean loss; above 0 means overfitting.

    Rows that are in both files count on one side: as trained on, unless the model says in its
    folder that the audited file was held out.
    """
    from evenhand.audit.measure.uncertainty.intervals import mean_difference, newcombe

    there = score_training(subject)
    overlap = overlap_of(subject)
    assert there is not None  # NEEDS training_data
    assert overlap is not None
    here = score(subject)
    record = Recorder(__name__, seed)
    mine, theirs = overlap.kept_audited, overlap.kept_training
    if not (mine.any() and theirs.any()):
        why = because("every-row-trained-on")
        yield from (record.without_value(m, "undefined", why, n=subject.n) for m in MEASURES)
        return
    note = _note(overlap)
    hits, training_hits = _only(_hits(here), mine), _only(_hits(there), theirs)
    if hits is None or training_hits is None:
        reason = because("accuracy-needs-labels")
        yield record.without_value("accuracy_generalisation_gap", "not_applicable", reason)
    else:
        k, n = int(training_hits.sum()), int(training_hits.size)
        k_here, n_here = int(hits.sum()), int(hits.size)
        intervals = tuple(newcombe(k, n, k_here, n_here, level) for level in levels)
        value = k / n - k_here / n_here
        gap = Estimate(value, n_here, intervals, {"n_train": n}, "Newcombe")
        yield record.write("accuracy_generalisation_gap", gap, unit="rate difference", note=note)
    losses, training_losses = _only(losses_of(here), mine), _only(losses_of(there), theirs)
    if losses is None or training_losses is None:
        reason = because("loss-needs-probabilities")
        for name in ("loss_generalisation_gap", "relative_loss_generalisation_gap"):
            yield record.without_value(name, "not_applicable", reason)
        return
    gap = mean_difference(losses, training_losses, levels)
    yield record.write("loss_generalisation_gap", gap, unit=_UNITS[subject.task], note=note)
    relative, unit = "relative_loss_generalisation_gap", "share of variance"
    if isinstance(here, ValuePredictions) and here.actual is not None:
        yield record.write(relative, _relative(gap, here.actual[mine]), unit=unit, note=note)
    else:
        reason = because("not-of-this-task", task=subject.task)
        yield record.without_value(relative, "not_applicable", reason)


def _note(overlap: Overlap) -> Reasons:
    """What was done about rows that are in both files."""
    shared = int(overlap.audited.sum())
    if not shared:
        return ()
    left_out = int((~overlap.kept_audited).sum() + (~overlap.kept_training).sum())
    note = because("rows-in-both-files", n=shared)
    return note + (because("overlap-left-out", n=left_out) if left_out else because("rows-repeat"))


def _only(values: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    """The values of these rows, without those that have none (NaN)."""
    if values is None:
        return None
    kept = values[rows]
    return kept[kept == kept]


_UNITS = {
    "binary": "nat",
    "multiclass": "nat",
    "regression": "squared unit of the target",
    "generation": "bit per character, mean over texts",
}


def _hits(found: AnyPredictions) -> np.ndarray | None:
    if isinstance(found, Predictions) and found.is_positive is not None:
        return found.is_positive == found.is_selected
    if isinstance(found, ClassPredictions) and found.actual is not None:
        return found.actual == found.predicted
    return None


def _relative(gap: Estimate, actual: np.ndarray) -> Estimate:
    """The gap over the variance of ``actual``, which is taken as known."""
    from dataclasses import replace

    spread = float(actual.var())
    if gap.value is None:
        return gap
    if spread == 0:
        return undefined(because("target-does-not-vary"), n=gap.n, method=gap.method)
    intervals = tuple(
        i.model_copy(update={"low": i.low / spread, "high": i.high / spread}) for i in gap.intervals
    )
    method = f"{gap.method}; over the variance of the audited rows' target"
    return replace(gap, value=gap.value / spread, intervals=intervals, method=method)
