"""Images of pen strokes, drawn by a rule: what public knowledge says that writing looks like.

Nobody's data is in them, so that what is measured on them may be used in private training for free.
"""

from __future__ import annotations

import math

import torch

_POINTS = 32  # of each curve
_MOST_CURVES = 3
_FILL = 0.64  # of the image's smaller side: what a drawing's longer side takes
_WIDTHS = (0.8, 1.8)  # a pen's half width, for images of _USUAL pixels; ink ends within a pixel
_USUAL = 28


def draw_strokes(n: int, size: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    """``n`` drawings, one to three random cubic Bezier curves each, in the middle of the image.

    ``size`` is (height, width) or (height, width, channels); with channels, each drawing has a
    random colour. float32 (n, *size): 0 is the ground, 1 full ink.

    >>> draw_strokes(2, (12, 10, 3)).shape
    torch.Size([2, 12, 10, 3])
    """
    rng = torch.Generator().manual_seed(seed)
    curves = 1 + torch.randint(_MOST_CURVES, (n,), generator=rng)
    corners = 2 * torch.rand(n, _MOST_CURVES, 4, 2, generator=rng) - 1
    thinnest, thickest = _WIDTHS
    pens = thinnest + (thickest - thinnest) * torch.rand(n, generator=rng)
    colours = torch.rand(n, *size[2:], generator=rng) if len(size) == 3 else None
    small = min(size[:2])
    drawn = torch.empty(n, *size[:2])
    for i in range(n):
        points = _bezier(corners[i, : curves[i]])
        low, high = points.amin(0), points.amax(0)
        scale = _FILL * small / max(float((high - low).max()), 1e-3)
        points = (points - (low + high) / 2) * scale
        drawn[i] = _inked(points, size[:2], float(pens[i]) * small / _USUAL)
    return drawn if colours is None else drawn[..., None] * colours[:, None, None, :]


def _bezier(corners: torch.Tensor) -> torch.Tensor:
    """Points along curves of four corners each: (curves, 4, 2) to (curves * points, 2)."""
    t = torch.linspace(0, 1, _POINTS)
    weights = torch.stack([math.comb(3, j) * t**j * (1 - t) ** (3 - j) for j in range(4)])
    return torch.einsum("jt,cjd->ctd", weights, corners).reshape(-1, 2)


def _inked(points: torch.Tensor, size: tuple[int, ...], pen: float) -> torch.Tensor:
    """An image with ink within ``pen`` of the points, which count from its middle."""
    rows, columns = (torch.arange(n) - (n - 1) / 2 for n in size)
    across = (rows[None, :, None] - points[:, 0, None, None]) ** 2
    along = (columns[None, None, :] - points[:, 1, None, None]) ** 2
    distance = (across + along).amin(0).sqrt()
    return (pen + 0.5 - distance).clamp(0, 1)
