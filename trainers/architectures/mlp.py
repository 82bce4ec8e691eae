"""A multi-layer perceptron over encoded inputs, flattened. ``hidden: []`` is a logistic regression.

tanh is the default: bounded activations lose less accuracy to clipping (Papernot et al. 2021,
"Tempered sigmoid activations for deep learning with differential privacy").
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

import torch
from pydantic import Field

from evenhand.audit.errors import InputError
from evenhand.trainers.validate import Strict, checked

GRAD_SAMPLE_MODE = "ghost"
MAX_PARAMETERS = 50_000_000
_ACTIVATIONS = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "sigmoid": torch.nn.Sigmoid}


class Params(Strict):
    """``hidden`` layer widths, first to last; dropout follows each hidden layer."""

    hidden: tuple[Annotated[int, Field(ge=1, le=16_384)], ...] = Field(default=(32,), max_length=32)
    activation: Literal["relu", "tanh", "sigmoid"] = "tanh"
    dropout: float = Field(default=0.0, ge=0, lt=1)


def full_parameters(params: Mapping[str, Any]) -> dict[str, Any]:
    """``params`` with every default filled in, as plain JSON types. Raises InputError."""
    return checked(Params, dict(params), "architecture of mlp").model_dump(mode="json")


def build(
    input_shape: tuple[int, ...], n_outputs: int, params: Mapping[str, Any]
) -> torch.nn.Module:
    """A network from float32 (rows, *input_shape) to outputs (rows, n_outputs).

    Initial weights come from torch's global generator. Raises InputError for unknown or wrong
    parameters, and for sizes over ``MAX_PARAMETERS`` weights.
    """
    wanted = checked(Params, dict(params), "architecture of mlp")
    widths = [math.prod(input_shape), *wanted.hidden, n_outputs]
    n_weights = sum((a + 1) * b for a, b in pairwise(widths))
    if n_weights > MAX_PARAMETERS:
        raise InputError(
            "an mlp of widths {widths} has {n_weights:,} weights, over {max_parameters:,}",
            remedy="use narrower hidden layers",
            widths=widths,
            n_weights=n_weights,
            max_parameters=MAX_PARAMETERS,
        )
    layers: list[torch.nn.Module] = [torch.nn.Flatten()] if len(input_shape) > 1 else []
    for width_in, width_out in pairwise(widths[:-1]):
        layers += [torch.nn.Linear(width_in, width_out), _ACTIVATIONS[wanted.activation]()]
        if wanted.dropout:
            layers.append(torch.nn.Dropout(wanted.dropout))
    return torch.nn.Sequential(*layers, torch.nn.Linear(widths[-2], n_outputs))
