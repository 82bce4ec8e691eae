"""Small artifacts whose numbers can be worked out by hand, and a case that holds them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from evenhand.audit.case.case import Case, CaseWriter
from evenhand.audit.case.environment import Environment
from evenhand.audit.finding import Finding
from tests.dashboard.sound_cases import PACK
from tests.samples import HOSTILE, finding, sample_findings, sample_plan

RATE_PARTS = {
    "selection_rate": {"cases": ["tp", "fp"], "rows": ["tp", "fp", "fn", "tn"]},
    "true_positive_rate": {"cases": ["tp"], "rows": ["tp", "fn"]},
}


def thresholds(groups: int = 2) -> dict[str, Any]:
    """Three thresholds; group g0 selects 4, 3 and 0 of 8 rows."""
    counts = {"tp": [3, 2, 0], "fp": [1, 1, 0], "fn": [0, 1, 3], "tn": [4, 4, 5]}
    band = {"low": [0.1, 0.1, None], "high": [0.9, 0.9, None]}
    members = [
        {
            "group": {"race": HOSTILE if i == 1 else f"g{i}"},
            **counts,
            "bands": dict.fromkeys(RATE_PARTS, band),
        }
        for i in range(groups)
    ]
    return {
        "level": 0.95,
        "threshold": 0.5,
        "thresholds": [0.0, 0.5, 1.0],
        "rates": RATE_PARTS,
        "groups": [{**members[0], "group": {}}, *members],
        "left_out": [],
    }


def calibration() -> dict[str, Any]:
    """One bin of 10 rows, 4 positive, for all rows and two groups."""
    bins = [
        {
            "n": 10,
            "positives": 4,
            "mean_score": 0.5,
            "low": 0.4,
            "high": 0.6,
            "rate_low": 0.17,
            "rate_high": 0.69,
        }
    ]
    groups: list[dict[str, str]] = [{}, {"race": "white"}, {"race": "black"}]
    return {
        "level": 0.95,
        "bins": "equal mass by group",
        "curves": [{"group": g, "bins": bins} for g in groups],
    }


def worst_groups() -> dict[str, Any]:
    """20 rows with 5 errors; sex = F has 4 of its 8 wrong."""
    node = {"column": "", "level": "", "is_level": True}
    return {
        "rows": 20,
        "errors": 5,
        "columns": [
            {"column": "sex", "levels": ["F", "M"], "rows": [8, 12], "errors": [4, 1]},
            {"column": "race", "levels": ["w", HOSTILE], "rows": [15, 5], "errors": [3, 2]},
        ],
        "pairs": [
            {"columns": ["sex", "race"], "rows": [[8, 0], [7, 5]], "errors": [[4, 0], [0, 1]]}
        ],
        "tree": [
            {**node, "id": 0, "parent": None, "rows": 20, "errors": 5},
            {
                "id": 1,
                "parent": 0,
                "column": "sex",
                "level": "F",
                "is_level": True,
                "rows": 8,
                "errors": 4,
            },
            {
                "id": 2,
                "parent": 0,
                "column": "sex",
                "level": "F",
                "is_level": False,
                "rows": 12,
                "errors": 1,
            },
        ],
        "tested": [
            {
                "group": {"sex": "F"},
                "errors": 2,
                "rows": 4,
                "other_errors": 1,
                "other_rows": 6,
                "p_value": 0.03,
                "adjusted": 0.06,
            }
        ],
    }


def attributions(kind: str = "tabular") -> dict[str, Any]:
    """Two rows of two columns; of the first row, ``income`` pushes most."""
    columns = [
        {
            "column": "income",
            "mean_absolute": 0.3,
            "low": 0.2,
            "high": 0.4,
            "mean": 0.1,
            "share": 0.75,
        },
        {
            "column": HOSTILE,
            "mean_absolute": 0.1,
            "low": None,
            "high": None,
            "mean": -0.1,
            "share": 0.25,
        },
    ]
    drawn: dict[str, dict[str, Any]] = {
        "tabular": {
            "values": {"income": [-0.4, 0.2], HOSTILE: [-0.1, 0.0]},
            "inputs": {"income": [10, 30], HOSTILE: ["a", HOSTILE]},
            "numeric": ["income"],
        },
        "text": {
            "texts": [
                {"words": ["bad", HOSTILE, "day"], "values": [-0.5, 0.3, 0.0], "continuation": None}
            ]
            * 2,
            "words": [{"word": "bad", "n": 2, "mean": -0.5, "mean_absolute": 0.5}],
        },
        "image": {
            "height": 2,
            "width": 2,
            "colours": 1,
            "maps": [{"scale": 0.5, "levels": base64.b64encode(bytes([127, 129, 0, 0])).decode()}]
            * 2,
            "images": [base64.b64encode(bytes([0, 255, 100, 0])).decode()] * 2,
        },
    }
    return {
        "schema": "evenhand-attributions/1",
        "kind": kind,
        "name": "shapley_sampling",
        "method": "Shapley sampling",
        "unit": "probability",
        "target": "probability of label '1'",
        "baseline": "medians",
        "exact": False,
        "complete": True,
        "n": 2,
        "n_rows": 20,
        "columns": columns,
        "rows": {
            "numbers": [7, 3],
            "output": [0.3, 0.9],
            "baseline_output": [0.8, 0.7],
            "gap": [0.0, 0.0],
            "target": ["1", "1"],
        },
        **drawn[kind],
    }


def by_group() -> dict[str, Any]:
    """Two columns; all rows weigh income most, black applicants the other."""
    return {
        "schema": "evenhand-attributions-by-group/1",
        "method": "Shapley sampling",
        "unit": "probability",
        "columns": ["other", "income"],
        "groups": [
            {"group": {}, "n": 20, "mean_absolute_attribution": [0.1, 0.3], "rank": [2, 1]},
            {
                "group": {"race": "black"},
                "n": 5,
                "mean_absolute_attribution": [0.4, 0.2],
                "rank": [1, 2],
            },
        ],
    }


def reasons() -> dict[str, Any]:
    """The reason of row 7's refusal."""
    return {
        "schema": "evenhand-reasons/1",
        "method": "Shapley sampling",
        "proxies": {},
        "sensitive": [],
        "reference": {
            "values": {"income": 25},
            "score": 0.9,
            "is_favourable": True,
            "favourable_rows": 12,
            "declared": [],
        },
        "people": [
            {
                "row": 7,
                "reasons": [{"column": "income", "compared": "below", "push": 0.4, "rise": 0.35}],
            }
        ],
    }


def changes() -> dict[str, Any]:
    """What turns row 7's refusal."""
    return {
        "schema": "evenhand-counterfactuals/1",
        "immutable": {},
        "bounds": "nothing declared",
        "people": [
            {
                "row": 7,
                "is_found": True,
                "cost": 1.5,
                "distance": 0.5,
                "plausibility": None,
                "changes": [{"column": "income", "by": 12.5}],
            }
        ],
    }


def findings() -> list[Finding]:
    """The sample findings with what explanations and thresholds add, of the same group names."""
    return [
        *sample_findings(),
        finding("fairness.thresholds", "swept_threshold_count", 3.0, unit="threshold", n=8),
        finding("fairness.worst_groups", "groups_searched", 9.0, unit="group", n=10),
        finding("fairness.calibration", "expected_calibration_error", 0.1, n=10),
        finding(
            "privacy.ledger",
            "outside_guarantee_count",
            2.0,
            unit="item",
            n=80,
            reason="encoder means; number of rows",
        ),
    ]


def write_full_case(path: Path, *, kind: str = "tabular", groups: int = 2, **changes_: Any) -> Case:
    """Seals a case that holds every artifact; ``changes_`` replace keys of the subject."""
    made = {
        "fairness.thresholds.json": thresholds(groups),
        "fairness.calibration.json": calibration(),
        "fairness.worst_groups.json": worst_groups(),
        "explanation.attribution.json": attributions(kind),
        "explanation.by_group.json": by_group(),
        "explanation.reasons.json": reasons(),
        "explanation.counterfactual.json": changes(),
    }
    environment = Environment(evenhand="0.1.0", finished_at="2026-11-23T10:00:20+00:00")
    with CaseWriter(path, sample_plan(**changes_)) as writer:
        writer.add_pack("house-rules.yaml", PACK.read_bytes())
        for name, artifact in made.items():
            writer.add_artifact(name, artifact)
        return writer.seal(findings(), environment)
