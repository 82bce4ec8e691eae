"""A next-token network: a small causal Transformer (Vaswani et al. 2017), norms first.

Its attention has the weights of torch.nn.MultiheadAttention, privately trained or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from evenhand.trainers.architectures._sequence import require_size, to_private
from evenhand.trainers.architectures._transformer import (
    Transformer,
    TransformerParams,
    transformer_size,
)
from evenhand.trainers.validate import checked

__all__ = ["GRAD_SAMPLE_MODE", "build", "full_parameters", "to_private"]
GRAD_SAMPLE_MODE = "hooks"  # faster than ghost where the vocabulary is small


def full_parameters(params: Mapping[str, Any]) -> dict[str, Any]:
    """``params`` with every default filled in, as plain JSON types. Raises InputError."""
    wanted = checked(TransformerParams, dict(params), "architecture of causal_transformer")
    return wanted.model_dump(mode="json")


class CausalTransformer(Transformer):
    """Token ids (rows, tokens) to logits of each next token (rows, tokens, vocabulary)."""

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.vectors(ids, None))
        return logits


def build(
    input_shape: tuple[int, ...], n_outputs: int, params: Mapping[str, Any]
) -> torch.nn.Module:
    """A network from int64 ids (rows, tokens) to logits (rows, tokens, n_outputs).

    It reads at most ``input_shape[-1]`` tokens. Initial weights come from torch's global
    generator. Raises InputError for unknown or wrong parameters, and for sizes over 50 million
    weights.
    """
    wanted = checked(TransformerParams, dict(params), "architecture of causal_transformer")
    require_size(transformer_size(wanted, input_shape[-1], n_outputs), "transformer")
    return CausalTransformer(wanted, input_shape[-1], n_outputs)
