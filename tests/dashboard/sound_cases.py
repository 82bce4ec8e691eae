"""Sealed sample cases with a house pack, and ways to spoil one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import evenhand.dashboard as dashboard
from evenhand.audit.case.case import Case, CaseWriter
from evenhand.audit.case.environment import Environment
from evenhand.audit.register.register import Register
from tests.samples import sample_findings, sample_plan

APP = Path(dashboard.__file__).with_name("app.py")
PACK = Path(__file__).with_name("house.yaml")


def write_case(path: Path, *, planned: bool = True, day: int = 22, **changes: Any) -> Case:
    """Seals the sample findings at ``path``; ``planned`` puts the house pack into the case."""
    environment = Environment(evenhand="0.1.0", finished_at=f"2026-11-{day:02}T10:00:20+00:00")
    with CaseWriter(path, sample_plan(**changes)) as writer:
        if planned:
            writer.add_pack("house-rules.yaml", PACK.read_bytes())
        return writer.seal(sample_findings(), environment)


def register_case(case: Case) -> None:
    """Enters a case into the register of EVENHAND_HOME, as an audit does."""
    Register().append("case", {"path": str(case.path), "digest": case.digest})


def alter(case: Case) -> None:
    """Makes one number better than it was measured."""
    file = case.path / "findings.jsonl"
    lines = file.read_text("utf-8").splitlines()
    first = json.loads(lines[0])
    first["value"] = 0.99
    file.write_text("\n".join([json.dumps(first), *lines[1:]]) + "\n", "utf-8")
