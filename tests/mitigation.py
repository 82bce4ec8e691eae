"""A small biased table and models mitigated on it, for the tests of mitigation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evenhand.trainers.mitigation.mitigate import MitigationResult, mitigate

COLUMNS = ["income", "job", "self"]


def biased(n: int = 500, seed: int = 0) -> pd.DataFrame:
    """People of group b earn less, and are labelled positive less often even for equal income."""
    rng = np.random.default_rng(seed)
    race = rng.choice(["a", "b"], n, p=[0.6, 0.4])
    income = rng.normal(53, 9, n) - 11 * (race == "b")
    job = rng.choice(["clerk", "nurse", "driver"], n)
    signal = (income - 48) / 8 + (job == "nurse") - 0.5 * (race == "b")
    return pd.DataFrame(
        {
            "income": income.round(3),
            "job": job,
            "self": rng.integers(0, 2, n),
            "race": race,
            "y": (signal + rng.logistic(size=n) > 0).astype(int),
        }
    )


def mitigated(place: Path, out: Path, method: str, **changes: Any) -> MitigationResult:
    asked: dict[str, Any] = {
        "target": "y",
        "positive_label": "1",
        "sensitive_features": ["race"],
        "method": method,
        **changes,
    }
    return mitigate(place / "model.skops", biased(seed=1), out=out, **asked)
