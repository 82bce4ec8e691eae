"""A model that is sure of the rows it was trained on, as much as a column of theirs says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.finding import Finding
from evenhand.audit.run.catalogue import check
from evenhand.audit.run.run import run_check
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.subject.subject import build_subject
from evenhand.audit.worker.opened import Opened


class Overfitted:
    """Answers the label with the probability in column p."""

    format, task, classes = "test", "binary", ("0", "1")
    input_columns: tuple[str, ...] = ("p", "z")
    gradients = None
    maker_says: dict[str, Any] = {}

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        p = frame["p"].to_numpy(dtype=float)
        return np.column_stack([1 - p, p])


def rows(n: int, shift: float, seed: int, sex: str = "F") -> pd.DataFrame:
    """Rows whose loss is exp of a normal; ``shift`` makes it smaller."""
    drawn = np.random.default_rng(seed)
    given = np.exp(-np.exp(drawn.normal(-1 - shift, 1, n)))
    label = drawn.integers(0, 2, n)
    p = np.where(label == 1, given, 1 - given)
    return pd.DataFrame({"p": p, "z": drawn.normal(size=n), "sex": sex, "y": label})


def found_of(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    check_id: str,
    data: pd.DataFrame,
    training: pd.DataFrame,
) -> list[Finding]:
    data.to_csv(folder / "d.csv", index=False)
    training.to_csv(folder / "t.csv", index=False)
    opened = Opened(Overfitted(), folder / "m", "sha256:0")
    monkeypatch.setattr("evenhand.audit.subject.subject.begin_model", lambda *_: lambda: opened)
    spec = make_spec(
        {
            "model": "m",
            "data": str(folder / "d.csv"),
            "training_data": str(folder / "t.csv"),
            "target": "y",
            "positive_label": 1,
            "sensitive_features": ["sex"],
        }
    )
    return list(run_check(check(check_id), build_subject(spec), spec, (0.95,)))
