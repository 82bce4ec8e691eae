"""evenhand attest, waive, sign-off: what people answer for, on the register."""

from __future__ import annotations

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

if TYPE_CHECKING:
    from evenhand.audit.case.case import Case
    from evenhand.audit.register.register import Kind
    from evenhand.policies.pack import Pack

ItemRef = Annotated[
    str | None, typer.Argument(metavar="ITEM", help="Item, or pack:ITEM; may be in --file.")
]
FromFile = Annotated[Path | None, typer.Option("--file", help="Read the rest from a YAML file.")]
Expires = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day on which it counts.")
]


def attest(
    case: CaseFolder,
    item: ItemRef = None,
    answer: Annotated[
        str | None, typer.Option(help="met, met-by-other-means, not-met or not-applicable.")
    ] = None,
    role: Annotated[str | None, typer.Option(help="The role that the item asks for.")] = None,
    by: Annotated[str | None, typer.Option(help="Who signs.")] = None,
    statement: Annotated[str | None, typer.Option(help="What is stated, in a sentence.")] = None,
    evidence: Annotated[
        list[str] | None, typer.Option(help="FILE or kind=FILE; may be repeated.")
    ] = None,
    expires: Expires = None,
    file: FromFile = None,
    policy: sh.Policy = None,
    as_json: sh.Json = False,
) -> int:
    """Answer one item of a checklist for the case's model, with evidence, on the register."""
    from evenhand.audit.register.register import home
    from evenhand.policies import recording

    values = _given(
        file,
        "attestation",
        item=item,
        answer=answer,
        role=role,
        by=by,
        statement=statement,
        evidence=evidence,
        expires=expires,
    )
    read, packs = _opened(case, policy)
    pack, chosen = recording.find_item(packs, _text(values, "item"))
    files = [recording.read_evidence(str(ref)) for ref in values.get("evidence") or ()]
    body = recording.attestation(
        read,
        pack,
        chosen,
        answer=_text(values, "answer"),
        statement=_text(values, "statement"),
        signer=recording.Signer(_text(values, "by"), _text(values, "role")),
        evidence=files,
        expires=_day(values),
        at=datetime.now(UTC),
    )
    recording.keep_evidence(home() / "evidence", files)
    return _record("attestation", body, read, pack, chosen.id, as_json)


def waive(
    case: CaseFolder,
    item: ItemRef = None,
    reason: Annotated[str | None, typer.Option(help="Why the item is lived with.")] = None,
    owner: Annotated[str | None, typer.Option(help="Who answers for the risk.")] = None,
    approved_by: Annotated[
        str | None, typer.Option(help="Who allows it: somebody else than the owner.")
    ] = None,
    role: Annotated[str | None, typer.Option(help="The approver's role.")] = None,
    expires: Expires = None,
    compensating: Annotated[
        list[str] | None, typer.Option(help="What is done meanwhile; may be repeated.")
    ] = None,
    file: FromFile = None,
    policy: sh.Policy = None,
    as_json: sh.Json = False,
) -> int:
    """Live with one item for at most 180 days. Its real status stays on record."""
    from evenhand.policies import recording

    values = _given(
        file,
        "waiver",
        item=item,
        reason=reason,
        owner=owner,
        approved_by=approved_by,
        role=role,
        expires=expires,
        compensating=compensating,
    )
    read, packs = _opened(case, policy)
    pack, chosen = recording.find_item(packs, _text(values, "item"))
    day = _day(values)
    if day is None:
        raise InputError("a waiver needs its last day", remedy="pass --expires YYYY-MM-DD")
    body = recording.waiver(
        read,
        pack,
        chosen,
        reason=_text(values, "reason"),
        owner=_text(values, "owner"),
        approver=recording.Signer(_text(values, "approved_by"), str(values.get("role") or "")),
        expires=day,
        compensating=[str(c) for c in values.get("compensating") or ()],
        at=datetime.now(UTC),
    )
    return _record("waiver", body, read, pack, chosen.id, as_json)


def sign_off(
    case: CaseFolder,
    by: Annotated[str, typer.Option(help="Who signs.")],
    statement: Annotated[str, typer.Option(help="What is stated, in a sentence.")],
    role: Annotated[str, typer.Option(help="The signer's role.")] = "",
    accept: Annotated[
        list[str] | None, typer.Option(help="An open item that is accepted; may be repeated.")
    ] = None,
    policy: sh.Policy = None,
    as_json: sh.Json = False,
) -> int:
    """Accept a case, naming every item that is still open."""
    from evenhand.audit.register.register import Register
    from evenhand.policies import recording

    read, packs = _opened(case, policy)
    now = datetime.now(UTC)
    body = recording.sign_off(
        read,
        packs,
        flow.verdicts_of(read, packs, now.date()),
        statement=statement,
        signer=recording.Signer(by, role),
        accepts=accept or (),
        at=now,
    )
    entry = Register().append("sign-off", body)
    if as_json:
        sh.print_json({"entry": entry.seq, "digest": entry.digest, "body": body, "exit_code": OK})
    else:
        open_items = len(body["accepted"])
        show(f"signed off by {sh.safe(by)} as entry {entry.seq}, accepting {open_items} open items")
    return OK


def _opened(case: Path, policy: list[str] | None) -> tuple[Case, list[Pack]]:
    """The case, and the packs that are named or that it was planned for."""
    read, _ = sh.opened(case)
    packs = flow.packs_for(read, policy)
    if not packs:
        raise InputError(
            f"case {case} was planned for no pack", remedy="name one, e.g. --policy baseline"
        )
    return read, packs


def _given(file: Path | None, kind: str, **options: Any) -> dict[str, Any]:
    """What the file and the options say; an option given on the command line wins."""
    from evenhand.policies.recording import read_statement_file

    base = read_statement_file(file, kind) if file is not None else {}
    return {**base, **{key: value for key, value in options.items() if value is not None}}


def _text(given: dict[str, Any], key: str) -> str:
    value = given.get(key)
    if not isinstance(value, str) or not value.strip():
        name = "ITEM" if key == "item" else "--" + key.replace("_", "-")
        raise InputError(f"{name} is missing", remedy="give it, or put it into --file")
    return value


def _day(given: dict[str, Any]) -> Any:
    from datetime import date

    value = given.get("expires")
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.date()
    try:
        return value if isinstance(value, date) else date.fromisoformat(str(value))
    except ValueError as error:
        raise InputError(f"expires is {value!r}, no day", remedy="write YYYY-MM-DD") from error


def _record(
    kind: Kind, body: dict[str, Any], case: Case, pack: Pack, item: str, as_json: bool
) -> int:
    """Appends the statement and shows what it makes of the item."""
    from evenhand.audit.register.register import Register

    day = datetime.now(UTC).date()
    before = _verdict(case, pack, item, day)
    entry = Register().append(kind, body)
    after = _verdict(case, pack, item, day)
    if as_json:
        sh.print_json(
            {
                "entry": entry.seq,
                "digest": entry.digest,
                "body": body,
                "before": before.status,
                "verdict": after.to_json(),
                "exit_code": OK,
            }
        )
    else:
        show(f"{kind} recorded as entry {entry.seq} of the register")
        show(f"{pack.id}:{item}: {before.status} -> {after.status}")
        show(after.because["en"])
    return OK


def _verdict(case: Case, pack: Pack, item: str, day: Any) -> Any:
    return next(v for v in flow.verdicts_of(case, [pack], day) if v.item == item)


COMMANDS = (
    Command("attest", attest, order=120),
    Command("waive", waive, order=130),
    Command("sign-off", sign_off, order=140),
)
