"""What a check finds of a real model of made people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evenhand.audit.finding import Finding
from evenhand.audit.run.catalogue import check
from evenhand.audit.run.run import run_check
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.subject.subject import build_subject
from tests.audit.people import people, skops_model


def found_by(check_id: str, folder: Path, **options: Any) -> list[Finding]:
    frame = people(seed=1)
    skops_model(folder, frame)
    frame.to_csv(folder / "data.csv", index=False)
    spec = make_spec(
        {
            "model": str(folder / "model.skops"),
            "data": str(folder / "data.csv"),
            "target": "y",
            "positive_label": 1,
            "sensitive_features": ["race", "sex"],
            "options": {check_id: options},
        }
    )
    return list(run_check(check(check_id), build_subject(spec), spec, (0.95,)))
