"""Opacus' private optimizers, and what they leave open.

- A step must be authorised (written into the ledger) before it is taken.
- A row whose gradient is not finite contributes zero and is counted; in Opacus one NaN makes every
  clipping factor of the batch NaN.
- An empty Poisson batch takes its noise step without a forward pass: several layers and Opacus'
  ghost mode fail on zero rows.

This module needs torch and Opacus when it is imported; private.py imports it when first needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from opacus.optimizers import DPOptimizer
from opacus.optimizers.ddpoptimizer import DistributedDPOptimizer
from opacus.optimizers.ddpoptimizer_fast_gradient_clipping import (
    DistributedDPOptimizerFastGradientClipping,
)
from opacus.optimizers.optimizer_fast_gradient_clipping import DPOptimizerFastGradientClipping

Losses = Callable[[torch.Tensor], torch.Tensor]


class _Steps:
    """What every private optimizer here shares; ``executed`` counts noised steps."""

    authorise: Callable[[int], None] | None = None
    executed = 0
    n_not_finite = 0

    def pre_step(self: Any, closure: Any = None) -> Any:
        is_whole = not self._check_skip_next_step(pop_next=False)
        if is_whole and self.authorise is not None:
            self.authorise(self.executed + 1)
        done = super().pre_step(closure)  # type: ignore[misc]
        self.executed += is_whole
        return done

    def start(self: Any) -> None:
        """Forgets what an interrupted step left behind."""
        self._step_skip_queue.clear()
        self._is_last_step_skipped = False
        self.zero_grad()

    def clip_factors(self: Any, norms: torch.Tensor) -> torch.Tensor:
        """min(1, max_grad_norm / norm), 0 for norms that are not finite."""
        factors = (self.max_grad_norm / (norms + 1e-6)).clamp(max=1.0)
        return torch.where(torch.isfinite(norms), factors, torch.zeros_like(factors))


class _Hooks(_Steps):
    """Per-example gradients in ``grad_sample``: clip them, sum them."""

    def load_empty(self: Any) -> None:
        """Stands in for the backward pass of an empty batch."""
        for p in self.params:
            p.grad_sample = p.new_zeros((0, *p.shape))

    def clip_and_accumulate(self: Any) -> None:
        samples = self.grad_samples
        norms = torch.stack([g.flatten(1).norm(2, dim=1) for g in samples], dim=1).norm(2, dim=1)
        finite = torch.isfinite(norms)
        if not bool(finite.all()):  # or the norm of a finite gradient overflowed: look closer
            finite = torch.stack([g.isfinite().flatten(1).all(dim=1) for g in samples]).all(dim=0)
            self.n_not_finite += int((~finite).sum())
            for g in samples:
                g[~finite] = 0.0  # zero times NaN would be NaN
        # A finite gradient whose norm overflows is clipped to nothing, as the formula has it.
        factors = self.clip_factors(norms) * finite
        for p, g in zip(self.params, samples, strict=True):
            clipped = torch.einsum("i,i...", factors.to(p.dtype), g.to(p.dtype))
            p.summed_grad = clipped if p.summed_grad is None else p.summed_grad + clipped
            p.grad_sample._processed = True

    def gradients(self: Any, module: Any, losses_of: Losses, rows: torch.Tensor) -> torch.Tensor:
        """Forward and backward over some rows; returns their losses."""
        losses = losses_of(rows)
        losses.sum().backward()
        return losses.detach()


class _Ghost(_Steps):
    """Clipped sums by two backward passes: one for norms, one for weighted losses."""

    def load_empty(self: Any) -> None:
        """Stands in for the backward passes of an empty batch."""
        for p in self.params:
            p.grad = torch.zeros_like(p)

    def gradients(self: Any, module: Any, losses_of: Losses, rows: torch.Tensor) -> torch.Tensor:
        """Forward and both backward passes over some rows; returns the losses of those kept."""
        losses = losses_of(rows)
        losses.sum().backward(retain_graph=True)
        norms = module.get_norm_sample()
        finite = torch.isfinite(norms)
        for p in self.params:
            p.grad = None
        if not bool(finite.all()):
            # Zero times a NaN activation is NaN: such rows must leave the batch, not weigh zero.
            self.n_not_finite += int((~finite).sum())
            kept = rows[finite.to(rows.device)]
            if not len(kept):
                self.load_empty()
                return losses.detach()[:0]
            seen: torch.Tensor = self.gradients(module, losses_of, kept)
            return seen
        module.disable_hooks()
        try:
            (self.clip_factors(norms).to(losses.device) * losses).sum().backward()
        finally:
            module.enable_hooks()
        return losses.detach()


class HooksOptimizer(_Hooks, DPOptimizer):
    """Per-example gradients by hooks, one process."""


class GhostOptimizer(_Ghost, DPOptimizerFastGradientClipping):
    """Ghost clipping, one process."""


class DistributedHooksOptimizer(_Hooks, DistributedDPOptimizer):
    """Per-example gradients by hooks; noise on the first rank, sums over all."""


class DistributedGhostOptimizer(_Ghost, DistributedDPOptimizerFastGradientClipping):
    """Ghost clipping; noise on the first rank, sums over all."""


def optimizer_class(mode: str, *, is_distributed: bool) -> Any:
    """The private optimizer of a grad sample mode."""
    if mode == "ghost":
        return DistributedGhostOptimizer if is_distributed else GhostOptimizer
    return DistributedHooksOptimizer if is_distributed else HooksOptimizer
