"""Before a private run: is every gradient of one row alone, clipped, and divided rightly?

On a few made-up rows, in copies of the network, the very step that training will take (without
noise) is compared with a loop over rows that knows nothing of Opacus.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError
from evenhand.trainers.losses import per_example

if TYPE_CHECKING:
    import torch

    from evenhand.trainers.examples import Examples
    from evenhand.trainers.private.plan import NoisePlan


def require_separable(module: torch.nn.Module) -> None:
    """Raises InputError for layers that mix rows or keep statistics, and for half precision."""
    import torch
    from opacus.validators import ModuleValidator

    module.train()
    errors = ModuleValidator.validate(module, strict=False)
    if errors:
        first = " ".join(str(errors[0]).split())
        raise InputError(
            "the network cannot be trained with differential privacy: {first}",
            remedy="use layers that treat rows one by one (GroupNorm or none, not BatchNorm)",
            first=first,
        )
    for name, parameter in module.named_parameters():
        if parameter.requires_grad and parameter.dtype not in (torch.float32, torch.float64):
            raise InputError(
                "parameter {name!r} is {dtype}: noise that coarse hides too little",
                remedy="train in float32",
                name=name,
                dtype=parameter.dtype,
            )


def require_same_parameters(module: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Raises InputError unless the optimizer changes exactly the module's trainable parameters."""
    held = {id(p) for group in optimizer.param_groups for p in group["params"] if p.requires_grad}
    names = {id(p): name for name, p in module.named_parameters() if p.requires_grad}
    if held - set(names):
        raise InputError(
            "the optimizer changes parameters that are not the network's: nothing would clip them",
            remedy="give it module.parameters() alone",
        )
    if set(names) - held:
        missing = sorted(names[i] for i in set(names) - held)
        raise InputError(
            "the optimizer lacks {missing}",
            remedy="freeze them with requires_grad_(False), or give them to the optimizer",
            missing=", ".join(missing[:3]),
        )
    if not names:
        raise InputError("the network has no trainable parameter", remedy="unfreeze some")


def preflight(module: torch.nn.Module, plan: NoisePlan, like: Examples) -> None:
    """Compares a private step on ``like`` (made-up rows) with a loop over them.

    Raises InputError where a row's gradient depends on another row, is not finite, is not clipped,
    or differs from the loop's; RuntimeError where the divisor is not the expected batch size.
    """
    import torch

    from evenhand.trainers.examples import seeded
    from evenhand.trainers.private.wrapping import known_warnings_silenced

    with seeded(0), known_warnings_silenced():
        plain = _still(copy.deepcopy(module))
        buffers = [b.clone() for b in plain.buffers()]
        together = _losses(plain, like)
        changed = [not torch.equal(a, b) for a, b in zip(buffers, plain.buffers(), strict=True)]
        if any(changed):
            raise InputError(
                "the network keeps statistics of the rows it sees, outside of what is clipped",
                remedy="use layers without running statistics",
            )
        rows = [_row_gradients(plain, together[i]) for i in range(len(like))]
        for i, found in enumerate(rows):
            one = like.some(slice(i, i + 1))
            _compare_rows(found, _row_gradients(plain, _losses(plain, one)[0]))
        _compare_step(module, plan, like, rows)


Gradients = dict[str, Any]


def _still(module: torch.nn.Module) -> torch.nn.Module:
    """The module without dropout: a loop over rows would draw other units."""
    import torch

    for part in module.modules():
        if isinstance(part, torch.nn.modules.dropout._DropoutNd):
            part.p = 0.0
        elif isinstance(getattr(part, "dropout", None), float):
            setattr(part, "dropout", 0.0)  # noqa: B010 - torch types it as a module
    return module.train()


def _losses(module: Any, like: Examples) -> torch.Tensor:
    return per_example(like.task, module(like.inputs), like.targets)


def _row_gradients(module: torch.nn.Module, loss: torch.Tensor) -> Gradients:
    """The gradient of one row's loss, by parameter name; None where the loss does not reach it."""
    import torch

    named = [(n, p) for n, p in module.named_parameters() if p.requires_grad]
    found = torch.autograd.grad(loss, [p for _, p in named], retain_graph=True, allow_unused=True)
    return {name: gradient for (name, _), gradient in zip(named, found, strict=True)}


def _compare_rows(in_batch: Gradients, alone: Gradients) -> None:
    import torch

    for name, gradient in in_batch.items():
        other = alone[name]
        if gradient is None or other is None:
            raise InputError(
                "parameter {name!r} has per-example gradients of shape None: it could not be "
                "clipped by row",
                remedy="freeze it, or use it in the network's output",
                name=name,
            )
        if not torch.isfinite(gradient).all():
            raise InputError(
                "parameter {name!r} has gradients that are not finite",
                remedy="check the architecture's initial weights",
                name=name,
            )
        scale = float(gradient.abs().max()) + 1e-12
        if not torch.allclose(gradient, other, rtol=1e-3, atol=1e-4 * scale + 1e-6):
            raise InputError(
                "the gradient of one row at {name!r} depends on another row",
                remedy="use layers that treat rows one by one",
                name=name,
            )


def _compare_step(
    module: torch.nn.Module, plan: NoisePlan, like: Examples, rows: list[Gradients]
) -> None:
    import torch

    from evenhand.trainers.private.wrapping import wrap

    norms = [float(torch.cat([g.flatten() for g in row.values()]).norm()) for row in rows]
    # Half of the rows are clipped, half are not: made-up rows need no protection, so no noise.
    norm = sorted(norms)[len(norms) // 2] * 0.999 + 1e-9
    quiet = replace(plan, noise_multiplier=0.0, max_grad_norm=norm, physical_batch_size=None)
    # A step so long that what it changes is not lost in the rounding of the weights.
    rate = plan.expected_batch_size / norm
    twin = _still(copy.deepcopy(module))
    trainable = {n: p for n, p in twin.named_parameters() if p.requires_grad}
    generator = torch.Generator()
    parts = wrap(
        twin,
        torch.optim.SGD(trainable.values(), lr=rate),
        replace(quiet, world_size=1),
        noise=generator,
        sampling=generator,
    )
    before = {n: p.detach().clone() for n, p in trainable.items()}
    try:
        parts.take(lambda at: _losses(parts.module, like.some(at)), torch.arange(len(like)))
    except (NotImplementedError, ValueError) as error:
        raise InputError(
            "Opacus cannot clip this network by row in mode {grad_sample_mode!r}: {error}",
            remedy="use GRAD_SAMPLE_MODE hooks and standard layers for this architecture",
            grad_sample_mode=plan.grad_sample_mode,
            error=error,
        ) from None
    for name, parameter in trainable.items():
        total = sum(r[name] * min(1.0, norm / n) for r, n in zip(rows, norms, strict=True))
        taken = (before[name] - parameter.detach()) / rate
        _require_step(name, taken, total, plan.expected_batch_size)


def _require_step(name: str, taken: Any, total: Any, divisor: float) -> None:
    import torch

    expected = total / divisor
    scale = float(expected.abs().max()) + 1e-9
    if torch.allclose(taken, expected, rtol=2e-3, atol=2e-3 * scale):
        return
    cosine = torch.nn.functional.cosine_similarity(taken.flatten(), expected.flatten(), dim=0)
    if float(cosine) > 0.9999 and expected.numel() > 1:
        raise RuntimeError("the private optimizer does not divide by the expected batch size")
    raise InputError(
        "the clipped gradient at {name!r} differs from a loop over rows",
        remedy="use GRAD_SAMPLE_MODE hooks and standard layers for this architecture",
        name=name,
    )
