"""Two cases' attributions held together: the same rows, found by their number in the data file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.artifacts.explanation import Attributions
from evenhand.audit.case.case import Case, CaseWriter
from evenhand.audit.case.environment import Environment
from evenhand.audit.case.plan import Plan
from evenhand.audit.comparing.drift import explanation_drift
from evenhand.audit.errors import InputError
from evenhand.audit.words.reasons import render


def case(folder: Path, name: str, artifact: dict[str, Any] | None, data: str = "sha256:1") -> Case:
    plan = {
        "schema": "evenhand-plan/1",
        "subject": {"name": name, "digests": {"data": data}},
        "facts": {},
        "checks": [],
    }
    with CaseWriter(folder / name, Plan.model_validate(plan)) as writer:
        if artifact is not None:
            writer.add_artifact(Attributions.FILE, artifact)
        return writer.seal([], Environment())


def rows(numbers: list[int | None]) -> dict[str, Any]:
    unread = dict.fromkeys(("output", "baseline_output", "gap", "target"), [None] * len(numbers))
    return {"numbers": numbers, **unread}


def told(
    values: dict[str, list[float]], numbers: list[int | None], **changes: Any
) -> dict[str, Any]:
    push = {"mean_absolute": 1.0, "low": None, "high": None, "mean": 1.0, "share": None}
    return {
        "schema": "evenhand-attributions/1",
        "kind": "tabular",
        "name": "integrated_gradients",
        "method": "by hand",
        "unit": "probability",
        "target": "label '1'",
        "baseline": "training means",
        "exact": False,
        "complete": True,
        "n": len(numbers),
        "n_rows": len(numbers),
        "columns": [{"column": column, **push} for column in values],
        "rows": rows(numbers),
        "values": values,
        **changes,
    }


ONE = told({"a": [4.0, 1.0, 9.0], "b": [2.0, 0.0, 9.0], "c": [1.0, 3.0, 9.0]}, [7, 3, 5])
# row 3 and row 7 in another order, and row 8 instead of row 5
OTHER = told({"b": [0.0, 1.0, 1.0], "a": [1.0, 4.0, 1.0], "c": [3.0, 2.0, 1.0]}, [3, 7, 8])


def test_rows_are_paired_by_their_number(tmp_path: Path) -> None:
    found = explanation_drift(case(tmp_path, "a", ONE), case(tmp_path, "b", OTHER), top_k=2)
    assert found.drift is not None
    assert (found.n, found.unit, render(found.note), render(found.reason)) == (
        2,
        "probability",
        "",
        "",
    )
    # row 7: 4 2 1 and 4 1 2 correlate at 0.5; row 3: 1 0 3 twice, at 1
    assert found.drift.rank_correlation.value == pytest.approx(0.75)
    assert found.drift.change.value == pytest.approx(2 / 11)
    assert json.loads(json.dumps(found.to_json()))["drift"]["k"] == 2


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (None, "holds no attributions"),
        (told({"a": [1.0], "d": [1.0]}, [7]), "same columns: b, c, d"),
        ({**OTHER, "unit": "log-odds"}, "unit differs"),
        ({**OTHER, "kind": "text"}, "tables are compared"),
        ({**OTHER, "rows": rows([None, 90, 91])}, "no row in common"),
    ],
)
def test_what_cannot_be_compared_is_said(tmp_path: Path, other: Any, reason: str) -> None:
    found = explanation_drift(case(tmp_path, "a", ONE), case(tmp_path, "b", other))
    assert found.drift is None
    assert reason in render(found.reason)


def test_other_data_are_not_compared(tmp_path: Path) -> None:
    other = case(tmp_path, "b", OTHER, data="sha256:2")
    assert "different data" in render(explanation_drift(case(tmp_path, "a", ONE), other).reason)


def test_another_method_is_named(tmp_path: Path) -> None:
    other = case(tmp_path, "b", {**OTHER, "name": "shapley_exact"})
    found = explanation_drift(case(tmp_path, "a", ONE), other)
    assert found.drift is not None
    assert render(found.note) == "method differs: integrated_gradients and shapley_exact"


def test_an_artifact_of_another_kind_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: schema"):
        explanation_drift(case(tmp_path, "a", ONE), case(tmp_path, "b", {"schema": "x"}))
