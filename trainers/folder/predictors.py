"""Networks that were opened, as the audit scores them: one class for each way of answering.

See ``evenhand.audit.models.predictor`` for the contract.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from evenhand.trainers.folder.outputs import network_outputs
from evenhand.trainers.folder.text_models import generate, log_likelihoods, token_access
from evenhand.trainers.model_description import FORMAT, Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch

    from evenhand.trainers.encoders.encoder import Encoder
    from evenhand.trainers.encoders.text import TextEncoder


@dataclass(frozen=True)
class FolderGradients:
    """Access for gradient methods; see ``evenhand.audit.models.predictor.Gradients``."""

    module: Any
    encoder: Encoder

    @property
    def encoded_columns(self) -> tuple[str, ...]:
        """The raw column that each encoded position came from."""
        return self.encoder.encoded_columns

    @property
    def baseline(self) -> np.ndarray:
        """The reference input in encoded space, float32 of the encoder's input shape."""
        return self.encoder.baseline

    @property
    def baseline_name(self) -> str:
        """What the reference input is."""
        return self.encoder.baseline_name

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        """Raw columns to an array of shape (rows, *input_shape)."""
        return self.encoder.transform(frame)


class NetworkPredictor:
    """A trained network over raw rows. ``tokens`` is None but for text (see ``text_models``)."""

    format = FORMAT

    def __init__(
        self,
        module: torch.nn.Module,
        encoder: Encoder,
        task: Task,
        classes: tuple[str, ...],
        says: Mapping[str, Any],
    ) -> None:
        self._module = module.eval()
        self._encoder = encoder
        self.task = task
        self.classes = classes
        self.input_columns = encoder.input_columns
        self.maker_says = says
        # Ids of tokens have no gradient: text networks offer their tokens and embedding instead.
        self.tokens = token_access(self._module, encoder)
        self.gradients: FolderGradients | None = None
        if self.tokens is None:
            self.gradients = FolderGradients(self._module, encoder)

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        """Scores of shape (rows, n_classes), float64, rows summing to 1.

        Raises InputError for rows that the encoder refuses.
        """
        self._require("predict_proba", self.task in ("binary", "multiclass"))
        return network_scores(self._module, self._encoder.transform(frame))

    def predict_values(self, frame: pd.DataFrame) -> np.ndarray:
        """Predicted values of shape (rows,), float64, in the target's unit (regression)."""
        import torch

        self._require("predict_values", self.task == "regression")
        inputs = torch.from_numpy(self._encoder.transform(frame))
        values: np.ndarray = network_outputs(self._module, inputs).squeeze(1).numpy()
        return values

    def token_log_likelihood(
        self, frame: pd.DataFrame
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sums of nat, scored tokens and their characters, each of shape (rows,) (generation)."""
        return log_likelihoods(self._module, self._text_encoder("token_log_likelihood"), frame)

    def generate(self, prompt: str, n: int, *, temperature: float = 1.0, seed: int = 0) -> str:
        """``n`` tokens that follow ``prompt``, as text (generation); see ``text_models``."""
        encoder = self._text_encoder("generate")
        return generate(self._module, encoder, prompt, n, temperature=temperature, seed=seed)

    def _text_encoder(self, method: str) -> TextEncoder:
        from evenhand.trainers.encoders.text import TextEncoder

        self._require(method, self.task == "generation" and isinstance(self._encoder, TextEncoder))
        return cast("TextEncoder", self._encoder)

    def _require(self, method: str, has_it: bool) -> None:
        if not has_it:
            raise TypeError(f"a model of task {self.task!r} has no {method}")


def network_scores(module: torch.nn.Module, inputs: np.ndarray) -> np.ndarray:
    """Class probabilities of encoded rows, float64."""
    import torch

    scores: np.ndarray = network_outputs(module, torch.from_numpy(inputs)).softmax(dim=1).numpy()
    return scores
