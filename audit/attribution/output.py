"""Which number of a model is explained, from the scores of any model or from a network's logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.attribution.request import Request
from evenhand.audit.errors import InputError
from evenhand.audit.models.predictor import Predictor

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch

_UNITS = {"probability": "probability", "logit": "log-odds", "log_probability": "nat"}


@dataclass(frozen=True)
class Output:
    """``kind`` is "value" (regression) or one of request.OUTPUTS, of the class that each row
    explains: ``targets``, int of shape (rows,), None for regression (which has 0 classes)."""

    kind: str
    targets: np.ndarray | None
    label: str
    n_classes: int = 0

    @property
    def unit(self) -> str:
        """The unit of attributions to this output."""
        return _UNITS.get(self.kind, "target unit")

    @property
    def words(self) -> str:
        """What is explained, in words."""
        if self.kind == "value":
            return "predicted value"
        what = {"probability": "probability", "logit": "log-odds"}.get(self.kind, "log probability")
        return f"{what} of {self.label}"

    def of_model(self, predictor: Predictor, frame: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
        """The number for each raw row of ``frame``, float64 of shape (m,); ``rows`` (m,) says whose
        target each one explains. Raises InputError where it isn't finite."""
        import numpy as np

        if self.targets is None:
            values = np.asarray(predictor.predict_values(frame), dtype=float)
        else:
            scores = np.asarray(predictor.predict_proba(frame), dtype=float)
            values = self._of_scores(scores, self.targets[rows])
        if not np.isfinite(values).all():
            raise InputError(
                "the model's {kind} isn't finite in {values} rows that the explanation asks about",
                remedy="explain the probability (output: probability), or find out why",
                kind=self.kind,
                values=int((~np.isfinite(values)).sum()),
            )
        return values

    def _of_scores(self, scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
        import numpy as np

        chosen: np.ndarray = scores[np.arange(len(scores)), targets]
        if self.kind == "probability":
            return chosen
        with np.errstate(divide="ignore"):
            if self.kind == "log_probability":
                return np.log(chosen)
            return np.log(chosen) - np.log(scores.sum(axis=1) - chosen)

    def of_logits(self, logits: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """The number for each row of a network's outputs (m, classes), or (m, 1) of a regression;
        differentiable, shape (m,)."""
        if self.targets is None:
            return logits[:, 0]
        chosen = self._targets(rows, logits)
        if self.kind == "probability":
            return logits.softmax(dim=1).gather(1, chosen)[:, 0]
        if self.kind == "log_probability":
            return logits.log_softmax(dim=1).gather(1, chosen)[:, 0]
        others = logits.scatter(1, chosen, -float("inf"))
        return logits.gather(1, chosen)[:, 0] - others.logsumexp(dim=1)

    def _targets(self, rows: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        import torch

        assert self.targets is not None
        every = torch.as_tensor(self.targets, device=like.device)
        return every[rows.to(like.device)].unsqueeze(1)


def output_of(predictor: Predictor, request: Request, rows: pd.DataFrame) -> Output:
    """What ``request`` explains of each row. Raises InputError for a target that isn't a class."""
    import numpy as np

    n = len(rows)
    if predictor.task == "generation":
        said = f"the model's own {request.new_tokens} tokens"
        return Output("log_probability", None, said)
    if predictor.task == "regression":
        if request.target is not None:
            raise InputError(
                "attribute: target={target} is asked of a regression",
                remedy="leave target out: the predicted value is explained",
                target=request.target,
            )
        return Output("value", None, "")
    classes: Any = predictor.classes
    if request.target is None:
        scores = np.asarray(predictor.predict_proba(rows)) if n else np.zeros((0, len(classes)))
        of_each = "the class predicted for each row"
        return Output(request.output, scores.argmax(axis=1), of_each, len(classes))
    if not 0 <= request.target < len(classes):
        raise InputError(
            "attribute: target={target} of {n_classes} classes",
            remedy="use 0 to {n_classes_2}",
            target=request.target,
            n_classes=len(classes),
            n_classes_2=len(classes) - 1,
        )
    label = f"label {classes[request.target]!r}"
    return Output(request.output, np.full(n, request.target), label, len(classes))
