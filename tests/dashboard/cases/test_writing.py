"""What may be written, by whom: asked on the server, whatever a page showed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from evenhand.audit.case.case import Case, read_case
from evenhand.audit.errors import AlteredEvidenceError, InputError
from evenhand.audit.files.canonical import digest_bytes
from evenhand.audit.register.register import Register
from evenhand.dashboard.cases import writing
from evenhand.dashboard.server.identity import READER, RefusedError, SignedIn
from evenhand.policies.judge import judge
from evenhand.policies.pack import Pack, load_pack
from tests.dashboard.sound_cases import PACK, alter

ADA = SignedIn("Ada", "auditor", "oidc", "https://login.example.org", "17", ("risk owner",))
GRACE = SignedIn("Grace", "approver", "oidc", "https://login.example.org", "18")
TODAY = datetime.now(UTC).date()


@pytest.fixture
def pack() -> Pack:
    return load_pack(PACK)


def status(case: Case, pack: Pack, item: str) -> str:
    verdicts = judge(case, pack, Register().snapshot(), as_of=TODAY)
    return next(v.status for v in verdicts if v.item == item)


def attest(
    person: SignedIn, case: Case, pack: Pack, item: str = "H-05", **changes: object
) -> object:
    given = {"answer": "met", "statement": "I do.", "evidence": (), **changes}
    found = pack.item(item)
    assert found is not None
    return writing.attest(person, case, pack, found, **given)  # type: ignore[arg-type]


def waive(
    person: SignedIn, case: Case, pack: Pack, item: str = "H-02", **changes: object
) -> object:
    given = {
        "reason": "retraining is under way",
        "owner": "Ada",
        "expires": TODAY + timedelta(days=30),
        "compensating": ["a person looks at each refusal", " "],
        **changes,
    }
    found = pack.item(item)
    assert found is not None
    return writing.waive(person, case, pack, found, **given)  # type: ignore[arg-type]


def test_an_attestation_changes_the_verdict_and_names_the_person(
    case: Case, pack: Pack, home: Path
) -> None:
    assert status(case, pack, "H-05") == "needs-attestation"
    file = writing.evidence_file("../../minutes.txt", b"agreed", None)
    attest(ADA, case, pack, evidence=(file,))
    assert status(case, pack, "H-05") == "attested"
    body = Register().snapshot()[-1].body
    assert (body["by"], body["known_by"]) == ("Ada", "oidc")
    assert body["subject"] == "https://login.example.org#17"
    assert body["case"] == case.digest
    assert body["evidence"][0]["path"] == "minutes.txt"
    kept = home / "evidence" / digest_bytes(b"agreed").removeprefix("sha256:")
    assert kept.read_bytes() == b"agreed"


@pytest.mark.parametrize(
    ("person", "said"),
    [
        (READER, "nobody is signed in"),
        (SignedIn("Eve", None, "oidc"), "to attest takes the role auditor"),
        (SignedIn("Eve", "viewer", "oidc", "i", "1", ("risk owner",)), "takes the role auditor"),
        (SignedIn("Eve", "auditor", "oidc", "i", "1", ("data owner",)), "may not sign as"),
        (SignedIn("Eve", "approver", "oidc", "i", "1", ()), "may not sign as 'risk owner'"),
    ],
)
def test_the_wrong_person_attests_nothing(
    case: Case, pack: Pack, home: Path, person: SignedIn, said: str
) -> None:
    before = Register().snapshot()
    file = writing.evidence_file("a.txt", b"x", None)
    with pytest.raises(RefusedError, match=said):
        attest(person, case, pack, evidence=(file,))
    assert Register().snapshot() == before
    assert not (home / "evidence").exists()


def test_a_waiver_takes_an_approver_who_is_not_the_owner(case: Case, pack: Pack) -> None:
    with pytest.raises(RefusedError, match="to waive takes the role approver"):
        waive(ADA, case, pack)
    with pytest.raises(InputError, match="somebody else than its owner"):
        waive(GRACE, case, pack, owner=" grace ")
    with pytest.raises(InputError, match="can't be waived"):
        waive(GRACE, case, pack, "H-01")  # a blocker
    with pytest.raises(InputError, match="compensating"):
        waive(GRACE, case, pack, compensating=["", "  "])
    with pytest.raises(InputError, match="180 days"):
        waive(GRACE, case, pack, expires=TODAY + timedelta(days=181))
    assert status(case, pack, "H-02") == "fail"
    waive(GRACE, case, pack)
    assert status(case, pack, "H-02") == "waived"
    assert Register().snapshot()[-1].body["compensating"] == ["a person looks at each refusal"]


def test_a_sign_off_names_every_open_item(case: Case, pack: Pack) -> None:
    verdicts = judge(case, pack, Register().snapshot(), as_of=TODAY)
    every = [f"{v.pack}:{v.item}" for v in writing.open_items(verdicts)]
    with pytest.raises(RefusedError, match="to sign-off takes the role approver"):
        writing.sign_off(ADA, case, [pack], statement="fine", accepts=every)
    with pytest.raises(InputError, match="1 open items are not accepted"):
        writing.sign_off(GRACE, case, [pack], statement="fine", accepts=every[1:])
    writing.sign_off(GRACE, case, [pack], statement="fine", accepts=every)
    signed = writing.sign_offs(case, Register().snapshot())
    assert [e.body["by"] for e in signed] == ["Grace"]
    assert len(signed[0].body["accepted"]) == len(every)


def test_a_case_that_changed_since_the_page_was_drawn_is_not_attested(
    case: Case, pack: Pack
) -> None:
    alter(case)
    with pytest.raises(AlteredEvidenceError):
        attest(ADA, case, pack)
    assert not [e for e in Register().snapshot() if e.kind == "attestation"]


def test_another_case_in_the_same_place_is_not_attested(case: Case, pack: Pack, home: Path) -> None:
    from tests.dashboard.sound_cases import write_case

    shown = read_case(case.path)
    case.path.rename(home / "moved")
    write_case(case.path, name="another")
    with pytest.raises(AlteredEvidenceError, match="not the one that the page showed"):
        attest(ADA, shown, pack)


def test_an_altered_register_takes_nothing(case: Case, pack: Pack, home: Path) -> None:
    (home / "register.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises((AlteredEvidenceError, InputError)):
        attest(ADA, case, pack)


def test_an_end_beyond_the_items_own_is_refused(case: Case, pack: Pack) -> None:
    with pytest.raises(InputError, match="can't end on"):
        attest(ADA, case, pack, expires=date(TODAY.year + 5, 1, 1))
