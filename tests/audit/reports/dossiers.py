"""A dossier for the sample case: two packs, one of them a house pack, and a register of people."""

from __future__ import annotations

from typing import Any

from evenhand.audit.artifacts.person import Explanation
from evenhand.audit.case.case import Case
from evenhand.audit.files.shapes import parsed
from evenhand.audit.register.register import GENESIS, Entry
from evenhand.audit.reports.parts.dossier import ChangeRow, Dossier, PackFacts
from tests.samples import HOSTILE

MODEL = "sha256:" + "a" * 64
PERSON: dict[str, Any] = {
    "schema": "evenhand-explanation/1",
    "case": "case",
    "digest": "sha256:1",
    "row": 4,
    "data": "test.csv",
    "is_adverse": True,
    "score": 0.31,
    "needed": 0.5,
    "values_from": "data",
    "reasons": {
        "from": "case",
        "reference": {
            "declared": [],
            "favourable_rows": 500,
            "is_favourable": True,
            "score": 0.91,
        },
        "listed": [
            {
                "column": "obrat",
                "compared": "above",
                "push": 0.2,
                "rise": 0.25,
                "proxy": None,
                "reference": 33.0,
                "value": 43.5,
            },
            {
                "column": "race",
                "compared": "different",
                "push": 0.15,
                "rise": 0.1,
                "proxy": None,
                "reference": "white",
                "value": "black",
            },
            {
                "column": HOSTILE,
                "compared": "different",
                "push": 0.1,
                "rise": -0.01,
                "proxy": {"auc": 0.9, "feature": "race", "group": "black"},
                "reference": "b\u202ea",
                "value": HOSTILE,
            },
            {
                "column": "cosign",
                "compared": "missing",
                "push": 0.05,
                "rise": 0.02,
                "proxy": None,
                "reference": 1.0,
                "value": None,
            },
            {
                "column": "c5",
                "compared": "below",
                "push": 0.04,
                "rise": 0.02,
                "proxy": None,
                "reference": 2.0,
                "value": 1.0,
            },
            {
                "column": "c6",
                "compared": "below",
                "push": 0.03,
                "rise": 0.02,
                "proxy": None,
                "reference": 3.0,
                "value": 1.0,
            },
        ],
        "sensitive": ["race", "sex"],
    },
    "change": None,
}


def entry(seq: int, kind: Any, body: dict[str, Any]) -> Entry:
    """A line of a register; its place in the chain is made up."""
    return Entry(
        seq, f"2026-11-2{seq % 10}T10:00:00+00:00", kind, body, GENESIS, f"sha256:{seq:064x}", "mac"
    )


def sample_entries(case: Case) -> tuple[Entry, ...]:
    """Two cases on the same data, then an attestation, a waiver and a sign-off; one of another."""
    data = {"data": "sha256:" + "b" * 64}
    return (
        entry(1, "case", {"digest": "sha256:" + "1" * 64, "digests": data, "path": "earlier"}),
        entry(2, "case", {"digest": case.digest, "digests": data, "path": "this"}),
        entry(
            3,
            "attestation",
            {
                "pack": "house-lending",
                "item": "HL-05",
                "binds": {"to": "model", "digest": MODEL},
                "answer": "met",
                "statement": f"Applicants are told. {HOSTILE} | `x`",
                "by": "Ada | `Q` \u202e @all",
                "role": "product owner",
                "signed_at": "2026-11-20T09:00:00+00:00",
                "expires": "2027-11-20",
                "known_by": "stated",
                "subject": "",
                "evidence": [{"path": "notice.pdf", "sha256": "c" * 64, "kind": "notice"}],
            },
        ),
        entry(
            4,
            "waiver",
            {
                "pack": "house-lending",
                "item": "HL-06",
                "binds": {"to": "model", "digest": MODEL},
                "reason": "Pilot with consent.",
                "owner": "Bo Owner",
                "approved_by": "Cy Approver",
                "created": "2026-11-21",
                "expires": "2027-01-31",
                "compensating": ["weekly review"],
            },
        ),
        entry(
            5,
            "sign-off",
            {
                "case": case.digest,
                "by": "Di Signer",
                "role": "head of risk",
                "signed_at": "2026-11-22T12:00:00+00:00",
                "statement": "Accepted for the pilot.",
                "accepted": [{"pack": "house-lending", "item": "HL-02", "status": "fail"}],
            },
        ),
        entry(
            6,
            "attestation",
            {
                "pack": "house-lending",
                "item": "HL-05",
                "binds": {"to": "model", "digest": "sha256:" + "9" * 64},
                "by": "Eve Elsewhere",
            },
        ),
    )


def sample_dossier(case: Case, **changes: Any) -> Dossier:
    """What a report of the sample case is made with."""
    house = PackFacts(
        id="house-lending",
        version="2026.11.0",
        digest="sha256:" + "e" * 64,
        title={"en": "House rules", "zh": "内部规则"},
        state="voluntary",
        checked_on="2026-11-22",
        file="policies/house.yaml",
        lines={"HL-02": 21, "extends": 7},
        extends="baseline 2026.11.0",
        changes=(ChangeRow("HL-02", "check.threshold", "0.1", "0.05"),),
    )
    law = PackFacts("sample-law", "2026.1", "sha256:" + "f" * 64, {"en": "Law"}, "in-force")
    given: dict[str, Any] = {
        "packs": (house, law),
        "entries": sample_entries(case),
        "as_of": "2026-11-22",
        "person": parsed(PERSON, Explanation),
    }
    return Dossier(**(given | changes))
