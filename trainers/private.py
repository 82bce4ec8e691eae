"""DP-SGD with Opacus (Abadi et al. 2016): what makes the training loop private, and its proof.

Opacus gives per-example gradients, clipping and noise. What it leaves to its caller is done here:
the sample rate is explicit and drawn by Poisson sampling; gradients are divided by the expected
batch size, not the drawn one; an empty batch still takes its noise step; noise and sampling come
from the operating system's entropy, never from a seed that is stored; and before any step a
preflight on made-up rows shows that gradients are per example and that the divisor is right.

Not covered: timing, and attacks that read the training process rather than its result. Noise is
the sum of four draws, as in Opacus' secure mode, against attacks on floating point (Holohan and
Braghin 2021), but comes from the Mersenne Twister, not from a cryptographic generator.
"""

from __future__ import annotations

import copy
import math
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from audit.errors import InputError
from trainers.accounting import Segment, Spent, good_delta, noise_for, spent
from trainers.recipe import Private

if TYPE_CHECKING:
    import torch

UNIT = "row"
ADJACENCY = "add/remove one row"
SAMPLER: Literal["Poisson"] = "Poisson"
NOISE = "operating system entropy"
# Uniform draws of torch are multiples of 2^-24: a rate that is one too is drawn exactly.
_GRAIN = 2.0**24
# The one place that chooses how Opacus gets per-example gradients; hooks is the mode that
# works for every layer and for empty batches.
GRAD_SAMPLE_MODE = "hooks"


@dataclass(frozen=True)
class Plan:
    """A private run before it starts: its dials, what it will cost, and warnings about both."""

    delta: float
    max_grad_norm: float
    noise_multiplier: float
    sample_rate: float
    n_train: int
    steps: int
    cost: Spent
    warnings: tuple[str, ...] = ()

    @property
    def expected_batch_size(self) -> float:
        """The divisor of every step: sample_rate * n_train."""
        return self.sample_rate * self.n_train

    def cost_after(self, steps: int) -> Spent:
        """What ``steps`` steps of this plan cost."""
        return spent([Segment(self.noise_multiplier, self.sample_rate, steps)], self.delta)


@dataclass(frozen=True)
class PrivateParts:
    """What the training loop runs on in place of the plain module, optimizer and batches.

    ``executed`` counts the steps that the optimizer has noised and applied.
    """

    module: Any
    optimizer: Any
    batches: Iterator[list[int]]
    executed: Callable[[], int]


def plan_private(private: Private, *, n_train: int, batch_size: int, epochs: int) -> Plan:
    """Turns the dials of a recipe into a plan for ``n_train`` rows.

    Raises InputError for a delta of 1/n_train or more, for an epsilon that the given noise
    multiplier cannot keep, and for one that no noise can.
    """
    delta = good_delta(n_train) if private.delta is None else private.delta
    if delta >= 1 / n_train:
        raise InputError(
            f"delta={delta} must be below 1/n_train={1 / n_train:.2g}: a delta that large allows "
            "to publish a training row outright",
            remedy=f"use delta {good_delta(n_train):g}",
        )
    notes = []
    if delta > 1 / (10 * n_train):
        notes.append(
            f"delta={delta:g} is above 1/(10 n_train)={1 / (10 * n_train):.2g}; "
            f"{good_delta(n_train):g} is customary for {n_train} rows"
        )
    rate = private.sample_rate or min(1.0, batch_size / n_train)
    rate = max(1.0, math.floor(rate * _GRAIN)) / _GRAIN
    steps = math.ceil(round(epochs / rate, 6))
    noise = private.noise_multiplier
    if noise is None:
        noise = noise_for(private.epsilon or 3.0, delta, rate, steps)
    cost = spent([Segment(noise, rate, steps)], delta)
    if private.epsilon is not None and cost.epsilon > private.epsilon:
        raise InputError(
            f"noise_multiplier={noise} costs epsilon={cost.epsilon:.3f} over {steps} steps, above "
            f"epsilon={private.epsilon}",
            remedy=f"use noise_multiplier {noise_for(private.epsilon, delta, rate, steps):.4g}, or "
            "leave it out",
        )
    if cost.note:
        notes.append(cost.note)
    return Plan(
        delta, private.max_grad_norm, noise, rate, n_train, steps, cost, warnings=tuple(notes)
    )


def make_private(
    module: torch.nn.Module, optimizer: torch.optim.Optimizer, plan: Plan, *, n_inputs: int
) -> PrivateParts:
    """Wraps a module and its optimizer for ``plan``, after a preflight on made-up rows.

    Raises InputError for a module with layers that mix rows (batch normalisation) or whose
    per-example gradients Opacus cannot give.
    """
    _require_separable(module)
    _preflight(module, plan, n_inputs)
    return wrap(module, optimizer, plan, noise=entropy_generator(), sampling=entropy_generator())


def wrap(
    module: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    plan: Plan,
    *,
    noise: torch.Generator,
    sampling: torch.Generator,
) -> PrivateParts:
    """The wrapping itself, with the generators given (``make_private`` keys them afresh)."""
    from opacus.grad_sample.utils import prepare_module
    from opacus.optimizers import DPOptimizer
    from opacus.utils.uniform_sampler import UniformWithReplacementSampler

    # "sum": a row's gradient is that of its own loss, whatever the batch; the optimizer divides.
    wrapped = prepare_module(module, grad_sample_mode=GRAD_SAMPLE_MODE, loss_reduction="sum")
    private_optimizer = DPOptimizer(
        optimizer,
        noise_multiplier=plan.noise_multiplier,
        max_grad_norm=plan.max_grad_norm,
        expected_batch_size=plan.expected_batch_size,
        loss_reduction="mean",
        generator=noise,
        secure_mode=True,
    )
    sampler = UniformWithReplacementSampler(
        num_samples=plan.n_train, sample_rate=plan.sample_rate, generator=sampling, steps=plan.steps
    )
    executed = 0

    def count(_: Any) -> None:
        nonlocal executed
        executed += 1

    private_optimizer.attach_step_hook(count)
    return PrivateParts(wrapped, private_optimizer, iter(sampler), lambda: executed)


def entropy_generator() -> torch.Generator:
    """A torch generator whose whole state comes from the operating system's entropy.

    ``manual_seed`` would keep 32 bits of a seed, few enough to try them all; the state itself
    (624 words of the Mersenne Twister) is written instead.
    """
    import torch

    generator = torch.Generator()
    generator.manual_seed(0)
    state = generator.get_state()
    words = torch.frombuffer(bytearray(os.urandom(624 * 4)), dtype=torch.int32).to(torch.int64)
    words &= 0xFFFFFFFF
    # After the seed come: left (4 bytes), seeded (4), next (8), then the words, 8 bytes each.
    # left = 1 after manual_seed, so that the first draw mixes the whole state.
    state[24 : 24 + 624 * 8] = words.view(torch.uint8)
    generator.set_state(state)
    return generator


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


def _require_separable(module: torch.nn.Module) -> None:
    from opacus.validators import ModuleValidator

    module.train()
    errors = ModuleValidator.validate(module, strict=False)
    if errors:
        first = " ".join(str(errors[0]).split())
        raise InputError(
            f"the network cannot be trained with differential privacy: {first}",
            remedy="use layers that treat rows one by one (GroupNorm or none, not BatchNorm)",
        )


def _preflight(module: torch.nn.Module, plan: Plan, n_inputs: int) -> None:
    """Checks on made-up rows, in a copy of the module, what the guarantee rests on."""
    import torch

    rng = torch.Generator().manual_seed(0)
    inputs = torch.randn(4, n_inputs, generator=rng)
    changed = inputs.clone()
    changed[0] += 1.0
    first = _example_gradients(module, inputs)
    second = _example_gradients(module, changed)
    for name, parameter in module.named_parameters():
        if not parameter.requires_grad:
            continue
        gradient = first.get(name)
        if gradient is None or gradient.shape != (4, *parameter.shape):
            shape = None if gradient is None else tuple(gradient.shape)
            raise InputError(
                f"parameter {name!r} has per-example gradients of shape {shape}, not "
                f"{(4, *parameter.shape)}: it could not be clipped by row",
                remedy="give every parameter its own standard layer",
            )
        if not torch.isfinite(gradient).all():
            raise InputError(
                f"parameter {name!r} has gradients that are not finite",
                remedy="check the architecture's initial weights",
            )
        if not torch.allclose(gradient[1:], second[name][1:], rtol=1e-4, atol=1e-6):
            raise InputError(
                f"the gradient of one row at {name!r} depends on another row",
                remedy="use layers that treat rows one by one",
            )
    _check_divisor(module, plan, inputs)


def _example_gradients(module: torch.nn.Module, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
    """Per-example gradients of a copy of ``module``, by parameter name."""
    from opacus.grad_sample.utils import prepare_module

    from trainers.fit import seeded

    wrapped = prepare_module(
        copy.deepcopy(module), grad_sample_mode=GRAD_SAMPLE_MODE, loss_reduction="sum"
    )
    buffers = [b.clone() for b in wrapped.buffers()]
    with seeded(0), known_warnings_silenced():
        _made_up_loss(wrapped, inputs).backward()
    if any(not bool((a == b).all()) for a, b in zip(buffers, wrapped.buffers(), strict=True)):
        raise InputError(
            "the network keeps statistics of the rows it sees, outside of what is clipped",
            remedy="use layers without running statistics",
        )
    return {
        name.removeprefix("_module."): parameter.grad_sample
        for name, parameter in wrapped.named_parameters()
        if getattr(parameter, "grad_sample", None) is not None
    }


def _check_divisor(module: torch.nn.Module, plan: Plan, inputs: torch.Tensor) -> None:
    """The gradient that a step applies must be the sum over rows / the expected batch size."""
    import torch

    quiet = Plan(
        plan.delta, 1e12, 0.0, plan.sample_rate, plan.n_train, plan.steps, plan.cost
    )  # no noise, no clipping: made-up rows need no protection
    twin = copy.deepcopy(module)
    trainable = [p for p in twin.parameters() if p.requires_grad]
    generator = torch.Generator()
    parts = wrap(twin, torch.optim.SGD(trainable), quiet, noise=generator, sampling=generator)
    with known_warnings_silenced():
        _made_up_loss(parts.module, inputs).backward()
    sums = [p.grad_sample.sum(dim=0) for p in trainable]  # type: ignore[attr-defined]
    parts.optimizer.pre_step()
    for parameter, total in zip(trainable, sums, strict=True):
        expected = total / plan.expected_batch_size
        scale = float(expected.abs().max()) + 1e-12
        if parameter.grad is None or not torch.allclose(
            parameter.grad, expected, rtol=1e-3, atol=1e-4 * scale
        ):
            raise RuntimeError("the private optimizer does not divide by the expected batch size")


def _made_up_loss(module: Any, inputs: torch.Tensor) -> torch.Tensor:
    import torch

    logits = module(inputs)
    targets = torch.arange(len(inputs)) % logits.shape[-1]
    return torch.nn.functional.cross_entropy(logits, targets, reduction="sum")
