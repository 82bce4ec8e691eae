"""House packs: what extends another pack may add and tighten, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.errors import InputError
from evenhand.policies.pack import Pack, load_pack, parse_pack
from tests.policies.build import attestation_item, check, item, make_pack, pack_data, text

BASE = (
    item(
        "X-1",
        severity="medium",
        obligation="should",
        check=check(decision="point", min_group_n=30, ci={"level": 0.9}),
    ),
    item("X-2", check=check("<=", "${declared.gap_max|0.1}")),
    item("X-3", check=check("between", [0.2, 0.8])),
    item("X-4", check=check(on_small="exclude-and-report", min_group_n=30)),
    attestation_item(
        "A-1",
        evidence_required=["plan"],
        valid_for="P365D",
        scope="system",
        answers=["met", "not-met"],
    ),
)


def house(tmp_path: Path, *items: dict[str, Any], **changes: Any) -> Pack:
    """The pack that extends BASE by ``items``."""
    (tmp_path / "base.yaml").write_text(json.dumps(pack_data(*BASE, id="base-rules")))
    data = pack_data(*items, extends="base.yaml", **changes)
    (tmp_path / "house.yaml").write_text(json.dumps(data))
    return load_pack(tmp_path / "house.yaml")


def test_what_is_not_named_stays_and_what_is_new_is_added(tmp_path: Path) -> None:
    pack = house(tmp_path, item("NEW-1"))
    assert [i.id for i in pack.items] == ["X-1", "X-2", "X-3", "X-4", "A-1", "NEW-1"]
    base = make_pack(*BASE, id="base-rules")
    assert pack.items[:5] == base.items
    assert pack.extended is not None
    assert (pack.extended.id, pack.extended.version) == ("base-rules", "2026.11.0")
    (change,) = pack.extended.changes
    assert (change.item, change.part, change.after) == ("NEW-1", "item", "added")


TIGHTER: list[tuple[str, dict[str, Any]]] = [
    ("X-1", {"severity": "blocker"}),
    ("X-1", {"obligation": "must"}),
    ("X-1", {"waivable": False}),
    ("X-1", {"check": {"threshold": 0.81}}),
    ("X-1", {"check": {"decision": "bound"}}),
    ("X-1", {"check": {"min_group_n": 31}}),
    ("X-1", {"check": {"ci": {"level": 0.95}}}),
    ("X-1", {"check": {"on_small": "fail"}}),
    ("X-2", {"check": {"threshold": 0.1, "threshold_origin": "convention"}}),
    ("X-2", {"check": {"threshold": "${declared.gap_max|0.05}"}}),
    ("X-2", {"check": {"threshold": "${declared.gap_max}"}}),
    ("X-3", {"check": {"threshold": [0.3, 0.7]}}),
    ("X-4", {"check": {"min_group_n": 20}}),  # fewer groups are left out
    ("A-1", {"attest": {"two_person": True}}),
    ("A-1", {"attest": {"valid_for": "P180D"}}),
    ("A-1", {"attest": {"evidence_required": ["plan", "minutes"]}}),
    ("A-1", {"attest": {"scope": "model"}}),
    ("A-1", {"attest": {"answers": ["met"]}}),
    ("A-1", {"title": text("other words")}),
]
LOOSER: list[tuple[str, dict[str, Any]]] = [
    ("X-1", {"severity": "low"}),
    ("X-1", {"obligation": "may"}),
    ("X-1", {"check": {"threshold": 0.79}}),
    ("X-1", {"check": {"threshold": "${declared.accuracy_min}"}}),
    ("X-1", {"check": {"comparator": "<="}}),
    ("X-1", {"check": {"min_group_n": 29}}),
    ("X-1", {"check": {"ci": {"level": 0.8}}}),
    ("X-1", {"check": {"on_small": "exclude-and-report"}}),
    ("X-1", {"check": {"companion_test": {"alpha": 0.05}}}),
    ("X-1", {"applies_when": {"fact": "subject.task", "eq": "binary"}}),
    ("X-1", {"evidence": {"select": "performance.recall_score"}}),
    ("X-1", {"applies_from": "2030-01-01"}),
    ("X-1", {"waivable": True}),
    ("X-2", {"check": {"threshold": 0.11}}),
    ("X-2", {"check": {"threshold": "${declared.gap_max|0.2}"}}),
    ("X-2", {"check": {"threshold": "${declared.other|0.05}"}}),
    ("X-3", {"check": {"threshold": [0.3, 0.9]}}),
    ("X-4", {"check": {"min_group_n": 50}}),  # more groups are left out
    ("A-1", {"attest": {"two_person": False, "valid_for": "P2Y"}}),
    ("A-1", {"attest": {"evidence_required": []}}),
    ("A-1", {"attest": {"scope": "org"}}),
    ("A-1", {"attest": {"answers": ["met", "not-met", "not-applicable"]}}),
]


@pytest.mark.parametrize(("item_id", "change"), TIGHTER, ids=lambda v: str(v)[:60])
def test_tightening_is_taken_and_named(
    tmp_path: Path, item_id: str, change: dict[str, Any]
) -> None:
    pack = house(tmp_path, {"id": item_id, **change})
    assert pack.extended is not None
    assert {c.item for c in pack.extended.changes} == {item_id}
    changed = pack.item(item_id)
    assert changed is not None
    assert changed != make_pack(*BASE).item(item_id)


@pytest.mark.parametrize(("item_id", "change"), LOOSER, ids=lambda v: str(v)[:60])
def test_loosening_is_refused_with_file_line_and_item(
    tmp_path: Path, item_id: str, change: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match=rf"house.yaml line 1, item '{item_id}'.*no tightening"):
        house(tmp_path, {"id": item_id, **change})


def test_when_it_applies_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="applies_when"):
        house(tmp_path, item("N"), applies_when={"fact": "subject.task", "eq": "binary"})


def test_the_sealed_bytes_are_the_whole_pack(tmp_path: Path) -> None:
    pack = house(tmp_path, {"id": "X-1", "severity": "blocker"}, item("NEW-1"))
    again = parse_pack(pack.raw, "case/packs/house-rules.yaml")
    assert again.items == pack.items
    assert again.extended == pack.extended
    assert again.digest == pack.digest


def test_extending_goes_on_and_never_in_a_circle(tmp_path: Path) -> None:
    house(tmp_path, {"id": "X-1", "severity": "high"})
    top = pack_data({"id": "X-1", "severity": "blocker"}, id="top", extends="house.yaml")
    (tmp_path / "top.yaml").write_text(json.dumps(top))
    pack = load_pack(tmp_path / "top.yaml")
    assert pack.items[0].severity == "blocker"
    (tmp_path / "base.yaml").write_text(json.dumps(pack_data(id="b", extends="top.yaml")))
    with pytest.raises(InputError, match="circle"):
        load_pack(tmp_path / "top.yaml")


@pytest.mark.parametrize("ref", ["../base.yaml", "/etc/passwd", "absent.yaml", "baselin"])
def test_only_shipped_packs_and_files_beside_can_be_extended(tmp_path: Path, ref: str) -> None:
    (tmp_path / "h.yaml").write_text(json.dumps(pack_data(item("N"), extends=ref)))
    with pytest.raises(InputError, match="no shipped pack and no file beside it"):
        load_pack(tmp_path / "h.yaml")


def test_a_shipped_pack_is_extended_by_its_id(tmp_path: Path) -> None:
    own = {"id": "BASE-DATA-1", "check": {"threshold": 500}}
    (tmp_path / "h.yaml").write_text(json.dumps(pack_data(own, extends="baseline")))
    pack = load_pack(tmp_path / "h.yaml")
    assert len(pack.items) == len(load_pack("baseline").items)
    assert pack.extended is not None
    shown = [(c.part, c.before, c.after) for c in pack.extended.changes]
    assert shown == [("check.threshold", "${declared.rows_min|100}", "500.0")]
    assert pack.line("items", 0, "check") == 1


def test_bytes_alone_cannot_extend() -> None:
    with pytest.raises(InputError, match="not read from a file"):
        make_pack(extends="baseline")
