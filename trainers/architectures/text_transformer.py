"""A text classifier: a small Transformer encoder (Vaswani et al. 2017), norms first, and the mean
of its outputs over the text.

Its attention has the weights of torch.nn.MultiheadAttention, privately trained or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field, model_validator

from trainers.architectures._sequence import (
    PADDING,
    Block,
    TokenEmbedding,
    mean_of_valid,
    positions,
    register_samplers,
    require_size,
    start_small,
)
from trainers.validate import Strict, checked

# The vocabulary of words outweighs all else; ghost clipping needs norms alone.
GRAD_SAMPLE_MODE = "ghost"


class Params(Strict):
    """``vocabulary`` counts token ids (the data say it); ``width`` is shared by ``heads``."""

    vocabulary: int = Field(ge=1, le=10_000_000)
    width: int = Field(default=64, ge=1, le=4096)
    heads: int = Field(default=4, ge=1, le=64)
    layers: int = Field(default=2, ge=1, le=24)
    feedforward: int = Field(default=128, ge=1, le=16_384)
    dropout: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Params:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        return self


def full_parameters(params: Mapping[str, Any]) -> dict[str, Any]:
    """``params`` with every default filled in, as plain JSON types. Raises InputError."""
    wanted = checked(Params, dict(params), "architecture of text_transformer")
    return wanted.model_dump(mode="json")


class TextTransformer(torch.nn.Module):
    """Token ids (rows, tokens), 0 for padding, to logits (rows, n_outputs)."""

    def __init__(self, wanted: Params, n_tokens: int, n_outputs: int) -> None:
        super().__init__()
        self.embedding = TokenEmbedding(wanted.vocabulary, wanted.width)
        self.position = TokenEmbedding(n_tokens, wanted.width)
        self.blocks = torch.nn.ModuleList(
            Block(wanted.width, wanted.heads, wanted.feedforward, wanted.dropout)
            for _ in range(wanted.layers)
        )
        self.norm = torch.nn.LayerNorm(wanted.width)
        self.head = torch.nn.Linear(wanted.width, n_outputs)
        start_small(self)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        vectors = self.embedding(ids) + self.position(positions(ids))
        mask = ids != PADDING
        mask[:, 0] = True  # an empty text attends to something, lest its weights be 0/0
        for block in self.blocks:
            vectors = block(vectors, mask[:, None, None, :])
        logits: torch.Tensor = self.head(mean_of_valid(self.norm(vectors), ids))
        return logits


def build(
    input_shape: tuple[int, ...], n_outputs: int, params: Mapping[str, Any]
) -> torch.nn.Module:
    """A network from int64 ids (rows, tokens) to logits (rows, n_outputs).

    It reads at most ``input_shape[-1]`` tokens. Initial weights come from torch's global
    generator. Raises InputError for unknown or wrong parameters, and for sizes over 50 million
    weights.
    """
    wanted = checked(Params, dict(params), "architecture of text_transformer")
    d, f = wanted.width, wanted.feedforward
    tables = (wanted.vocabulary + input_shape[-1]) * d + (d + 1) * n_outputs
    require_size(tables + wanted.layers * (4 * d * (d + 1) + 2 * d * f + f + 5 * d), "transformer")
    return TextTransformer(wanted, input_shape[-1], n_outputs)


def to_private(module: torch.nn.Module) -> torch.nn.Module:
    """The module itself, once Opacus knows its layers: nothing is swapped."""
    register_samplers()
    return module


def from_private(module: torch.nn.Module) -> torch.nn.Module:
    """The module itself."""
    return module
