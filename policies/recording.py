"""What people put on the register: attestations, waivers, sign-offs; bad ones are refused.

The judge reads them back through ``evenhand.policies.statements``. The command line and the
dashboard both write through here, so that neither can record what the other would refuse. What is
refused is said
in words that fit both: no option of the one is named to a reader of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evenhand.audit.case.case import Case
from evenhand.audit.errors import InputError, nearest
from evenhand.audit.files.canonical import digest_bytes
from evenhand.audit.files.disk import write_whole
from evenhand.audit.register.binding import About, Binding, about, is_within, new_names
from evenhand.policies.attested import lacking_evidence
from evenhand.policies.facts import statement as fact_statement
from evenhand.policies.schema import Attest, Item, Pack, add_duration
from evenhand.policies.statements import (
    Attestation,
    Waiver,
    first_problem,
    item_digest,
    widest,
)
from evenhand.policies.verdict import Verdict

MOST_BYTES = 50 * 2**20  # of one piece of evidence


@dataclass(frozen=True)
class Signer:
    """Who signs, and how that is known: ``stated`` (a name given), or ``oidc`` (a login)."""

    name: str
    role: str
    known_by: str = "stated"
    subject: str = ""


@dataclass(frozen=True)
class EvidenceContent:
    """A file that an attestation leans on; ``kind`` is one of the item's ``evidence_required``."""

    name: str
    content: bytes
    kind: str | None = None


def find_item(packs: Sequence[Pack], ref: str) -> tuple[Pack, Item]:
    """The item ``ITEM`` or ``pack:ITEM``. Raises InputError if none or several packs have it."""
    pack_id, _, item_id = ref.rpartition(":")
    matches = [
        (pack, item)
        for pack in packs
        for item in pack.items
        if item.id == item_id and pack_id in ("", pack.id)
    ]
    if not matches:
        known = [item.id for pack in packs for item in pack.items]
        raise InputError(
            "no item {ref!r} in {packs}", remedy=nearest(item_id, known), ref=ref, packs=_ids(packs)
        )
    if len(matches) > 1:
        raise InputError(
            "item {item_id!r} is in several packs: {matches}",
            remedy="name the pack too: {id}:{item_id}",
            item_id=item_id,
            matches=", ".join(p.id for p, _ in matches),
            id=matches[0][0].id,
        )
    return matches[0]


def _ids(packs: Sequence[Pack]) -> str:
    return ", ".join(pack.id for pack in packs) or "no pack"


def _end(attest: Attest, item: Item, expires: date | None, signed: date) -> date:
    """The day on which an attestation ends. Raises InputError for one that is past or too late."""
    last = add_duration(signed, attest.valid_for)
    if expires is not None and not signed <= expires <= last:
        raise InputError(
            "an attestation of {item} signed on {signed} can't end on {expires}",
            remedy="choose a day up to {last} ({valid_for} after signing)",
            item=item.id,
            signed=signed,
            expires=expires,
            last=last,
            valid_for=attest.valid_for,
        )
    return expires or last


def attestation(
    case: Case,
    pack: Pack,
    item: Item,
    *,
    answer: str,
    statement: str,
    signer: Signer,
    binds: Binding,
    evidence: Sequence[EvidenceContent] = (),
    expires: date | None = None,
    at: datetime,
) -> dict[str, Any]:
    """The body of an attestation of one item, bound to what ``binds`` says.

    Raises InputError for an item that nobody attests, a role or an answer that it does not offer,
    required evidence that is missing, or an end that is past or beyond the item's own.
    """
    attest = _attest(pack, item)
    _check_role(item, attest, signer)
    _check_reach(item, "attestation", binds)
    if answer not in attest.answers:
        raise InputError(
            "{item} does not offer the answer {answer!r}",
            remedy=nearest(answer, attest.answers),
            item=item.id,
            answer=answer,
        )
    lacking = lacking_evidence([e.kind for e in evidence], attest)
    if lacking and answer in ("met", "met-by-other-means"):
        raise InputError(
            "{item} asks for evidence: {lacking}",
            remedy="give a file as evidence of the kind {lacking_2}",
            item=item.id,
            lacking=", ".join(lacking),
            lacking_2=lacking[0],
        )
    ends = _end(attest, item, expires, at.date())
    body = {
        "pack": pack.id,
        "pack_version": pack.version,
        "item": item.id,
        "item_digest": item_digest(item),
        "answer": answer,
        "statement": statement,
        "by": signer.name,
        "role": signer.role,
        "known_by": signer.known_by,
        "subject": signer.subject,
        "signed_at": at.isoformat(timespec="seconds"),
        "expires": ends.isoformat(),
        "binds": binds.to_json(),
        "case": case.digest,
        "evidence": [
            {"path": e.name, "sha256": digest_bytes(e.content), "kind": e.kind} for e in evidence
        ],
    }
    return _checked(Attestation, body, "attestation")


def waiver(
    case: Case,
    pack: Pack,
    item: Item,
    *,
    reason: str,
    owner: str,
    approver: Signer,
    binds: Binding,
    expires: date,
    compensating: Sequence[str],
    at: datetime,
) -> dict[str, Any]:
    """The body of a waiver of one item, bound to what ``binds`` says.

    Raises InputError for an item that can't be waived, an approver who is the owner, a missing
    compensating measure, or an end beyond 180 days.
    """
    if not item.can_be_waived:
        raise InputError(
            "{item} can't be waived ({severity})",
            remedy="mend what it found; only the pack's author can make it waivable",
            item=item.id,
            severity=item.severity,
        )
    _check_reach(item, "waiver", binds)
    if not [c for c in compensating if c.strip()]:
        raise InputError(
            "a waiver of {item} needs a compensating measure",
            remedy="say what is done meanwhile, such as a weekly review by a person",
            item=item.id,
        )
    body = {
        "pack": pack.id,
        "pack_version": pack.version,
        "item": item.id,
        "binds": binds.to_json(),
        "case": case.digest,
        "reason": reason,
        "owner": owner,
        "approved_by": approver.name,
        "role": approver.role,
        "known_by": approver.known_by,
        "subject": approver.subject,
        "created": at.date().isoformat(),
        "expires": expires.isoformat(),
        "compensating": list(compensating),
    }
    return _checked(Waiver, body, "waiver")


_SETTLED = ("pass", "attested", "not-applicable", "not-yet-applicable")


def sign_off(
    case: Case,
    packs: Sequence[Pack],
    verdicts: Sequence[Verdict],
    *,
    statement: str,
    signer: Signer,
    accepts: Sequence[str],
    at: datetime,
) -> dict[str, Any]:
    """The body of a sign-off: who accepts the case, with every open item named.

    Open is what neither passes nor is attested (a waived item too). ``accepts`` names them all, as
    ``ITEM`` or ``pack:ITEM``: nobody signs what they were not shown. Raises InputError otherwise.
    """
    _require_text("the name of who signs", signer.name)
    _require_text("the statement", statement)
    open_items = [v for v in verdicts if v.status not in _SETTLED]
    named = {f"{p.id}:{i.id}" for p, i in (find_item(packs, ref) for ref in accepts)}
    missing = [v for v in open_items if f"{v.pack}:{v.item}" not in named]
    if missing:
        shown = ", ".join(f"{v.pack}:{v.item} ({v.status})" for v in missing[:8])
        more = f" and {len(missing) - 8} more" if len(missing) > 8 else ""
        raise InputError(
            "{n_missing} open items are not accepted: {shown}{more}",
            remedy="accept each one by its id, or settle it first",
            n_missing=len(missing),
            shown=shown,
            more=more,
        )
    surplus = named - {f"{v.pack}:{v.item}" for v in open_items}
    if surplus:
        raise InputError(
            "{surplus} is not open: there is nothing to accept",
            remedy="leave it out of what is accepted",
            surplus=sorted(surplus)[0],
        )
    return {
        "case": case.digest,
        "model_digest": about(case).model,
        "packs": [{"id": p.id, "version": p.version, "digest": p.digest} for p in packs],
        "by": signer.name,
        "role": signer.role,
        "known_by": signer.known_by,
        "subject": signer.subject,
        "signed_at": at.isoformat(timespec="seconds"),
        "statement": statement,
        "accepted": [
            {"pack": v.pack, "item": v.item, "status": v.status, "underlying": v.underlying}
            for v in open_items
        ],
        "verdicts": len(verdicts),
    }


def naming(
    case: Case, here: About, binds: Binding, signer: Signer, at: datetime
) -> dict[str, Any] | None:
    """The body of the fact that is entered before a statement which names the case's system or
    organisation for the first time; None where the case is known to be of it."""
    facts = new_names(here, binds)
    if not facts:
        return None
    return fact_statement(
        case,
        [],
        facts=facts,
        roles={},
        by=signer.name,
        at=at,
        known_by=signer.known_by,
        subject=signer.subject,
    )


def read_evidence(ref: str) -> EvidenceContent:
    """The file of ``FILE`` or ``kind=FILE``. Raises InputError for what is no readable file."""
    kind, separator, rest = ref.partition("=")
    path = Path(rest if separator else ref)
    if not path.is_file() and Path(ref).is_file():
        path, kind = Path(ref), ""
    if not path.is_file():
        raise InputError("no evidence file at {path}", remedy="give FILE, or kind=FILE", path=path)
    if path.stat().st_size > MOST_BYTES:
        raise InputError(
            "{path} has more than {most_bytes} bytes",
            remedy="attest with a smaller file that names where the large one is kept",
            path=path,
            most_bytes=MOST_BYTES,
        )
    return EvidenceContent(path.name, path.read_bytes(), (kind or None) if separator else None)


def keep_evidence(folder: Path, evidence: Sequence[EvidenceContent]) -> None:
    """Stores each file under its SHA-256 in ``folder``; what is there already is left alone.

    Raises InputError that names the disk where it refuses.
    """
    places = {folder / digest_bytes(e.content).removeprefix("sha256:"): e for e in evidence}
    for place in (p for p in places if not p.exists()):
        write_whole(place, places[place].content)


def _attest(pack: Pack, item: Item) -> Attest:
    if item.attest is None:
        raise InputError(
            "{item} of {pack} is automated: it takes no attestation",
            remedy="where its result is to be lived with for a while, waive it",
            item=item.id,
            pack=pack.id,
        )
    return item.attest


def _check_role(item: Item, attest: Attest, signer: Signer) -> None:
    _require_text("the name of who signs", signer.name)
    if signer.role.strip().casefold() != attest.role.strip().casefold():
        raise InputError(
            "{item} is attested by the role {role!r}, not {role_2!r}",
            remedy="have somebody sign who has the role {role!r}",
            item=item.id,
            role=attest.role,
            role_2=signer.role,
        )


def _check_reach(item: Item, kind: str, binds: Binding) -> None:
    reach = widest(item, kind)
    if not is_within(binds.to, reach):
        raise InputError(
            "{item} is about the {reach}: {kind}s of it can't be bound to the {to}",
            remedy="bind it to the {reach}, or to less",
            item=item.id,
            reach=reach,
            kind=kind,
            to=binds.to,
        )


def _require_text(what: str, text: str) -> None:
    if not text.strip():
        raise InputError("{what} is empty", remedy="give {what}", what=what)


def _checked(model: type[Attestation | Waiver], body: dict[str, Any], kind: str) -> dict[str, Any]:
    try:
        model.model_validate(body)
    except ValidationError as error:
        raise InputError(
            "the {kind} can't be recorded: {error}",
            remedy="correct it",
            kind=kind,
            error=first_problem(error),
        ) from error
    return body
