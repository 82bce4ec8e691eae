"""Honest networks in several precisions over 96 columns, as the audit scores them in process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from evenhand.audit.models.declared import Declared
from evenhand.audit.models.inputs import declared_inputs
from evenhand.audit.models.networks import DeclaredNetwork

COLUMNS = tuple(f"x{i}" for i in range(96))


def wide_rows(n: int) -> pd.DataFrame:
    """Normal numbers."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(n, len(COLUMNS))), columns=list(COLUMNS))


class Recurrent(nn.Module):
    """Two LSTM layers over 24 steps."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 48, 2, batch_first=True)
        self.head = nn.Linear(48, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x.view(len(x), 24, 4))[0][:, -1])


class Attends(nn.Module):
    """Three transformer layers over 12 tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 32)
        layer = nn.TransformerEncoderLayer(32, 4, 64, 0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.head = nn.Linear(32, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.encoder(self.embed(x.view(len(x), 12, 8))).mean(1))


class Residual(nn.Module):
    """Forty blocks, the deepest here."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(96, 64)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(64), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 64))
            for _ in range(40)
        )
        self.head = nn.Linear(64, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = x + block(x)
        return self.head(x)


class Scaled(nn.Module):
    """Logits that are large, so that rounding in them is too."""

    def __init__(self, net: nn.Module, by: float) -> None:
        super().__init__()
        self.net, self.by = net, by

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x) * self.by


class Narrow(nn.Module):
    """In another precision."""

    def __init__(self, net: nn.Module, kind: torch.dtype) -> None:
        super().__init__()
        self.net, self.kind = net.to(kind), kind

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x.to(self.kind))


class First(nn.Module):
    """One value."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)[:, :1]


def perceptron(width: int = 64) -> nn.Module:
    return nn.Sequential(
        nn.Linear(96, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2)
    )


def convolution() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 12)),
        nn.Conv2d(1, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.Flatten(),
        nn.Linear(8 * 96, 2),
    )


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "mlp": perceptron,
    "wide mlp": lambda: perceptron(512),
    "confident mlp": lambda: Scaled(perceptron(256), 100.0),
    "cnn": convolution,
    "lstm": Recurrent,
    "transformer": Attends,
    "residual": Residual,
    "bf16 mlp": lambda: Narrow(perceptron(), torch.bfloat16),
    "bf16 transformer": lambda: Narrow(Attends(), torch.bfloat16),
    "fp16 mlp": lambda: Narrow(perceptron(), torch.float16),
}


def network_of(name: str, outputs: Any) -> DeclaredNetwork:
    """The network, seeded, with two logits or one value."""
    torch.manual_seed(1)
    net = NETWORKS[name]().eval()
    declared = Declared(
        inputs=[{"column": c} for c in COLUMNS],
        classes=("no", "yes") if outputs == "logits" else (),
        outputs=outputs,
    )
    inputs = declared_inputs(declared.inputs, None, name)
    module = net if outputs == "logits" else First(net)
    return DeclaredNetwork("torchscript", module, inputs, declared, name)
