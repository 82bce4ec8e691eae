"""A small convolutional network: convolution and pooling twice, then one dense layer and a head.

The default sizes follow Papernot et al. 2021 ("Tempered sigmoid activations for deep learning with
differential privacy"): wide strides keep the weights few, and tanh bounds what clipping cuts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, model_validator

from evenhand.audit.errors import InputError
from evenhand.trainers.validate import Strict, checked

GRAD_SAMPLE_MODE = "hooks"  # ghost is not faster for convolutions
MAX_PARAMETERS = 50_000_000
_ACTIVATIONS = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "sigmoid": torch.nn.Sigmoid}
_Width = Annotated[int, Field(ge=1, le=4096)]
_Pair = tuple[Annotated[int, Field(ge=1, le=64)], Annotated[int, Field(ge=1, le=64)]]


class Params(Strict):
    """Sizes of the two convolutions; ``groups`` of the group normalisation behind each (0: none).

    Pooling takes the maximum of 2 x 2 in steps of ``pool_strides``.
    """

    channels: tuple[_Width, _Width] = (16, 32)
    kernels: _Pair = (8, 4)
    strides: _Pair = (2, 2)
    padding: tuple[Annotated[int, Field(ge=0, le=64)], Annotated[int, Field(ge=0, le=64)]] = (3, 0)
    pool_strides: _Pair = (1, 1)
    hidden: int = Field(default=32, ge=1, le=16_384)
    groups: int = Field(default=0, ge=0, le=4096)
    activation: Literal["relu", "tanh", "sigmoid"] = "tanh"
    dropout: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _groups_divide(self) -> Params:
        if self.groups and any(width % self.groups for width in self.channels):
            raise ValueError(f"groups={self.groups} does not divide the channels {self.channels}")
        return self


def full_parameters(params: Mapping[str, Any]) -> dict[str, Any]:
    """``params`` with every default filled in, as plain JSON types. Raises InputError."""
    return checked(Params, dict(params), "architecture of cnn").model_dump(mode="json")


def build(
    input_shape: tuple[int, ...], n_outputs: int, params: Mapping[str, Any]
) -> torch.nn.Module:
    """A network from float32 (rows, height, width) or (rows, height, width, channels) to outputs.

    Initial weights come from torch's global generator. Raises InputError for images too small for
    the layers and for over ``MAX_PARAMETERS`` weights.
    """
    wanted = checked(Params, dict(params), "architecture of cnn")
    if len(input_shape) not in (2, 3):
        raise InputError(
            "a cnn needs images, not inputs of shape {input_shape}",
            remedy="use model: mlp",
            input_shape=input_shape,
        )
    size, n_channels = input_shape[:2], input_shape[2] if len(input_shape) == 3 else 1
    layers: list[torch.nn.Module] = [ChannelsFirst()]
    for i in range(2):
        width, kernel = wanted.channels[i], wanted.kernels[i]
        layers.append(
            torch.nn.Conv2d(n_channels, width, kernel, wanted.strides[i], wanted.padding[i])
        )
        if wanted.groups:
            layers.append(torch.nn.GroupNorm(wanted.groups, width))
        layers += [_ACTIVATIONS[wanted.activation](), torch.nn.MaxPool2d(2, wanted.pool_strides[i])]
        size, n_channels = _size_after(size, wanted, i), width
    n_flat = n_channels * size[0] * size[1]
    if min(size) < 1 or n_flat * wanted.hidden > MAX_PARAMETERS:
        raise InputError(
            "images of {input_shape} x {input_shape_2} do not suit a cnn of kernels "
            "{kernels}, strides {strides} and hidden={hidden}",
            remedy="use other kernels, strides or hidden",
            input_shape=input_shape[0],
            input_shape_2=input_shape[1],
            kernels=wanted.kernels,
            strides=wanted.strides,
            hidden=wanted.hidden,
        )
    layers += [
        torch.nn.Flatten(),
        torch.nn.Linear(n_flat, wanted.hidden),
        _ACTIVATIONS[wanted.activation](),
    ]
    if wanted.dropout:
        layers.append(torch.nn.Dropout(wanted.dropout))
    return torch.nn.Sequential(*layers, torch.nn.Linear(wanted.hidden, n_outputs))


class ChannelsFirst(torch.nn.Module):
    """(rows, height, width[, channels]) -> (rows, channels, height, width), as torch wants it."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Moves the channels, or adds the one that grey images have."""
        return images.unsqueeze(1) if images.dim() == 3 else images.permute(0, 3, 1, 2)


def _size_after(size: tuple[int, ...], wanted: Params, i: int) -> tuple[int, ...]:
    """Height and width behind convolution ``i`` and its pooling."""
    convolved = [
        (n + 2 * wanted.padding[i] - wanted.kernels[i]) // wanted.strides[i] + 1 for n in size
    ]
    return tuple((n - 2) // wanted.pool_strides[i] + 1 for n in convolved)
