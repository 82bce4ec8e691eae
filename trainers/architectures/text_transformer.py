"""A text classifier: a small Transformer encoder (Vaswani et al. 2017), norms first, and the mean
of its outputs over the text.

Its attention has the weights of torch.nn.MultiheadAttention, privately trained or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from evenhand.trainers.architectures._sequence import (
    PADDING,
    mean_of_valid,
    require_size,
    to_private,
)
from evenhand.trainers.architectures._transformer import (
    Transformer,
    TransformerParams,
    transformer_size,
)
from evenhand.trainers.validate import checked

__all__ = ["GRAD_SAMPLE_MODE", "build", "full_parameters", "to_private"]
# The vocabulary of words outweighs all else; ghost clipping needs norms alone.
GRAD_SAMPLE_MODE = "ghost"


def full_parameters(params: Mapping[str, Any]) -> dict[str, Any]:
    """``params`` with every default filled in, as plain JSON types. Raises InputError."""
    wanted = checked(TransformerParams, dict(params), "architecture of text_transformer")
    return wanted.model_dump(mode="json")


class TextTransformer(Transformer):
    """Token ids (rows, tokens), 0 for padding, to logits (rows, n_outputs)."""

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        mask = ids != PADDING
        mask[:, 0] = True  # an empty text attends to something, lest its weights be 0/0
        vectors = self.vectors(ids, mask[:, None, None, :])
        logits: torch.Tensor = self.head(mean_of_valid(vectors, ids))
        return logits


def build(
    input_shape: tuple[int, ...], n_outputs: int, params: Mapping[str, Any]
) -> torch.nn.Module:
    """A network from int64 ids (rows, tokens) to logits (rows, n_outputs).

    It reads at most ``input_shape[-1]`` tokens. Initial weights come from torch's global
    generator. Raises InputError for unknown or wrong parameters, and for sizes over 50 million
    weights.
    """
    wanted = checked(TransformerParams, dict(params), "architecture of text_transformer")
    require_size(transformer_size(wanted, input_shape[-1], n_outputs), "transformer")
    return TextTransformer(wanted, input_shape[-1], n_outputs)
