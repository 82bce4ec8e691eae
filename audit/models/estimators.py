"""scikit-learn's way of scoring, for every format that ends in such an object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.table import as_text
from evenhand.audit.errors import InputError
from evenhand.audit.models.declared import NOTHING, Declared
from evenhand.audit.models.outputs import RowModel
from evenhand.audit.models.predictor import Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class EstimatorPredictor(RowModel):
    """A classifier (with ``predict_proba``) or regressor over named raw columns.

    ``names`` tells whether it was fitted on a data frame; without, it gets a plain array.
    """

    def __init__(
        self,
        model_format: str,
        estimator: Any,
        columns: tuple[str, ...],
        says: Mapping[str, Any],
        *,
        classes: tuple[str, ...] = (),
        named: bool = True,
    ) -> None:
        self.format = model_format
        self._estimator, self._named = estimator, named
        own = tuple(as_text(c) for c in getattr(estimator, "classes_", ()))
        self.classes = classes or own
        self.task: Task = "regression"
        if self.classes:
            self.task = "binary" if len(self.classes) == 2 else "multiclass"
        self.input_columns = columns
        self.maker_says = says

    @property
    def estimator(self) -> Any:
        """The scikit-learn object itself."""
        return self._estimator

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        """Scores of shape (rows, n_classes)."""
        scores: np.ndarray = self._estimator.predict_proba(self._inputs(frame))
        return scores

    def predict_values(self, frame: pd.DataFrame) -> np.ndarray:
        """Predicted values of shape (rows,)."""
        values: np.ndarray = self._estimator.predict(self._inputs(frame))
        return values.reshape(len(frame))

    def _inputs(self, frame: pd.DataFrame) -> Any:
        chosen = frame[list(self.input_columns)]
        return chosen if self._named else chosen.to_numpy()


def predictor_of(
    model_format: str,
    estimator: Any,
    where: str,
    says: Mapping[str, Any],
    declared: Declared = NOTHING,
) -> EstimatorPredictor:
    """The object as a predictor.

    Raises InputError for what has no scores, and says what to declare where it lacks column names.
    """
    if not _scores(estimator) and not regresses(estimator):
        raise InputError(
            f"{where} holds a {type(estimator).__name__}, which has no predict_proba",
            remedy="save a fitted classifier with probabilities, or audit stored predictions "
            "with --predictions",
        )
    fitted = getattr(estimator, "feature_names_in_", None)
    chosen = declared.plain_columns(model_format)
    own = None if fitted is None else tuple(str(n) for n in fitted)
    if own is None and not chosen:
        raise InputError(
            f"{where}: the model was fitted without column names",
            remedy="declare its columns in the order it was trained on: --inputs income,age,...",
        )
    if own is not None and chosen and set(own) != set(chosen):
        raise InputError(
            f"{where} was fitted on {', '.join(own[:10])}, declared are {', '.join(chosen[:10])}",
            remedy="leave the inputs out: the model says them itself",
        )
    n = getattr(estimator, "n_features_in_", None)
    if own is None and isinstance(n, int) and n != len(chosen):
        raise InputError(
            f"{where} reads {n} columns, declared are {len(chosen)}",
            remedy="declare every column in the order it was trained on",
        )
    return EstimatorPredictor(
        model_format,
        estimator,
        own or chosen,
        says,
        classes=_classes(estimator, declared, where),
        named=own is not None,
    )


def _scores(estimator: Any) -> bool:
    return hasattr(estimator, "predict_proba") and hasattr(estimator, "classes_")


def _classes(estimator: Any, declared: Declared, where: str) -> tuple[str, ...]:
    own = tuple(getattr(estimator, "classes_", ()))
    if declared.classes and len(own) != len(declared.classes):
        raise InputError(
            f"{where} has {len(own)} classes, declared are {len(declared.classes)}",
            remedy="declare a label for each, in the order of its classes_",
        )
    return declared.classes


def regresses(estimator: Any) -> bool:
    """Whether scikit-learn takes it for a regressor."""
    from sklearn.base import is_regressor

    try:
        return bool(is_regressor(estimator))
    except AttributeError:  # no estimator of scikit-learn's at all
        return False
