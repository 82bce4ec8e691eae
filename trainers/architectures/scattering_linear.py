"""A linear layer on fixed features: a two-layer scattering transform, normalised image by image.

The features are wavelet moduli (Bruna and Mallat 2013, "Invariant scattering convolution
networks"): nothing in them is learnt, so that they cost no privacy, and a linear layer on them
needs few steps. With scale 2 and 8 angles, 81 channels an image channel, at a quarter of the size.
Tramer and Boneh 2021, "Differentially private learning needs better features (or much more data)".

Private training can afford few steps, and its noise is the same in every direction, while features
differ in spread by orders of magnitude. ``components`` turns them to the principal components of
the features of drawn strokes (which are public, see _strokes.py) and evens out their spread.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import torch
from pydantic import Field

from evenhand.audit.errors import InputError
from evenhand.trainers.architectures._strokes import draw_strokes
from evenhand.trainers.validate import Strict, checked

GRAD_SAMPLE_MODE = "ghost"
MAX_FEATURES = 2_000_000
MAX_TURNED_FEATURES = 50_000  # the features of all drawings are in memory at once
N_STROKES = 2_000
SCALES = 2
_BATCH = 256


class Params(Strict):
    """``angles`` of the wavelets; ``groups`` of channels that are normalised together (0: none).

    ``components``: to how many principal components of drawn strokes' features the features are
    turned (0: not at all). ``whitening`` 0 leaves the components their spread, 1 makes it equal.
    """

    angles: int = Field(default=8, ge=1, le=16)
    groups: int = Field(default=27, ge=0, le=4096)
    components: int = Field(default=0, ge=0, le=N_STROKES // 2)
    whitening: float = Field(default=0.5, ge=0, le=1)


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
    of at least 8 x 8, for ``groups`` that do not divide the feature channels, and for as many
    ``components`` as there are features.
    """
    wanted = checked(Params, dict(params), "architecture of scattering_linear")
    if len(input_shape) not in (2, 3) or min(input_shape[:2]) < 8:
        raise InputError(
            "scattering needs images of at least 8 x 8, not inputs of shape {input_shape}",
            remedy="use model: mlp",
            input_shape=input_shape,
        )
    n_channels = _n_channels(input_shape, wanted)
    height, width = (-(-n // 4) for n in input_shape[:2])
    n_features = n_channels * height * width
    if n_features > MAX_FEATURES:
        raise InputError(
            "images of shape {input_shape} give {n_features:,} features, over {max_features:,}",
            remedy="scale the images down",
            input_shape=input_shape,
            n_features=n_features,
            max_features=MAX_FEATURES,
        )
    if wanted.groups and n_channels % wanted.groups:
        raise InputError(
            "architecture of scattering_linear: groups={groups} does not divide "
            "{n_channels} channels",
            remedy="use a divisor, or 0 for no normalisation",
            groups=wanted.groups,
            n_channels=n_channels,
        )
    if wanted.components and not wanted.components < n_features <= MAX_TURNED_FEATURES:
        raise InputError(
            "architecture of scattering_linear: components={components} of {n_features:,} "
            "features, which may be {max_turned_features:,}",
            remedy="use fewer components, smaller images, or components: 0",
            components=wanted.components,
            n_features=n_features,
            max_turned_features=MAX_TURNED_FEATURES,
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
        self.features = Scattering(input_shape, wanted, n_features)
        self.head = torch.nn.Linear(wanted.components or n_features, n_outputs)
        torch.nn.init.zeros_(self.head.weight)
        torch.nn.init.zeros_(self.head.bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Outputs (rows, n_outputs)."""
        outputs: torch.Tensor = self.head(self.features(images))
        return outputs


class Scattering(torch.nn.Module):
    """Images -> normalised scattering coefficients, float32 (rows, n_features), or their
    ``components``, float32 (rows, components).

    What the components are made with is kept with the weights, so that a saved model does not
    depend on how they were found.
    """

    centre: torch.Tensor
    axes: torch.Tensor

    def __init__(self, input_shape: tuple[int, ...], wanted: Params, n_features: int) -> None:
        super().__init__()
        self._shape = input_shape
        self._n_channels = _n_channels(input_shape, wanted)
        self._wanted = wanted
        self._bank: Bank | None = None
        self._is_ready = not wanted.components
        if wanted.components:
            self.register_buffer("centre", torch.zeros(n_features))
            self.register_buffer("axes", torch.zeros(wanted.components, n_features))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """In batches of a fixed size, since the coefficients in between are many."""
        found = self._coefficients(images)
        if not self._wanted.components:
            return found
        self._find_axes()
        return torch.nn.functional.linear(found - self.centre, self.axes)

    def _find_axes(self) -> None:
        """At first use, unless they came with weights that were loaded."""
        if not self._is_ready and not bool(self.axes.any()):
            centre, axes = stroke_axes(self._shape, self._wanted)
            self.centre.copy_(centre)
            self.axes.copy_(axes)
        self._is_ready = True

    def _coefficients(self, images: torch.Tensor) -> torch.Tensor:
        if self._bank is None or self._bank.device != images.device:
            # Made at first use: a description of a model that is not used costs nothing.
            self._bank = Bank(self._shape[:2], self._wanted.angles, images.device)
        flat = images if images.dim() == 3 else images.permute(0, 3, 1, 2).flatten(0, 1)
        starts = range(0, max(1, len(flat)), _BATCH)
        parts = [self._bank.coefficients(flat[i : i + _BATCH]) for i in starts]
        found = torch.cat(parts).view(len(images), self._n_channels, *parts[0].shape[2:])
        if self._wanted.groups:
            found = torch.nn.functional.group_norm(found, self._wanted.groups)
        return found.flatten(1)


@lru_cache(maxsize=2)
def stroke_axes(input_shape: tuple[int, ...], wanted: Params) -> tuple[torch.Tensor, torch.Tensor]:
    """The centre of the features of drawn strokes, (n_features,), and axes (components, n_features)
    from there, along which these features do not correlate; both float32.

    The standard deviation s of a component becomes s ** (1 - whitening), times what makes the mean
    of their variances 1.
    """
    plain = wanted.model_copy(update={"components": 0})
    with torch.no_grad(), torch.device("cpu"):
        drawn = draw_strokes(N_STROKES, input_shape)
        found = Scattering(input_shape, plain, 0)(drawn).double()
    centre = found.mean(0)
    found -= centre
    return centre.float(), _whitened(found, wanted.components, wanted.whitening).float()


def _whitened(features: torch.Tensor, n: int, whitening: float) -> torch.Tensor:
    """The first ``n`` principal axes of centred rows (float64), each scaled.

    The side that is shorter is decomposed: rows by rows or columns by columns give one spectrum.
    Raises InputError where rows span fewer dimensions.
    """
    few_rows = len(features) < features.shape[1]
    square = (features @ features.T if few_rows else features.T @ features) / len(features)
    spread, vectors = torch.linalg.eigh(square)
    spread, vectors = spread.flip(0)[:n], vectors.flip(1)[:, :n]
    if len(spread) < n or not float(spread[-1]) > 1e-10 * float(spread[0]):
        raise InputError(
            "the features of drawn strokes have fewer than components={n} dimensions",
            remedy="use fewer components",
            n=n,
        )
    axes = features.T @ vectors / (len(features) * spread).sqrt() if few_rows else vectors
    # An axis may point either way: the larger of its ends is made positive, on every machine.
    ends = axes.gather(0, axes.abs().argmax(0, keepdim=True))
    kept = spread ** (1 - whitening)
    scale = (spread ** -(whitening / 2)) / kept.mean().sqrt()
    return (axes * ends.sign() * scale).T


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
