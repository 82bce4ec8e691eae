"""Findings made from what an item of a pack says in its file, on either side of its threshold or
across it, with the case and the verdict that follow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from evenhand.audit.case.case import Case
from evenhand.audit.finding import Finding
from evenhand.audit.run.catalogue import measure_index
from evenhand.policies.demands import Requirement, declared_reference
from evenhand.policies.judge import judge
from evenhand.policies.pack import load_pack, shipped_packs
from evenhand.policies.schema import Condition, Evidence, Item, Pack
from evenhand.policies.verdict import Verdict
from tests.policies.build import attestation, entries, make_case
from tests.samples import finding

FEATURES = ("race", "sex")

LATER = date(2030, 1, 1)  # every pack applies by then

SIGNED = {"signed_at": "2029-12-31T09:00:00+00:00", "expires": None}


def automated_items() -> Iterator[Any]:
    for pack_id in shipped_packs():
        pack = load_pack(pack_id)
        for item in pack.items:
            if item.selects is not None:
                yield pytest.param(pack, item, id=f"{pack_id}:{item.id}")


def wanted(condition: Condition | None) -> dict[str, Any]:
    """Facts under which a condition holds."""
    if condition is None:
        return {}
    if condition.all_ is not None:
        return {k: v for part in condition.all_ for k, v in wanted(part).items()}
    if condition.any_ is not None:
        return wanted(condition.any_[0])
    assert condition.not_ is None, "no shipped pack negates"
    assert condition.fact is not None
    operator = next(iter(condition.model_fields_set - {"fact"}))
    value = getattr(condition, operator)
    if operator == "in_":
        return {condition.fact: value[0]}
    if operator == "contains":
        return {condition.fact: [value]}
    if operator == "ne":
        assert value == [], f"{condition.fact} ne {value}"
        return {condition.fact: list(FEATURES)}
    assert operator in ("eq", "gte", "lte"), operator
    return {condition.fact: value}


def facts(pack: Pack, item: Item) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for name, parameter in pack.parameters.items():
        if parameter.required:
            known[name] = parameter.enum[0] if parameter.enum else "any"
    return {**known, **wanted(pack.applies_when), **wanted(item.applies_when)}


def declared(check: Requirement) -> dict[str, float]:
    names = [declared_reference(t) for t in check.thresholds if isinstance(t, str)]
    return {name: 0.5 if default is None else default for name, default in names}


def limits(check: Requirement) -> list[float]:
    values = declared(check)
    return [
        values[declared_reference(t)[0]] if isinstance(t, str) else float(t)
        for t in check.thresholds
    ]


def bound(evidence: Evidence) -> list[str]:
    """The columns of an item's roles: an item that takes any role is given one."""
    return [f"c_{role}" for role in (evidence.roles or evidence.any_role[:1])]


def places(evidence: Evidence) -> list[dict[str, Any]]:
    """What the findings are about, by the item's grouping."""
    if evidence.columns is not None:
        return [{"column": column} for column in evidence.columns]
    grouping = evidence.grouping
    if grouping is None and evidence.binds:
        return [{"column": column} for column in bound(evidence)]
    if grouping is None:
        return [{}]
    if grouping == "each":
        sets = [[f] for f in (bound(evidence) or FEATURES)]
    elif grouping == "crossing":
        sets = [bound(evidence) or list(FEATURES)]
    else:
        sets = [part if isinstance(part, list) else [part] for part in grouping]
    if evidence.between is not None:
        return [{"between": s} for s in sets]
    return [{"group": dict.fromkeys(s, v)} for s in sets for v in ("a", "b")]


def value_on(check: Requirement, side: str) -> float:
    """A value a step inside or outside of what the item's file asks for."""
    at = limits(check)
    step = 0.1 * (abs(at[0]) or 1)
    if check.comparator in (">=", ">"):
        return at[0] + (step if side == "pass" else -step)
    if check.comparator in ("<=", "<"):
        return at[0] + (-step if side == "pass" else step)
    if check.comparator == "between":
        return (at[0] + at[-1]) / 2 if side == "pass" else at[-1] + step
    assert check.comparator == "=="
    return at[0] if side == "pass" else at[0] + step


def findings(item: Item, side: str) -> list[Finding]:
    evidence, check = item.selects, item.check
    assert evidence is not None and check is not None
    source = measure_index()[evidence.select].split(",")[0]
    counts = {"groups": 2, "groups_left_out": 0}
    made = []
    for place in places(evidence):
        about = {**place, "n": 10_000, "method": method(check), "counts": counts}
        about["unit"] = check.unit or "rate"
        if check.decision == "present":
            value = {"pass": 0.5, "fail": None}[side]
            made.append(
                finding(source, evidence.measure, value, **about, reason="" if value else "no rows")
            )
            continue
        value = value_on(check, "pass" if side == "open" else side)
        half = 0.02 * (abs(limits(check)[0]) or 1)
        if side == "open":
            half *= 40
        p = {"pass": 0.5, "fail": 1e-6, "open": 0.5}[side] if check.companion_test else None
        made.append(
            finding(source, evidence.measure, value, value - half, value + half, **about, p_value=p)
        )
    return made


def method(check: Requirement) -> str:
    return {None: "Wilson score", "katz-log": "Katz log"}.get(check.ci.method, str(check.ci.method))


def case_for(pack: Pack, item: Item, found: list[Finding]) -> Case:
    assert item.check is not None and item.selects is not None
    columns = bound(item.selects)
    case = make_case(
        *found,
        facts=facts(pack, item),
        declared=declared(item.check),
        sensitive_features=[*FEATURES, *columns],
        roles={column.removeprefix("c_"): [column] for column in columns},
    )
    case.plan.facts["subject.sensitive_features"] = list(FEATURES)
    return case


def verdict(pack: Pack, item: Item, case: Case, other: Case | None = None) -> Verdict:
    register = []
    if item.attest is not None:
        kinds = [
            {"path": f"{kind}.pdf", "sha256": "d" * 64, "kind": kind}
            for kind in item.attest.evidence_required
        ]
        register = [
            attestation(
                pack=pack.id,
                pack_version=pack.version,
                item=item.id,
                role=item.attest.role,
                by=by,
                evidence=kinds,
                **SIGNED,
            )
            for by in ("Ada", "Grace")
        ]
    found = judge(case, pack, entries(*register), as_of=LATER, compare_to=other)
    return next(v for v in found if v.item == item.id)
