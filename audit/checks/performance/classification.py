"""How well does a binary classifier do on these rows, all groups together?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evenhand.audit.checks.record import Recorder
from evenhand.audit.errors import RowsOnDisk
from evenhand.audit.finding import Finding
from evenhand.audit.reason import because
from evenhand.audit.subject.predictions import counts_of, predictions_of
from evenhand.audit.subject.subject import Subject

QUESTION = "How often is the model right, and are its scores any good?"
TASKS = frozenset({"binary"})
NEEDS = frozenset({"labels"})
SOURCE = "scikit-learn's functions of the same names; Wilson 1927; DeLong 1988; Zou & Donner 2008"
COST = "fast"
MEASURES = {
    "accuracy_score": "share of rows whose predicted label is the true one",
    "balanced_accuracy_score": "mean of the true positive rate and the true negative rate",
    "precision_score": "share of rows predicted positive that are positive",
    "recall_score": "share of positive rows that are predicted positive",
    "f1_score": "harmonic mean of precision and recall",
    "roc_auc_score": "share of (positive, negative) pairs that the score puts in order",
    "log_loss": "mean of -log of the probability given to the true label, in nat",
}
_SCORED = ("roc_auc_score", "log_loss")


def measure(subject: Subject, *, seed: int, levels: Sequence[float]) -> Iterator[Finding]:
    """Yields one finding a measure; AUC and log loss need scores (log loss, probabilities)."""
    from evenhand.audit.measure import classification as c
    from evenhand.audit.subject.tallying.counts import total

    counts = counts_of(subject)
    record = Recorder(__name__, seed)
    confusion = total(counts.cells())
    # of persons with several rows each one's are taken together; weights are for groups
    people = counts.by(()).cells()[0].weights if counts.people is not None else None
    for name in ("accuracy_score", "precision_score", "recall_score"):
        rate = c.estimate_rate(c.rate_count(confusion, name, people), levels)
        yield record.write(name, rate)
    yield record.write("balanced_accuracy_score", c.balanced_accuracy(confusion, levels, people))
    yield record.write("f1_score", c.f1(confusion, levels, people))
    yield from _of_scores(record, subject, levels)


def _of_scores(record: Recorder, subject: Subject, levels: Sequence[float]) -> Iterator[Finding]:
    from evenhand.audit.measure import classification as c
    from evenhand.audit.measure.ranking import roc_auc

    try:
        predictions = predictions_of(subject)
    except RowsOnDisk as needed:
        for name in _SCORED:
            yield record.without_value(name, "skipped", needed.reason)
        return
    if predictions.score is None or predictions.is_positive is None:
        for name in _SCORED:
            yield record.without_value(name, "not_applicable", because("labels-only"))
        return
    truth, scores, units = predictions.is_positive, predictions.score, subject.units
    yield record.write("roc_auc_score", roc_auc(truth, scores, levels, units))
    if predictions.is_probability:
        loss = c.log_loss(truth, scores, levels, units)
        yield record.write("log_loss", loss, unit="nat")
    else:
        yield record.without_value("log_loss", "not_applicable", because("scores-outside-unit"))
