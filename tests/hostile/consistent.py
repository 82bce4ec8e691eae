"""Subjects of made models over made rows, for the check of consistency."""

from __future__ import annotations

from typing import Any

import pandas as pd

from evenhand.audit.checks.robustness import consistency as module
from evenhand.audit.data.table import Table
from evenhand.audit.finding import Finding
from evenhand.audit.run.catalogue import Check
from evenhand.audit.run.run import run_check
from evenhand.audit.subject.spec import SubjectSpec
from evenhand.audit.subject.subject import Subject
from evenhand.audit.subject.target import Target
from evenhand.audit.worker.opened import Opened


def subject_of(predictor: Any, frame: pd.DataFrame, positive: str | None = None) -> Subject:
    """A subject without labels and groups."""
    return Subject(
        name="made",
        task=predictor.task,
        model=Opened(predictor, "made", ""),
        stored=None,
        table=Table(frame, "made", ""),
        frame=frame,
        target=None,
        truth=Target(positive=positive),
        positive_is=None,
        threshold=None if hasattr(predictor, "decide") else 0.5,
        sensitive_features=(),
        control_features=(),
        groups=frame[[]],
        declared={},
        facts={},
        digests={},
    )


def consistency(predictor: Any, frame: pd.DataFrame, **options: Any) -> dict[str, Finding]:
    """The check's findings by measure."""
    positive = predictor.classes[-1] if predictor.task == "binary" else None
    spec = SubjectSpec(options={"robustness.consistency": options})
    subject = subject_of(predictor, frame, positive)
    found = run_check(Check("robustness.consistency", module), subject, spec, (0.95,))
    return {f.measure: f for f in found}
