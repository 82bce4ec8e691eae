"""A linear model over encoded tabular inputs: logistic regression, or least squares on values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from evenhand.trainers.architectures import mlp
from evenhand.trainers.validate import Strict, checked

GRAD_SAMPLE_MODE = mlp.GRAD_SAMPLE_MODE


class Params(Strict):
    """None: what is linear has nothing to choose."""


def full_parameters(params: Mapping[str, Any]) -> dict[str, Any]:
    """{}. Raises InputError for any parameter."""
    return checked(Params, dict(params), "architecture of linear").model_dump(mode="json")


def build(
    input_shape: tuple[int, ...], n_outputs: int, params: Mapping[str, Any]
) -> torch.nn.Module:
    """One layer from float32 (rows, inputs) to (rows, n_outputs), named as an mlp's last one is.

    Raises InputError for unknown parameters and for more weights than an mlp may have.
    """
    full_parameters(params)
    return mlp.build(input_shape, n_outputs, {"hidden": []})
