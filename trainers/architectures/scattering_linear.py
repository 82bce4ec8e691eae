"""A linear layer on fixed features: a two-layer scattering transform, normalised image by image.

The features are wavelet moduli (Bruna and Mallat 2013, "Invariant scattering convolution
networks"): nothing in them is learnt, so that they cost no privacy, and a linear layer on them
needs few steps. With scale 2 and 8 angles, 81 channels an image channel, at a quarter of the size.
Tramer and Boneh 2021, "Differentially private learning needs better features (or much more data)".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field

from audit.errors import InputError
from trainers.validate import Strict, checked

GRAD_SAMPLE_MODE = "ghost"
MAX_FEATURES = 2_000_000
SCALES = 2
_BATCH = 256


class Params(Strict):
    """``angles`` of the wavelets; ``groups`` of channels that are normalised together (0: none)."""

    angles: int = Field(default=8, ge=1, le=16)
    groups: int = Field(default=27, ge=0, le=4096)


def full_parameters(params: Mapping[str, Any]) -> dict[str, Any]:
    """``params`` with every default filled in, as plain JSON types. Raises InputError."""
    return checked(Params, dict(params), "architecture of scattering_linear").model_dump(
        mode="json"
    )


def build(
    input_shape: tuple[int, ...], n_outputs: int, params: Mapping[str, Any]
) -> torch.nn.Module:
    """From float32 (rows, height, width) or (rows, height, width, channels) to outputs.

    Initial weights are zero: the loss is convex. Raises InputError for inputs that are no images
    of at least 8 x 8, and for ``groups`` that do not divide the feature channels.
    """
    wanted = checked(Params, dict(params), "architecture of scattering_linear")
    if len(input_shape) not in (2, 3) or min(input_shape[:2]) < 8:
        raise InputError(
            f"scattering needs images of at least 8 x 8, not inputs of shape {input_shape}",
            remedy="use model: mlp",
        )
    n_channels = _n_channels(input_shape, wanted)
    height, width = (-(-n // 4) for n in input_shape[:2])
    n_features = n_channels * height * width
    if n_features > MAX_FEATURES:
        raise InputError(
            f"images of shape {input_shape} give {n_features:,} features, over {MAX_FEATURES:,}",
            remedy="scale the images down",
        )
    if wanted.groups and n_channels % wanted.groups:
        raise InputError(
            f"architecture of scattering_linear: groups={wanted.groups} does not divide "
            f"{n_channels} channels",
            remedy="use a divisor, or 0 for no normalisation",
        )
    return ScatteringLinear(input_shape, wanted, n_features, n_outputs)


def channels(angles: int) -> int:
    """Feature channels of one image channel: the mean, and the moduli of first and second order.

    >>> channels(8)
    81
    """
    return 1 + SCALES * angles + angles * angles


def _n_channels(input_shape: tuple[int, ...], wanted: Params) -> int:
    return (input_shape[2] if len(input_shape) == 3 else 1) * channels(wanted.angles)


def split_frozen(module: torch.nn.Module) -> tuple[torch.nn.Module, torch.nn.Module]:
    """The part that is never trained, and the part that is trained on what it gives."""
    assert isinstance(module, ScatteringLinear)
    return module.features, module.head


class ScatteringLinear(torch.nn.Module):
    """Fixed features, flattened, and a linear head."""

    def __init__(
        self, input_shape: tuple[int, ...], wanted: Params, n_features: int, n_outputs: int
    ) -> None:
        super().__init__()
        self.features = Scattering(input_shape, wanted)
        self.head = torch.nn.Linear(n_features, n_outputs)
        torch.nn.init.zeros_(self.head.weight)
        torch.nn.init.zeros_(self.head.bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Outputs (rows, n_outputs)."""
        outputs: torch.Tensor = self.head(self.features(images))
        return outputs


class Scattering(torch.nn.Module):
    """Images -> normalised scattering coefficients, float32 (rows, n_features)."""

    def __init__(self, input_shape: tuple[int, ...], wanted: Params) -> None:
        super().__init__()
        self._size = input_shape[:2]
        self._n_channels = _n_channels(input_shape, wanted)
        self._wanted = wanted
        self._bank: Bank | None = None

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """In batches of a fixed size, since the coefficients in between are many."""
        if self._bank is None or self._bank.device != images.device:
            # Made at first use: a description of a model that is not used costs nothing.
            self._bank = Bank(self._size, self._wanted.angles, images.device)
        flat = images if images.dim() == 3 else images.permute(0, 3, 1, 2).flatten(0, 1)
        starts = range(0, max(1, len(flat)), _BATCH)
        parts = [self._bank.coefficients(flat[i : i + _BATCH]) for i in starts]
        found = torch.cat(parts).view(len(images), self._n_channels, *parts[0].shape[2:])
        if self._wanted.groups:
            found = torch.nn.functional.group_norm(found, self._wanted.groups)
        return found.flatten(1)


class Bank:
    """The wavelets for images of one size, in the frequency domain, and what they give.

    Images are padded by reflection to a multiple of 4 and a margin of 4 on each side, so that the
    circular convolution of the Fourier transform does not join opposite edges.
    """

    def __init__(
        self, size: tuple[int, ...], angles: int, device: torch.device | str = "cpu"
    ) -> None:
        self.size, self.angles, self.device = size, angles, device
        self.padded = tuple(4 * (-(-n // 4)) + 8 for n in size)
        self.low = {level: _low_pass(self.padded, level).to(device) for level in (0, 1)}
        self.first = torch.stack(
            [_wavelet(self.padded, scale, a, angles) for scale in (0, 1) for a in range(angles)]
        ).to(device)

    def coefficients(self, images: torch.Tensor) -> torch.Tensor:
        """Grey images (rows, height, width) to (rows, channels, height / 4, width / 4)."""
        if len(images) == 0:  # which not every Fourier transform takes
            small = (n // 4 - 2 for n in self.padded)
            return torch.zeros(0, channels(self.angles), *small, device=images.device)
        spectrum = torch.fft.fft2(self._pad(images))[:, None]
        fine, coarse = self.first[: self.angles], self.first[self.angles :]
        found = [self._smooth(spectrum, 0)]
        # The fine wavelets' moduli carry frequencies up to the full band, the coarse ones' half.
        fine_moduli = torch.fft.fft2(torch.fft.ifft2(spectrum * fine).abs())
        coarse_moduli = torch.fft.fft2(_inverse_at_half(spectrum * coarse).abs())
        found += [self._smooth(fine_moduli, 0), self._smooth(coarse_moduli, 1)]
        for a in range(self.angles):
            again = _inverse_at_half(fine_moduli[:, a : a + 1] * coarse).abs()
            found.append(self._smooth(torch.fft.fft2(again), 1))
        return torch.cat(found, dim=1)

    def _pad(self, images: torch.Tensor) -> torch.Tensor:
        bottom, right = (p - n - 4 for p, n in zip(self.padded, self.size, strict=True))
        padded = torch.nn.functional.pad(images[:, None], (4, right, 4, bottom), mode="reflect")
        return padded[:, 0]

    def _smooth(self, spectrum: torch.Tensor, level: int) -> torch.Tensor:
        """Low-pass and every fourth pixel; ``level`` 1 is at half the size already."""
        smoothed = spectrum * self.low[level]
        for _ in range(SCALES - level):
            smoothed = _fold(smoothed)
        found = torch.fft.ifft2(smoothed).real
        return found[..., 1:-1, 1:-1]


def _fold(spectrum: torch.Tensor) -> torch.Tensor:
    """The spectrum of every second pixel: what is above the new band folds onto it."""
    height, width = (n // 2 for n in spectrum.shape[-2:])
    halves = spectrum[..., :height, :] + spectrum[..., height:, :]
    return (halves[..., :width] + halves[..., width:]) / 4


def _inverse_at_half(spectrum: torch.Tensor) -> torch.Tensor:
    return torch.fft.ifft2(_fold(spectrum))


def _low_pass(size: tuple[int, ...], level: int) -> torch.Tensor:
    """The Gaussian of the transform's scale, for spectra at 1 or (level 1) half of the size."""
    shrunk = tuple(n >> level for n in size)
    return _gaussian(shrunk, 0.8 * 2 ** (SCALES - 1 - level), (0.0, 0.0), 0.0, 1.0)


def _wavelet(size: tuple[int, ...], scale: int, angle: int, angles: int) -> torch.Tensor:
    """A Morlet wavelet: a Gaussian bump off the origin, less what would let a mean through."""
    deviation, centre = 0.8 * 2**scale, 0.75 * math.pi / 2**scale
    turn = math.pi * angle / angles
    at = (centre * math.cos(turn), centre * math.sin(turn))
    slant = 4 / angles
    bump = _gaussian(size, deviation, at, turn, slant)
    still = _gaussian(size, deviation, (0.0, 0.0), turn, slant)
    return bump - bump[0, 0] / still[0, 0] * still


def _gaussian(
    size: tuple[int, ...], deviation: float, at: tuple[float, float], turn: float, slant: float
) -> torch.Tensor:
    """exp(-deviation^2 |w - at|^2 / 2) over the frequencies of ``size``, in turned axes.

    Across the direction ``turn`` it is ``1 / slant`` times as wide in space. Frequencies are
    periodic: the neighbouring periods' share is added. float32 of shape ``size``.
    """
    rows, columns = (
        2 * math.pi * torch.arange(n, dtype=torch.float64, device="cpu") / n for n in size
    )
    total = torch.zeros(size, dtype=torch.float64, device="cpu")
    for p in range(-2, 3):
        for q in range(-2, 3):
            y = (rows + 2 * math.pi * p - at[0])[:, None]
            x = (columns + 2 * math.pi * q - at[1])[None, :]
            along = y * math.cos(turn) + x * math.sin(turn)
            across = (x * math.cos(turn) - y * math.sin(turn)) / slant
            total += torch.exp(-(deviation**2) * (along**2 + across**2) / 2)
    return total.float()
