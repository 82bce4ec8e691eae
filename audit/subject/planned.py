"""What the plan of a case says of its rows, as a spec that reads them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evenhand.audit.subject.rows import audited_rows, read_rows
from evenhand.audit.subject.spec import make_spec

if TYPE_CHECKING:
    import pandas as pd

    from evenhand.audit.case.plan import Plan
    from evenhand.audit.data.table import Table


def reading_of(plan: Plan) -> dict[str, Any]:
    """Keys of a spec: how the rows of a case are read, and which of them were audited."""
    data, subject = plan.subject.data, plan.subject
    return {
        "join": data.joined,
        "on": list(data.on),
        "types": {name: data.columns[name] for name in data.declared_columns},
        **data.reading,
        "target": subject.target,
        "predicted": subject.stored and subject.stored.predicted,  # labels speak of it too
        "sensitive_features": list(subject.sensitive_features),
        "control_features": list(subject.control_features),
        "cohort": None if subject.cohort is None else subject.cohort.model_dump(mode="json"),
    }


def declared_of(plan: Plan) -> dict[str, Any]:
    """Keys of a spec: what was declared about model, rows and people, and how the rows are read;
    not where they lie."""
    known = ("task", "target", "positive_label", "positive_is", "weight", "threshold")
    return {
        **{k: v for k in known if (v := getattr(plan.subject, k)) is not None},
        "reference_applicant": plan.reference_applicant,
        "actionable": plan.actionable,
        **plan.model_declared,
        **reading_of(plan),
        "outcomes": list(plan.subject.outcomes),
        "proxies": list(plan.proxies),
        "seed": plan.seed,
    }


def planned_rows(plan: Plan, data: str | None = None) -> tuple[Table, pd.DataFrame]:
    """The table of a case, read again (from ``data``, where it was moved there), and its audited
    rows in the order that they were scored in.

    Raises InputError and LimitError as reading does. No model is opened.
    """
    spec = make_spec(
        {**reading_of(plan), "data": data or plan.subject.data.path}, source="the plan"
    )
    table = read_rows(spec)
    return table, audited_rows(table, spec)[0]
