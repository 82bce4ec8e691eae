"""A text classifier: token embeddings, their mean over the text, a dense layer or more.

Source: the mean of word vectors before a linear layer, as in Joulin et al. 2017, "Bag of tricks
for efficient text classification".
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

import torch
from pydantic import Field

from evenhand.trainers.architectures._sequence import (
    TokenEmbedding,
    mean_of_valid,
    require_size,
    start_small,
    to_private,
)
from evenhand.trainers.validate import Strict, checked

__all__ = ["GRAD_SAMPLE_MODE", "build", "full_parameters", "to_private"]
# Gradients of a table of word vectors would fill rows x vocabulary x width; ghost clipping
# needs their norms alone.
GRAD_SAMPLE_MODE = "ghost"
_ACTIVATIONS = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "sigmoid": torch.nn.Sigmoid}


class Params(Strict):
    """``vocabulary`` counts token ids (the data say it); ``hidden`` layers follow the mean."""

    vocabulary: int = Field(ge=1, le=10_000_000)
    width: int = Field(default=64, ge=1, le=4096)
    hidden: tuple[Annotated[int, Field(ge=1, le=16_384)], ...] = Field(default=(), max_length=8)
    activation: Literal["relu", "tanh", "sigmoid"] = "tanh"
    dropout: float = Field(default=0.0, ge=0, lt=1)


def full_parameters(params: Mapping[str, Any]) -> dict[str, Any]:
    """``params`` with every default filled in, as plain JSON types. Raises InputError."""
    return checked(Params, dict(params), "architecture of text_classifier").model_dump(mode="json")


class TextClassifier(torch.nn.Module):
    """Token ids (rows, tokens), 0 for padding, to logits (rows, n_outputs)."""

    def __init__(self, wanted: Params, n_outputs: int) -> None:
        super().__init__()
        self.embedding = TokenEmbedding(wanted.vocabulary, wanted.width)
        layers: list[torch.nn.Module] = [torch.nn.Dropout(wanted.dropout)]
        for width_in, width_out in pairwise((wanted.width, *wanted.hidden)):
            layers += [torch.nn.Linear(width_in, width_out), _ACTIVATIONS[wanted.activation]()]
        last = (wanted.width, *wanted.hidden)[-1]
        self.head = torch.nn.Sequential(*layers, torch.nn.Linear(last, n_outputs))
        start_small(self)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(mean_of_valid(self.embedding(ids), ids))
        return logits


def build(
    input_shape: tuple[int, ...], n_outputs: int, params: Mapping[str, Any]
) -> torch.nn.Module:
    """A network from int64 ids (rows, tokens) to logits (rows, n_outputs).

    Initial weights come from torch's global generator. Raises InputError for unknown or wrong
    parameters, and for sizes over 50 million weights.
    """
    wanted = checked(Params, dict(params), "architecture of text_classifier")
    widths = (wanted.width, *wanted.hidden, n_outputs)
    dense = sum((a + 1) * b for a, b in pairwise(widths))
    require_size(wanted.vocabulary * wanted.width + dense, "text classifier")
    return TextClassifier(wanted, n_outputs)
