"""Attestations and waivers: whose word counts, for which model, until when."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from evenhand.audit.errors import InputError
from evenhand.policies.statements import MAX_WAIVER_DAYS
from evenhand.policies.verdict import Verdict
from tests.policies.build import (
    DAY,
    MODEL,
    OTHER_MODEL,
    attestation,
    attestation_item,
    check,
    entries,
    item,
    make_case,
    make_pack,
    only,
    to_model,
    waiver,
)
from tests.samples import finding

CASE = make_case(finding("performance.classification", "accuracy_score", 0.9, 0.87, 0.92))
FILE = {"path": "note.pdf", "sha256": "sha256:" + "d" * 64}


def signed(*bodies: Any, as_of: date = DAY, **attest: Any) -> Verdict:
    return only(make_pack(attestation_item(**attest)), CASE, entries(*bodies), as_of)


def test_none_on_file() -> None:
    verdict = signed(role="data owner")
    assert (verdict.status, verdict.reason_code) == ("needs-attestation", "no-attestation")
    assert verdict.because["en"] == "no attestation on file; to be attested by: data owner"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("met", "attested"),
        ("met-by-other-means", "attested"),
        ("not-met", "fail"),
        ("not-applicable", "not-applicable"),
    ],
)
def test_answers(answer: str, status: str) -> None:
    verdict = signed(attestation(answer=answer))
    assert (verdict.status, verdict.underlying) == (status, status)
    assert verdict.because["en"] == (
        f'answered "{answer}" by Ada (owner) on 2026-11-01 for the model sha256:{"a" * 12}…, '
        "valid until 2027-05-01: seen and checked"
    )


def test_another_role_is_shown() -> None:
    assert (
        "Ada (intern; the item asks for owner)" in signed(attestation(role="intern")).because["en"]
    )


@pytest.mark.parametrize(
    ("changes", "attest", "as_of", "code"),
    [
        ({"binds": to_model(OTHER_MODEL)}, {}, DAY, "attestation-elsewhere"),
        ({"binds": None, "model_digest": MODEL}, {}, DAY, "attestation-unbound"),
        ({"expires": "2026-11-21"}, {}, DAY, "attestation-expired"),
        # signed on 1 November, valid for 20 days: until the 21st
        ({}, {"valid_for": "P20D"}, DAY, "attestation-expired"),
        ({}, {"valid_for": "P20D"}, date(2026, 11, 21), None),
        ({"expires": "2026-11-22"}, {}, DAY, None),
        ({"expires": None}, {}, DAY, None),
        ({}, {"evidence_required": ["plan"]}, DAY, "attestation-evidence-missing"),
        ({"evidence": [FILE]}, {"evidence_required": ["plan"]}, DAY, None),
        (
            {"evidence": [FILE]},
            {"evidence_required": ["plan", "drill"]},
            DAY,
            "attestation-evidence-missing",
        ),
        ({"evidence": [{**FILE, "kind": "plan"}]}, {"evidence_required": ["plan"]}, DAY, None),
        (
            {"evidence": [{**FILE, "kind": "photo"}]},
            {"evidence_required": ["plan"]},
            DAY,
            "attestation-evidence-missing",
        ),
        ({"signed_at": "2026-11-24T00:00:00+00:00"}, {}, DAY, "attestation-later"),
        # half past eight in the evening in New York is the next day in UTC
        ({"signed_at": "2026-11-22T20:30:00-05:00"}, {}, DAY, None),
        ({"answer": "not-applicable"}, {"answers": ["met", "not-met"]}, DAY, "answer-not-offered"),
        ({"binds": to_model(OTHER_MODEL)}, {"scope": "system"}, DAY, "attestation-elsewhere"),
        ({"binds": None, "model_digest": "*"}, {"scope": "org"}, DAY, "attestation-unbound"),
    ],
)
def test_what_counts(
    changes: dict[str, Any], attest: dict[str, Any], as_of: date, code: str | None
) -> None:
    verdict = signed(attestation(**changes), as_of=as_of, **attest)
    if code is None:
        assert verdict.status == "attested"
    else:
        assert (verdict.status, verdict.reason_code) == ("needs-attestation", code)


def test_missing_evidence_is_named() -> None:
    verdict = signed(
        attestation(evidence=[{**FILE, "kind": "plan"}]), evidence_required=["plan", "stop drill"]
    )
    assert "the attestation by Ada lacks evidence: stop drill" in verdict.because["en"]
    # who says "not met" needs no evidence for it
    assert signed(attestation(answer="not-met"), evidence_required=["plan"]).status == "fail"


def test_the_latest_entry_counts() -> None:
    assert signed(attestation(), attestation(answer="not-met")).status == "fail"
    assert signed(attestation(answer="not-met"), attestation()).status == "attested"
    expired = attestation(expires="2026-11-02")
    assert signed(attestation(), expired).status == "needs-attestation"
    # what was signed for another model does not push out what was signed for this one
    assert signed(attestation(), attestation(binds=to_model(OTHER_MODEL))).status == "attested"


def test_without_a_model_the_data_are_attested() -> None:
    data = "sha256:" + "b" * 64
    case = make_case(digests={"data": data}, model=None)
    pack = make_pack(attestation_item())
    assert only(pack, case, entries(attestation(binds=to_model(data)))).status == "attested"
    assert only(pack, case, entries(attestation())).reason_code == "attestation-elsewhere"


def test_two_people() -> None:
    ada, grace = attestation(), attestation(by="Grace")
    verdict = signed(ada, two_person=True)
    assert (verdict.status, verdict.reason_code) == ("needs-attestation", "second-person-missing")
    assert signed(ada, attestation(by=" ADA "), two_person=True).status == "needs-attestation"
    assert signed(ada, grace, two_person=True).status == "attested"
    assert signed(attestation(answer="not-met"), grace, two_person=True).status == "fail"
    expired = attestation(by="Grace", expires="2026-11-02")
    assert signed(expired, ada, two_person=True).status == "needs-attestation"


def test_statements_for_other_packs_and_items_are_not_ours() -> None:
    assert signed(attestation(pack="other-pack")).status == "needs-attestation"
    assert signed(attestation(item="A-9")).status == "needs-attestation"
    assert signed(attestation(pack="other-pack", answer="perhaps")).status == "needs-attestation"
    assert signed(("case", {"anything": 1}), ("sign-off", {})).status == "needs-attestation"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (attestation(answer="perhaps"), "register entry 1 (attestation): answer: "),
        (attestation(binds={"to": "model", "digest": "abc"}), "binds: "),
        (attestation(by=" "), "by: "),
        (attestation(statement=""), "statement: "),
        (attestation(signed_at="soon"), "signed_at: "),
        (attestation(evidence=[{"path": "x"}]), "evidence.0.sha256: "),
        (attestation(pack=None), "pack: "),
        (attestation(item=None), "item: "),
        (waiver(expires=None), "register entry 1 (waiver): expires: "),
        (waiver(owner="grace "), "approved by somebody else than its owner"),
        (waiver(expires="2026-10-01"), "lasts at most 180 days"),
        # 1 November and 181 days is 1 May
        (waiver(expires="2027-05-01"), "lasts at most 180 days"),
        (waiver(reason=""), "reason: "),
    ],
)
def test_what_cannot_be_read_stops_the_judging(entry: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        signed(entry)
    assert message in str(caught.value)
    assert caught.value.exit_code == 2
    assert "put a corrected entry" in caught.value.remedy


def test_a_corrected_entry_takes_the_place_of_an_unreadable_one() -> None:
    assert signed(attestation(answer="perhaps"), attestation()).status == "attested"
    with pytest.raises(InputError):
        signed(attestation(), attestation(answer="perhaps"))


FAILING = item(check=check(threshold=0.95))


def waived(*bodies: Any, as_of: date = DAY, **changes: Any) -> Verdict:
    return only(make_pack({**FAILING, **changes}), CASE, entries(*bodies), as_of)


def test_a_waiver_never_changes_what_was_found() -> None:
    verdict = waived(waiver())
    assert (verdict.status, verdict.underlying, verdict.reason_code) == ("waived", "fail", "waived")
    assert verdict.because["en"].startswith(
        f"waived for the model sha256:{'a' * 12}… until 2027-01-31 (owner Ada, approved by "
        "Grace): the pilot has ten users; "
        "underneath it fails: Of 100 people 90 get the right answer: a rate of 0.90 "
    )
    assert verdict.value == 0.9


@pytest.mark.parametrize(
    ("entry", "as_of", "status"),
    [
        (waiver(), date(2027, 1, 31), "waived"),
        (waiver(), date(2027, 2, 1), "fail"),
        (waiver(), date(2026, 10, 30), "fail"),
        (waiver(binds=None, model_digest="*"), DAY, "fail"),
        (waiver(binds=to_model(OTHER_MODEL)), DAY, "fail"),
        (waiver(item="X-2"), DAY, "fail"),
        (waiver(created="2026-11-01", expires="2027-04-30"), DAY, "waived"),
    ],
)
def test_when_a_waiver_holds(entry: Any, as_of: date, status: str) -> None:
    assert MAX_WAIVER_DAYS == 180
    assert waived(entry, as_of=as_of).status == status


def test_the_latest_waiver_counts() -> None:
    ended = waiver(created="2026-11-01", expires="2026-11-02")
    assert waived(waiver(), ended).status == "fail"
    assert waived(ended, waiver()).status == "waived"


@pytest.mark.parametrize(
    ("changes", "status", "underlying"),
    [
        ({"check": check(threshold=0.9)}, "waived", "inconclusive"),
        ({"check": check(threshold=0.5)}, "pass", "pass"),
        ({"obligation": "should"}, "waived", "fail"),
        ({"waivable": False}, "fail", "fail"),
        ({"severity": "blocker"}, "fail", "fail"),
        ({"severity": "blocker", "waivable": True}, "waived", "fail"),
        ({"applies_from": "2027-01-01"}, "not-yet-applicable", "fail"),
        ({"applies_when": {"fact": "gone", "eq": 1}}, "waived", "inconclusive"),
    ],
)
def test_what_can_be_waived(changes: dict[str, Any], status: str, underlying: str) -> None:
    verdict = waived(waiver(), **changes)
    assert (verdict.status, verdict.underlying) == (status, underlying)


def test_a_refused_waiver_is_said() -> None:
    because = waived(waiver(), waivable=False).because["en"]
    assert because.endswith("a waiver is on file, but this item cannot be waived")


def test_a_pending_attestation_can_be_waived() -> None:
    verdict = signed(waiver(item="A-1"))
    assert (verdict.status, verdict.underlying) == ("waived", "needs-attestation")


def test_hostile_words_stay_on_one_line() -> None:
    verdict = signed(attestation(by="Ada\n\x1b[31m", statement="a\u202eb" + "x" * 900))
    assert verdict.because["en"].isprintable()
    assert len(verdict.because["en"]) < 400
    assert MODEL not in verdict.because["en"]
