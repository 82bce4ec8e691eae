"""One error budget over all findings of an audit."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evenhand.audit.finding import Finding
from evenhand.audit.measure.uncertainty.testing import (
    adjust,
)
from evenhand.audit.run.run import audit, within_budget
from tests.audit.subjects import confusion_rows, stored_spec


def finding(name: str, p_value: float | None) -> Finding:
    return Finding(
        id=name, check="c", measure=name, status="measured", value=0.1, p_value=p_value, method="t"
    )


def test_one_budget_over_all_findings_names_itself() -> None:
    found = within_budget([finding("a", 0.01), finding("b", None), finding("c", 0.04)], "holm")
    assert [f.p_value for f in found] == pytest.approx([0.02, None, 0.04])
    assert found[0].method == "t; p adjusted by Holm over 2 tests, unadjusted 0.01"
    assert found[1] == finding("b", None)
    assert within_budget(found, "none") == found


def test_an_audit_adjusts_over_all_its_checks(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=30, fp=5, fn=5, tn=70),
            confusion_rows({"g": "b"}, tp=12, fp=9, fn=9, tn=48),
        ]
    )
    options = {"sensitive_features": ["g"], "checks": ["fairness.group_tests"]}
    case = audit(stored_spec(frame, tmp_path, **options), tmp_path / "case")
    raw = audit(stored_spec(frame, tmp_path, **options, error_budget="none"), tmp_path / "raw")
    tested = [f.p_value for f in raw.findings if f.p_value is not None]
    assert [f.p_value for f in case.findings] == pytest.approx(adjust(tested))
    assert case.plan.error_budget == "holm"
    assert "p adjusted by Holm over 8 tests" in case.findings[0].method
