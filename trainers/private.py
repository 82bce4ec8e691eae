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

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from evenhand.audit.errors import InputError
from evenhand.trainers.accounting import Segment, Spent, good_delta, noise_for, spent
from evenhand.trainers.noise import (
    ENTROPY,
    NOT_CERTIFIED,
    SEEDED,
    entropy_generator,
    seeded_generator,
)
from evenhand.trainers.preflight import preflight, require_same_parameters, require_separable
from evenhand.trainers.recipe import Private
from evenhand.trainers.units import ROW, Unit

if TYPE_CHECKING:
    import torch

    from evenhand.trainers.fit import Examples
    from evenhand.trainers.memory import MemoryUse

SAMPLER: Literal["Poisson"] = "Poisson"
# Uniform draws of torch are multiples of 2^-24: a rate that is one too is drawn exactly.
_GRAIN = 2.0**24
# How Opacus gets per-example gradients where an architecture does not say: hooks is the mode that
# works for every layer. "ghost" is faster wherever weights outnumber activations.
GRAD_SAMPLE_MODE = "hooks"
MODES = ("hooks", "ghost", "ew", "functorch")


@dataclass(frozen=True)
class Plan:
    """A private run before it starts: its dials, what it will cost, and warnings about both.

    ``steps`` counts the whole run. ``physical_batch_size`` is how many rows are in memory at once;
    it changes neither gradients nor cost. ``not_certified`` says why the guarantee does not hold
    as stated, () where it does. ``cost`` is that of one ``unit``.
    """

    delta: float
    max_grad_norm: float
    noise_multiplier: float
    sample_rate: float
    n_train: int
    steps: int
    cost: Spent
    warnings: tuple[str, ...] = ()
    grad_sample_mode: str = GRAD_SAMPLE_MODE
    physical_batch_size: int | None = None
    not_certified: tuple[str, ...] = ()
    noise_seed: int | None = None
    world_size: int = 1
    unit: Unit = ROW
    memory: MemoryUse | None = None

    @property
    def expected_batch_size(self) -> float:
        """The divisor of every step: sample_rate * n_train."""
        return self.sample_rate * self.n_train

    @property
    def noise(self) -> str:
        """Where its noise comes from, in words."""
        return ENTROPY if self.noise_seed is None else SEEDED

    def cost_after(self, steps: int) -> Spent:
        """What ``steps`` steps of this plan cost."""
        segment = Segment(self.noise_multiplier, self.sample_rate, steps)
        return spent([segment], self.delta, rows_per_unit=self.unit.rows)


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


def plan_private(
    private: Private,
    *,
    n_train: int,
    batch_size: int,
    epochs: int,
    grad_sample_mode: str = GRAD_SAMPLE_MODE,
    world_size: int = 1,
    unit: Unit = ROW,
) -> Plan:
    """Turns the dials of a recipe into a plan for ``n_train`` rows; epsilon is that of a ``unit``.

    Raises InputError for a delta of 1/n_train or more, for an epsilon that the given noise
    multiplier cannot keep, and for one that no noise can.
    """
    delta, notes = _delta(private, n_train)
    rate = private.sample_rate or min(1.0, batch_size / n_train)
    rate = max(1.0, math.floor(rate * _GRAIN)) / _GRAIN
    steps = math.ceil(round(epochs / rate, 6))
    noise = private.noise_multiplier
    if noise is None:
        budget = private.epsilon or 3.0
        noise = noise_for(budget, delta, rate, steps, rows_per_unit=unit.rows)
    cost = spent([Segment(noise, rate, steps)], delta, rows_per_unit=unit.rows)
    if private.epsilon is not None and cost.epsilon > private.epsilon:
        raise InputError(
            f"noise_multiplier={noise} costs epsilon={cost.epsilon:.3f} over {steps} steps, above "
            f"epsilon={private.epsilon}",
            remedy="leave noise_multiplier out: it is found for epsilon",
        )
    if cost.note:
        notes.append(cost.note)
    return Plan(
        delta,
        private.max_grad_norm,
        noise,
        rate,
        n_train,
        steps,
        cost,
        warnings=tuple(notes),
        grad_sample_mode=_known_mode(grad_sample_mode),
        physical_batch_size=private.physical_batch_size,
        not_certified=(NOT_CERTIFIED,) if private.noise_seed is not None else (),
        noise_seed=private.noise_seed,
        world_size=world_size,
        unit=unit,
    )


def _delta(private: Private, n_train: int) -> tuple[float, list[str]]:
    delta = good_delta(n_train) if private.delta is None else private.delta
    if delta >= 1 / n_train:
        raise InputError(
            f"delta={delta} must be below 1/n_train={1 / n_train:.2g}: a delta that large allows "
            "to publish a training row outright",
            remedy=f"use delta {good_delta(n_train):g}",
        )
    if delta <= 1 / (10 * n_train):
        return delta, []
    return delta, [
        f"delta={delta:g} is above 1/(10 n_train)={1 / (10 * n_train):.2g}; "
        f"{good_delta(n_train):g} is customary for {n_train} rows"
    ]


def _known_mode(mode: str) -> str:
    if mode not in MODES:
        raise InputError(
            f"GRAD_SAMPLE_MODE={mode!r} is not known", remedy=f"use one of {', '.join(MODES)}"
        )
    return mode


def make_private(
    module: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    plan: Plan,
    *,
    like: Examples,
    data_loader: Any = None,
    authorise: Callable[[int], None] | None = None,
    start_step: int = 0,
) -> PrivateParts:
    """Wraps a module and its optimizer for ``plan``, after a preflight on made-up rows (``like``,
    see ``networks.made_up_examples``).

    Batches are drawn by the parts themselves. ``data_loader`` is for callers who bring one: it is
    refused with the reason. ``authorise(step)`` is called before each step and may raise. A run
    that is resumed says after which ``start_step`` it goes on.

    Raises InputError for a module with layers that mix rows (batch normalisation) or whose
    per-example gradients Opacus cannot give, for an optimizer of other parameters, and for a data
    loader.
    """
    refuse_data_loader(data_loader)
    require_separable(module)
    require_same_parameters(module, optimizer)
    preflight(module, plan, like)
    device = next(module.parameters()).device
    return wrap(
        module,
        optimizer,
        plan,
        noise=_generator(plan, "noise", start_step, device=device),
        sampling=_generator(plan, "sampling", start_step, device="cpu"),
        authorise=authorise,
        steps=plan.steps - start_step,
    )


def refuse_data_loader(loader: Any) -> None:
    """Raises InputError, with the reason, for any data loader: epsilon is that of Poisson batches
    drawn here; a loader's batches are not (Chua et al. 2024, arXiv 2403.17673)."""
    if loader is None:
        return
    sampler = type(getattr(loader, "sampler", None)).__name__
    if getattr(loader, "drop_last", False):
        reason = "it drops the last batch, so rows are not drawn at the stated rate"
    elif "Weighted" in sampler:
        reason = f"its {sampler} draws some rows more often, whose privacy would be overstated"
    elif "Random" in sampler:
        reason = "it shuffles: shuffled batches protect less than Poisson batches of that rate"
    else:
        reason = f"its batches ({sampler}) are not Poisson samples"
    raise InputError(
        f"a data loader cannot be used in private training: {reason}",
        remedy="leave it out: batches come from parts.batches, drawn at plan.sample_rate",
    )


def wrap(
    module: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    plan: Plan,
    *,
    noise: torch.Generator,
    sampling: torch.Generator,
    authorise: Callable[[int], None] | None = None,
    steps: int | None = None,
) -> PrivateParts:
    """The wrapping itself, with the generators given (``make_private`` keys them afresh)."""
    from opacus.grad_sample.utils import prepare_module

    from evenhand.trainers.distributed import rank
    from evenhand.trainers.dp_optimizers import optimizer_class

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


def _generator(plan: Plan, purpose: str, start_step: int, *, device: Any) -> torch.Generator:
    if plan.noise_seed is None:
        return entropy_generator(device)
    from evenhand.trainers.distributed import rank

    return seeded_generator(plan.noise_seed, purpose, start_step, rank(), device=device)


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
