"""Explanations that are worse for one group are found, and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.audit.attribution.subjects import (
    FunctionPredictor,
    findings,
    subject_of,
    value,
)
from tests.audit.checks.explanation.additive import rows


def noise_for_one_group(frame: pd.DataFrame) -> Any:
    """A sum for those with d <= 0; for the others a function in which nothing adds up."""
    cells = sum(frame[c].to_numpy(dtype=float) * (7.3 + i) for i, c in enumerate("abc"))
    torn = 0.25 * np.sin(40 * cells)
    return 0.5 + np.where(frame["d"] > 0, torn, 0.05 * np.tanh(frame["a"] + 0 * frame["b"]))


def test_explanations_that_are_worse_for_one_group_are_found(tmp_path: Path) -> None:
    frame = rows(300, seed=5)
    frame["g"] = np.where(np.arange(300) % 2 == 0, "well", "badly")
    frame["d"] = np.where(frame["g"] == "badly", 1.0, 0.0)
    model = FunctionPredictor(("a", "b", "c", "d"), noise_for_one_group)
    subject, spec = subject_of(tmp_path, frame, model, sensitive_features=["g"])
    found = findings("group_quality", subject, spec)
    for measure in ("group_infidelity", "group_relative_infidelity"):
        badly = value(found, measure, group={"g": "badly"})
        assert badly > 10 * value(found, measure, group={"g": "well"})
    for measure in ("infidelity_difference", "relative_infidelity_difference"):
        gap = next(f for f in found if f.measure == measure)
        assert gap.interval is not None
        assert gap.interval.low > 0
    # Shapley values always add up: their completeness tells the two groups apart in nothing
    assert value(found, "completeness_gap_difference") == pytest.approx(0.0, abs=1e-12)


def test_explanations_that_are_as_good_for_all_show_no_gap(tmp_path: Path) -> None:
    def interacting(frame: pd.DataFrame) -> Any:
        return 0.5 + 0.2 * np.tanh(frame["a"] * frame["b"]) + 0.05 * np.tanh(frame["c"])

    spanned = 0
    for seed in range(6):
        model = FunctionPredictor(("a", "b", "c"), interacting)
        subject, spec = subject_of(tmp_path, rows(150, seed), model, sensitive_features=["g"])
        found = findings("group_quality", subject, spec, rows=40, orders=2)
        gap = next(f for f in found if f.measure == "infidelity_difference")
        assert gap.interval is not None
        spanned += gap.interval.low == 0
    assert spanned >= 4  # 95 % intervals: with six of them 5.7 hold 0 on average
