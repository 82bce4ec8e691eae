"""Calibration by group, with its curves."""

from __future__ import annotations

from pathlib import Path

import pytest

from evenhand.audit.case.case import read_case
from evenhand.audit.run.run import audit
from tests.audit.checks.fairness.scored import SCORED, scored
from tests.audit.subjects import findings_of, one, stored_spec


def test_calibration_check_by_group_with_curves(tmp_path: Path) -> None:
    frame = scored(600)
    frame.loc[frame["g"] == "b", "y"] = 1 - frame.loc[frame["g"] == "b", "y"]
    spec = stored_spec(frame, tmp_path, checks=["fairness.calibration"], **SCORED)
    case = read_case(audit(spec, tmp_path / "case").path)
    found = list(case.findings)
    # b's labels are turned round: its slope is about -1, a's about 1
    assert one(found, "calibration_slope", group={"g": "a"}).value == pytest.approx(1, abs=0.35)
    assert one(found, "calibration_slope", group={"g": "b"}).value == pytest.approx(-1, abs=0.35)
    gap = one(found, "expected_calibration_error_difference", between=("g",))
    assert gap.interval is not None
    assert gap.interval.low > 0.2
    error = one(found, "expected_calibration_error", group={"g": "b"})
    curves = case.artifact(error.artifacts[0])["curves"]
    curve = next(c for c in curves if c["group"] == {"g": "b"})
    by_hand = sum(abs(b["positives"] - b["n"] * b["mean_score"]) for b in curve["bins"]) / error.n
    assert error.value == pytest.approx(by_hand)


def test_calibration_needs_probabilities(tmp_path: Path) -> None:
    frame = scored(100).assign(s=lambda f: 10 * f["s"])
    found = findings_of("fairness.calibration", frame, tmp_path, **{**SCORED, "threshold": 5})
    assert {f.status for f in found} == {"not_applicable"}
