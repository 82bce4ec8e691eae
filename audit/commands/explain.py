"""evenhand explain: the reasons for one person's decision, and what would turn it."""

from __future__ import annotations

from typing import Annotated

import typer

from evenhand.audit.commands.auditing import CaseFolder
from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.errors import OK, InputError


def explain(
    case: CaseFolder,
    row: Annotated[
        str, typer.Option("--row", help="Row of the data file, from 1; or an id of --id-column.")
    ],
    id_column: Annotated[
        str | None, typer.Option(help="Column that --row is a value of; needs the data file.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Where the audited model is now, if it was moved.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Where the audited data file is now, if it was moved.")
    ] = None,
    allow_pickle: sh.AllowPickle = False,
    allow_weak_isolation: sh.AllowWeak = False,
    language: Annotated[str, typer.Option("--lang", "-l", help="en or zh.")] = "en",
    as_json: sh.Json = False,
) -> int:
    """Name the reasons for one adverse decision, and the smallest change that turns it."""
    from evenhand.audit.commands.parts.tables import show
    from evenhand.audit.errors import MissingNeed, nearest
    from evenhand.audit.reports.parts.explained import lines
    from evenhand.audit.reports.parts.words import LANGUAGES, words
    from evenhand.audit.run.one_person import explain as explain_row
    from evenhand.audit.run.one_person import reopen, row_number

    if language not in LANGUAGES:
        raise InputError(
            f"explanations are not written in language {language!r}",
            remedy=nearest(language, LANGUAGES),
        )
    read, stands = sh.opened(case)
    rules = sh.rules(allow_pickle, allow_weak_isolation, "auto", None, None)
    source = reopen(read, model=model, data=data, rules=rules)
    number = row_number(read, source, row, id_column)
    try:
        told = explain_row(read, source, number)
    except MissingNeed as need:
        raise InputError(
            f"decisions of this case can't be explained by reasons: {need}",
            remedy="see what explanation.attribution says about it in the report",
        ) from None
    told["source"] = "model and data" if source.subject is not None else source.why_not
    if as_json:
        sh.print_json({**told, "standing": stands.to_json()})
    else:
        for line in lines(told, words(language)):
            show(line)
        if source.subject is None:
            sh.say(f"note: from the case alone, {source.why_not}")
    return OK


COMMANDS = (Command("explain", explain, order=100),)
