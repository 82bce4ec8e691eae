"""evenhand attest, waive, sign-off: what people answer for, on the register."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
from evenhand.audit.words.phrases import current_language, phrase

if TYPE_CHECKING:
    from evenhand.audit.case.case import Case
    from evenhand.audit.register.binding import About, Binding
    from evenhand.audit.register.register import Kind
    from evenhand.policies.pack import Pack
    from evenhand.policies.schema import Item

ItemRef = Annotated[
    str | None, typer.Argument(metavar="ITEM", help="Item, or pack:ITEM; may be in --file.")
]
FromFile = Annotated[Path | None, typer.Option("--file", help="Read the rest from a YAML file.")]
Bind = Annotated[
    str | None,
    typer.Option(
        "--bind",
        help="Where it answers: case, model, system or organisation (default: what the item is "
        "about, or the model where that is not named).",
    ),
]
System = Annotated[
    str | None, typer.Option(help="The system's name; cases declare it as the fact system.name.")
]
Organisation = Annotated[
    str | None, typer.Option(help="The organisation's name: the fact organisation.name.")
]
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
    bind: Bind = None,
    system: System = None,
    organisation: Organisation = None,
    file: FromFile = None,
    policy: sh.Policy = None,
    as_json: sh.Json = False,
) -> int:
    """Answer one item of a checklist, with evidence, for what the item is about."""
    options = {
        "item": item,
        "answer": answer,
        "role": role,
        "by": by,
        "statement": statement,
        "evidence": evidence,
        "expires": expires,
        "bind": bind,
        "system": system,
        "organisation": organisation,
    }
    # All are looked at before the first is entered.
    answers = [_answer(case, policy, values) for values in _several(file, options)]
    for enter in answers:
        enter(as_json)
    return OK


def _several(file: Path | None, options: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements of a file, and options, which win; one statement without a file."""
    from evenhand.policies.statement_files import read_statements

    passed = {key: value for key, value in options.items() if value is not None}
    listed = read_statements(file, "attestation") if file is not None else [{}]
    if len(listed) > 1 and "item" in passed:
        raise InputError(
            "{file} holds {n} statements, and one item is named",
            remedy="leave out the item",
            file=file,
            n=len(listed),
        )
    return [{**one, **passed} for one in listed]


def _answer(case: Path, policy: list[str] | None, values: dict[str, Any]) -> Callable[[bool], int]:
    """One attestation, checked; what comes back enters it."""
    from evenhand.audit.register.register import home
    from evenhand.policies import recording

    read, pack, chosen = _item(case, policy, values)
    files = [recording.read_evidence(str(ref)) for ref in values.get("evidence") or ()]
    expires_on, now = _day(values), datetime.now(UTC)
    answered, stated = _text(values, "answer"), _text(values, "statement")
    signer = recording.Signer(_text(values, "by"), _text(values, "role"))
    place = _bound(read, chosen, "attestation", values)
    body = recording.attestation(
        read,
        pack,
        chosen,
        answer=answered,
        statement=stated,
        signer=signer,
        binds=place.binds,
        evidence=files,
        expires=expires_on,
        at=now,
    )

    def enter(as_json: bool) -> int:
        naming = recording.naming(read, place.here, place.binds, signer, now)
        recording.keep_evidence(home() / "evidence", files)
        return _record("attestation", body, naming, read, pack, chosen.id, as_json)

    return enter


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
    bind: Bind = None,
    system: System = None,
    organisation: Organisation = None,
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
        bind=bind,
        system=system,
        organisation=organisation,
    )
    read, pack, chosen = _item(case, policy, values)
    day, now = _day(values), datetime.now(UTC)
    if day is None:
        raise InputError("a waiver needs its last day", remedy="pass --expires YYYY-MM-DD")
    why, owned = _text(values, "reason"), _text(values, "owner")
    approver = recording.Signer(_text(values, "approved_by"), str(values.get("role") or ""))
    place = _bound(read, chosen, "waiver", values)
    body = recording.waiver(
        read,
        pack,
        chosen,
        reason=why,
        owner=owned,
        approver=approver,
        binds=place.binds,
        expires=day,
        compensating=[str(c) for c in values.get("compensating") or ()],
        at=now,
    )
    naming = recording.naming(read, place.here, place.binds, approver, now)
    return _record("waiver", body, naming, read, pack, chosen.id, as_json)


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
        show(
            phrase(
                "signed off by {by} as entry {seq}, accepting {open_items} open items",
                by=sh.safe(by),
                seq=entry.seq,
                open_items=open_items,
            )
        )
    return OK


def _opened(case: Path, policy: list[str] | None) -> tuple[Case, list[Pack]]:
    """The case, and the packs that are named or that it was planned for."""
    read, _ = sh.opened(case)
    packs = flow.packs_for(read, policy)
    if not packs:
        raise InputError(
            "case {case} was planned for no pack",
            remedy="name one, e.g. --policy baseline",
            case=case,
        )
    return read, packs


@dataclass(frozen=True)
class _Place:
    """What the case is about, and what of it a statement is bound to."""

    here: About
    binds: Binding


def _bound(case: Case, item: Item, kind: str, values: dict[str, Any]) -> _Place:
    """What a statement binds to; said before anything is recorded."""
    from evenhand.audit.register.binding import about, bind
    from evenhand.audit.register.opening import entries_for
    from evenhand.policies.statements import widest

    here = about(case, entries_for(case))
    reach = widest(item, kind)
    binds = bind(
        here,
        reach,
        to=values.get("bind"),
        system=str(values.get("system") or ""),
        organisation=str(values.get("organisation") or ""),
    )
    told = binds.reach(current_language(), here)
    sh.say(phrase("{item}: the {kind} is {told}", item=item.id, kind=kind, told=told))
    return _Place(here, binds)


def _item(case: Path, policy: list[str] | None, values: dict[str, Any]) -> tuple[Case, Pack, Item]:
    """The case, and the item that the statement is about with its pack."""
    from evenhand.policies.recording import find_item

    read, packs = _opened(case, policy)
    return read, *find_item(packs, _text(values, "item"))


def _given(file: Path | None, kind: str, **options: Any) -> dict[str, Any]:
    """What the file and the options say; an option given on the command line wins."""
    from evenhand.policies.statement_files import read_statement_file

    base = read_statement_file(file, kind) if file is not None else {}
    return {**base, **{key: value for key, value in options.items() if value is not None}}


def _text(given: dict[str, Any], key: str) -> str:
    value = given.get(key)
    if not isinstance(value, str) or not value.strip():
        name = "ITEM" if key == "item" else "--" + key.replace("_", "-")
        raise InputError("{name} is missing", remedy="give it, or put it into --file", name=name)
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
        raise InputError(
            "expires is {value!r}, no day", remedy="write YYYY-MM-DD", value=value
        ) from error


def _record(
    kind: Kind,
    body: dict[str, Any],
    naming: dict[str, Any] | None,
    case: Case,
    pack: Pack,
    item: str,
    as_json: bool,
) -> int:
    """Appends the statement, after the fact that names what it is bound to where that is new, and
    shows what it makes of the item."""
    from evenhand.audit.register.register import Register

    day, register = datetime.now(UTC).date(), Register()
    before = _verdict(case, pack, item, day)
    if naming is not None:
        named = register.append("fact", naming)
        told = ", ".join(f"{k} is {sh.safe(v)}" for k, v in naming["facts"].items())
        sh.say(phrase("entered as entry {seq}: the case's {told}", seq=named.seq, told=told))
    entry = register.append(kind, body)
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
        show(phrase("{kind} recorded as entry {seq} of the register", kind=kind, seq=entry.seq))
        show(
            phrase(
                "{pack}:{item}: {status} -> {status_2}",
                pack=pack.id,
                item=item,
                status=before.status,
                status_2=after.status,
            )
        )
        show(after.because[current_language()])
    return OK


def _verdict(case: Case, pack: Pack, item: str, day: Any) -> Any:
    return next(v for v in flow.verdicts_of(case, [pack], day) if v.item == item)


COMMANDS = (
    Command("attest", attest, order=120),
    Command("waive", waive, order=130),
    Command("sign-off", sign_off, order=140),
)
