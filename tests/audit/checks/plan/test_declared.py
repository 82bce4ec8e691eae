"""plan.declared: days between the commit of declared thresholds and the audit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from evenhand.audit.checks.plan import declared
from evenhand.audit.errors import MissingNeed
from evenhand.audit.words.reasons import render


def found(file: Any) -> Any:
    subject: Any = SimpleNamespace(declared_file=file)
    (finding,) = declared.measure(subject, seed=0, levels=(0.95,))
    return finding


def test_days_since_the_commit() -> None:
    file = SimpleNamespace(
        values={"accuracy_min": 0.8, "gap_max": 0.1},
        committed_at=datetime.now(UTC) - timedelta(days=2, hours=12),
        commit="0123456789abcdef",
        path="limits.yaml",
        problem="",
    )
    days = found(file)
    assert days.value == pytest.approx(2.5, abs=1e-3)
    assert (days.n, days.unit, days.reproducible) == (2, "day", False)
    assert days.method == "commit 0123456789ab of limits.yaml, by the committer's clock"


def test_a_file_that_is_not_committed_as_it_stands_has_no_age() -> None:
    file = SimpleNamespace(values={"a": 1}, committed_at=None, problem="never committed")
    days = found(file)
    assert (days.status, days.value, render(days.reason)) == ("undefined", None, "never committed")


def test_no_file_is_no_question() -> None:
    with pytest.raises(MissingNeed, match="declared_file"):
        found(None)
