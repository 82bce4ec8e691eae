"""How well does a classifier with several classes do on these rows, and on each class?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evenhand.audit.checks.record import Recorder
from evenhand.audit.finding import Finding
from evenhand.audit.reason import because, listed
from evenhand.audit.subject.predictions import ClassPredictions, expect, score
from evenhand.audit.subject.subject import Subject

QUESTION = "How often is the predicted class the true one, over all rows and class by class?"
TASKS = frozenset({"multiclass"})
NEEDS = frozenset({"labels", "rows"})
SOURCE = "scikit-learn's functions of the same names; Sokolova and Lapalme 2009; Wilson 1927"
COST = "fast"
MEASURES = {
    "accuracy_score": "share of rows whose predicted class is the true one",
    "balanced_accuracy_score": "mean recall over the classes that have rows",
    "f1_score": "macro: mean F1 over the classes that have rows",
    "log_loss": "mean of -log of the probability given to the true class, in nat",
    "recall_score": "share of a class's rows that are predicted as it (group: class)",
    "precision_score": "share of the rows predicted as a class that are of it (group: class)",
}


def measure(subject: Subject, *, seed: int, levels: Sequence[float]) -> Iterator[Finding]:
    """Yields the overall measures, then recall and precision of every class."""
    import numpy as np

    from evenhand.audit.measure import multiclass as m
    from evenhand.audit.measure.uncertainty.intervals import mean

    predictions = expect(score(subject), ClassPredictions)
    assert predictions.actual is not None  # NEEDS labels
    record = Recorder(__name__, seed)
    matrix = m.confusion_matrix(predictions.actual, predictions.predicted, len(predictions.classes))
    persons = None
    if subject.units is not None:
        rows = predictions.actual, predictions.predicted
        persons = m.persons_matrices(*rows, len(predictions.classes), subject.units)
    without = [c for c, n in zip(predictions.classes, matrix.sum(axis=1), strict=True) if n == 0]
    note = because("classes-without-rows", names=listed(without)) if without else ()
    yield record.write("accuracy_score", m.accuracy(matrix, levels, persons))
    recalls = m.balanced_accuracy(matrix, levels, persons)
    yield record.write("balanced_accuracy_score", recalls, note=note)
    macro = m.macro_f1(matrix, levels, persons)
    yield record.write("f1_score", macro, note=note)
    if predictions.probabilities is None:
        yield record.without_value("log_loss", "not_applicable", because("labels-only"))
    else:
        likelihood = predictions.probabilities[
            np.arange(len(predictions.actual)), predictions.actual
        ]
        floor = np.finfo(float).eps
        loss = mean(-np.log(np.clip(likelihood, floor, 1.0)), levels, units=subject.units)
        yield record.write("log_loss", loss, unit="nat")
    for position, label in enumerate(predictions.classes):
        group = {"class": label}
        recall = m.recall(matrix, position, levels, persons)
        precision = m.precision(matrix, position, levels, persons)
        yield record.write("recall_score", recall, group=group)
        yield record.write("precision_score", precision, group=group)
