"""The lint's rules, one by one."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from evenhand.policies.lint import Complaint, lint, outdated
from evenhand.policies.pack import Pack, load_pack, parse_pack, shipped_packs
from tests.policies.build import DAY, attestation_item, check, item, make_pack, text

MEASURES = {
    "performance.accuracy_score": "performance.classification",
    "data.missing_rate": "data.quality",
}
# what the issue says that checks measure; the catalogue has its own test
BASELINE_SELECTS = {
    "data.training_row_rate",
    "data.target_copy_count",
    "performance.accuracy_score",
    "performance.balanced_accuracy_score",
    "fairness.demographic_parity_difference",
    "fairness.equalized_odds_difference",
    "explanation.mean_absolute_attribution",
    "explanation.completeness_gap",
    "robustness.inconsistent_answer_rate",
    "privacy.declared_epsilon",
    "privacy.declared_delta",
    "data.row_count",
    "data.dropped_row_count",
    "data.missing_rate",
    "data.group_count",
}
FACTS = (
    "subject.task",
    "subject.has_model",
    "subject.has_labels",
    "subject.has_scores",
    "subject.positive_is",
    "subject.sensitive_features",
    "subject.is_private",
)


def found(pack: Pack, **options: Any) -> list[Complaint]:
    return lint(pack, measures=MEASURES, **options)


def test_a_sound_pack_has_no_complaint() -> None:
    assert found(make_pack(item(), attestation_item()), facts=FACTS, as_of=DAY) == []


@pytest.mark.parametrize("pack_id", shipped_packs())
def test_shipped_packs_have_no_errors(pack_id: str) -> None:
    complaints = lint(load_pack(pack_id), measures=None, as_of=DAY)
    assert [str(c) for c in complaints if c.level == "error"] == []


@pytest.mark.parametrize("pack_id", shipped_packs())
def test_every_item_names_a_source_that_was_looked_at_on_a_day(pack_id: str) -> None:
    pack = load_pack(pack_id)
    for one in pack.items:
        assert one.clause and set(one.clause) <= set(pack.sources), one.id
    assert [k for k, source in pack.sources.items() if source.checked is None] == []


def test_crosswalks_to_known_packs_lead_somewhere() -> None:
    pack = make_pack({**item(), "crosswalk": ["other:A-1", "other:A-2", "unseen:B-1"]})
    (complaint,) = found(pack, items={"other:A-1"})
    assert complaint.level == "error"
    assert "crosswalk names other:A-2, which is no item" in complaint.message
    assert found(pack) == []  # without the other packs nothing can be said


def test_the_baseline_knows_its_measures_and_facts() -> None:
    measures = dict.fromkeys(BASELINE_SELECTS, "some.check")
    assert lint(load_pack("baseline"), measures=measures, facts=FACTS, as_of=DAY) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": {"en": "a"}}, "title lacks zh"),
        ({"text": {"zh": "a"}}, "text lacks en"),
        ({"on_fail": {"fix": {"en": "a"}}}, "on_fail.fix lacks zh"),
        ({"on_fail": {"fix": text(), "effect": {"en": "a"}}}, "on_fail.effect lacks zh"),
        ({"clause": {"hause": "1"}}, "clause names the unknown source 'hause'"),
        ({"check": check(threshold_origin="law")}, "said to be law, but no clause"),
        (
            {"severity": "blocker", "check": check(threshold="${declared.x|0.5}")},
            "a blocker takes 0.5 where declared.x is missing",
        ),
        ({"check": check(threshold_origin="declared")}, "declared, but it is a fixed number"),
        ({"severity": "blocker", "waivable": True}, "can be waived, without a note"),
        ({"evidence": {"select": "performance.acuracy_score"}}, "no check measures"),
        ({"applies_when": {"fact": "subject.tusk", "eq": "x"}}, "unknown fact subject.tusk"),
    ],
)
def test_errors(changes: dict[str, Any], message: str) -> None:
    (complaint,) = found(make_pack(item(**changes)), facts=FACTS)
    assert message in complaint.message
    assert (complaint.level, complaint.item, complaint.line) == ("error", "X-1", 1)
    assert complaint.remedy


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"check": {k: v for k, v in check().items() if k != "note"}}, "without a reason"),
        ({"on_fail": None}, "says nothing about what to do"),
    ],
)
def test_warnings(changes: dict[str, Any], message: str) -> None:
    (complaint,) = found(make_pack(item(**changes)))
    assert message in complaint.message
    assert complaint.level == "warning"


def test_what_is_allowed() -> None:
    allowed = [
        item("L-1", clause={"house": "1"}, check=check(threshold_origin="law")),
        item("L-2", severity="blocker", clause={"house": "2"}),
        item("L-3", severity="blocker", waivable=True, note="pilots may go on"),
        item("L-4", check=check(threshold="${declared.x|0.5}")),
        item("L-5", applies_when={"fact": "role", "eq": "provider"}),
    ]
    pack = make_pack(*allowed, parameters={"role": {"enum": ["provider", "deployer"]}})
    assert found(pack, facts=FACTS) == []


def status(**changes: Any) -> Pack:
    legal = {"state": "in-force", "checked_on": "2026-05-26", **changes}
    return make_pack(legal_status=legal)


def test_dates_and_successors() -> None:
    # 2026-05-26 to 2026-11-22 are 180 days: still fresh; a day later it is stale
    assert found(status(), as_of=DAY) == []
    (stale,) = found(status(), as_of=date(2026, 11, 23))
    assert stale.level == "warning" and "last checked on 2026-05-26" in stale.message
    assert found(status()) == []
    (superseded,) = found(status(state="superseded"))
    assert superseded.level == "error" and "names no successor" in superseded.message
    (successor,) = found(status(state="superseded", superseded_by="other-pack"))
    assert successor.level == "warning" and "superseded by other-pack" in successor.message
    (dateless,) = found(status(state="adopted-not-yet-applicable"))
    assert "with no date" in dateless.message


def test_the_pack_itself_has_a_title_and_known_facts() -> None:
    pack = make_pack(title={"en": "a"}, applies_when={"fact": "gone", "eq": 1})
    assert [c.message for c in found(pack, facts=FACTS)] == [
        "the title lacks zh",
        "applies_when asks for the unknown fact gone",
    ]
    assert len(found(pack)) == 1


def test_line_numbers_and_words() -> None:
    raw = b"""schema: rai-pack/1
id: p
version: 2026.11.0
title: {en: a, zh: b}
jurisdiction: INT
kind: house
legal_status: {state: voluntary, checked_on: 2026-11-22}
items:
- id: X-1
  title: {en: a, zh: b}
  kind: automated
  severity: high
  on_fail: {fix: {en: a, zh: b}}
  evidence: {select: performance.accuracy_scores}
  check: {comparator: ">=", threshold: 0.5, unit: rate, threshold_origin: convention, note: n}
"""
    (complaint,) = found(parse_pack(raw, "p.yaml"))
    assert complaint.line == 14
    assert str(complaint) == (
        "line 14: error: X-1: no check measures performance.accuracy_scores\n"
        "  -> did you mean: performance.accuracy_score?"
    )


def test_two_items_that_ask_the_same() -> None:
    twins = make_pack(item("X-1"), item("X-2", title=text("other words")), attestation_item())
    (complaint,) = found(twins)
    assert (complaint.level, complaint.item) == ("error", "X-2")
    assert "asks what X-1 asks" in complaint.message
    apart = make_pack(item("X-1"), item("X-2", clause={"house": "2"}))
    assert found(apart) == []


def test_a_pack_that_cites_a_text_names_the_clause() -> None:
    (complaint,) = found(make_pack(item("X-1"), kind="law"))
    assert complaint.message == "names no clause"
    assert found(make_pack(item("X-1", clause={"house": "1"}), kind="law")) == []


def test_whoever_judges_is_told_of_outdated_packs(capsys: pytest.CaptureFixture[str]) -> None:
    from evenhand.audit.commands.parts.shared import warn_of_outdated

    status = {"state": "in-force", "checked_on": "2026-11-22"}
    fresh, replaced = (
        make_pack(item(), legal_status={**status, **more})
        for more in ({}, {"superseded_by": "newer-pack"})
    )
    day = date(2027, 5, 21)  # 180 days later
    assert list(outdated(fresh, day)) == []
    assert len(list(outdated(fresh, date(2027, 5, 22)))) == 1
    warn_of_outdated([fresh, replaced], day)
    told = capsys.readouterr().err
    assert told.count("warning: pack") == 1
    assert "superseded by newer-pack: use newer-pack for new audits" in told
