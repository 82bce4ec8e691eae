"""Small tables of stored predictions, written out so that every number can be checked by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from evenhand.audit.finding import Finding
from evenhand.audit.run.run import run_check
from evenhand.audit.subject.spec import SubjectSpec, make_spec
from evenhand.audit.subject.subject import Subject, build_subject


def rows(*cells: tuple[dict[str, Any], int]) -> pd.DataFrame:
    """A table with each record repeated as often as said."""
    return pd.DataFrame([record for record, times in cells for _ in range(times)])


def confusion_rows(group: dict[str, Any], *, tp: int, fp: int, fn: int, tn: int) -> pd.DataFrame:
    """Stored predictions of one group with these counts; columns y, yhat and the group's."""
    return rows(
        ({**group, "y": 1, "yhat": 1}, tp),
        ({**group, "y": 0, "yhat": 1}, fp),
        ({**group, "y": 1, "yhat": 0}, fn),
        ({**group, "y": 0, "yhat": 0}, tn),
    )


def stored_spec(frame: pd.DataFrame, folder: Path, **changes: Any) -> SubjectSpec:
    """The spec of an audit of ``frame`` with target y, predicted yhat, positive label 1."""
    path = folder / f"rows-{len(list(folder.glob('rows-*')))}.csv"
    frame.to_csv(path, index=False)
    return make_spec(
        {
            "predictions": str(path),
            "target": "y",
            "predicted": "yhat",
            "positive_label": 1,
            **changes,
        }
    )


def stored_subject(frame: pd.DataFrame, folder: Path, **changes: Any) -> Subject:
    """The subject of ``stored_spec``."""
    return build_subject(stored_spec(frame, folder, **changes))


def findings_of(check_id: str, frame: pd.DataFrame, folder: Path, **changes: Any) -> list[Finding]:
    """What one check finds on stored predictions."""
    from evenhand.audit.run.catalogue import check

    spec = stored_spec(frame, folder, **changes)
    return list(run_check(check(check_id), build_subject(spec), spec, (spec.level,)))


def one(findings: list[Finding], measure: str, **match: Any) -> Finding:
    """The only finding with this measure, group and between."""
    hits = [
        f
        for f in findings
        if f.measure == measure and all(getattr(f, k) == v for k, v in match.items())
    ]
    assert len(hits) == 1, [f.id for f in hits]
    return hits[0]
