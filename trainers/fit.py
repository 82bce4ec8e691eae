"""The training loop, one for plain and for private training.

Private training (private.py) hands in a wrapped module and optimizer and Poisson batches; the loop
neither knows nor decides anything about privacy but the sum that replaces the mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audit.errors import InputError

if TYPE_CHECKING:
    import torch

Progress = Callable[[int, int, float, float | None], None]


@dataclass(frozen=True)
class Point:
    """One point of the learning curve: mean training loss (nat) over an epoch's batches.

    ``loss`` is None where a private run keeps it back; ``epsilon`` is what was spent so far.
    """

    epoch: int
    loss: float | None
    epsilon: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {"epoch": self.epoch, "loss": self.loss, "epsilon": self.epsilon}


@dataclass(frozen=True)
class Examples:
    """Training examples: ``inputs`` (n, ...), ``targets`` (n,) int64, ``weights`` (n,) float32."""

    inputs: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class Loop:
    """How to run: batches of row positions, and what joins per-example losses into one.

    ``join`` is the mean in plain training. In private training it is the sum, because there the
    optimizer divides by the expected batch size: a mean over the drawn batch would reveal its size
    (and be undefined for an empty one). ``epsilon_after`` tells the budget spent after so many
    steps, for the learning curve.
    """

    batches: Iterator[list[int]]
    steps: int
    epochs: int
    join: Callable[[torch.Tensor], torch.Tensor]
    epsilon_after: Callable[[int], float | None] | None = None


def run(
    module: torch.nn.Module,
    optimizer: Any,
    examples: Examples,
    loop: Loop,
    progress: Progress | None = None,
) -> tuple[Point, ...]:
    """Takes ``loop.steps`` optimizer steps, one a batch, empty batches included.

    Returns the learning curve, a point an epoch; ``progress`` gets each point as it comes.
    Raises InputError where the loss stops being a finite number.
    """
    import torch

    module.train()
    curve: list[Point] = []
    total, count = 0.0, 0
    for step in range(1, loop.steps + 1):
        rows = torch.tensor(next(loop.batches), dtype=torch.int64)
        optimizer.zero_grad()
        losses = example_losses(module, examples, rows)
        loop.join(losses).backward()
        optimizer.step()
        total, count = total + float(losses.detach().sum()), count + len(rows)
        epoch = step * loop.epochs // loop.steps
        if epoch > (step - 1) * loop.epochs // loop.steps:
            loss = total / count if count else 0.0
            _require_finite(loss)
            epsilon = loop.epsilon_after(step) if loop.epsilon_after else None
            curve.append(Point(epoch, loss, epsilon))
            if progress:
                progress(epoch, loop.epochs, loss, epsilon)
            total, count = 0.0, 0
    return tuple(curve)


def example_losses(module: torch.nn.Module, examples: Examples, rows: torch.Tensor) -> torch.Tensor:
    """Weighted cross-entropy of each row, shape (len(rows),); no row's loss depends on another."""
    import torch

    logits = module(examples.inputs[rows])
    losses = torch.nn.functional.cross_entropy(logits, examples.targets[rows], reduction="none")
    return losses * examples.weights[rows]


def shuffled_batches(n: int, batch_size: int, generator: torch.Generator) -> Iterator[list[int]]:
    """Batches of plain training, without end: every row once an epoch, in a new order each."""
    import torch

    while True:
        order = torch.randperm(n, generator=generator).tolist()
        yield from (order[i : i + batch_size] for i in range(0, n, batch_size))


def make_optimizer(
    module: torch.nn.Module, name: str, *, learning_rate: float, weight_decay: float
) -> torch.optim.Optimizer:
    """torch's SGD (no momentum), Adam or RMSprop over the trainable parameters."""
    import torch

    makers = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop}
    trainable = [p for p in module.parameters() if p.requires_grad]
    return makers[name](trainable, lr=learning_rate, weight_decay=weight_decay)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """torch's global generator seeded inside (weights, dropout), as it was before outside."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _require_finite(loss: float) -> None:
    import math

    if not math.isfinite(loss):
        raise InputError(
            f"training diverged: the loss is {loss}", remedy="use a smaller learning_rate"
        )
