"""Real models on small real-looking data, made by the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def people(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """A table with numbers, texts, missing cells, two sensitive features and a target."""
    rng = np.random.default_rng(seed)
    income = rng.normal(50, 10, n)
    job = rng.choice(["clerk", "nurse", "driver"], n)
    race = rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1])
    signal = (income - 50) / 10 + (job == "nurse") - 0.8 * (race == "b")
    frame = pd.DataFrame(
        {
            "income": np.where(rng.random(n) < 0.05, np.nan, income),
            "job": job,
            "self": rng.integers(0, 2, n),
            "race": race,
            "sex": rng.choice(["f", "m"], n),
            "y": (signal + rng.logistic(size=n) > 0).astype(int),
        }
    )
    frame.loc[:4, "sex"] = None
    return frame


def skops_model(folder: Path, frame: pd.DataFrame, estimator: Any = None) -> Path:
    """A pipeline over income, job and self, saved with skops."""
    import skops.io
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    columns = make_column_transformer(
        (SimpleImputer(), ["income", "self"]), (OneHotEncoder(), ["job"])
    )
    chosen = LogisticRegression() if estimator is None else estimator
    model = make_pipeline(columns, chosen)
    model.fit(frame[["income", "job", "self"]], frame["y"])
    path = folder / "model.skops"
    skops.io.dump(model, path)
    return path
