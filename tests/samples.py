"""A small hand-made case: the shapes that judges, reports and pages must cope with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evenhand.audit.case.case import Case, CaseWriter
from evenhand.audit.case.environment import Environment
from evenhand.audit.case.plan import Plan
from evenhand.audit.finding import Finding, Interval, finding_id

HOSTILE = "<script>alert('x')</script>&=HYPERLINK(\"x\")"


def sample_plan(**changes: Any) -> Plan:
    """The plan of an audit of a binary model; ``changes`` replace keys of the subject."""
    subject = {
        "name": "loan-mlp",
        "task": "binary",
        "target": "approve",
        "positive_label": "1",
        "positive_is": "benefit",
        "sensitive_features": ["race", "sex"],
        "control_features": [],
        "digests": {"model": "sha256:" + "a" * 64, "data": "sha256:" + "b" * 64},
        "model": {"path": "models/loan-mlp", "format": "evenhand-folder"},
        "data": {"path": "test.csv"},
        **changes,
    }
    plan = {
        "schema": "evenhand-plan/1",
        "subject": subject,
        "facts": {
            "subject.task": subject["task"],
            "subject.has_model": subject["model"] is not None,
            "subject.has_labels": True,
            "subject.positive_is": subject["positive_is"],
            "subject.sensitive_features": subject["sensitive_features"],
            "subject.is_private": True,
        },
        "declared": {"accuracy_min": 0.6},
        "checks": [
            {"id": "performance.classification", "options": {}},
            {"id": "fairness.group_rates", "options": {"min_group_size": 10}},
            {"id": "fairness.gaps", "options": {"min_group_size": 10}},
            {"id": "data.quality", "options": {}},
            {"id": "data.groups", "options": {}},
            {"id": "privacy.declared_budget", "options": {}},
        ],
        "seed": 7,
        "levels": [0.95],
        "packs": [],
    }
    return Plan.model_validate(plan)


def finding(
    check: str,
    measure: str,
    value: float | None,
    low: float | None = None,
    high: float | None = None,
    *,
    n: int = 600,
    method: str = "Wilson score, beta tails",
    **fields: Any,
) -> Finding:
    """A finding; ``value=None`` makes it undefined unless ``status`` says otherwise."""
    status = fields.pop("status", "measured" if value is not None else "undefined")
    group = fields.pop("group", {})
    between = tuple(fields.pop("between", ()))
    column = fields.pop("column", "")
    interval = None
    if low is not None and high is not None:
        interval = Interval(low=low, high=high, level=0.95, method=method)
    return Finding(
        id=finding_id(check, measure, group=group, between=between, column=column),
        check=check,
        measure=measure,
        status=status,
        value=value,
        interval=interval,
        n=n,
        group=group,
        between=between,
        column=column,
        method=method,
        seed=7,
        unit=fields.pop("unit", "rate"),
        **fields,
    )


def sample_findings() -> list[Finding]:
    """Findings of every status and family, with a hostile group name among them."""
    rates, gaps = "fairness.group_rates", "fairness.gaps"
    boot = "multinomial bootstrap, 1000 draws"
    return [
        finding(
            "performance.classification",
            "accuracy_score",
            0.9,
            0.873,
            0.922,
            counts={"k": 540, "n": 600},
        ),
        finding(
            "performance.classification", "balanced_accuracy_score", 0.7, 0.66, 0.74, method=boot
        ),
        finding("performance.classification", "log_loss", 0.31, 0.28, 0.34, unit="nat"),
        finding(
            rates,
            "selection_rate",
            0.92,
            0.893,
            0.941,
            n=500,
            group={"race": "white"},
            counts={"k": 460, "n": 500},
        ),
        finding(
            rates,
            "selection_rate",
            0.75,
            0.64,
            0.83,
            n=80,
            group={"race": "black"},
            counts={"k": 60, "n": 80},
        ),
        finding(
            rates,
            "selection_rate",
            0.5,
            0.3,
            0.7,
            n=20,
            group={"race": HOSTILE},
            counts={"k": 10, "n": 20},
        ),
        finding(
            rates,
            "selection_rate",
            1.0,
            0.34,
            1.0,
            n=2,
            group={"race": "hispan", "sex": "female"},
            counts={"k": 2, "n": 2},
            reason="too small to compare: 2 rows, the minimum is 10",
        ),
        finding(
            rates,
            "true_positive_rate",
            None,
            n=0,
            group={"race": HOSTILE},
            reason="no positive labels in this group",
        ),
        finding(
            gaps,
            "demographic_parity_difference",
            0.17,
            0.08,
            0.28,
            n=580,
            between=["race"],
            method=boot,
            reason="left out: hispan (2 rows, minimum 10)",
            counts={"groups": 3, "groups_left_out": 1},
        ),
        finding(
            gaps,
            "demographic_parity_difference",
            0.02,
            0.0,
            0.06,
            between=["sex"],
            method=boot,
            counts={"groups": 2, "groups_left_out": 0},
        ),
        finding(
            gaps,
            "demographic_parity_ratio",
            0.815,
            0.7,
            0.92,
            between=["race"],
            method=boot,
            counts={"groups": 3, "groups_left_out": 1},
        ),
        finding(
            gaps,
            "equalized_odds_difference",
            0.12,
            0.04,
            0.25,
            between=["race"],
            method=boot,
            counts={"groups": 3, "groups_left_out": 1},
        ),
        finding(
            gaps,
            "equalized_odds_difference",
            0.03,
            0.0,
            0.08,
            between=["sex"],
            method=boot,
            counts={"groups": 2, "groups_left_out": 0},
        ),
        finding(
            gaps,
            "equal_opportunity_difference",
            None,
            n=0,
            between=["race", "sex"],
            reason="fewer than two groups with positive labels",
        ),
        finding("data.quality", "row_count", 600, unit="row", method="count"),
        finding(
            "data.quality",
            "missing_rate",
            0.01,
            0.004,
            0.02,
            column="sex",
            counts={"k": 6, "n": 600},
        ),
        finding(
            "data.groups",
            "group_count",
            2,
            unit="row",
            method="count",
            n=600,
            group={"race": "hispan", "sex": "female"},
        ),
        finding(
            "data.groups",
            "group_count",
            80,
            unit="row",
            method="count",
            n=600,
            group={"race": "black"},
        ),
        finding(
            "privacy.declared_budget",
            "declared_epsilon",
            2.99,
            unit="epsilon",
            method="PRV accountant, Poisson sampling, unit: row, add/remove-one adjacency",
        ),
        finding("privacy.declared_budget", "declared_delta", 1e-4, unit="delta", method="declared"),
        finding(
            "explanation.attribution",
            "mean_absolute_attribution",
            0.12,
            0.1,
            0.14,
            n=200,
            column="loanprc",
            unit="probability",
            method="Integrated gradients",
        ),
        finding(
            "explanation.attribution",
            "completeness_gap",
            None,
            status="error",
            n=0,
            reason="RuntimeError: out of memory",
        ),
        finding(
            "explanation.attribution",
            "mean_absolute_attribution",
            None,
            status="not_applicable",
            column="x",
            reason="the subject has no model",
        ),
    ]


def write_sample_case(path: Path, **changes: Any) -> Case:
    """Writes and seals the sample case at ``path``."""
    environment = Environment.model_validate(
        {
            "evenhand": "0.1.0",
            "python": "3.11.7",
            "started_at": "2026-11-22T10:00:00+00:00",
            "finished_at": "2026-11-22T10:00:20+00:00",
            "cores": 2,
            "packages": {"torch": "2.13.0"},
        }
    )
    with CaseWriter(path, sample_plan(**changes)) as writer:
        return writer.seal(sample_findings(), environment)
