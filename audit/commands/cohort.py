"""evenhand cohort: a part of the rows of a case, audited as the case was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.audit.api.settings import Gating, OpeningSettings, Running
from evenhand.audit.commands.auditing import CaseFolder, show_audit
from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.commands.parts.derived import Derived, takes
from evenhand.audit.errors import OK, InputError
from evenhand.audit.words.numbers import in_percent, p_said
from evenhand.audit.words.phrases import phrase

if TYPE_CHECKING:
    from evenhand.audit.case.case import Case


@takes(Derived(OpeningSettings), Derived(Running), Derived(Gating))
def cohort(
    case: CaseFolder,
    where: Annotated[
        str | None,
        typer.Option(help='The rows: \'sex == "F" and (age >= 40 or job in ("nurse"))\'.'),
    ] = None,
    *,
    options: dict[str, Any],
    node: Annotated[
        int | None, typer.Option(help="In place of --where: a node of the case's error tree.")
    ] = None,
    find: Annotated[
        bool, typer.Option("--find", help="List groups that the audit found, and their conditions.")
    ] = False,
    name: Annotated[str | None, typer.Option(help="What people call them.")] = None,
    data: Annotated[str | None, typer.Option(help="Where the data lie now.")] = None,
    model: Annotated[str | None, typer.Option(help="Where the model lies now.")] = None,
    checks: Annotated[
        list[str] | None, typer.Option(help="Patterns of checks (default: those of the case).")
    ] = None,
    policy: Annotated[
        list[str] | None, typer.Option("--policy", "-p", help="Packs that judge it: ids, or paths.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder of the case.")] = None,
    as_json: sh.Json = False,
    quiet: sh.Quiet = False,
    verbose: sh.Verbose = False,
) -> int:
    """Audit a part of a case's rows in the same way, into a case that names its parent.

    Comparisons: == != < <= > >= in (...) is missing, joined by and, or, not and brackets. The model
    and the data must be the audited ones, by digest. The parent stays as it is.
    """
    from evenhand.audit.data.written.declared import parts_of
    from evenhand.audit.run.cohorts import cohort_spec
    from evenhand.audit.run.found_groups import of_node

    if [where is not None, node is not None, find].count(True) != 1:
        raise InputError(
            "which rows are the cohort?",
            remedy="say it by one of --where and --node; --find lists groups that the audit found",
        )
    read, _ = sh.opened(case)
    if find:
        return _find(read, as_json=as_json)
    where = of_node(read, node) if node is not None else str(where)
    patterns = [part for text in checks or () for part in parts_of(text)]
    changes: dict[str, Any] = {"out": None if out is None else str(out)}
    if patterns:
        changes["checks"] = patterns
    spec = cohort_spec(
        read,
        name=name or where[:80],
        where=where,
        data=data,
        model=model,
        policy=[part for text in policy or () for part in parts_of(text)],
        **changes,
    )
    return show_audit(spec, options, as_json=as_json, quiet=quiet, verbose=verbose)


def _find(read: Case, *, as_json: bool) -> int:
    from evenhand.audit.commands.parts.tables import show, table
    from evenhand.audit.run.found_groups import found_groups

    groups = found_groups(read)
    if as_json:
        sh.print_json({"groups": [each.to_json() for each in groups], "exit_code": OK})
        return OK
    shown = table(
        phrase("Groups that one half of the rows found, as the other half sees them"),
        ["conditions", "rows", "wrong", "elsewhere", "adjusted p"],
    )
    for each in groups:
        one = each.tested
        shown.add_row(
            sh.safe(each.where or ", ".join(f"{c} = {v}" for c, v in one.group.items())),
            f"{one.rows}",
            in_percent(one.errors / one.rows),
            in_percent(one.other_errors / one.other_rows),
            p_said(one.adjusted),
        )
    show(shown)
    return OK


COMMANDS = (Command("cohort", cohort, order=35),)
