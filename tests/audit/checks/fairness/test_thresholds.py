"""The gap at the worst threshold, searched by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evenhand.audit.case.case import read_case
from evenhand.audit.run.run import audit
from tests.audit.checks.fairness.scored import SCORED, scored
from tests.audit.subjects import findings_of, one, stored_spec


def test_worst_threshold_gap_is_the_largest_of_the_sweep(tmp_path: Path) -> None:
    frame = scored(400)
    spec = stored_spec(frame, tmp_path, checks=["fairness.thresholds"], **SCORED)
    case = read_case(audit(spec, tmp_path / "case").path)
    name = "demographic_parity_difference_at_worst_threshold"
    found = one(list(case.findings), name, between=("g",))
    share = {
        g: np.array([(part["s"] >= t).mean() for t in np.linspace(0, 1, 101).round(12)])
        for g, part in frame.groupby("g")
    }
    assert found.value == pytest.approx(np.abs(share["a"] - share["b"]).max())
    stored = case.artifact(found.artifacts[0])
    assert stored["threshold"] == 0.5
    group = next(g for g in stored["groups"] if g["group"] == {"g": "a"})
    at = stored["thresholds"].index(0.5)
    assert group["tp"][at] + group["fp"][at] == (frame["s"][frame["g"] == "a"] >= 0.5).sum()
    assert group["bands"]["selection_rate"]["low"][at] < share["a"][50]


def test_without_labels_only_selection_is_swept(tmp_path: Path) -> None:
    found = findings_of("fairness.thresholds", scored(200), tmp_path, **{**SCORED, "target": None})
    assert {f.measure for f in found} == {
        "swept_threshold_count",
        "demographic_parity_difference_at_worst_threshold",
    }
