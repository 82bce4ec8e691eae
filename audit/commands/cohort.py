"""evenhand cohort: a part of the rows of a case, audited as the case was."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from evenhand.audit.api.settings import Gating, OpeningSettings, Running
from evenhand.audit.commands.auditing import CaseFolder, show_audit
from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.commands.parts.derived import Derived, takes


@takes(Derived(OpeningSettings), Derived(Running), Derived(Gating))
def cohort(
    case: CaseFolder,
    where: Annotated[
        str,
        typer.Option(help='The rows: \'sex == "F" and (age >= 40 or job in ("nurse"))\'.'),
    ],
    *,
    options: dict[str, Any],
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
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print the headline numbers and items in full.")
    ] = False,
) -> int:
    """Audit a part of a case's rows in the same way, into a case that names its parent.

    Comparisons: == != < <= > >= in (...) is missing, joined by and, or, not and brackets. The model
    and the data must be the audited ones, by digest. The parent stays as it is.
    """
    from evenhand.audit.data.written.declared import parts_of
    from evenhand.audit.run.cohorts import cohort_spec

    read, _ = sh.opened(case)
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


COMMANDS = (Command("cohort", cohort, order=35),)
