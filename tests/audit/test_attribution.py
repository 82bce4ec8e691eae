"""Attributions against closed forms: a linear model, and an exact enumeration of coalitions."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from audit.catalogue import check
from audit.models.predictor import Opened
from audit.run import run_check
from audit.spec import make_spec
from audit.subject import Subject, build_subject
from tests.audit.models import people, skops_model

WEIGHTS = np.array([0.02, -0.01, 0.03])


class LinearGradients:
    """A module whose softmax probability is linear in its inputs: 0.5 + w x."""

    encoded_columns = ("u", "v", "v")
    baseline = np.array([1.0, 2.0, 0.0], dtype=np.float32)
    baseline_name = "by hand"

    class module:  # noqa: N801 - stands for an instance of torch.nn.Module
        def __new__(cls, encoded: torch.Tensor) -> Any:
            p = 0.5 + encoded @ torch.as_tensor(WEIGHTS, dtype=encoded.dtype)
            return torch.log(torch.stack([1 - p, p], dim=1))

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        return frame[["u", "v", "v"]].to_numpy(dtype=np.float32) * np.array([1, 1, 2])


class LinearPredictor:
    format = "test"
    task = "binary"
    classes = ("0", "1")
    input_columns = ("u", "v")
    maker_says: dict[str, Any] = {}
    gradients = LinearGradients()

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        p = 0.5 + self.gradients.encode(frame) @ WEIGHTS
        return np.stack([1 - p, p], axis=1)


def linear_subject(tmp_path: Path) -> tuple[Subject, Any]:
    frame = pd.DataFrame({"u": [1.0, 3.0, 5.0, -2.0], "v": [0.0, 2.0, 1.0, 4.0], "y": [0, 1, 1, 0]})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    spec = make_spec(
        {
            "predictions": str(tmp_path / "rows.csv"),
            "predicted": "y",
            "target": "y",
            "positive_label": 1,
        }
    )
    subject = build_subject(spec)
    model = Opened(LinearPredictor(), tmp_path, "sha256:0")  # type: ignore[arg-type]
    object.__setattr__(subject, "model", model)
    object.__setattr__(subject, "stored", None)
    return subject, spec


def test_integrated_gradients_of_a_linear_model_are_weight_times_distance(tmp_path: Path) -> None:
    subject, spec = linear_subject(tmp_path)
    found = list(run_check(check("explanation.attribution"), subject, spec, (0.95,)))
    by_column = {f.column: f.value for f in found}
    u = np.array([1.0, 3.0, 5.0, -2.0])
    v = np.array([0.0, 2.0, 1.0, 4.0])
    # u: 0.02 (u - 1); v is encoded twice, as v (baseline 2) and 2v (baseline 0)
    expected_u = np.abs(0.02 * (u - 1)).mean()
    expected_v = np.abs(-0.01 * (v - 2) + 0.03 * (2 * v - 0)).mean()
    assert by_column["u"] == pytest.approx(expected_u, abs=1e-6)
    assert by_column["v"] == pytest.approx(expected_v, abs=1e-6)
    assert by_column[""] == pytest.approx(0.0, abs=1e-6)  # completeness
    assert "baseline: by hand" in found[0].method


def test_shapley_sampling_approaches_the_exact_values(tmp_path: Path) -> None:
    frame = people(120, seed=4)
    model = skops_model(tmp_path, frame)
    frame.head(12).to_csv(tmp_path / "rows.csv", index=False)
    spec = make_spec(
        {
            "model": str(model),
            "data": str(tmp_path / "rows.csv"),
            "target": "y",
            "positive_label": 1,
            "options": {"explanation.attribution": {"permutations": 300}},
        }
    )
    subject = build_subject(spec)
    found = list(run_check(check("explanation.attribution"), subject, spec, (0.95,)))
    exact = exact_shapley(subject)
    for column, values in exact.items():
        ours = next(f.value for f in found if f.column == column)
        assert ours == pytest.approx(np.abs(values).mean(), abs=0.01)
    gap = next(f.value for f in found if f.measure == "completeness_gap")
    assert gap == pytest.approx(0.0, abs=1e-6)  # permutations telescope; Captum sums in float32


def exact_shapley(subject: Subject) -> dict[str, np.ndarray]:
    """All orders of three columns, written out."""
    assert subject.model is not None
    predictor = subject.model.predictor
    columns = list(predictor.input_columns)
    rows = subject.frame[columns]
    reference = {
        "income": rows["income"].dropna().sort_values().iloc[(rows["income"].count() - 1) // 2],
        "self": rows["self"].sort_values().iloc[(len(rows) - 1) // 2],
        "job": sorted(rows["job"].value_counts()[lambda c: c == c.max()].index)[0],
    }
    values = {c: np.zeros(len(rows)) for c in columns}
    orders = list(permutations(columns))
    for order in orders:
        state = rows.assign(**{c: reference[c] for c in columns if c != "self"})
        state["self"] = reference["self"]
        before = predictor.predict_proba(state)[:, 1]
        for column in order:
            state = state.copy()
            state[column] = rows[column]
            after = predictor.predict_proba(state)[:, 1]
            values[column] += (after - before) / len(orders)
            before = after
    return values
