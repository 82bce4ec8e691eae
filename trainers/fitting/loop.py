"""The training loop, one for plain and for private training.

Private training (private.py) hands in a wrapped module and optimizer and Poisson batches; the loop
neither knows nor decides anything about privacy but the sum that replaces the mean.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError
from evenhand.trainers.examples import CurvePoint, Examples, Take, example_losses

if TYPE_CHECKING:
    import torch

    from evenhand.trainers.fitting.stopping import Watch
    from evenhand.trainers.recipe.schedules import Factor

# epoch, epochs, loss, epsilon spent (private), seconds left
Progress = Callable[[int, int, float | None, float | None, float], None]


@dataclass
class LoopState:
    """Where a run stands: steps taken, the curve so far, and the losses of the epoch under way."""

    step: int = 0
    curve: list[CurvePoint] = field(default_factory=list)
    total: float = 0.0
    count: int = 0


@dataclass(frozen=True)
class Loop:
    """How to run: batches of row positions, and what joins per-example losses into one.

    ``join`` is the mean in plain training. In private training it is the sum, because there the
    optimizer divides by the expected batch size: a mean over the drawn batch would reveal its size
    (and be undefined for an empty one). ``epsilon_after`` tells the budget spent after so many
    steps, for the learning curve. ``take(losses_of, rows)`` is one whole step in place of the plain
    one. ``standing`` is where a resumed run goes on; ``after_step`` hears of it after each step.
    ``factor`` gives the share of the learning rate that a step (from 0) has; ``watch`` looks at
    validation rows after each epoch and may end the run.
    """

    batches: Iterator[list[int]]
    steps: int
    epochs: int
    join: Callable[[torch.Tensor], torch.Tensor]
    epsilon_after: Callable[[int], float | None] | None = None
    take: Take | None = None
    standing: LoopState = field(default_factory=LoopState)
    after_step: Callable[[LoopState], None] | None = None
    factor: Factor | None = None
    watch: Watch | None = None


def run(
    module: torch.nn.Module,
    optimizer: Any,
    examples: Examples,
    loop: Loop,
    progress: Progress | None = None,
) -> tuple[CurvePoint, ...]:
    """Takes ``loop.steps`` optimizer steps, one a batch, empty batches included.

    Returns the learning curve, a point an epoch; ``progress`` gets each point as it comes, and how
    long the rest will take at the pace so far (less, if stopped early).
    Raises InputError where the loss stops being a finite number.
    """
    import torch

    module.train()
    at = loop.standing
    first, started = at.step, time.monotonic()
    take = loop.take or plain_step(optimizer, loop.join)
    for step in range(at.step + 1, loop.steps + 1):
        rows = torch.tensor(next(loop.batches), dtype=torch.int64)
        if loop.factor:
            set_rate(optimizer, loop.factor(step - 1))
        losses = take(lambda rows: example_losses(module, examples, rows), rows)
        at.total, at.count = at.total + float(losses.sum()), at.count + len(losses)
        epoch = step * loop.epochs // loop.steps
        if epoch > (step - 1) * loop.epochs // loop.steps:
            loss = at.total / at.count if at.count else 0.0
            _require_finite(loss)
            epsilon = loop.epsilon_after(step) if loop.epsilon_after else None
            point = CurvePoint(epoch, loss, epsilon)
            at.curve.append(loop.watch.after_epoch(module, point) if loop.watch else point)
            if progress:
                a_step = (time.monotonic() - started) / (step - first)
                progress(epoch, loop.epochs, loss, epsilon, a_step * (loop.steps - step))
            at.total, at.count = 0.0, 0
        at.step = step
        if loop.after_step:
            loop.after_step(at)
        if loop.watch and loop.watch.stopped_after:
            break
    if loop.watch:
        loop.watch.restore(module)
    return tuple(at.curve)


def without_loss(progress: Progress) -> Progress:
    """Tells nobody the loss: that of private training is computed from its rows without noise."""

    def told(
        epoch: int, epochs: int, loss: float | None, epsilon: float | None, seconds: float
    ) -> None:
        progress(epoch, epochs, None, epsilon, seconds)

    return told


def plain_step(optimizer: Any, join: Callable[[torch.Tensor], torch.Tensor]) -> Take:
    """One step of plain training: losses of the rows, joined, backward, step."""

    def take(losses_of: Callable[[torch.Tensor], torch.Tensor], rows: torch.Tensor) -> torch.Tensor:
        optimizer.zero_grad()
        losses = losses_of(rows)
        join(losses).backward()
        optimizer.step()
        return losses.detach()

    return take


def shuffled_batches(n: int, batch_size: int, generator: torch.Generator) -> Iterator[list[int]]:
    """Batches of plain training, without end: every row once an epoch, in a new order each."""
    import torch

    while True:
        order = torch.randperm(n, generator=generator).tolist()
        yield from (order[i : i + batch_size] for i in range(0, n, batch_size))


def make_optimizer(
    module: torch.nn.Module,
    name: str,
    *,
    learning_rate: float,
    weight_decay: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    l1: float = 0.0,
) -> torch.optim.Optimizer:
    """torch's SGD, Adam (momentum is its own) or RMSprop over the trainable parameters.

    The penalties are added to the gradient that the optimizer applies, which in private training
    is the one with noise: they cost nothing there, and they are not clipped. Raises InputError
    where nothing is trainable.
    """
    import torch

    makers = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop}
    trainable = [p for p in module.parameters() if p.requires_grad]
    if not trainable:
        raise InputError("every layer is frozen", remedy="freeze fewer layers")
    extra: dict[str, Any] = {} if name == "adam" else {"momentum": momentum}
    if nesterov:
        extra["nesterov"] = True
    optimizer = makers[name](trainable, lr=learning_rate, weight_decay=weight_decay, **extra)
    if l1:
        optimizer.register_step_pre_hook(lambda opt, *_: _add_l1(opt, l1))
    return optimizer


def _add_l1(optimizer: torch.optim.Optimizer, l1: float) -> None:
    """Adds the subgradient of l1 * |weights| to each gradient; biases and norms are left alone."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None and parameter.ndim > 1:
                parameter.grad.add_(parameter.detach().sign(), alpha=l1)


def set_rate(optimizer: Any, factor: float) -> None:
    """Sets the learning rate to ``factor`` times the one the optimizer was made with, which is kept
    in its state, so that a resumed run finds it there."""
    for group in optimizer.param_groups:
        group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor


def _require_finite(loss: float) -> None:
    import math

    if not math.isfinite(loss):
        raise InputError(
            "training diverged: the loss is {loss}", remedy="use a smaller learning_rate", loss=loss
        )
