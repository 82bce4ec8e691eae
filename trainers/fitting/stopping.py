"""Validation after each epoch: points for the learning curve, and when to stop early."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError
from evenhand.trainers.recipe.early_stopping import EarlyStopping

if TYPE_CHECKING:
    import torch

    from evenhand.trainers.examples import CurvePoint, Examples

# The measure of each task on the learning curve, in the unit of the target for regression.
MEASURES = {
    "binary": "accuracy",
    "multiclass": "accuracy",
    "regression": "root mean squared error",
    "generation": "perplexity",
}
_BATCH = 512
_N_TRAINING = 2048  # training rows that the measure of an epoch is taken on


@dataclass(frozen=True)
class Seen:
    """What validation rows say of a model: mean loss and the measure of its task, which comes from
    training rows too where ``training_measure`` is given."""

    loss: float
    measure: float
    training_measure: float | None = None


@dataclass
class Watch:
    """Evaluates a module after each epoch and remembers the best one.

    ``evaluate(module)`` gives what the validation rows say. Where ``stopping`` is None nothing is
    stopped or restored: the curve alone is wanted.
    """

    evaluate: Callable[[Any], Seen]
    stopping: EarlyStopping | None = None
    best_epoch: int = 0
    best_loss: float = math.inf
    stopped_after: int | None = None
    _weights: dict[str, torch.Tensor] = field(default_factory=dict)

    def after_epoch(self, module: Any, point: CurvePoint) -> CurvePoint:
        """The point with what validation rows say; sets ``stopped_after`` when it is enough.

        The module is evaluated in evaluation mode, without gradients. Raises InputError where the
        validation loss is not a finite number.
        """
        import torch

        was_training = module.training
        module.eval()
        try:
            with torch.no_grad():
                seen = self.evaluate(module)
        finally:
            module.train(was_training)
        if not math.isfinite(seen.loss):
            raise InputError(
                "training diverged: the validation loss is {loss}",
                remedy="use a smaller learning_rate",
                loss=seen.loss,
            )
        if self.stopping is not None:
            self._compare(module, point.epoch, seen.loss, self.stopping)
        return replace(
            point,
            measure=seen.training_measure,
            validation_loss=seen.loss,
            validation_measure=seen.measure,
        )

    def _compare(self, module: Any, epoch: int, loss: float, stopping: EarlyStopping) -> None:
        if loss < self.best_loss - stopping.min_improvement or not self._weights:
            self.best_epoch, self.best_loss = epoch, loss
            self._weights = {k: v.detach().clone() for k, v in module.state_dict().items()}
        elif epoch - self.best_epoch >= stopping.patience:
            self.stopped_after = epoch

    def restore(self, module: Any) -> None:
        """Gives ``module`` the weights of the best epoch; changes nothing without ``stopping``."""
        if self._weights:
            module.load_state_dict(self._weights)

    def state(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """What a checkpoint keeps: plain values, and the best weights by name."""
        values = {"best_epoch": self.best_epoch, "best_loss": min(self.best_loss, 1e300)}
        return values, {f"best.{k}": v.cpu().contiguous() for k, v in self._weights.items()}

    def put_back(self, values: Mapping[str, Any], weights: Mapping[str, torch.Tensor]) -> None:
        """Goes on from what ``state`` gave."""
        self.best_epoch, self.best_loss = int(values["best_epoch"]), float(values["best_loss"])
        self._weights = dict(weights)

    def to_json(self) -> dict[str, Any]:
        """What was decided, for curves.json: {} without ``stopping``."""
        if self.stopping is None:
            return {}
        return {"best_epoch": self.best_epoch, "stopped_after": self.stopped_after}


def watch_rows(
    validation: Examples, training: Examples, stopping: EarlyStopping | None, *, unit: float = 1.0
) -> Watch:
    """A watch over ``validation`` rows, with the measure of the first ``training`` rows beside.

    ``unit`` is what a standardised target's 1 stands for (regression).
    """
    first = training.some(slice(0, _N_TRAINING))

    def evaluate(module: Any) -> Seen:
        loss, measure = evaluate_rows(module, validation, unit=unit)
        return Seen(loss, measure, evaluate_rows(module, first, unit=unit)[1])

    return Watch(evaluate, stopping)


def evaluate_rows(module: Any, examples: Examples, *, unit: float = 1.0) -> tuple[float, float]:
    """Mean weighted loss and the task's measure of ``examples``, in batches.

    Raises ValueError for no examples.
    """
    import torch

    from evenhand.trainers.losses import per_example

    if len(examples) == 0:
        raise ValueError("no rows to evaluate")
    total, hits, plain = 0.0, 0, 0.0
    device = next(module.parameters()).device
    for start in range(0, len(examples), _BATCH):
        rows = slice(start, start + _BATCH)
        targets = examples.targets[rows].to(device)
        outputs = module(examples.inputs[rows].to(device))
        losses = per_example(examples.task, outputs, targets).detach().double()
        total += float((losses * examples.weights[rows].to(device)).sum())
        plain += float(losses.sum())
        if examples.task in ("binary", "multiclass"):
            hits += int(torch.sum(outputs.argmax(dim=1) == targets))
    n = len(examples)
    if examples.task == "regression":
        return total / n, math.sqrt(plain / n) * unit
    if examples.task == "generation":
        return total / n, math.exp(min(700.0, plain / n))
    return total / n, hits / n
