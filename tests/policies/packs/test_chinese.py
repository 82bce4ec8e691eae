"""Chinese sentences hold no English but names: verdicts, roles, kinds of evidence, pack texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from evenhand.audit.reason import because
from evenhand.policies.judge import judge
from evenhand.policies.pack import load_pack, shipped_packs
from evenhand.policies.terms import EVIDENCE, ROLES
from tests.policies.build import DAY, attestation_item, item, make_case, make_pack
from tests.samples import finding

PACKS = [load_pack(name) for name in shipped_packs()]


def test_roles_and_evidence_of_shipped_packs_have_chinese_names() -> None:
    asked = [item.attest for pack in PACKS for item in pack.items if item.attest]
    assert {a.role.casefold() for a in asked} <= set(ROLES)
    assert {kind for a in asked for kind in a.evidence_required} <= set(EVIDENCE)


def _chinese(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("zh"), str):
            yield value["zh"]
        for one in value.values():
            yield from _chinese(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _chinese(one)


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.id)
def test_no_chinese_text_of_a_pack_holds_english_words(pack: Any) -> None:
    texts = list(_chinese(pack.model_dump(mode="json", by_alias=True)))
    assert texts
    # commands, options, keys of the subject's file and names of law or method stay as they are
    plain = [
        re.sub(r"evenhand [a-z -]+|--[a-z-]+|[a-z]+(_[a-z]+)+|[a-z]+\.[a-z]+", "", t) for t in texts
    ]
    assert [t for t in plain if re.search(r"[a-z]{3,} [a-z]{2,}", t)] == []


def test_crosswalks_lead_to_items_of_shipped_packs() -> None:
    known = {f"{pack.id}:{item.id}" for pack in PACKS for item in pack.items}
    named = {ref for pack in PACKS for item in pack.items for ref in item.crosswalk}
    assert named <= known
    measured = [item for pack in PACKS for item in pack.items if item.kind == "automated"]
    assert [item.id for item in measured if not item.crosswalk] == []


def test_verdicts_in_chinese_give_reasons_in_chinese() -> None:
    why = because("no-positive-labels")
    empty = finding("performance.classification", "accuracy_score", None, reason=why)
    pack = make_pack(item(), attestation_item("I-2", role="data owner"))
    measured, attested = judge(make_case(empty), pack, (), as_of=DAY)
    assert "没有正类标签" in measured.because["zh"]
    assert "positive" not in measured.because["zh"]
    assert attested.because["zh"].endswith("数据负责人（data owner）")
    elsewhere = make_pack(item(applies_when={"fact": "subject.task", "eq": "x"}))
    (verdict,) = judge(make_case(empty), elsewhere, (), as_of=DAY)
    assert verdict.because["en"].endswith("by its facts: subject.task = binary")
