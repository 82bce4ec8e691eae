"""A network that was trained on standardised targets, answering in the target's own unit."""

from __future__ import annotations

import torch


class InUnits(torch.nn.Module):
    """``inner`` (rows, 1) times ``scale`` plus ``mean``, float64: a target of 2,000 +- 0.001 would
    lose its last digits in float32."""

    def __init__(self, inner: torch.nn.Module, *, mean: float, scale: float) -> None:
        super().__init__()
        self.inner = inner
        self.mean = mean
        self.scale = scale

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        values: torch.Tensor = self.inner(inputs).double() * self.scale + self.mean
        return values
