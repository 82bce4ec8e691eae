"""evenhand report: a case as a document, from the case and the register alone."""

from __future__ import annotations

import os
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.audit.commands.auditing import CaseFolder
from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.errors import OK, InputError
from evenhand.audit.run import flow

if TYPE_CHECKING:
    from evenhand.audit.case.case import Case
    from evenhand.audit.run.one_person import Source
    from evenhand.policies.verdict import Verdict

_PERSONAL = "adverse_action"
_GITHUB = "github"


def _formats() -> list[str]:
    """The formats, by their files: a new one is in the help, which imports none of them."""
    folder = Path(__file__).parents[1] / "reports"
    names = [m.name for m in pkgutil.iter_modules([str(folder)]) if not m.ispkg]
    return sorted(n.replace("_", "-") for n in (*names, "evidence"))


def report(
    case: CaseFolder,
    format: Annotated[
        str,
        typer.Option(
            "--format",
            "-f",
            help=f"{', '.join(_formats())}.",
        ),
    ] = "html",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write.")] = None,
    of: Annotated[str, typer.Option("--of", help="The page that --format pdf prints.")] = "html",
    row: Annotated[
        str | None,
        typer.Option("--row", help="adverse-action: row of the data file, from 1; or an id."),
    ] = None,
    id_column: Annotated[
        str | None, typer.Option(help="Column that --row is a value of; needs the data file.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Where the audited model is now (adverse-action).")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Where the audited data file is now (adverse-action).")
    ] = None,
    allow_pickle: sh.AllowPickle = False,
    allow_weak_isolation: sh.AllowWeak = False,
    policy: sh.Policy = None,
    as_of: sh.AsOf = None,
    language: Annotated[str, typer.Option("--lang", "-l", help="en or zh.")] = "en",
    public: Annotated[
        bool,
        typer.Option("--public", help="Withhold groups under 10 people, and what gives them away."),
    ] = False,
    fail_on: sh.FailOn = "high",
    strict: sh.Strict = False,
    inconclusive: sh.Inconclusive = "report",
    attestations: sh.Attestations = "require",
) -> int:
    """Render a case as a document, with the verdicts of its packs or of --policy."""
    from evenhand.audit.api.dossier import dossier_of
    from evenhand.audit.reports import render
    from evenhand.audit.run.one_person import reopen

    read, stands = sh.opened(case)
    if _plain(format) == "evidence":
        return _evidence(read, out, case, public=public)
    packs = flow.load_packs(policy or [str(p) for p in read.pack_paths()])
    day = flow.today(as_of)
    sh.warn_of_outdated(packs, day)
    verdicts = flow.verdicts_of(read, packs, day)
    setting = flow.gate(
        verdicts,
        fail_on=fail_on,
        strict=strict,
        inconclusive=inconclusive,
        attestations=attestations,
    )
    person = None
    if _PERSONAL in (_plain(format), _plain(of)) and row is not None and not public:
        rules = sh.rules(allow_pickle, allow_weak_isolation, "auto", None, None)
        person = _person(read, row, id_column, reopen(read, model=model, data=data, rules=rules))
    elif row is not None and not public:
        raise InputError(f"--row is for adverse-action, not for {format}", remedy="leave out --row")
    dossier = dossier_of(packs, day, person=person, of=of, standing=stands.state)
    given: dict[str, Any] = {"language": language, "gate": setting, "dossier": dossier}
    document = render(format, read, verdicts, public=public, **given)
    if _plain(format) == _GITHUB:
        _write_github(document, read, verdicts, out, case, public=public, **given)
        return OK
    sh.write_bytes(document, out, avoid=case)
    if out is not None:
        sh.say(f"wrote {out}")
    return OK


def _evidence(read: Case, out: Path | None, avoid: Path, *, public: bool) -> int:
    """The whole case and its signatures as one zip, as ``evenhand export`` writes it."""
    from evenhand.audit.case.archive import archive_bytes

    if public:
        raise InputError(
            "evidence is whole or it is none: it can't be written with --public",
            remedy="publish another format, or leave out --public",
        )
    sh.write_bytes(archive_bytes(read), out, avoid=avoid)
    return OK


def _person(case: Case, row: str, id_column: str | None, source: Source) -> dict[str, Any]:
    """The explanation of one row, from the case, or from the audited model and data."""
    from evenhand.audit.errors import MissingNeed
    from evenhand.audit.run.one_person import explain, row_number

    try:
        return explain(case, source, row_number(case, source, row, id_column))
    except MissingNeed as need:
        raise InputError(
            f"decisions of this case can't be explained by reasons: {need}",
            remedy="see what explanation.reasons says about it in the report",
        ) from None


def _write_github(
    annotations: bytes,
    read: Case,
    verdicts: Sequence[Verdict],
    out: Path | None,
    avoid: Path,
    *,
    public: bool,
    **given: Any,
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
    whole = render("markdown", read, verdicts, public=public, **given)
    summary = within_limit(whole, given["language"])
    if out is not None:
        sh.write_bytes(summary, out, avoid=avoid)
        sh.say(f"wrote {out}")
        return
    try:
        with Path(str(place)).open("ab") as file:
            file.write(summary)
    except OSError as error:
        raise InputError(
            f"cannot write the step summary to {place}: {error.strerror}",
            remedy="write it elsewhere with -o FILE",
        ) from error


def _plain(format: str) -> str:
    return format.replace("-", "_")


COMMANDS = (Command("report", report, order=50),)
