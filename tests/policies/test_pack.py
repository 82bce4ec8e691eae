"""Reading packs: ids and paths, extends, defaults, digests, refusals with line and remedy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import evenhand.policies as policies
from evenhand.audit.errors import InputError
from evenhand.audit.files.canonical import digest_bytes
from evenhand.policies.demands import declared_reference
from evenhand.policies.pack import (
    asked_levels,
    asked_measures,
    json_schema,
    load_pack,
    parse_pack,
    shipped_packs,
)
from evenhand.policies.schema import add_duration
from tests.policies.build import DAY, attestation_item, check, item, make_pack, pack_data

FOLDER = Path(policies.__file__).parent


def test_shipped_packs_load_by_id_and_by_path() -> None:
    assert "baseline" in shipped_packs()
    for pack_id in shipped_packs():
        path = FOLDER / "packs" / f"{pack_id}.yaml"
        pack = load_pack(pack_id)
        assert pack.id == pack_id
        assert pack.raw == path.read_bytes()
        assert pack.digest == digest_bytes(path.read_bytes())
        assert load_pack(path) == load_pack(str(path)) == pack


def test_an_unknown_id_names_the_near_ones() -> None:
    with pytest.raises(InputError, match="did you mean: baseline") as caught:
        load_pack("basline")
    assert caught.value.exit_code == 2
    with pytest.raises(InputError, match=r"no policy pack at .*gone\.yaml"):
        load_pack("gone.yaml")


def test_the_schema_file_is_the_export() -> None:
    stored = json.loads((FOLDER / "pack.schema.json").read_text("utf-8"))
    assert stored == json_schema()


def test_the_schema_accepts_the_shipped_files_and_refuses_unknown_keys() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    validator = jsonschema.Draft202012Validator(json_schema())
    for pack_id in shipped_packs():
        text = (FOLDER / "packs" / f"{pack_id}.yaml").read_text("utf-8")
        # an editor sees dates as text
        data = json.loads(json.dumps(yaml.safe_load(text), default=str))
        assert list(validator.iter_errors(data)) == []
    short = pack_data({"id": "X-2", "extends": "X-1"}, item())
    assert list(validator.iter_errors(short)) == []
    assert list(validator.iter_errors(pack_data(item(sevrity="high"))))


def test_extends_takes_what_is_not_given() -> None:
    pack = make_pack(
        item("X-1", check=check(threshold=0.9), severity="medium"),
        {"id": "X-2", "extends": "X-1", "evidence": {"select": "performance.f1_score"}},
        {"id": "X-3", "extends": "X-2", "severity": "low"},
    )
    second, third = pack.items[1:]
    assert (second.severity, third.severity) == ("medium", "low")
    assert second.check is not None and second.check.threshold == 0.9
    assert third.evidence is not None and third.evidence.select == "performance.f1_score"
    assert third.id == "X-3"


def test_defaults_fill_only_what_is_missing() -> None:
    pack = make_pack(
        item("X-1", severity=None, check=check(decision="point")),
        item("X-2", severity="low", check=check(min_n=5)),
        attestation_item(),
        defaults={
            "severity": "medium",
            "obligation": "should",
            "decision": "bound",
            "min_n": 50,
            "ci": {"level": 0.9},
            "valid_for": "P30D",
            "effect": "bad",
        },
    )
    one, two, three = pack.items
    assert (one.severity, two.severity, one.obligation) == ("medium", "low", "should")
    assert one.check is not None and two.check is not None and three.attest is not None
    assert (one.check.decision, two.check.decision) == ("point", "bound")
    assert (one.check.min_n, two.check.min_n) == (50, 5)
    assert one.check.ci.level == 0.9
    assert three.attest.valid_for == "P30D"
    assert one.on_fail.effect == "bad" and one.on_fail.fix["en"] == "do this"


def test_levels_and_measures_that_a_pack_asks_for() -> None:
    pack = make_pack(
        item("X-1"),
        # one-sided 95 % reads the two-sided 2 * 0.95 - 1 = 90 % interval
        item("X-2", check=check(ci={"level": 0.95, "sided": "one"})),
        item("X-3", check=check(ci={"level": 0.99}), evidence={"select": "data.missing_rate"}),
        attestation_item(),
    )
    assert asked_levels([pack]) == (0.9, 0.95, 0.99)
    assert asked_levels([]) == ()
    assert asked_measures(pack) == {"performance.accuracy_score", "data.missing_rate"}


TEXT = """schema: rai-pack/1
id: p
version: 2026.11.0
title: {en: a, zh: b}
jurisdiction: NO
kind: house
legal_status: {state: voluntary, checked_on: 2026-11-22}
items:
- id: X-1
  title: {en: a, zh: b}
  kind: automated
  severity: high
  evidence: {select: data.row_count}
  check:
    comparator: ">="
    threshold: 100
    threshold_origin: convention
"""


def test_lines_and_a_country_called_no() -> None:
    pack = parse_pack(TEXT.encode(), "p.yaml")
    assert pack.jurisdiction == "NO"
    assert pack.line("items", 0, "check", "threshold") == 16
    assert pack.line("items", 0) == 9


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("severity: high", "sevrity: high", "p.yaml line 12, item 'X-1': unknown key 'sevrity'"),
        ("    threshold: 100", "    treshold: 100", "line 16, item 'X-1': unknown key 'treshold'"),
        ("kind: house", "kindd: house", "p.yaml line 6: unknown key 'kindd'"),
        ("severity: high", "severity: grave", "p.yaml line 12, item 'X-1': severity: Input"),
        ("severity: high", "severity: high\n  extends: X-9", "unknown item 'X-9'"),
        ("severity: high", "severity: high\n  extends: X-1", "in a circle: X-1 -> X-1"),
        ("  kind: automated", "  kind: attestation", "an item of kind attestation has wrong parts"),
        ("threshold: 100", "threshold: ten", "p.yaml line 16, item 'X-1': check.threshold"),
        ("threshold: 100", "threshold: true", "p.yaml line 16, item 'X-1': check.threshold"),
        ("threshold: 100", "threshold: .inf", "p.yaml line 16, item 'X-1': check.threshold"),
        ("threshold: 100", "threshold: '${declared.x|ten}'", "could not convert string to float"),
        ("threshold: 100", "threshold: [1, 2]", "between takes two thresholds"),
        ('">="', "between", "between takes two thresholds"),
        ("select: data.row_count", "select: rows", "evidence.select: String should match"),
        ("schema: rai-pack/1", "schema: rai-pack/9", "is not a policy pack: schema is"),
        ("version: 2026.11.0", "version: 1.0", "version: "),
        ("checked_on: 2026-11-22", "checked_on: soon", "legal_status.checked_on"),
        ("items:\n- id: X-1", "items: none\nx:\n- id: X-1", "unknown key 'x'"),
    ],
)
def test_refusals_name_file_line_item_and_key(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(InputError) as caught:
        parse_pack(TEXT.replace(old, new, 1).encode(), "p.yaml")
    assert message in str(caught.value)
    assert caught.value.exit_code == 2
    assert caught.value.remedy


def test_alternatives_of_one_value_are_one_complaint() -> None:
    with pytest.raises(InputError) as caught:
        parse_pack(TEXT.replace("threshold: 100", "threshold: ten").encode(), "p.yaml")
    assert caught.value.message.count("check.threshold") == 1
    assert "valid number, or: " in caught.value.message
    assert "after validation" not in caught.value.message


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean: severity"):
        parse_pack(TEXT.replace("severity:", "sevrity:").encode(), "p.yaml")


@pytest.mark.parametrize("raw", [b"", b"- a", b"items: 3", b"schema: rai-pack/1\nitems: 3"])
def test_what_is_no_pack_at_all(raw: bytes) -> None:
    with pytest.raises(InputError, match=r"p\.yaml"):
        parse_pack(raw, "p.yaml")


def test_two_items_with_one_id_are_refused() -> None:
    with pytest.raises(InputError, match="two items have the id 'X-1'"):
        make_pack(item("X-1"), item("X-1"))


@pytest.mark.parametrize(
    "changes",
    [
        {"check": None},
        {"evidence": None},
        {"attest": {"role": "owner"}},
        {"check": check(against="compare_to", comparator=">")},
        {"check": check(decision="present")},
        {"check": {"threshold_origin": "law"}},
        {"check": check(companion_test={"alpha": 0.05})},
        {"check": check(decision="point", multiple="bonferroni")},
        {"evidence": "external"},
        {"evidence": {"select": "a.b", "group_by": "each", "between": "each"}},
        {"evidence": {"select": "a.b", "between": []}},
        {"kind": "hybrid"},
    ],
)
def test_parts_that_do_not_fit_together(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        make_pack(item(**changes))


def test_declared_references() -> None:
    assert declared_reference("${declared.a.b}") == ("a.b", None)
    assert declared_reference("${declared.a|-0.5}") == ("a", -0.5)
    with pytest.raises(ValueError, match="is not"):
        declared_reference("declared.a")


@pytest.mark.parametrize(
    ("duration", "end"),
    [
        ("P180D", "2027-05-21"),  # 8 days of November, 31+31+28+31+30 = 151, then 21: 180
        ("P1Y", "2027-11-22"),
        ("P3M", "2027-02-22"),
        ("P2W", "2026-12-06"),
        ("P1Y1M1D", "2027-12-23"),
    ],
)
def test_durations(duration: str, end: str) -> None:
    assert add_duration(DAY, duration).isoformat() == end
    with pytest.raises(ValueError, match="not an ISO 8601 duration"):
        add_duration(DAY, "180 days")
