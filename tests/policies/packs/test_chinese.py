"""Chinese sentences hold no English but names: reasons, roles, kinds of evidence, pack texts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.words.reasons import in_chinese
from evenhand.policies.judge import judge
from evenhand.policies.pack import load_pack, shipped_packs
from evenhand.policies.terms import EVIDENCE, ROLES
from tests.policies.build import DAY, attestation_item, item, make_case, make_pack
from tests.samples import finding

AUDIT = Path(__file__).parents[3] / "audit"
# Calls whose argument at this place is a finding's reason.
REASONS = {"undefined": 0, "MissingNeed": 0, "without_value": 2}
# Reasons made of others, as they come out.
MADE = {
    "x in x": "no positive predictions in the rest",
    "x, rate x": "under 0.02 of the people in its table, left out: 3 people, rate 0.333",
    "x the group": "no negative labels outside the group",
    "no x labels": "no positive labels",
}
PACKS = [load_pack(name) for name in shipped_packs()]


def _text(node: ast.expr) -> str:
    """A text with what differs from case to case as the letter x; "" for what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else "x" for v in node.values)
    return ""


def reasons() -> Iterator[tuple[str, str]]:
    """(place, reason) for every reason that is written out where it is given."""
    for folder in ("checks", "measure", "attribution"):
        for path in sorted((AUDIT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call):
                    continue
                called = getattr(node.func, "id", getattr(node.func, "attr", ""))
                place = REASONS.get(called)
                given: list[ast.expr] = [k.value for k in node.keywords if k.arg == "empty"]
                if place is not None and len(node.args) > place:
                    given.append(node.args[place])
                for text in filter(None, map(_text, given)):
                    yield f"{path.relative_to(AUDIT)}:{node.lineno}", MADE.get(text, text)


def test_reasons_have_a_chinese_sentence() -> None:
    found = list(reasons())
    assert len(found) > 80  # they were found at all
    assert [(place, text) for place, text in found if "原文" in in_chinese(text)] == []


def test_reasons_are_told_part_by_part() -> None:
    # by hand: two sentences, a list with a reason in brackets, and one that nobody knows
    told = in_chinese("no rows; left out: a (no positive labels) and 3 more; ValueError: x")
    assert told == "没有数据行；未计入：a（没有正类标签） 等另 3 个；原文“ValueError: x”"
    assert in_chinese("") == ""


def test_names_of_strangers_stay_as_they_are() -> None:
    told = in_chinese("too small, left out (minimum 10 rows): {0} and (no rows) (3 rows)")
    assert told.startswith("过小而未计入（下限 10 行）：{0} and")


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
    empty = finding(
        "performance.classification", "accuracy_score", None, reason="no positive labels"
    )
    pack = make_pack(item(), attestation_item("I-2", role="data owner"))
    measured, attested = judge(make_case(empty), pack, (), as_of=DAY)
    assert "没有正类标签" in measured.because["zh"]
    assert "positive" not in measured.because["zh"]
    assert attested.because["zh"].endswith("数据负责人（data owner）")
    elsewhere = make_pack(item(applies_when={"fact": "subject.task", "eq": "x"}))
    (verdict,) = judge(make_case(empty), elsewhere, (), as_of=DAY)
    assert verdict.because["en"].endswith("by its facts: subject.task")
