"""A Python function over rows, as MLflow's PythonModel is: read as its user declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError
from evenhand.audit.models.declared import Declared
from evenhand.audit.models.outputs import RowModel, as_probabilities, as_values, outputs_of, task_of
from evenhand.audit.models.predictor import Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class FunctionPredictor(RowModel):
    """``ask`` takes the declared columns as they are and gives scores or values for each row."""

    def __init__(
        self,
        model_format: str,
        ask: Callable[[pd.DataFrame], Any],
        declared: Declared,
        what: str,
        says: Mapping[str, Any],
    ) -> None:
        self.format = model_format
        self._ask, self._what = ask, what
        self.task: Task = task_of(declared, what)
        self._outputs = outputs_of(declared, self.task, what)
        self.classes = declared.classes
        self.input_columns = declared.plain_columns(model_format)
        if not self.input_columns:
            raise InputError(
                "{what} does not say which columns it reads",
                remedy="declare them: --inputs income,age,... (or save it with a signature)",
                what=what,
            )
        self.maker_says = says

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        """Scores of shape (rows, n_classes)."""
        raw = self._answers(frame)
        return as_probabilities(raw, len(self.classes), self._outputs, self._what, rows=len(frame))

    def predict_values(self, frame: pd.DataFrame) -> np.ndarray:
        """Predicted values of shape (rows,)."""
        return as_values(self._answers(frame), self._what, rows=len(frame))

    def _answers(self, frame: pd.DataFrame) -> np.ndarray:
        import numpy as np

        try:
            return np.asarray(self._ask(frame[list(self.input_columns)]), dtype=float)
        # A stranger's function can raise anything; what it means to the auditor is the same.
        except Exception as error:
            raise InputError(
                "{what} cannot score these rows: {type}: {error}",
                remedy="it must answer with numbers: declare its own inputs in subject.yaml",
                what=self._what,
                type=type(error).__name__,
                error=error,
            ) from error
