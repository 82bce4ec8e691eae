"""The bytes of a case."""

from __future__ import annotations

from pathlib import Path

from evenhand.audit.case.case import read_case


def contents(case: Path) -> dict[str, bytes]:
    """What must not depend on an interruption: everything but environment and seal."""
    names = [*read_case(case).files]
    return {n: (case / n).read_bytes() for n in names if n != "environment.json"}
