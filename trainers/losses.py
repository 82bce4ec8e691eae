"""The loss of each example, by task: no example's loss depends on another's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from evenhand.trainers.model_description import Task

# Targets of sequences at positions that do not count (padding).
IGNORED = -100


def per_example(task: Task, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Losses of shape (rows,), in nat (regression: squared units of the target).

    Classes: cross-entropy of logits (rows, classes) against positions (rows,). Regression: squared
    error of outputs (rows, 1) against (rows,). Generation: the mean cross-entropy over the valid
    tokens of each sequence, of logits (rows, tokens, vocabulary) against ids (rows, tokens), where
    ``IGNORED`` marks the tokens that do not count; 0 for a sequence without any.
    """
    import torch

    if task == "regression":
        return (outputs.squeeze(1) - targets).square()
    if task == "generation":
        losses = _token_losses(outputs, targets)
        return losses.sum(dim=1) / (targets != IGNORED).sum(dim=1).clamp(min=1)
    return torch.nn.functional.cross_entropy(outputs, targets, reduction="none")


def _token_losses(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of each token, shape (rows, tokens), 0 where it does not count."""
    import torch

    flat = torch.nn.functional.cross_entropy(
        outputs.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="none"
    )
    return flat.view(targets.shape)
