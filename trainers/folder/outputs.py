"""What a network answers to encoded rows, in batches of a fixed size."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


BATCH = 1024


def network_outputs(module: torch.nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """Outputs for encoded rows in float64, in batches of a fixed size, in evaluation mode."""
    import torch

    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            starts = range(0, max(1, len(inputs)), BATCH)
            return torch.cat([module(inputs[i : i + BATCH]).double() for i in starts])
    finally:
        module.train(was_training)
