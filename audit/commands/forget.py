"""evenhand forget: where something of one person is kept, and away with what may go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.commands.parts.tables import show
from evenhand.audit.errors import OK, InputError
from evenhand.audit.words.phrases import phrase

if TYPE_CHECKING:
    from evenhand.audit.run.forgetting import Held


def _show_places(held: Sequence[Held], *, remove: bool, expired: bool) -> None:
    for one in held:
        removed = " (removed)" if remove and one.may_go else ""
        files = f": {', '.join(map(sh.safe, one.files))}" if one.files else ""
        show(
            phrase(
                "{one_kind} {place}{files}{removed}",
                one_kind=one.kind,
                place=sh.safe(one.place),
                files=files,
                removed=removed,
            )
        )
    if not held:
        nothing = phrase("nothing is kept here for longer than was declared")
        show(nothing if expired else phrase("nothing of this person is kept here"))


def forget(
    case: Annotated[
        Path | None, typer.Argument(metavar="[CASE]", help="With --row: a case of the data.")
    ] = None,
    row: Annotated[int | None, typer.Option(help="Row number of the person in the data.")] = None,
    unit: Annotated[
        str | None, typer.Option(help="What names the person in a column (unit, id).")
    ] = None,
    expired: Annotated[
        bool, typer.Option("--expired", help="Instead: what was to be kept for fewer days.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove caches, unfinished work and uploads with it.")
    ] = False,
    as_json: sh.Json = False,
) -> int:
    """Find what is kept of one person, or for too long; remove what may go, name sealed cases."""
    from evenhand.audit.run.forgetting import remove as remove_all

    held = _too_old(case, row, unit) if expired else _of_person(case, row, unit)
    gone = remove_all(held) if remove else 0
    sealed = [one for one in held if not one.may_go]
    if as_json:
        told = [{"kind": h.kind, "place": str(h.place), "files": list(h.files)} for h in held]
        sh.print_json({"held": told, "removed": gone, "exit_code": OK})
        return OK
    _show_places(held, remove=remove, expired=expired)
    if held and not remove and len(sealed) < len(held):
        show(
            phrase(
                "{n_held} of these may go: the same command with --remove",
                n_held=len(held) - len(sealed),
            )
        )
    if sealed:
        show(_of_sealed(len(sealed), expired=expired))
    return OK


def _of_sealed(n: int, *, expired: bool) -> str:
    if expired:
        return phrase(
            "{n} of these are never changed by evenhand. To keep what a case says and no rows, "
            "write a report of it, or audit again rows that may still be kept; then remove the "
            "folder and every archive of it; the register keeps its digest alone",
            n=n,
        )
    return phrase(
        "{n_sealed} of these are never changed by evenhand. Take the person out of the data, train "
        "or audit again, hand the new case on, and remove the old folder and every archive of it; "
        "the register keeps its digest alone",
        n_sealed=n,
    )


def _of_person(case: Path | None, row: int | None, unit: str | None) -> list[Held]:
    from evenhand.audit.run.forgetting import PersonToForget, find

    if (row is None) == (not unit):
        raise InputError(
            "one person is to be named",
            remedy="pass --unit VALUE, or CASE and --row NUMBER; or --expired for what is too old",
        )
    if row is not None and case is None:
        raise InputError(
            "a row number alone says nothing: of which data?", remedy="name a CASE of the data too"
        )
    data = sh.opened(case)[0].subject.data_digest if case is not None else ""
    return find(PersonToForget(row=row, data=data, value=unit or ""))


def _too_old(case: Path | None, row: int | None, unit: str | None) -> list[Held]:
    from evenhand.audit.run.retention import expired

    if case is not None or row is not None or unit:
        raise InputError(
            "--expired is about everything that is kept here, not about one person",
            remedy="leave out CASE, --row and --unit, or leave out --expired",
        )
    return expired()


COMMANDS = (Command("forget", forget, order=175),)
