"""Encoded rows with their targets, the loss of each, and the points of a training curve."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.trainers.losses import per_example

if TYPE_CHECKING:
    import torch

    from evenhand.trainers.model_description import Task


Take = Callable[[Callable[["torch.Tensor"], "torch.Tensor"], "torch.Tensor"], "torch.Tensor"]


@dataclass(frozen=True)
class CurvePoint:
    """One point of the learning curve: mean training loss (nat) over an epoch's batches.

    ``loss`` is None where a private run keeps it back; ``epsilon`` is what was spent so far. Where
    there are validation rows: their mean loss, and the task's measure (see ``stopping.MEASURES``)
    on them and on the first training rows, all after the epoch.
    """

    epoch: int
    loss: float | None
    epsilon: float | None = None
    measure: float | None = None
    validation_loss: float | None = None
    validation_measure: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; what validation rows say is left out where there are none."""
        seen = vars(self) if self.validation_loss is not None else {}
        return {"epoch": self.epoch, "loss": self.loss, "epsilon": self.epsilon, **seen}


@dataclass(frozen=True)
class Examples:
    """Training examples: ``inputs`` (n, ...), ``targets``, ``weights`` (n,) float32.

    Targets are class positions (n,) int64, values (n,) float32 (regression), or token ids
    (n, tokens) int64 (generation).
    """

    inputs: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    task: Task = "multiclass"

    def __len__(self) -> int:
        return len(self.targets)

    def some(self, rows: Any) -> Examples:
        """The examples at some positions (a slice, an array or a tensor)."""
        import numpy as np
        import torch

        at = torch.from_numpy(rows) if isinstance(rows, np.ndarray) else rows
        return Examples(self.inputs[at], self.targets[at], self.weights[at], self.task)

    def to(self, device: torch.device) -> Examples:
        """The same examples on a device."""
        inputs, targets = self.inputs.to(device), self.targets.to(device)
        return Examples(inputs, targets, self.weights.to(device), self.task)


def example_losses(module: torch.nn.Module, examples: Examples, rows: torch.Tensor) -> torch.Tensor:
    """Weighted loss of each row, shape (len(rows),); no row's loss depends on another."""
    on = rows.to(examples.inputs.device)
    losses = per_example(examples.task, module(examples.inputs[on]), examples.targets[on])
    return losses * examples.weights[on]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """torch's global generator seeded inside (weights, dropout), as it was before outside."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def made_up_examples(
    like: Examples, n_outputs: int, parameters: Mapping[str, Any], n: int = 4
) -> Examples:
    """Examples of the shapes and types of ``like`` and of none of its values, for the preflight.

    Ids of tokens stay below the architecture's ``vocabulary``.
    """
    import torch

    rng = torch.Generator().manual_seed(0)

    def ids(shape: tuple[int, ...], limit: int) -> torch.Tensor:
        return torch.randint(0, max(1, limit), (n, *shape), generator=rng)

    shape = tuple(like.inputs.shape[1:])
    if like.inputs.is_floating_point():
        inputs = torch.randn(n, *shape, generator=rng)
    else:
        inputs = ids(shape, int(parameters.get("vocabulary", 2)))
    if like.task == "regression":
        targets = torch.randn(n, generator=rng)
    elif like.task == "generation":
        targets = ids(tuple(like.targets.shape[1:]), n_outputs)
    else:
        targets = torch.arange(n) % n_outputs
    return Examples(inputs, targets, torch.ones(n), like.task)
