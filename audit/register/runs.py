"""Which run of how many: every audit enters its plan in the register before it scores anything.

Runs are counted together that have the same data, target and name of the model. A changed
threshold, seed, filter (other data), group or check is another plan, and another run: whoever
tries until one passes leaves the tries behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evenhand.audit.case.plan import Plan
from evenhand.audit.files.canonical import digest_json
from evenhand.audit.register.register import Entry


@dataclass(frozen=True)
class Run:
    """One audit on the register. ``number`` of ``in_all`` on the same data, target and name;
    ``on_data`` counts all runs on the same data; ``plans`` how many different plans they had."""

    entry: int
    plan: str
    name: str
    at: str
    path: str
    number: int
    in_all: int
    on_data: int
    plans: int
    case: str | None

    def __str__(self) -> str:
        plans = "one plan" if self.plans == 1 else f"{self.plans} different plans"
        more = f"; {self.on_data} runs on these data" if self.on_data > self.in_all else ""
        return f"run {self.number} of {self.in_all} ({plans}{more})"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def plan_body(plan: Plan, out: Path) -> dict[str, Any]:
    """What the register keeps of a plan."""
    subject = plan.subject
    return {
        "plan": digest_json(plan.to_json()),
        "name": subject.name,
        "target": subject.target,
        "digests": dict(subject.digests),
        "threshold": subject.threshold,
        "sensitive_features": list(subject.sensitive_features),
        "seed": plan.seed,
        "packs": [p.to_json() for p in plan.packs],
        "path": str(out.resolve()),
    }


def runs(entries: Sequence[Entry]) -> list[Run]:
    """Every run on the register, oldest first."""
    plans = [e for e in entries if e.kind == "plan"]
    cases = {e.body["run"]: str(e.body["digest"]) for e in entries if _names_its_run(e)}
    listed = []
    for entry in plans:
        same = [p for p in plans if _series(p) == _series(entry)]
        listed.append(
            Run(
                entry=entry.seq,
                plan=str(entry.body.get("plan")),
                name=str(entry.body.get("name")),
                at=entry.at,
                path=str(entry.body.get("path")),
                number=1 + sum(p.seq < entry.seq for p in same),
                in_all=len(same),
                on_data=sum(_data(p) == _data(entry) for p in plans),
                plans=len({p.body.get("plan") for p in same}),
                case=cases.get(entry.seq),
            )
        )
    return listed


def run_of_case(entries: Sequence[Entry], digest: str) -> Run | None:
    """The run that a case came from; None for a case that this register has not seen planned."""
    return next((r for r in runs(entries) if r.case == digest), None)


def _names_its_run(entry: Entry) -> bool:
    return entry.kind == "case" and isinstance(entry.body.get("run"), int)


def _series(entry: Entry) -> tuple[Any, ...]:
    return _data(entry), entry.body.get("target"), entry.body.get("name")


def _data(entry: Entry) -> Any:
    digests = entry.body.get("digests")
    return digests.get("data") if isinstance(digests, Mapping) else None
