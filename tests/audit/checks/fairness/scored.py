"""Stored scores of two groups, calibrated as they are drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd


def scored(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    s = rng.random(n)
    return pd.DataFrame(
        {
            "s": s.round(3),
            "y": (rng.random(n) < s).astype(int),
            "g": rng.choice(["a", "b"], n),
            "h": rng.choice(["u", "v"], n),
        }
    )


SCORED = {"predicted": None, "score": "s", "threshold": 0.5, "sensitive_features": ["g", "h"]}
