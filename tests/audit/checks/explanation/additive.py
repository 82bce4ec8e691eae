"""Rows of noise and a model that is a sum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tests.audit.attribution.subjects import (
    FunctionPredictor,
)


def rows(n: int = 120, seed: int = 0) -> pd.DataFrame:
    """Four columns of noise, a group of two sizes, and labels that follow the first column."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({c: rng.normal(size=n).round(3) for c in "abcd"})
    frame["g"] = rng.choice(["u", "v"], n, p=[0.7, 0.3])
    return frame.assign(y=(frame["a"] + rng.normal(size=n, scale=0.5) > 0).astype(int))


def additive(frame: pd.DataFrame) -> Any:
    return 0.5 + 0.1 * np.tanh(frame["a"]) + 0.05 * np.tanh(frame["b"]) - 0.02 * frame["c"] / 4


def additive_model() -> FunctionPredictor:
    return FunctionPredictor(("a", "b", "c", "d"), additive)
