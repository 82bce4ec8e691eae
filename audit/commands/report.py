"""evenhand report: a case as a document, from the case and the register alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.api.settings import (
    Gating,
    Judging,
    Language,
    OpeningSettings,
    PersonSettings,
    Reporting,
)
from evenhand.audit.commands.auditing import CaseFolder
from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.commands.parts.derived import Derived, of, takes
from evenhand.audit.errors import OK, InputError
from evenhand.audit.run import flow
from evenhand.audit.words.phrases import current_language, phrase

if TYPE_CHECKING:
    from evenhand.audit.artifacts.person import Explanation
    from evenhand.audit.case.case import Case
    from evenhand.policies.verdict import Verdict

_PERSONAL = "adverse_action"
_GITHUB = "github"


@takes(
    Derived(Reporting),
    Derived(PersonSettings),
    Derived(OpeningSettings),
    Derived(Judging),
    Derived(Gating),
    Derived(Language),
)
def report(case: CaseFolder, *, options: dict[str, Any]) -> int:
    """Render a case as a document, with the verdicts of its packs or of --policy."""
    from evenhand.audit.api.dossier import dossier_of
    from evenhand.audit.reports import render

    how, person = Reporting(**of(Reporting, options)), PersonSettings(**of(PersonSettings, options))
    read, stands = sh.opened(case)
    if _plain(how.format) == "evidence":
        return _evidence(read, how.out, case, public=how.public)
    packs = flow.packs_for(read, options.get("policy"))
    day = sh.day_of(options)
    sh.warn_of_outdated(packs, day)
    verdicts = flow.verdicts_of(read, packs, day, sh.earlier(options.get("compare_to")))
    setting = sh.gated(verdicts, options, packs, day)
    explained = None
    if person.row is not None and not how.public:
        if _PERSONAL not in (_plain(how.format), _plain(how.of)):
            raise InputError(
                "--row is for adverse-action, not for {format}",
                remedy="leave out --row",
                format=how.format,
            )
        explained = _explained(read, person, options)
    if how.letter is not None and explained is None:
        raise InputError(
            "--letter is of adverse-action, about one person",
            remedy="pass --format adverse-action --row ROW, or leave it out",
        )
    dossier = dossier_of(
        read,
        packs,
        day,
        person=explained,
        of=how.of,
        standing=stands.state,
        appendix=how.appendix,
        letter=how.letter,
    )
    shown: dict[str, Any] = {
        "lang": options.get("lang", current_language()),
        "gate": setting,
        "dossier": dossier,
        "public": how.public,
    }
    document = render(how.format, read, verdicts, **shown)
    if _plain(how.format) == _GITHUB:
        _write_github(document, read, verdicts, how.out, case, **shown)
        return OK
    sh.write_bytes(document, how.out, avoid=case)
    if how.out is not None:
        sh.say(phrase("wrote {out}", out=how.out))
    return OK


def _evidence(read: Case, out: Path | None, avoid: Path, *, public: bool) -> int:
    """The whole case and its signatures as one zip, as ``evenhand export`` writes it."""
    from evenhand.audit.run.handing_over import hand_over

    if avoid.is_file():
        raise InputError(
            "{avoid} is an archive already",
            remedy="hand it on as it is, or name another format",
            avoid=avoid,
        )
    if public:
        raise InputError(
            "evidence is whole or it is none: it can't be written with --public",
            remedy="publish another format, or leave out --public",
        )
    sh.write_bytes(hand_over(read, flow.packs_for(read)).archive, out, avoid=avoid)
    return OK


def _explained(case: Case, person: PersonSettings, given: Mapping[str, Any]) -> Explanation:
    """The explanation of one row, from the case, or from the audited model and data."""
    from evenhand.audit.errors import MissingNeed
    from evenhand.audit.run.one_person import explain, reopen, row_number

    source = reopen(case, model=person.model, data=person.data, rules=sh.rules(given))
    number = row_number(case, source, str(person.row), person.id_column)
    try:
        return explain(case, source, number)
    except MissingNeed as need:
        raise InputError(
            "decisions of this case can't be explained by reasons: {need}",
            remedy="see what explanation.reasons says about it in the report",
            need=need,
        ) from None


def _write_github(
    annotations: bytes,
    read: Case,
    verdicts: Sequence[Verdict],
    out: Path | None,
    avoid: Path,
    **shown: Any,
) -> None:
    """Annotations to stdout; the summary to ``out``, else to the file that GITHUB_STEP_SUMMARY
    names, else nowhere (and says so)."""
    from evenhand.audit.reports import render
    from evenhand.audit.reports.github import within_limit

    sys.stdout.buffer.write(annotations)
    sys.stdout.flush()
    place = os.environ.get("GITHUB_STEP_SUMMARY")
    if out is None and not place:
        sh.say("note: no step summary was written: GITHUB_STEP_SUMMARY is not set, and no -o")
        return
    whole = render("markdown", read, verdicts, **shown)
    summary = within_limit(whole, shown["lang"])
    if out is not None:
        sh.write_bytes(summary, out, avoid=avoid)
        sh.say(phrase("wrote {out}", out=out))
        return
    try:
        with Path(str(place)).open("ab") as file:
            file.write(summary)
    except OSError as error:
        raise InputError(
            "cannot write the step summary to {place}: {strerror}",
            remedy="write it elsewhere with -o FILE",
            place=place,
            strerror=error.strerror,
        ) from error


def _plain(format: str) -> str:
    return format.replace("-", "_")


COMMANDS = (Command("report", report, order=50),)
