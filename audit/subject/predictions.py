"""Scores a subject once, in batches: the tables that every check reads, one shape a task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

from evenhand.audit.data.table import match_label, texts
from evenhand.audit.errors import InputError, RowError, nearest, rows_of_file
from evenhand.audit.models.predictor import Predictor, gives_scores
from evenhand.audit.subject.deciding import (
    decides_itself,
    finite_scores,
    in_batches,
    labels_of,
    positive_position,
    probabilities_of,
    select,
)
from evenhand.audit.subject.subject import Subject
from evenhand.audit.subject.tallying.counts import Counts, count_groups, require_answers
from evenhand.audit.subject.target import Target, numbers
from evenhand.audit.words.phrases import as_is, phrase

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Predictions:
    """A binary task: one row per audited row, in the subject's canonical order.

    ``is_positive`` (bool, or None without labels), ``is_selected`` (predicted positive, bool),
    ``score`` (float, higher means more positive, or None) all have shape (n,).
    ``is_probability`` says whether every score lies in [0, 1].
    """

    is_positive: np.ndarray | None
    is_selected: np.ndarray
    score: np.ndarray | None
    is_probability: bool
    groups: pd.DataFrame

    @property
    def n(self) -> int:
        """Rows."""
        return int(self.is_selected.size)

    @property
    def answer(self) -> np.ndarray:
        """The score, or 1 and 0 of those selected or not where there are labels alone; (n,)."""
        return self.is_selected.astype(float) if self.score is None else self.score

    def only(self, rows: np.ndarray) -> Predictions:
        """The rows where the bool array ``rows``, shape (n,), is True."""
        return Predictions(
            None if self.is_positive is None else self.is_positive[rows],
            self.is_selected[rows],
            None if self.score is None else self.score[rows],
            self.is_probability,
            self.groups[rows],
        )


@dataclass(frozen=True, eq=False)
class ClassPredictions:
    """A multiclass task. ``actual`` (or None) and ``predicted`` are positions in ``classes``, int
    of shape (n,); ``probabilities`` (n, classes) or None where only labels are stored."""

    classes: tuple[str, ...]
    actual: np.ndarray | None
    predicted: np.ndarray
    probabilities: np.ndarray | None

    @property
    def answer(self) -> np.ndarray:
        """The probabilities, or 1 for the predicted class where there are labels alone."""
        import numpy as np

        return (
            np.eye(len(self.classes))[self.predicted]
            if self.probabilities is None
            else (self.probabilities)
        )


@dataclass(frozen=True, eq=False)
class ValuePredictions:
    """A regression task: ``actual`` (or None) and ``predicted``, floats of shape (n,)."""

    actual: np.ndarray | None
    predicted: np.ndarray


@dataclass(frozen=True, eq=False)
class TextPredictions:
    """A generation task: for each text its log-likelihood (nat), the tokens that were predicted
    and their characters, arrays of shape (n,)."""

    log_likelihood: np.ndarray
    tokens: np.ndarray
    characters: np.ndarray


AnyPredictions = Predictions | ClassPredictions | ValuePredictions | TextPredictions
T = TypeVar("T", bound=AnyPredictions)
_scored: WeakKeyDictionary[Subject, AnyPredictions] = WeakKeyDictionary()
_counted: WeakKeyDictionary[Subject, Counts] = WeakKeyDictionary()
_scored_training: WeakKeyDictionary[Subject, AnyPredictions] = WeakKeyDictionary()


def score(subject: Subject) -> AnyPredictions:
    """The subject's predictions, scored at the first call and kept as long as the subject is.

    Raises InputError for scores that are missing or not finite, and for predicted labels that are
    not labels of the target.
    """
    if subject not in _scored:
        with rows_of_file(subject.row_numbers):
            _scored[subject] = _MAKERS[subject.task](
                subject, subject.frame, subject.truth, subject.groups
            )
    return _scored[subject]


def score_training(subject: Subject) -> AnyPredictions | None:
    """The same for the rows that the model was trained on; None where they were not given."""
    rows = subject.training
    if rows is None:
        return None
    if subject not in _scored_training:
        no_groups = rows.frame[[]]
        with rows_of_file(rows.numbers):
            _scored_training[subject] = _MAKERS[subject.task](
                subject, rows.frame, rows.truth, no_groups
            )
    return _scored_training[subject]


def predictions_of(subject: Subject) -> Predictions:
    """The predictions of a binary subject; see ``score``."""
    return expect(score(subject), Predictions)


def counts_of(subject: Subject) -> Counts:
    """A binary subject's rows by group, true label and prediction, counted once for all checks.

    Groups are crossings of the sensitive, then the control features; weights are counted too.
    """
    if subject.counts is not None:
        return subject.counts
    if subject not in _counted:
        p = predictions_of(subject)
        _counted[subject] = count_groups(
            p.groups,
            (*subject.sensitive_features, *subject.control_features),
            p.is_positive,
            p.is_selected,
            weights=subject.weights,
            units=subject.units,
        )
    return _counted[subject]


def group_sizes(subject: Subject) -> Counts:
    """``counts_of`` for any task: beyond binary ones rows alone are counted, nobody selected."""
    import numpy as np

    if subject.task == "binary":
        return counts_of(subject)
    nobody = np.zeros(subject.n, dtype=bool)
    features = (*subject.sensitive_features, *subject.control_features)
    return count_groups(subject.groups, features, None, nobody, units=subject.units)


def predictions_on(subject: Subject, frame: pd.DataFrame) -> Predictions:
    """A binary model's predictions for other rows (raw columns), without labels and groups."""
    return _binary(subject, frame, Target(), frame[[]])


def expect(scored: AnyPredictions | None, kind: type[T]) -> T:
    """``scored`` as the kind that the task has; a check that asks for another has wrong TASKS."""
    if not isinstance(scored, kind):
        raise TypeError(f"expected {kind.__name__}, the task has {type(scored).__name__}")
    return scored


def positive_scores(subject: Subject, frame: pd.DataFrame) -> np.ndarray:
    """The model's probability of the positive label for rows of raw columns, shape (n,)."""
    predictor = _predictor(subject)
    position = positive_position(predictor, str(subject.truth.positive))
    return probabilities_of(predictor, frame)[:, position]


def _predictor(subject: Subject) -> Predictor:
    if subject.model is None:
        raise InputError("stored predictions cannot score new rows", remedy="audit the model")
    return subject.model.predictor


def _binary(
    subject: Subject, frame: pd.DataFrame, truth: Target, groups: pd.DataFrame
) -> Predictions:
    is_positive: np.ndarray | None = None
    score: np.ndarray | None
    if truth.labels is not None:
        is_positive = (truth.labels == truth.positive).astype(bool)
    if subject.model is not None:
        score, is_selected = select(
            subject.model, frame, str(subject.truth.positive), subject.threshold
        )
    else:
        score, is_selected = _stored_binary(subject, frame)
    bounded = score is not None and bool(((score >= 0) & (score <= 1)).all())
    # The chance of being selected is no probability of the label: it is not scored as one.
    bounded = bounded and not decides_itself(subject)
    return Predictions(is_positive, is_selected, score, bounded, groups)


def _stored_binary(subject: Subject, frame: pd.DataFrame) -> tuple[np.ndarray | None, np.ndarray]:
    stored = subject.stored
    score = None
    if stored is not None and stored.score is not None:
        score = numbers(frame[stored.score], f"score column {stored.score!r}")
    if stored is not None and stored.predicted is not None:
        meaning = _binary_meaning(frame, stored.predicted, subject.truth)
        return score, meaning == subject.truth.positive
    if score is None or subject.threshold is None:
        raise InputError("the subject has no model and no stored predictions", remedy="give one")
    return score, score >= subject.threshold


def _binary_meaning(frame: pd.DataFrame, column: str, truth: Target) -> np.ndarray:
    labels = [str(truth.positive), *([truth.negative] if truth.negative else [])]
    return _meaning(frame, column, labels, open_ended=truth.negative is None)


def require_labels(column: str, predicted: Sequence[str], truth: Target) -> None:
    """Raises InputError where the distinct predicted labels are not labels of the target."""
    import pandas as pd

    try:
        _binary_meaning(pd.DataFrame({column: pd.Series(predicted, dtype=object)}), column, truth)
    except RowError as error:  # of the distinct labels, which have no row
        before, after = error.around()
        raise InputError(as_is(before.removesuffix(" in ") + after), remedy=error.remedy) from None


def _meaning(
    frame: pd.DataFrame,
    column: str,
    labels: list[str],
    *,
    open_ended: bool = False,
    or_else: str = "",
) -> np.ndarray:
    """Stored predicted labels as the target's own labels, object array of shape (n,).

    ``open_ended``: one label more than the known ones may occur (an unnamed negative one).
    """
    import numpy as np

    values, missing = texts(frame[column])
    require_answers(missing, column)
    meaning = {value: match_label(value, labels) for value in set(values)}
    unknown = sorted(v for v, label in meaning.items() if label is None)
    if unknown and not (open_ended and len(unknown) == 1):
        raise RowError(
            "predicted column {column!r} holds {unknown!r} in {row}, which is not a label "
            "of the target",
            int((values == unknown[0]).argmax()),
            remedy=phrase(
                "{unknown}{or_else}", unknown=nearest(unknown[0], labels), or_else=or_else
            ),
            column=column,
            unknown=unknown[0],
        )
    return np.array([meaning[v] for v in values], dtype=object)


def _multiclass(
    subject: Subject, frame: pd.DataFrame, truth: Target, groups: pd.DataFrame
) -> ClassPredictions:
    import pandas as pd

    if subject.model is not None:
        classes = subject.model.predictor.classes
        scores = probabilities_of(subject.model.predictor, frame)
        finite_scores(scores, f"model {subject.model.path}")
        predicted = labels_of(subject.model.predictor, frame, scores)
        probabilities = scores if gives_scores(subject.model.predictor) else None
    else:
        stored = subject.stored
        if stored is None or stored.predicted is None:
            raise InputError(
                "a multiclass audit of stored predictions needs predicted labels",
                remedy="pass --predicted COLUMN",
            )
        classes, probabilities = truth.classes, None
        if not classes:
            classes = tuple(sorted(set(texts(frame[stored.predicted])[0])))
        declared = "; a class that no row is of is declared: --classes with all of them"
        meaning = _meaning(frame, stored.predicted, list(classes), or_else=declared)
        predicted = pd.Index(classes).get_indexer(pd.Index(meaning))
    actual = None
    if truth.labels is not None:
        actual = pd.Index(classes).get_indexer(pd.Index(truth.labels))
    return ClassPredictions(classes, actual, predicted, probabilities)


def _regression(
    subject: Subject, frame: pd.DataFrame, truth: Target, groups: pd.DataFrame
) -> ValuePredictions:
    if subject.model is not None:
        predicted = in_batches(subject.model.predictor.predict_values, frame)
        finite_scores(predicted, f"model {subject.model.path}")
        return ValuePredictions(truth.values, predicted)
    stored = subject.stored
    column = stored and (stored.predicted or stored.score)
    if not column:
        raise InputError("the subject has no model and no stored predictions", remedy="give one")
    return ValuePredictions(truth.values, numbers(frame[column], f"predicted column {column!r}"))


def _generation(
    subject: Subject, frame: pd.DataFrame, truth: Target, groups: pd.DataFrame
) -> TextPredictions:
    import numpy as np

    def ask(part: pd.DataFrame) -> np.ndarray:
        return np.column_stack(_predictor(subject).token_log_likelihood(part))

    table = in_batches(ask, frame)
    finite_scores(table, f"model {subject.model.path if subject.model else ''}")
    return TextPredictions(table[:, 0], table[:, 1].astype(int), table[:, 2].astype(int))


_MAKERS: dict[str, Callable[[Subject, pd.DataFrame, Target, pd.DataFrame], AnyPredictions]] = {
    "binary": _binary,
    "multiclass": _multiclass,
    "regression": _regression,
    "generation": _generation,
}
