"""A network and its batches made private for one run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError
from evenhand.trainers.private.noise import entropy_generator, seeded_generator
from evenhand.trainers.private.plan import NoisePlan
from evenhand.trainers.private.preflight import (
    preflight,
    require_same_parameters,
    require_separable,
)
from evenhand.trainers.private.wrapping import PrivateParts, wrap

if TYPE_CHECKING:
    import torch

    from evenhand.trainers.examples import Examples


def make_private(
    module: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    plan: NoisePlan,
    *,
    like: Examples,
    data_loader: Any = None,
    authorise: Callable[[int], None] | None = None,
    start_step: int = 0,
) -> PrivateParts:
    """Wraps a module and its optimizer for ``plan``, after a preflight on made-up rows (``like``,
    see ``examples.made_up_examples``).

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
        "a data loader cannot be used in private training: {reason_}",
        remedy="leave it out: batches come from parts.batches, drawn at plan.sample_rate",
        reason_=reason,
    )


def _generator(plan: NoisePlan, purpose: str, start_step: int, *, device: Any) -> torch.Generator:
    if plan.noise_seed is None:
        return entropy_generator(device)
    from evenhand.trainers.distributed import rank

    return seeded_generator(plan.noise_seed, purpose, start_step, rank(), device=device)
