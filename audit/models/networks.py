"""torch modules over declared inputs: how weights, TorchScript and exported programs score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from evenhand.audit.errors import InputError
from evenhand.audit.models.declared import Declared
from evenhand.audit.models.inputs import DeclaredInputs, in_batches_of
from evenhand.audit.models.outputs import RowModel, as_probabilities, as_values, outputs_of, task_of
from evenhand.audit.models.portions import in_portions, ran_out
from evenhand.audit.models.predictor import Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from evenhand.audit.models.portions import in_portions, ran_out
from evenhand.audit.models.predictor import Gradients


def one_score_a_class(module: Any, n_classes: int) -> Any:
    """``module`` with outputs of shape (rows, n_classes), or (rows, 1) where there are no classes.

    A network of two classes may give one logit, which is the second's: the first one's is then 0,
    as in ``evenhand.audit.models.outputs``, so that softmax gives the logistic function of it.
    """
    import torch

    class OneScoreAClass(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = module

        def forward(self, encoded: torch.Tensor) -> torch.Tensor:
            scores: torch.Tensor = self.network(encoded)
            scores = scores.reshape(len(encoded), -1)
            if n_classes == 2 and scores.shape[1] == 1:
                return torch.cat([torch.zeros_like(scores), scores], dim=1)
            return scores

    return OneScoreAClass()


@dataclass(frozen=True)
class NetworkGradients:
    """Access for gradient methods; see ``evenhand.audit.models.predictor.Gradients``."""

    module: Any
    inputs: DeclaredInputs

    @property
    def encoded_columns(self) -> tuple[str, ...]:
        """The raw column that each encoded position came from."""
        return self.inputs.encoded_columns

    @property
    def baseline(self) -> np.ndarray:
        """The reference input in encoded space, float32."""
        return self.inputs.baseline

    @property
    def baseline_name(self) -> str:
        """What the reference input is."""
        return self.inputs.baseline_name

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        """Raw columns to float32 of shape (rows, *input_shape)."""
        return self.inputs.encode(frame)


class DeclaredNetwork(RowModel):
    """A torch module, float32 in and one float tensor out, read as its user declares.

    ``rows`` is how many rows it takes at once, None for any number. Gradients are offered where
    scores are logits or values.
    """

    def __init__(
        self,
        model_format: str,
        module: Any,
        inputs: DeclaredInputs,
        declared: Declared,
        what: str,
        *,
        rows: int | None = None,
    ) -> None:
        self.format = model_format
        self._module, self._inputs, self._what, self._rows = module, inputs, what, rows
        self.task: Task = task_of(declared, what)
        self._outputs = outputs_of(declared, self.task, what)
        self.classes = declared.classes
        self.input_columns = inputs.input_columns
        self.codes = tuple(i.column for i in inputs.inputs if i.categories)
        self.maker_says: Mapping[str, Any] = {}
        if rows is None and self._outputs != "probabilities":
            scores = one_score_a_class(module, len(self.classes))
            self.gradients = cast("Gradients", NetworkGradients(scores, inputs))

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        """Scores of shape (rows, n_classes)."""
        return as_probabilities(
            self._answers(frame), len(self.classes), self._outputs, self._what, rows=len(frame)
        )

    def predict_values(self, frame: pd.DataFrame) -> np.ndarray:
        """Predicted values of shape (rows,)."""
        return as_values(self._answers(frame), self._what, rows=len(frame))

    def _answers(self, frame: pd.DataFrame) -> np.ndarray:
        encoded = self._inputs.encode(frame)
        if self._rows is not None:
            return in_batches_of(self._rows, encoded, self._forward)

        def ask(part: Mapping[str, np.ndarray]) -> list[np.ndarray]:
            return [self._forward(part["x"])]

        scores: np.ndarray = in_portions({"x": encoded}, ask, self._what)[0]
        return scores

    def _forward(self, encoded: np.ndarray) -> np.ndarray:
        import torch

        try:
            with torch.no_grad():
                answer = self._module(torch.from_numpy(encoded))
        # A module of a stranger's can raise anything; what it means to the auditor is the same.
        except Exception as error:
            if ran_out(error):
                raise MemoryError from error
            raise InputError(
                "{what} cannot score rows of shape {encoded_shape}: {type}: {error}",
                remedy="declare its inputs in its own order and number",
                what=self._what,
                encoded_shape=encoded.shape,
                type=type(error).__name__,
                error=str(error).strip().splitlines()[-1][:200] if str(error).strip() else "",
            ) from error
        if not isinstance(answer, torch.Tensor):
            raise InputError(
                "{what} answers with a {type}, not a tensor",
                remedy="export a module that gives one tensor of scores",
                what=self._what,
                type=type(answer).__name__,
            )
        scores: np.ndarray = answer.detach().to(torch.float64).numpy()
        return scores
