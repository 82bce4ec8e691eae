"""Recourse of a linear model, in closed form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.audit.checks.explanation.linear import WEIGHTS, Linear, measured


def test_recourse_by_group_of_the_linear_model(tmp_path: Path) -> None:
    found, artifact, subject = measured(
        tmp_path,
        "explanation.counterfactual",
        actionable={"*": {"immutable": True}, "u": {}},
        min_group_size=3,
    )
    assert artifact["immutable"] == {
        "v": "declared immutable",
        "w": "declared immutable",
        "g": "a sensitive feature",
    }
    frame = subject.frame.astype(float)
    p = Linear().predict_proba(frame)[:, 1]
    spread = np.median(np.abs(frame["u"] - frame["u"].median()))
    for person in artifact["people"]:
        assert subject.row_numbers is not None
        i = int(np.flatnonzero(subject.row_numbers == person["row"])[0])
        needed = (0.5 - p[i]) / WEIGHTS["u"]
        if not person["is_found"]:
            assert frame["u"].iloc[i] + needed > frame["u"].max()
            continue
        # the least multiple of a tenth of the spread's power of ten that is enough
        (change,) = person["changes"]
        assert needed - 1e-9 <= change["by"] <= needed + 0.1 + 1e-9
        assert person["cost"] == pytest.approx(1 + change["by"] / spread, abs=1e-5)
    assert found["recourse_share#u"].value == 1.0
    assert {f.status for k, f in found.items() if "difference" in k} == {"measured"}
