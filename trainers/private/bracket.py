"""Between which limits epsilon certainly lies: a second computation, apart from Opacus'.

The privacy loss of a step is put on a grid, each value to its nearest point; what rounding moves
the mean by is put back, and what it moves a sum of n losses by beyond that is at most ``t`` except
with a probability that is added to (or taken from) delta. So the loss of all steps, by fast Fourier
transforms, gives a lower and an upper limit of epsilon.

Source: Gopi, Lee and Wutschitz 2021, "Numerical composition of differential privacy", theorem 4.2
(Hoeffding's inequality for the rounding); dominating pairs of Poisson sampling, one row more and
one row less, after Zhu, Dong and Wang 2022, "Optimal accounting of differential privacy via
characteristic function".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

_POINTS = 1 << 20  # of the grid: a tenth of a second a transform
_SHARE = 1e-3  # of delta that rounding and what lies beyond the grid may take, each
_FLOAT = 1e-14  # what transforms of numbers below 1 lose to rounding, generously
_TILTS = tuple(2.0**k for k in range(-8, 9))
Direction = Literal["less", "more"]


@dataclass(frozen=True)
class Segment:
    """``steps`` steps of DP-SGD with one noise multiplier and one sample rate."""

    noise_multiplier: float
    sample_rate: float
    steps: int


@dataclass(frozen=True)
class Bracket:
    """``low`` <= epsilon <= ``high`` at the delta that was asked; the larger of both directions."""

    low: float
    high: float


def bracket(segments: Sequence[Segment], delta: float) -> Bracket | None:
    """The limits of what ``segments`` spend together at ``delta``, under Poisson sampling.

    None where a grid of a million points says nothing: for delta below 1e-10, and for an epsilon
    beyond about 60.
    """
    used = tuple(s for s in segments if s.steps > 0)
    if not used:
        return Bracket(0.0, 0.0)
    if delta * _SHARE <= _FLOAT * 10:
        return None
    sides = [_of(used, delta, direction) for direction in ("less", "more")]
    if any(side is None for side in sides):
        return None
    return Bracket(max(s.low for s in sides if s), max(s.high for s in sides if s))


@lru_cache(maxsize=64)
def _of(segments: tuple[Segment, ...], delta: float, direction: Direction) -> Bracket | None:
    import numpy as np

    spare = delta * _SHARE
    half = _half_width(segments, spare, direction)
    if half is None:
        return None
    mesh = 2 * half / _POINTS
    steps = sum(s.steps for s in segments)
    grid = (np.arange(_POINTS) - _POINTS // 2) * mesh
    spectrum = np.ones(_POINTS // 2 + 1, dtype=complex)
    moved = 0.0
    for segment in segments:
        masses, mean = _on_grid(segment, grid, mesh, direction)
        spectrum = spectrum * np.fft.rfft(np.fft.ifftshift(masses)) ** segment.steps
        moved += segment.steps * (mean - float(masses @ grid))
    total = np.clip(np.fft.fftshift(np.fft.irfft(spectrum, _POINTS)), 0.0, None)
    rounding = mesh * math.sqrt(steps / 2 * math.log(2 / spare))
    lost = 5 * spare + _FLOAT  # rounding; sums beyond the grid and steps beyond it, on both sides
    low = _epsilon(total, grid + moved - rounding, delta + lost)
    high = _epsilon(total, grid + moved + rounding, delta - lost)
    return Bracket(low, high)


def _loss(x: np.ndarray, segment: Segment) -> np.ndarray:
    """log of the density of a batch with the row (at ``x`` of one-dimensional noise of standard
    deviation 1/sensitivity) over that of one without: rises with x."""
    import numpy as np

    noise, rate = segment.noise_multiplier, segment.sample_rate
    exponent = (2 * x - 1) / (2 * noise**2)
    if rate == 1:
        return exponent
    return np.logaddexp(math.log1p(-rate), math.log(rate) + exponent)


def _place(loss: np.ndarray, segment: Segment) -> np.ndarray:
    """The inverse of ``_loss``; minus infinity below the least loss, log(1 - rate)."""
    import numpy as np

    noise, rate = segment.noise_multiplier, segment.sample_rate
    if rate == 1:
        return noise**2 * loss + 0.5
    # log((e^loss - (1 - rate)) / rate), written so that a small loss keeps its digits.
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = 1 + np.expm1(loss) / rate
        inner = np.where(loss > 500, loss - math.log(rate), np.log(np.maximum(ratio, 0.0)))
    return noise**2 * inner + 0.5


def _below(x: np.ndarray, segment: Segment, direction: Direction) -> np.ndarray:
    """The probability that what is seen lies below ``x``: with the row (``less``: it is taken
    out to make the neighbour), or without it (``more``)."""
    from scipy.special import ndtr

    noise, rate = segment.noise_multiplier, segment.sample_rate
    without = ndtr(x / noise)
    if direction == "more":
        return without
    return (1 - rate) * without + rate * ndtr((x - 1) / noise)


def _on_grid(
    segment: Segment, grid: np.ndarray, mesh: float, direction: Direction
) -> tuple[np.ndarray, float]:
    """The masses of one step's loss at the points of the grid, and the mean of the loss itself.

    In the direction ``more`` the loss is that of the density without the row over that with it.
    """
    import numpy as np

    edges = np.concatenate([[-np.inf], grid[:-1] + mesh / 2, [np.inf]])
    if direction == "less":
        masses = np.diff(_cumulated(edges, segment, direction))
    else:
        masses = np.diff(_cumulated(-edges[::-1], segment, direction))[::-1]
    return masses, _mean(segment, direction)


def _cumulated(edges: np.ndarray, segment: Segment, direction: Direction) -> np.ndarray:
    import numpy as np

    inner = _below(_place(edges[1:-1], segment), segment, direction)
    return np.concatenate([[0.0], inner, [1.0]])


def _mean(segment: Segment, direction: Direction) -> float:
    """The mean of one step's loss, by quadrature over 12 standard deviations of the noise."""
    import numpy as np

    noise, rate = segment.noise_multiplier, segment.sample_rate
    nodes, weights = np.polynomial.legendre.leggauss(400)

    def over(centre: float) -> float:
        pieces = np.linspace(centre - 12 * noise, centre + 12 * noise, 25)
        middle, reach = (pieces[1:] + pieces[:-1]) / 2, np.diff(pieces) / 2
        x = (middle[:, None] + reach[:, None] * nodes).ravel()
        density = np.exp(-(((x - centre) / noise) ** 2) / 2) / (noise * math.sqrt(2 * math.pi))
        return float(np.sum((reach[:, None] * weights).ravel() * density * _loss(x, segment)))

    if direction == "more":
        return -over(0.0)
    return (1 - rate) * over(0.0) + rate * over(1.0)


def _half_width(segments: tuple[Segment, ...], spare: float, direction: Direction) -> float | None:
    """Beyond which the sum of losses lies with a probability below ``spare``, and any one of them,
    by Chernoff's bound over several tilts, on both sides; None where that is too far for the grid
    to say something."""
    widest, steps = 0.0, sum(s.steps for s in segments)
    for sign in (1.0, -1.0):
        together, alone = math.inf, math.inf
        for tilt in _TILTS:
            moments = [_log_moment(s, sign * tilt, direction) for s in segments]
            grown = sum(s.steps * m for s, m in zip(segments, moments, strict=True))
            together = min(together, (grown - math.log(spare)) / tilt)
            alone = min(alone, (max(moments) - math.log(spare / steps)) / tilt)
        widest = max(widest, together, alone)
    half = 1.1 * widest + 1e-6
    return half if half < 300 else None


@lru_cache(maxsize=4096)
def _log_moment(segment: Segment, tilt: float, direction: Direction) -> float:
    """log E exp(tilt * loss) of one step, infinity where it is too large to be of use."""
    import numpy as np

    noise, rate = segment.noise_multiplier, segment.sample_rate
    side = 1.0 if direction == "less" else -1.0
    reach = 14 * noise + abs(tilt)  # where a tilted bell has its weight
    x = np.linspace(-reach, 1 + reach, 20_001)
    without = -((x / noise) ** 2) / 2
    density = without
    if direction == "less":
        with_row = -(((x - 1) / noise) ** 2) / 2
        density = (
            with_row
            if rate == 1
            else np.logaddexp(math.log1p(-rate) + without, math.log(rate) + with_row)
        )
    exponent = density - math.log(noise * math.sqrt(2 * math.pi)) + tilt * side * _loss(x, segment)
    top = float(exponent.max())
    if top > 600:
        return math.inf
    return top + math.log(float(np.sum(np.exp(exponent - top))) * float(x[1] - x[0]))


def _epsilon(masses: np.ndarray, losses: np.ndarray, delta: float) -> float:
    """The least epsilon >= 0 with E max(0, 1 - exp(epsilon - loss)) <= delta."""
    import numpy as np

    if delta <= 0:
        return math.inf
    above = losses > 0
    p, at = masses[above][::-1], losses[above][::-1]
    heavier = np.cumsum(p)  # mass of this loss and every larger one
    shrunk = np.cumsum(p * np.exp(-at))
    # delta at epsilon = at[i]: only larger losses count there
    deltas = heavier - np.exp(np.minimum(at, 700)) * shrunk
    if not len(deltas) or (deltas[-1] <= delta and heavier[-1] - shrunk[-1] <= delta):
        return 0.0
    first = int(np.argmax(deltas > delta)) if bool((deltas > delta).any()) else len(deltas)
    index = min(first, len(deltas)) - 1
    if index < 0:
        return float(at[0])
    ratio = (heavier[index] - delta) / shrunk[index]
    return max(0.0, math.log(ratio)) if ratio > 0 else 0.0
