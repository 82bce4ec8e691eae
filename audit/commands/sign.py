"""evenhand sign, evenhand export: a case with a signature beside it, and as one file to hand on."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.audit.commands.auditing import CaseFolder
from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.commands.parts.tables import show
from evenhand.audit.errors import OK, InputError
from evenhand.audit.run import flow
from evenhand.audit.words.phrases import phrase

if TYPE_CHECKING:
    from evenhand.audit.run.handing_over import Handover


def sign(
    case: CaseFolder,
    key: Annotated[
        Path | None,
        typer.Option("--key", help="Private Ed25519 key in PEM (default: EVENHAND_HOME/keys)."),
    ] = None,
    policy: sh.Policy = None,
    as_of: sh.AsOf = None,
    as_json: sh.Json = False,
) -> int:
    """Sign a case with its findings and verdicts: an in-toto statement beside the folder."""
    from evenhand.audit.case.signing import PUBLIC, own_key, read_signing_key
    from evenhand.audit.case.statement import envelope_place, make_statement, sign_statement
    from evenhand.audit.files.canonical import digest_bytes
    from evenhand.audit.files.disk import write_whole
    from evenhand.audit.register.register import Register, home

    _require_folder(case, "signed")
    read, stands = sh.opened(case)
    packs = flow.packs_for(read, policy)
    sh.warn_of_altered(packs)
    verdicts = flow.verdicts_of(read, packs, flow.today(as_of))
    signer = read_signing_key(key) if key is not None else own_key(home() / "keys")
    at = datetime.now(UTC).isoformat(timespec="seconds")
    statement = make_statement(
        read, [v.to_json() for v in verdicts], at, judged_by=sh.packs_json(packs)
    )
    envelope = sign_statement(statement, signer)
    place = envelope_place(case, signer.public)
    write_whole(place, envelope)
    body = {
        "case": read.digest,
        "key": signer.public.id,
        "envelope": digest_bytes(envelope),
        "path": str(place),
        "signed_at": at,
    }
    entry = Register().append("signature", body)
    told = {
        **body,
        "entry": entry.seq,
        "standing": stands.to_json(),
        "packs": statement["predicate"]["judged_by"],
        "verdicts": statement["predicate"]["verdicts_by_status"],
    }
    if as_json:
        sh.print_json({**told, "exit_code": OK})
        return OK
    public = "the public half of your key" if key else str(home() / "keys" / PUBLIC)
    show(phrase("signed as entry {seq} of the register: {place}", seq=entry.seq, place=place))
    show(phrase("key {public}", public=signer.public.id))
    show(
        phrase(
            "Others check it with: evenhand verify {case} --key KEY.pub (send {public})",
            case=case,
            public=public,
        )
    )
    return OK


def _require_folder(case: Path, what: str) -> None:
    """An archive is read like a case, but what is written beside a case needs its folder."""
    if case.is_file():
        raise InputError(
            "{case} is an archive: a case is {what} from its folder",
            remedy="unpack it with any zip tool, and name its folder: {stem}/case",
            case=case,
            what=what,
            stem=case.stem,
        )


def export(
    case: CaseFolder,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Zip file to write.")] = None,
    encrypt_to: Annotated[
        list[str] | None,
        typer.Option("--encrypt-to", help="age recipient who alone can read it; may be repeated."),
    ] = None,
    policy: sh.Policy = None,
    as_json: sh.Json = False,
) -> int:
    """Write a case, its signatures and what its verdicts rest on as one zip to hand on."""
    from evenhand.audit.files.canonical import digest_bytes
    from evenhand.audit.files.disk import write_whole
    from evenhand.audit.register.encrypted import SUFFIX, encrypt
    from evenhand.audit.run.handing_over import hand_over

    _require_folder(case, "exported")
    read, stands = sh.opened(case)
    whole = case.resolve()
    place = out or whole.with_name(f"{whole.name}.zip{SUFFIX if encrypt_to else ''}")
    if place.resolve().is_relative_to(whole):
        raise InputError(
            "{place} lies inside the sealed case", remedy="write it elsewhere", place=place
        )
    packs = flow.packs_for(read, policy)
    handed = hand_over(read, packs)
    data = encrypt(handed.archive, encrypt_to) if encrypt_to else handed.archive
    write_whole(place, data)
    for file in handed.lacking:
        sh.say(
            phrase("warning: evidence {file} is not kept here, and not in the archive", file=file)
        )
    if as_json:
        told: dict[str, Any] = {
            "archive": str(place),
            "sha256": digest_bytes(data),
            "case": read.digest,
        }
        told["standing"] = stands.to_json()
        told["entries"] = [{"seq": e.seq, "kind": e.kind} for e in handed.entries]
        told |= {"evidence": handed.evidence, "evidence_lacking": list(handed.lacking)}
        told["key"] = handed.key
        sh.print_json({**told, "bytes": len(data), "exit_code": OK})
    else:
        _show_archive(handed, place, data)
    return OK


def _show_archive(handed: Handover, place: Path, data: bytes) -> None:
    from evenhand.audit.files.canonical import digest_bytes

    show(phrase("wrote {place} ({n_data} bytes)", place=place, n_data=len(data)))
    show(digest_bytes(data))
    kinds = Counter(e.kind for e in handed.entries)
    along = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())) or "none"
    show(
        phrase(
            "entries of the register that came along: {along}; evidence files: {evidence}",
            along=along,
            evidence=handed.evidence,
        )
    )
    show(
        phrase("signed with the key {key}: tell it to the recipient by another way", key=handed.key)
    )
    show(phrase("Others check it with: evenhand verify {place} --recompute", place=place.name))
    show(phrase("and look at it with: evenhand dashboard {place}", place=place.name))


COMMANDS = (
    Command("sign", sign, order=70),
    Command("export", export, order=80),
)
