"""evenhand explain: the reasons for one person's decision, and what would turn it."""

from __future__ import annotations

from typing import Any

from evenhand.audit.api.settings import Language, OpeningSettings, PersonSettings
from evenhand.audit.commands.auditing import CaseFolder
from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.commands.parts.derived import Derived, of, takes
from evenhand.audit.errors import OK, InputError
from evenhand.audit.words.phrases import current_language, phrase


@takes(Derived(PersonSettings), Derived(OpeningSettings), Derived(Language))
def explain(case: CaseFolder, *, options: dict[str, Any], as_json: sh.Json = False) -> int:
    """Name the reasons for one adverse decision, and the smallest change that turns it."""
    from evenhand.audit.commands.parts.tables import show
    from evenhand.audit.errors import MissingNeed, nearest
    from evenhand.audit.reports.parts.explained import lines
    from evenhand.audit.reports.parts.words import LANGUAGES, words
    from evenhand.audit.run.one_person import explain as explain_row
    from evenhand.audit.run.one_person import reopen, row_number

    lang, person = (
        options.get("lang", current_language()),
        PersonSettings(**of(PersonSettings, options)),
    )
    if lang not in LANGUAGES:
        raise InputError(
            "explanations are not written in language {lang_!r}",
            remedy=nearest(lang, LANGUAGES),
            lang_=lang,
        )
    if person.row is None:
        raise InputError(
            "whose decision is explained?", remedy="pass --row N, counted from 1, or an id"
        )
    read, stands = sh.opened(case)
    source = reopen(read, model=person.model, data=person.data, rules=sh.rules(options))
    number = row_number(read, source, person.row, person.id_column)
    try:
        told = explain_row(read, source, number)
    except MissingNeed as need:
        raise InputError(
            "decisions of this case can't be explained by reasons: {need}",
            remedy="see what explanation.attribution says about it in the report",
            need=need,
        ) from None
    if as_json:
        place = "model and data" if source.subject is not None else source.why_not
        sh.print_json({**told.to_json(), "source": place, "standing": stands.to_json()})
    else:
        for line in lines(told, words(lang)):
            show(line)
        if source.subject is None:
            sh.say(phrase("note: from the case alone, {why_not}", why_not=source.why_not))
    return OK


COMMANDS = (Command("explain", explain, order=100),)
