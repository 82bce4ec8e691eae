"""A next-token network: a small causal Transformer (Vaswani et al. 2017), norms first.

Its attention has the weights of torch.nn.MultiheadAttention, privately trained or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field, model_validator

from trainers.architectures._sequence import (
    Block,
    TokenEmbedding,
    positions,
    register_samplers,
    require_size,
    start_small,
)
from trainers.validate import Strict, checked

GRAD_SAMPLE_MODE = "hooks"  # faster than ghost where the vocabulary is small


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
    wanted = checked(Params, dict(params), "architecture of causal_transformer")
    return wanted.model_dump(mode="json")


class CausalTransformer(torch.nn.Module):
    """Token ids (rows, tokens) to logits of each next token (rows, tokens, vocabulary)."""

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
        for block in self.blocks:
            vectors = block(vectors, None)
        logits: torch.Tensor = self.head(self.norm(vectors))
        return logits


def build(
    input_shape: tuple[int, ...], n_outputs: int, params: Mapping[str, Any]
) -> torch.nn.Module:
    """A network from int64 ids (rows, tokens) to logits (rows, tokens, n_outputs).

    It reads at most ``input_shape[-1]`` tokens. Initial weights come from torch's global
    generator. Raises InputError for unknown or wrong parameters, and for sizes over 50 million
    weights.
    """
    wanted = checked(Params, dict(params), "architecture of causal_transformer")
    d, f = wanted.width, wanted.feedforward
    tables = (wanted.vocabulary + input_shape[-1]) * d + (d + 1) * n_outputs
    require_size(tables + wanted.layers * (4 * d * (d + 1) + 2 * d * f + f + 5 * d), "transformer")
    return CausalTransformer(wanted, input_shape[-1], n_outputs)


def to_private(module: torch.nn.Module) -> torch.nn.Module:
    """The module itself, once Opacus knows its layers: nothing is swapped."""
    register_samplers()
    return module


def from_private(module: torch.nn.Module) -> torch.nn.Module:
    """The module itself."""
    return module
