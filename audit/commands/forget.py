"""evenhand forget: where something of one person is kept, and away with what may go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.commands.parts.tables import show
from evenhand.audit.errors import OK, InputError
from evenhand.audit.words.phrases import phrase


def _show_places(held: Sequence[Any], *, remove: bool) -> None:
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
        show("nothing of this person is kept here")


def forget(
    case: Annotated[
        Path | None, typer.Argument(metavar="[CASE]", help="With --row: a case of the data.")
    ] = None,
    row: Annotated[int | None, typer.Option(help="Row number of the person in the data.")] = None,
    unit: Annotated[
        str | None, typer.Option(help="What names the person in a column (unit, id).")
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove caches, unfinished work and uploads with it.")
    ] = False,
    as_json: sh.Json = False,
) -> int:
    """Find what is kept of one person; remove what may go, and name the sealed cases."""
    from evenhand.audit.run.forgetting import PersonToForget, find
    from evenhand.audit.run.forgetting import remove as remove_all

    if (row is None) == (not unit):
        raise InputError(
            "one person is to be named", remedy="pass --unit VALUE, or CASE and --row NUMBER"
        )
    if row is not None and case is None:
        raise InputError(
            "a row number alone says nothing: of which data?", remedy="name a CASE of the data too"
        )
    data = sh.opened(case)[0].subject.data_digest if case is not None else ""
    held = find(PersonToForget(row=row, data=data, value=unit or ""))
    gone = remove_all(held) if remove else 0
    sealed = [one for one in held if not one.may_go]
    if as_json:
        told = [{"kind": h.kind, "place": str(h.place), "files": list(h.files)} for h in held]
        sh.print_json({"held": told, "removed": gone, "exit_code": OK})
        return OK
    _show_places(held, remove=remove)
    if held and not remove and len(sealed) < len(held):
        show(
            phrase(
                "{n_held} of these may go: the same command with --remove",
                n_held=len(held) - len(sealed),
            )
        )
    if sealed:
        show(
            phrase(
                "{n_sealed} sealed cases hold something of the person, and are never changed. "
                "Take the person out of the data, audit again, hand the new case on, and "
                "remove the old folder and every archive of it; the register keeps its digest "
                "alone",
                n_sealed=len(sealed),
            )
        )
    return OK


COMMANDS = (Command("forget", forget, order=175),)
