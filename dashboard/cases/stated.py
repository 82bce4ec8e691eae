"""What people stated about one item, as the card of a checklist tells it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evenhand.audit.register.register import Entry, home
from evenhand.audit.words.text import visible
from evenhand.dashboard.cases import archives, store
from evenhand.dashboard.i18n import Translator
from evenhand.policies.terms import role_zh
from evenhand.policies.verdict import Verdict

_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class LeantOn:
    """A file that a statement leans on: its name, and its SHA-256 in hexadecimal digits."""

    name: str
    digest: str


def about_item(entries: Sequence[Entry], pack: str, item: str) -> list[Entry]:
    """The attestations and waivers of an item that somebody known vouches for, oldest first."""
    return [
        e
        for e in entries
        if e.kind in ("attestation", "waiver")
        and e.vouched
        and (e.body.get("pack"), e.body.get("item")) == (pack, item)
    ]


def have_attested(entries: Sequence[Entry], verdicts: Sequence[Verdict], name: str) -> set[str]:
    """The items that wait for a second person, and that the person of this name attested already:
    nobody is both."""
    mine = name.strip().casefold()
    return {
        v.item
        for v in verdicts
        if v.reason_code == "second-person-missing"
        and any(
            str(e.body.get("by") or "").strip().casefold() == mine
            for e in about_item(entries, v.pack, v.item)
        )
    }


def role_word(role: str, t: Translator) -> str:
    """A pack's role for people; in Chinese with the name by which it signs."""
    return visible(role_zh(role) if t.lang == "zh" else role)


def sentence(entry: Entry, t: Translator) -> str:
    """Who stated what and when, as plain text."""
    body = entry.body
    if entry.kind == "waiver":
        return t(
            "checklist.waived_by",
            name=visible(body.get("approved_by", "")),
            owner=visible(body.get("owner", "")),
            until=visible(body.get("expires", "")),
            reason=visible(body.get("reason", "")),
        )
    return t(
        "checklist.attested_by",
        name=visible(body.get("by", "")),
        role=role_word(str(body.get("role") or ""), t),
        date=store.moment(body.get("signed_at")),
        answer=t.term("answer", str(body.get("answer") or "")),
        statement=visible(body.get("statement", "")),
    )


def files(entry: Entry) -> list[LeantOn]:
    """The files that an attestation leans on; a digest that is none is no file."""
    found = []
    for file in entry.body.get("evidence") or ():
        digest = str(file.get("sha256") or "").removeprefix("sha256:")
        if _HEX.fullmatch(digest):
            found.append(LeantOn(visible(file.get("path") or digest[:12]), digest))
    return found


def content(place: Path, digest: str) -> bytes | None:
    """The bytes of a piece of evidence of the case at ``place``; None where it is not kept here."""
    handed = archives.handed_with(place)
    if handed is not None and (came := handed.evidence.get(f"sha256:{digest}")) is not None:
        return came
    try:
        return (home() / "evidence" / digest).read_bytes()
    except OSError:
        return None
