"""evenhand runs list, show: every audit that was planned here, finished or not."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.errors import OK, InputError
from evenhand.audit.words.phrases import phrase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenhand.audit.register.runs import Run

runs_app = typer.Typer(help="The audits that were planned here, finished or not.")


@runs_app.command("list")
def runs_list(
    name: Annotated[str | None, typer.Option(help="Only runs of the model of this name.")] = None,
    as_json: sh.Json = False,
) -> int:
    """List every run on the register, and every audit that was cut off."""
    from evenhand.audit.commands.parts.tables import show, table
    from evenhand.audit.register.register import Register
    from evenhand.audit.register.runs import runs

    found = [r for r in runs(Register().snapshot()) if name in (None, r.name)]
    cut_off = unfinished_work([r.path for r in found])
    if as_json:
        told = [{**r.to_json(), "state": _state(r)} for r in found]
        sh.print_json({"runs": told, "unfinished": cut_off, "exit_code": OK})
        return OK
    made = table("Runs", ["entry", "model", "planned", "run", "plan", "state"])
    for r in found:
        number = f"{r.number} of {r.in_all}"
        made.add_row(
            str(r.entry), sh.safe(r.name), r.at[:19], number, r.plan[7:19], sh.safe(_state(r))
        )
    show(made)
    for work in cut_off:
        show(
            phrase(
                "Cut off: {folder} ({checks} checks kept)",
                folder=work["folder"],
                checks=work["checks"],
            )
        )
        show(
            phrase(
                "  go on: {resume}", resume=work["resume"] or "nothing was kept; delete the folder"
            )
        )
    return OK


@runs_app.command("show")
def runs_show(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A run's entry number, or the folder of its case.")
    ],
    as_json: sh.Json = False,
) -> int:
    """Show one run: its plan, its number of how many, its case."""
    from evenhand.audit.commands.parts.tables import show
    from evenhand.audit.register.register import Register
    from evenhand.audit.register.runs import runs

    entries = Register().snapshot()
    one = _find(runs(entries), run)
    body = dict(entries[one.entry - 1].body)
    if as_json:
        sh.print_json({**one.to_json(), "state": _state(one), "planned": body, "exit_code": OK})
        return OK
    show(phrase("{one}: {one_2}", one=one.name, one_2=one))
    show(
        phrase(
            "planned {at} as entry {entry}, before scoring: {plan}",
            at=one.at,
            entry=one.entry,
            plan=one.plan,
        )
    )
    show(phrase("state: {one}", one=_state(one)))
    for key in ("digests", "target", "threshold", "sensitive_features", "seed"):
        show(phrase("{key}: {key_2}", key=key, key_2=json.dumps(body.get(key), ensure_ascii=False)))
    return OK


def _find(found: Sequence[Run], ref: str) -> Run:
    here = str(Path(ref).resolve())
    for one in reversed(found):
        if ref == str(one.entry) or here == one.path:
            return one
    raise InputError("no run {ref!r} on the register", remedy="see: evenhand runs list", ref=ref)


def _state(run: Run) -> str:
    """``finished`` with the case's place, or what is known of a run that left no case."""
    from evenhand.audit.case.work import unfinished

    place = Path(run.path)
    if run.case is not None:
        return f"finished: {place}"
    if (place / "seal.json").is_file():
        return f"sealed, not registered: go on with --resume --out {place}"
    if place.parent.is_dir() and unfinished(place.parent, place.name):
        return "cut off, can be resumed"
    return "no case: it failed, still runs, or was cut off"


def unfinished_work(paths: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Audits that were cut off: below EVENHAND_HOME/cases, and beside each of ``paths``."""
    from evenhand.audit.case.finished import Store
    from evenhand.audit.case.work import RUN_FILE, unfinished
    from evenhand.audit.register.register import home

    folders = {(home() / "cases").resolve(), *(Path(p).parent for p in paths)}
    works = []
    for folder in sorted(f for f in folders if f.is_dir()):
        for work in unfinished(folder, empty=True):
            try:
                run = json.loads((work / RUN_FILE).read_bytes())
            except (ValueError, FileNotFoundError):
                run = {}  # cut off before it had written what it is
            out = folder / work.name[1:].rpartition(".partial-")[0]
            command = shlex.join(["evenhand", *run.get("command", ["evenhand", "audit"])[1:]])
            works.append(
                {
                    "folder": str(work),
                    "out": str(out),
                    "checks": Store(work / "finished").count(),
                    "started_at": run.get("started_at"),
                    "resume": f"{command} --resume --out {shlex.quote(str(out))}" if run else None,
                }
            )
    return works


COMMANDS = (Command("runs", runs_app, order=180),)
