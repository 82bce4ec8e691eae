"""DP-SGD with Opacus (Abadi et al. 2016): what makes the training loop private.

Opacus gives per-example gradients, clipping and noise. What it leaves to its caller is done here
and in the modules beside: the sample rate is explicit and drawn by Poisson sampling; gradients are
divided by the expected batch size, not the drawn one; an empty batch still takes its noise step; no
step is taken that the ledger has not authorised; noise and sampling come from the operating
system's entropy (noise.py); and before any step a preflight on made-up rows (preflight.py) compares
a step with a loop over rows.

Not covered: timing, and attacks that read the training process rather than its result. Noise is
the sum of four draws, as in Opacus' secure mode, against attacks on floating point (Holohan and
Braghin 2021), but comes from the Mersenne Twister, not from a cryptographic generator.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.trainers.private.plan import NoisePlan

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class PrivateParts:
    """What the training loop runs on in place of the plain module, optimizer and batches.

    ``executed`` counts the steps that the optimizer has noised and applied.
    """

    module: Any
    optimizer: Any
    batches: Iterator[list[int]]
    executed: Callable[[], int]
    physical_batch_size: int | None = None

    @property
    def n_not_finite(self) -> int:
        """Per-example gradients that were not finite and counted as zero."""
        return int(self.optimizer.n_not_finite)

    def take(
        self, losses_of: Callable[[torch.Tensor], torch.Tensor], rows: torch.Tensor
    ) -> torch.Tensor:
        """One step over the drawn ``rows`` (positions; none is fine); returns their losses.

        ``losses_of(rows)`` runs the network and gives a loss a row. A batch over the physical size
        goes through in parts; noise is added once.
        """
        import torch

        size = self.physical_batch_size or max(1, len(rows))
        chunks = rows.split(size) if len(rows) else (rows,)
        self.optimizer.start()
        seen = []
        for number, chunk in enumerate(chunks, start=1):
            is_last = number == len(chunks)
            self.optimizer.signal_skip_step(do_skip=not is_last)
            if len(chunk):
                seen.append(self.optimizer.gradients(self.module, losses_of, chunk))
            else:
                self.optimizer.load_empty()
            self.optimizer.step()
            if not is_last:
                self.optimizer.zero_grad()
        losses = torch.cat(seen) if seen else torch.zeros(0)
        return losses[torch.isfinite(losses)]


def wrap(
    module: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    plan: NoisePlan,
    *,
    noise: torch.Generator,
    sampling: torch.Generator,
    authorise: Callable[[int], None] | None = None,
    steps: int | None = None,
) -> PrivateParts:
    """The wrapping itself, with the generators given (``make_private`` keys them afresh)."""
    from opacus.grad_sample.utils import prepare_module

    from evenhand.trainers.distributed import rank
    from evenhand.trainers.private.dp_optimizers import optimizer_class

    mode, world = plan.grad_sample_mode, plan.world_size
    # "sum": a row's gradient is that of its own loss, whatever the batch; the optimizer divides.
    extra = {"max_grad_norm": plan.max_grad_norm} if mode == "ghost" else {}
    wrapped = prepare_module(module, grad_sample_mode=mode, loss_reduction="sum", **extra)
    private_optimizer = optimizer_class(mode, is_distributed=world > 1)(
        optimizer,
        noise_multiplier=plan.noise_multiplier,
        max_grad_norm=plan.max_grad_norm,
        # Ranks are averaged after dividing, so that the sum of all is divided by the whole.
        expected_batch_size=plan.expected_batch_size / world,
        loss_reduction="mean",
        generator=noise,
        secure_mode=True,
    )
    private_optimizer.authorise = authorise
    return PrivateParts(
        wrapped,
        private_optimizer,
        poisson_batches(
            plan.n_train,
            plan.sample_rate,
            plan.steps if steps is None else steps,
            sampling,
            rank=rank() if world > 1 else 0,
            world_size=world,
        ),
        lambda: private_optimizer.executed,
        plan.physical_batch_size,
    )


def poisson_batches(
    n: int,
    sample_rate: float,
    steps: int,
    generator: torch.Generator,
    *,
    rank: int = 0,
    world_size: int = 1,
) -> Iterator[list[int]]:
    """``steps`` batches of row positions: each row is in each batch with probability
    ``sample_rate``, alone. With several ranks, each draws from its own rows (every
    ``world_size``-th): together they draw as one process does. Empty batches are given too.
    """
    import torch

    own = torch.arange(rank, n, world_size)
    for _ in range(steps):
        yield own[torch.rand(len(own), generator=generator) < sample_rate].tolist()


@contextmanager
def known_warnings_silenced() -> Iterator[None]:
    """Silences what Opacus warns of on every step without consequence, and nothing else."""
    with warnings.catch_warnings():
        # Inputs need no gradients, so torch's full backward hook of the first layer says that it
        # sees output gradients only: these are what per-example gradients are made from.
        warnings.filterwarnings("ignore", message="Full backward hook is firing")
        yield


def unwrap(parts: PrivateParts) -> torch.nn.Module:
    """The plain module again, without hooks."""
    module: torch.nn.Module = parts.module.to_standard_module()
    return module
