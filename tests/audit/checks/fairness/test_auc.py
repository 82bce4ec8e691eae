"""Areas by group against scikit-learn."""

from __future__ import annotations

from pathlib import Path

import pytest
from sklearn.metrics import roc_auc_score

from tests.audit.checks.fairness.scored import SCORED, scored
from tests.audit.subjects import findings_of, one


def test_areas_by_group_equal_scikit_learns(tmp_path: Path) -> None:
    frame = scored(400)
    found = findings_of("fairness.auc", frame, tmp_path, **SCORED)
    inside = frame["g"] == "a"
    parts = {
        "roc_auc_score": inside,
        "bpsn_auc": (inside & (frame["y"] == 0)) | (~inside & (frame["y"] == 1)),
        "bnsp_auc": (inside & (frame["y"] == 1)) | (~inside & (frame["y"] == 0)),
    }
    for name, rows in parts.items():
        theirs = roc_auc_score(frame["y"][rows], frame["s"][rows])
        assert one(found, name, group={"g": "a"}).value == pytest.approx(theirs)
    gap = one(found, "roc_auc_score_difference", between=("g",)).value
    areas = [one(found, "roc_auc_score", group={"g": g}).value for g in "ab"]
    assert gap == pytest.approx(abs(areas[0] - areas[1]))
