"""Cases whose artifacts explain a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evenhand.audit.case.case import Case, CaseWriter
from evenhand.audit.case.environment import Environment
from tests.samples import HOSTILE, finding, sample_plan

ATTRIBUTION = "explanation.attribution"


def attributions(kind: str, **drawn: Any) -> dict[str, Any]:
    return {
        "schema": "evenhand-attributions/1",
        "kind": kind,
        "name": "shapley_exact",
        "method": "by hand",
        "unit": "probability",
        "target": "probability of label '1'",
        "baseline": "by hand",
        "exact": True,
        "complete": True,
        "n": 3,
        "n_rows": 3,
        "columns": [
            {
                "column": HOSTILE,
                "mean_absolute": 0.2,
                "low": 0.1,
                "high": 0.4,
                "mean": -0.1,
                "share": 0.8,
            },
            {
                "column": "age",
                "mean_absolute": 0.05,
                "low": None,
                "high": None,
                "mean": 0.05,
                "share": 0.2,
            },
        ],
        "rows": {
            "numbers": [4, 8, None],
            "output": [0.1, 0.7, 0.9],
            "target": ["1", "1", "1"],
            "baseline_output": [0.5] * 3,
            "gap": [0.0] * 3,
        },
        **drawn,
    }


POINTS = [{"mean": 0.4, "low": 0.3, "high": 0.5}, {"mean": 0.1, "low": None, "high": None}]
CURVES = {
    "schema": "evenhand-explanation-curves/1",
    "unit": "probability",
    "level": 0.95,
    "n": 3,
    "method": "m",
    "share_of_columns": [0.0, 1.0],
    "deletion": POINTS,
    "insertion": POINTS,
    "random_deletion": POINTS,
}
REASONS = {
    "schema": "evenhand-reasons/1",
    "method": "m",
    "reference": {
        "declared": [],
        "favourable_rows": 9,
        "values": {HOSTILE: "<i>", "age": 40.0},
        "is_favourable": True,
        "score": 0.8,
    },
    "sensitive": [],
    "proxies": {"age": {"feature": "sex", "group": "f", "auc": 0.9}},
    "people": [{"row": 777, "reasons": []}],
}


def case_with(folder: Path, attribution: dict[str, Any], **plan: Any) -> Case:
    found = [
        finding(ATTRIBUTION, "completeness_gap", 0.0, 0.0, 0.0, n=3),
        finding("explanation.reasons", "reason_share", 0.75, 0.5, 0.9, n=40, column=HOSTILE),
        finding("explanation.reasons", "reason_share", 0.25, 0.1, 0.5, n=40, column="age"),
    ]
    with CaseWriter(folder / "case", sample_plan().model_copy(update=plan)) as writer:
        writer.add_artifact(f"{ATTRIBUTION}.json", attribution)
        writer.add_artifact("explanation.quality-curves.json", CURVES)
        writer.add_artifact("explanation.reasons.json", REASONS)
        return writer.seal(found, Environment(finished_at="2026-11-22T10:00:00+00:00"))
