"""What the two Transformers share: parameters, layers, size.

Norms come first (Xiong et al. 2020, "On layer normalization in the transformer architecture");
attention has the weights of torch.nn.MultiheadAttention, privately trained or not.
"""

from __future__ import annotations

import torch
from pydantic import Field, model_validator

from evenhand.trainers.architectures._sequence import Block, TokenEmbedding, positions, start_small
from evenhand.trainers.validate import Strict


class TransformerParams(Strict):
    """``vocabulary`` counts token ids (the data say it); ``width`` is shared by ``heads``."""

    vocabulary: int = Field(ge=1, le=10_000_000)
    width: int = Field(default=64, ge=1, le=4096)
    heads: int = Field(default=4, ge=1, le=64)
    layers: int = Field(default=2, ge=1, le=24)
    feedforward: int = Field(default=128, ge=1, le=16_384)
    dropout: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> TransformerParams:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        return self


class Transformer(torch.nn.Module):
    """Token ids (rows, tokens) to vectors (rows, tokens, width); ``head`` is for who inherits."""

    def __init__(self, wanted: TransformerParams, n_tokens: int, n_outputs: int) -> None:
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

    def vectors(self, ids: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """``mask`` (rows, 1, 1, tokens) says which tokens may be attended to; None is causal."""
        found: torch.Tensor = self.embedding(ids) + self.position(positions(ids))
        for block in self.blocks:
            found = block(found, mask)
        normed: torch.Tensor = self.norm(found)
        return normed


def transformer_size(wanted: TransformerParams, n_tokens: int, n_outputs: int) -> int:
    """How many weights it would have; nothing is built."""
    d, f = wanted.width, wanted.feedforward
    tables = (wanted.vocabulary + n_tokens) * d + (d + 1) * n_outputs
    return tables + wanted.layers * (4 * d * (d + 1) + 2 * d * f + f + 5 * d)
