"""A next-token network: token embeddings, LSTM layers, a dense layer over the vocabulary.

The layers have the weights of torch.nn.LSTM under its names (weight_ih_l0 ...), privately trained
or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from pydantic import Field

from evenhand.trainers.architectures._sequence import (
    SequenceLSTM,
    TokenEmbedding,
    require_size,
    start_small,
    to_private,
)
from evenhand.trainers.validate import Strict, checked

__all__ = ["GRAD_SAMPLE_MODE", "build", "full_parameters", "to_private"]
# No slower than hooks, in less memory; both are several times faster over torch's LSTM than over
# Opacus' own, which runs hooks at every token (tests/benchmarks/test_step_time.py).
GRAD_SAMPLE_MODE = "ghost"


class Params(Strict):
    """``vocabulary`` counts token ids (the data say it); ``width`` is that of their vectors."""

    vocabulary: int = Field(ge=1, le=10_000_000)
    width: int = Field(default=32, ge=1, le=4096)
    hidden: int = Field(default=128, ge=1, le=4096)
    layers: int = Field(default=2, ge=1, le=8)
    dropout: float = Field(default=0.0, ge=0, lt=1)


def full_parameters(params: Mapping[str, Any]) -> dict[str, Any]:
    """``params`` with every default filled in, as plain JSON types. Raises InputError."""
    return checked(Params, dict(params), "architecture of lstm_generator").model_dump(mode="json")


class LSTMGenerator(torch.nn.Module):
    """Token ids (rows, tokens) to logits of each next token (rows, tokens, vocabulary)."""

    def __init__(self, wanted: Params, n_outputs: int) -> None:
        super().__init__()
        widths = [wanted.width, *[wanted.hidden] * wanted.layers]
        self.embedding = TokenEmbedding(wanted.vocabulary, wanted.width)
        self.lstm = torch.nn.ModuleList(SequenceLSTM(a, b) for a, b in pairwise(widths))
        self.dropout = torch.nn.Dropout(wanted.dropout)
        self.head = torch.nn.Linear(wanted.hidden, n_outputs)
        start_small(self)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        vectors = self.embedding(ids)
        for layer in self.lstm:
            vectors = self.dropout(layer(vectors))
        logits: torch.Tensor = self.head(vectors)
        return logits


def build(
    input_shape: tuple[int, ...], n_outputs: int, params: Mapping[str, Any]
) -> torch.nn.Module:
    """A network from int64 ids (rows, tokens) to logits (rows, tokens, n_outputs).

    Initial weights come from torch's global generator. Raises InputError for unknown or wrong
    parameters, and for sizes over 50 million weights.
    """
    wanted = checked(Params, dict(params), "architecture of lstm_generator")
    h = wanted.hidden
    recurrent = 4 * h * (wanted.width + h + 2) + (wanted.layers - 1) * 4 * h * (2 * h + 2)
    tables = wanted.vocabulary * wanted.width + (h + 1) * n_outputs
    require_size(tables + recurrent, "LSTM generator")
    return LSTMGenerator(wanted, n_outputs)
