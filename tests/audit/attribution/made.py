"""Small models made by hand or trained in a moment, and the one question of these tests."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import torch

from evenhand.audit.attribution.door import Answer, Question, ask


def attribute(
    predictor: Any, rows: pd.DataFrame, baseline: pd.DataFrame | None = None, **options: Any
) -> Answer:
    frames = {"rows": rows} if baseline is None else {"rows": rows, "baseline": baseline}
    return ask(predictor, Question("attribute", options, frames))


class Scored:
    """A model without gradients: ``function`` of a frame is its value, or its positive score."""

    format = "test"
    classes: tuple[str, ...] = ()
    maker_says: dict[str, Any] = {}
    gradients = None

    def __init__(
        self, function: Callable[[pd.DataFrame], Any], columns: tuple[str, ...], task: str
    ) -> None:
        self._function, self.input_columns, self.task = function, columns, task
        self.classes = ("no", "yes") if task == "binary" else ()
        self.scored = 0

    def predict_values(self, frame: pd.DataFrame) -> np.ndarray:
        self.scored += len(frame)
        return np.asarray(self._function(frame), dtype=float)

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        positive = self.predict_values(frame)
        return np.stack([1 - positive, positive], axis=1)


def network(
    module: torch.nn.Module,
    frame: pd.DataFrame,
    task: str = "binary",
    classes: tuple[str, ...] = ("no", "yes"),
) -> Any:
    from evenhand.trainers.encoders.tabular import TabularEncoder
    from evenhand.trainers.folder.predictors import NetworkPredictor

    encoder = TabularEncoder.fit(frame, frame.columns)
    return NetworkPredictor(module, encoder, task, classes, {})  # type: ignore[arg-type]


def mlp(frame: pd.DataFrame, *, n_outputs: int = 2, task: str = "binary", **params: Any) -> Any:
    """A network with random weights that are large enough to matter."""
    from evenhand.trainers.architectures import mlp as architecture
    from evenhand.trainers.encoders.tabular import TabularEncoder

    torch.manual_seed(1)
    shape = TabularEncoder.fit(frame, frame.columns).input_shape
    module = architecture.build(shape, n_outputs, params)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(2)
    classes = tuple("abcdef"[:n_outputs]) if n_outputs > 1 else ()
    return network(module, frame, task, classes)


def by_orders(value: Callable[[frozenset[int]], float], n: int) -> np.ndarray:
    """Shapley values by their definition: the mean gain over every order of joining."""
    found, orders = np.zeros(n), list(permutations(range(n)))
    for order in orders:
        there: frozenset[int] = frozenset()
        for player in order:
            found[player] += (value(there | {player}) - value(there)) / len(orders)
            there |= {player}
    return found


def table(n: int = 30, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "pay": np.where(rng.random(n) < 0.2, np.nan, rng.normal(30, 8, n)),
            "job": rng.choice(["clerk", "nurse", "cook"], n),
            "new": rng.random(n) < 0.5,
        }
    )
