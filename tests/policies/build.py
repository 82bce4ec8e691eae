"""Small packs, cases and register entries for the tests of the judge."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from evenhand.audit.case.case import Case
from evenhand.audit.case.environment import Environment
from evenhand.audit.case.plan import Plan
from evenhand.audit.finding import Finding
from evenhand.audit.register.register import Entry, Kind
from evenhand.policies.judge import judge
from evenhand.policies.pack import Pack, parse_pack
from evenhand.policies.verdict import Verdict
from tests.samples import sample_plan

DAY = date(2026, 11, 22)
MODEL = "sha256:" + "a" * 64
OTHER_MODEL = "sha256:" + "c" * 64


def text(en: str = "a title") -> dict[str, str]:
    return {"en": en, "zh": "标题"}


def item(item_id: str = "X-1", **changes: Any) -> dict[str, Any]:
    """An automated item on the accuracy; a part given as None is left out."""
    parts: dict[str, Any] = {
        "id": item_id,
        "title": text(),
        "kind": "automated",
        "severity": "high",
        "evidence": {"select": "performance.accuracy_score"},
        "check": check(),
        "on_fail": {"fix": text("do this")},
    }
    parts |= changes
    return {key: value for key, value in parts.items() if value is not None}


def check(comparator: str = ">=", threshold: Any = 0.8, **changes: Any) -> dict[str, Any]:
    return {
        "comparator": comparator,
        "threshold": threshold,
        "unit": "rate",
        "threshold_origin": "convention",
        "note": "why",
        **changes,
    }


def attestation_item(item_id: str = "A-1", **attest: Any) -> dict[str, Any]:
    return item(
        item_id,
        kind="attestation",
        evidence=None,
        check=None,
        attest={"role": "owner", **attest},
    )


def pack_data(*items: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "schema": "rai-pack/1",
        "id": "house-rules",
        "version": "2026.11.0",
        "title": text(),
        "jurisdiction": "INT",
        "kind": "house",
        "legal_status": {"state": "voluntary", "checked_on": "2026-11-01"},
        "sources": {"house": {"cite": "house rules", "checked": "2026-11-01"}},
        "items": list(items or [item()]),
        **changes,
    }


def make_pack(*items: Mapping[str, Any], **changes: Any) -> Pack:
    """A pack from its parts; JSON is YAML."""
    return parse_pack(json.dumps(pack_data(*items, **changes)).encode(), "house.yaml")


def make_case(
    *findings: Finding,
    facts: Mapping[str, Any] | None = None,
    declared: Mapping[str, Any] | None = None,
    checks: Sequence[Mapping[str, Any]] | None = None,
    **subject: Any,
) -> Case:
    """A case in memory: the judge reads no file."""
    plan = sample_plan(**subject).to_json()
    plan["facts"] = {**plan["facts"], **(facts or {})}
    if checks is not None:
        plan["checks"] = list(checks)
    made = Plan.model_validate(plan)
    if declared is not None:  # as it is: the judge refuses what is no number by itself
        made = made.model_copy(update={"declared": dict(declared)})
    return Case(Path("nowhere"), made, tuple(findings), Environment(), "sha256:" + "0" * 64, {})


def entries(*bodies: tuple[Kind, Mapping[str, Any]]) -> tuple[Entry, ...]:
    return tuple(
        Entry(i, "2026-11-01T00:00:00.000+00:00", kind, body, "", "", "mac")
        for i, (kind, body) in enumerate(bodies, start=1)
    )


def to_model(digest: str = MODEL) -> dict[str, str]:
    """What a statement about a model is bound to."""
    return {"to": "model", "digest": digest}


def attestation(**changes: Any) -> tuple[Kind, dict[str, Any]]:
    body = {
        "pack": "house-rules",
        "pack_version": "2026.11.0",
        "item": "A-1",
        "answer": "met",
        "statement": "seen and checked",
        "by": "Ada",
        "role": "owner",
        "signed_at": "2026-11-01T09:00:00+00:00",
        "expires": "2027-05-01",
        "binds": to_model(),
        "evidence": [],
        **changes,
    }
    return "attestation", {k: v for k, v in body.items() if v is not None}


def waiver(**changes: Any) -> tuple[Kind, dict[str, Any]]:
    body = {
        "pack": "house-rules",
        "item": "X-1",
        "binds": to_model(),
        "reason": "the pilot has ten users",
        "owner": "Ada",
        "approved_by": "Grace",
        "created": "2026-11-01",
        "expires": "2027-01-31",
        "compensating": ["weekly review"],
        **changes,
    }
    return "waiver", {k: v for k, v in body.items() if v is not None}


def only(
    pack: Pack, case: Case, register: Sequence[Entry] = (), as_of: date = DAY, **more: Any
) -> Verdict:
    """The one verdict of a pack with one item."""
    (verdict,) = judge(case, pack, register, as_of=as_of, **more)
    return verdict
