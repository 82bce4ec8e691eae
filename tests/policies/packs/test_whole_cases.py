"""Each shipped pack on two whole cases: every verdict as worked out by hand."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import pytest

from evenhand.policies.judge import judge
from evenhand.policies.pack import load_pack, shipped_packs
from evenhand.policies.schema import Pack
from tests.policies import whole_cases, whole_cases_frameworks
from tests.policies.build import attestation, entries, make_case
from tests.policies.whole_cases import WholeCase

LATER = date(2030, 1, 1)
SMALL = (
    whole_cases.NYC
    + whole_cases.UGESP
    + whole_cases.ECOA
    + whole_cases.DP
    + whole_cases.GREEN
    + whole_cases.SELF
    + whole_cases.PEOPLE
)
CASES = SMALL + whole_cases_frameworks.ALL


def signatures(pack: Pack) -> list[Any]:
    """Two people's answers to every item that is attested, with all evidence."""
    return [
        attestation(
            pack=pack.id,
            pack_version=pack.version,
            item=item.id,
            role=item.attest.role,
            by=by,
            signed_at="2029-12-31T09:00:00+00:00",
            expires=None,
            evidence=[
                {"path": "x.pdf", "sha256": "d" * 64, "kind": kind}
                for kind in item.attest.evidence_required
            ],
        )
        for item in pack.items
        if item.attest is not None
        for by in ("Ada", "Grace")
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.pack}: {c.name}")
def test_every_verdict(case: WholeCase) -> None:
    pack = load_pack(case.pack)
    made = make_case(
        *case.findings,
        facts=case.facts,
        declared=case.declared,
        sensitive_features=["sex"],
        roles=case.roles,
    )
    register = entries(*(signatures(pack) if case.signed else []))
    found = {v.item: v for v in judge(made, pack, register, as_of=LATER)}
    expected = {item.id: case.expected.get(item.id, case.rest) for item in pack.items}
    assert not set(case.expected) - set(expected), "an item that the pack does not have"
    wrong = {
        i: (v.status, expected[i], v.because["en"])
        for i, v in found.items()
        if v.status != expected[i]
    }
    assert not wrong


def test_each_pack_has_two() -> None:
    assert Counter(c.pack for c in CASES) == dict.fromkeys(shipped_packs(), 2)


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.pack}: {c.name}")
def test_what_is_measured_is_worked_out(case: WholeCase) -> None:
    """No measured item hides behind ``rest``."""
    measured = {item.id for item in load_pack(case.pack).items if item.selects is not None}
    assert measured <= set(case.expected)
