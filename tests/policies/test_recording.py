"""What people may put on the register, and what is refused before it gets there."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.errors import InputError
from evenhand.audit.register.binding import about, bind
from evenhand.policies.judge import judge
from evenhand.policies.recording import (
    EvidenceContent,
    Signer,
    attestation,
    find_item,
    keep_evidence,
    read_evidence,
    sign_off,
    waiver,
)
from evenhand.policies.statement_files import read_statement_file
from tests.policies.build import DAY, attestation_item, entries, item, make_case, make_pack
from tests.samples import finding

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
OWNER = Signer("Ada", "owner")
CASE = make_case(finding("performance.classification", "accuracy_score", 0.7, 0.65, 0.75))
PACK = make_pack(
    item("X-1"),
    item("X-2", severity="blocker", clause={"house": "2"}),
    attestation_item("A-1", evidence_required=["plan"], valid_for="P90D"),
)


def attested(**changes: Any) -> dict[str, Any]:
    options: dict[str, Any] = {
        "answer": "met",
        "statement": "seen",
        "signer": OWNER,
        "binds": bind(about(CASE), "model"),
        "evidence": [EvidenceContent("plan.pdf", b"a plan", "plan")],
        "at": AT,
        **changes,
    }
    item_id = options.pop("item", "A-1")
    return attestation(CASE, PACK, find_item([PACK], item_id)[1], **options)


def status_with(*bodies: Any, item_id: str, day: date = DAY) -> str:
    verdicts = judge(CASE, PACK, entries(*bodies), as_of=day)
    return next(v.status for v in verdicts if v.item == item_id)


def test_an_attestation_is_what_the_judge_takes() -> None:
    assert status_with(item_id="A-1") == "needs-attestation"
    body = attested()
    assert status_with(("attestation", body), item_id="A-1") == "attested"
    # 22 November and 90 days is 20 February
    assert body["expires"] == "2027-02-20"
    assert status_with(("attestation", body), item_id="A-1", day=date(2027, 2, 20)) == "attested"
    assert status_with(("attestation", body), item_id="A-1", day=date(2027, 2, 21)) == (
        "needs-attestation"
    )
    assert body["evidence"][0]["sha256"] == ("sha256:" + hashlib.sha256(b"a plan").hexdigest())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"signer": Signer("Ada", "intern")}, "attested by the role 'owner', not 'intern'"),
        ({"signer": Signer(" ", "owner")}, "the name of who signs is empty"),
        ({"answer": "perhaps"}, "does not offer the answer 'perhaps'"),
        ({"evidence": []}, "asks for evidence: plan"),
        ({"evidence": [EvidenceContent("x", b"", "minutes")]}, "asks for evidence: plan"),
        ({"expires": date(2027, 2, 21)}, "can't end on 2027-02-21"),
        ({"expires": date(2026, 11, 21)}, "can't end on 2026-11-21"),
        ({"statement": ""}, "statement"),
        ({"item": "X-1"}, "is automated"),
    ],
)
def test_an_attestation_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        attested(**changes)
    assert caught.value.remedy


def test_a_refusal_needs_no_evidence() -> None:
    body = attested(answer="not-met", evidence=[])
    assert status_with(("attestation", body), item_id="A-1") == "fail"


def waived(item_id: str = "X-1", **changes: Any) -> dict[str, Any]:
    options: dict[str, Any] = {
        "reason": "a pilot",
        "owner": "Ada",
        "approver": Signer("Grace", "risk"),
        "binds": bind(about(CASE), "model"),
        "expires": date(2027, 5, 21),  # 180 days after 22 November
        "compensating": ["weekly review"],
        "at": AT,
        **changes,
    }
    return waiver(CASE, PACK, find_item([PACK], item_id)[1], **options)


def test_a_waiver_softens_and_keeps_the_real_status() -> None:
    assert status_with(item_id="X-1") == "fail"
    verdicts = judge(CASE, PACK, entries(("waiver", waived())), as_of=DAY)
    assert (verdicts[0].status, verdicts[0].underlying) == ("waived", "fail")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"approver": Signer("ADA ", "risk")}, "somebody else than its owner"),
        ({"expires": date(2027, 5, 22)}, "at most 180 days"),
        ({"expires": date(2026, 11, 21)}, "ends after it starts"),
        ({"compensating": ["  "]}, "needs a compensating measure"),
        ({"reason": " "}, "reason"),
        ({"item_id": "X-2"}, "can't be waived"),
    ],
)
def test_a_waiver_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        waived(**changes)


def signed(*accepts: str, register: Any = ()) -> dict[str, Any]:
    verdicts = judge(CASE, PACK, register, as_of=DAY)
    return sign_off(
        CASE, [PACK], verdicts, statement="I accept", signer=OWNER, accepts=accepts, at=AT
    )


def test_a_sign_off_names_every_open_item() -> None:
    with pytest.raises(InputError, match=r"3 open items are not accepted: .*X-1 \(fail\)"):
        signed()
    body = signed("X-1", "house-rules:X-2", "A-1")
    assert [(a["item"], a["status"]) for a in body["accepted"]] == [
        ("X-1", "fail"),
        ("X-2", "fail"),
        ("A-1", "needs-attestation"),
    ]
    assert (body["case"], body["by"]) == (CASE.digest, "Ada")


def test_a_waived_item_is_still_open_and_a_settled_one_is_not() -> None:
    register = entries(("waiver", waived()), ("attestation", attested()))
    assert [a["status"] for a in signed("X-1", "X-2", register=register)["accepted"]] == [
        "waived",
        "fail",
    ]
    with pytest.raises(InputError, match="house-rules:A-1 is not open"):
        signed("X-1", "X-2", "A-1", register=register)


def test_items_are_found_by_id_or_with_their_pack() -> None:
    other = make_pack(item("X-1"), id="other")
    assert find_item([PACK, other], "other:X-1")[0] is other
    with pytest.raises(InputError, match="several packs"):
        find_item([PACK, other], "X-1")
    with pytest.raises(InputError, match="no item 'X-9'"):
        find_item([PACK], "X-9")


def test_evidence_is_kept_under_its_digest(tmp_path: Path) -> None:
    (tmp_path / "plan.pdf").write_bytes(b"a plan")
    one = read_evidence(f"plan={tmp_path / 'plan.pdf'}")
    assert one == EvidenceContent("plan.pdf", b"a plan", "plan")
    assert read_evidence(str(tmp_path / "plan.pdf")).kind is None
    keep_evidence(tmp_path / "kept", [one, one])
    (kept,) = (tmp_path / "kept").iterdir()
    assert kept.read_bytes() == b"a plan"
    assert len(kept.name) == 64
    with pytest.raises(InputError, match="no evidence file"):
        read_evidence("plan=absent.pdf")


def test_statement_files(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text("item: X-1\nreason: a pilot\nexpires: 2027-01-31\n")
    assert read_statement_file(file, "waiver")["reason"] == "a pilot"
    file.write_text("item: X-1\nreson: a pilot\n")
    with pytest.raises(InputError, match="line 2: unknown key 'reson'"):
        read_statement_file(file, "waiver")
    file.write_text("- item")
    with pytest.raises(InputError, match="holds no mapping"):
        read_statement_file(file, "attestation")
