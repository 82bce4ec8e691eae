"""Neighbours of a real model are mostly answered alike."""

from __future__ import annotations

from pathlib import Path

from tests.audit.checks.fairness.asked import found_by
from tests.audit.subjects import one


def test_consistency_of_a_model(tmp_path: Path) -> None:
    found = found_by("fairness.consistency", tmp_path)
    score = one(found, "consistency_score", group={})
    assert score.value is not None
    assert 0.8 < score.value <= 1
    assert one(found, "consistency_score", group={"sex": "f"}).n > 100
