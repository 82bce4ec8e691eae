"""evenhand checks, evenhand policies: what can be measured, and what it can be judged by."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.commands.parts.tables import show
from evenhand.audit.errors import BAD_INPUT, OK, InputError
from evenhand.audit.run import flow
from evenhand.audit.words.phrases import phrase

checks_app = typer.Typer(help="The checks: what can be measured.", no_args_is_help=True)
policies_app = typer.Typer(
    help="The policy packs: what findings are judged by.", no_args_is_help=True
)


@checks_app.command("list")
def checks_list(as_json: sh.Json = False) -> int:
    """List every check with its question."""
    from evenhand.audit.commands.parts.tables import measured, table
    from evenhand.audit.run.catalogue import checks

    if as_json:
        sh.print_json([c.describe() for c in checks()])
        return OK
    made = table("Checks", ["check", "question", "cost", "measures"])
    for c in checks():
        made.add_row(c.id, c.module.QUESTION, c.module.COST, ", ".join(map(measured, c.measures)))
    show(made)
    return OK


@checks_app.command("show")
def checks_show(
    check: Annotated[str, typer.Argument(metavar="CHECK")], as_json: sh.Json = False
) -> int:
    """Show one check: its measures, needs, options and source."""
    from evenhand.audit.commands.parts.tables import measured, table
    from evenhand.audit.run.catalogue import check as find

    described = find(check).describe()
    if as_json:
        sh.print_json(described)
        return OK
    show(phrase("{id}: {question}", id=described["id"], question=described["question"]))
    show(
        phrase(
            "tasks: {tasks}; needs: {needs}",
            tasks=", ".join(described["tasks"]),
            needs=", ".join(described["needs"]) or "–",
        )
    )
    show(phrase("source: {source}", source=described["source"]))
    measures = table("Measures", ["measure", "name in packs", "harm", "meaning"])
    for name, meaning in described["measures"].items():
        measures.add_row(measured(name), name, described["harm"][name], meaning)
    show(measures)
    if described["options"]:
        options = table("Options (subject.yaml, options:)", ["option", "default"])
        for name, default in described["options"].items():
            options.add_row(name, repr(default))
        show(options)
    return OK


@checks_app.command("needed")
def checks_needed(
    packs: Annotated[list[str] | None, typer.Argument(metavar="[PACK]...")] = None,
    policy: sh.Policy = None,
    as_json: sh.Json = False,
) -> int:
    """List what packs need: checks, facts, roles of columns, declared limits."""
    from evenhand.audit.commands.parts.tables import facts_table, table
    from evenhand.audit.run.catalogue import needed
    from evenhand.policies.facts import asked, limits
    from evenhand.policies.pack import asked_measures

    refs = [*(packs or []), *(policy or [])]
    if not refs:
        raise InputError("no pack is named", remedy="e.g. evenhand checks needed us-nyc-ll144")
    loaded = flow.load_packs(refs)
    wanted = needed({m for pack in loaded for m in asked_measures(pack)})
    facts = [one for pack in loaded for one in asked(pack)]
    roles = {
        role: [
            f"{pack.id}:{item.id}" for pack in loaded for item in pack.items if role in item.binds
        ]
        for role in sorted({r for pack in loaded for item in pack.items for r in item.binds})
    }
    declared = [one for pack in loaded for one in limits(pack)]
    if as_json:
        sh.print_json(
            {
                "checks": [c.id for c in wanted],
                "facts": [one.to_json() for one in facts],
                "roles": roles,
                "declared": [asdict(one) for one in declared],
            }
        )
        return OK
    show(phrase("Checks: {wanted}", wanted=", ".join(c.id for c in wanted) or "none"))
    show(facts_table(facts))
    bound = table("Roles of columns (subject.yaml, roles:, or --role)", ["role", "asked by"])
    for role, items in roles.items():
        bound.add_row(role, ", ".join(items))
    show(bound)
    made = table("Limits (subject.yaml, declared:)", ["name", "default", "asked by"])
    for limit in declared:
        shown = "none: undecided without" if limit.default is None else f"{limit.default:g}"
        made.add_row(limit.name, shown, ", ".join(limit.items))
    show(made)
    return OK


@policies_app.command("list")
def policies_list(as_json: sh.Json = False) -> int:
    """List the packs that are shipped."""
    from evenhand.audit.commands.parts.tables import table
    from evenhand.policies.pack import load_pack, shipped_packs

    packs = [load_pack(ref) for ref in shipped_packs()]
    if as_json:
        sh.print_json([_summary(p) for p in packs])
        return OK
    made = table("Policy packs", ["pack", "version", "title", "kind", "state", "items"])
    for p in packs:
        made.add_row(
            p.id, p.version, p.title["en"], p.kind, p.legal_status.state, str(len(p.items))
        )
    show(made)
    return OK


def _summary(pack: object) -> dict[str, object]:
    from evenhand.policies.pack import Pack

    assert isinstance(pack, Pack)
    return {
        "id": pack.id,
        "version": pack.version,
        "title": dict(pack.title),
        "kind": pack.kind,
        "legal_status": pack.legal_status.model_dump(mode="json"),
        "items": len(pack.items),
        "digest": pack.digest,
        "extended": pack.extended and pack.extended.model_dump(mode="json"),
    }


@policies_app.command("show")
def policies_show(
    pack: Annotated[str, typer.Argument(metavar="PACK", help="Pack id or path.")],
    as_json: sh.Json = False,
) -> int:
    """Show one pack: its legal status, the facts that it asks for, and every item."""
    from evenhand.audit.commands.parts.tables import facts_table, table
    from evenhand.policies.facts import asked
    from evenhand.policies.pack import load_pack

    loaded = load_pack(pack)
    items = [i.model_dump(mode="json", exclude_none=True) for i in loaded.items]
    facts = asked(loaded)
    if as_json:
        told = [one.to_json() for one in facts]
        sh.print_json({**_summary(loaded), "facts": told, "items": items})
        return OK
    show(
        phrase(
            "{loaded} {version}: {en} / {value}",
            loaded=loaded.id,
            version=loaded.version,
            en=loaded.title["en"],
            value=loaded.title.get("zh", ""),
        )
    )
    status = loaded.legal_status
    show(
        phrase(
            "{loaded_kind}, {state}, checked on {checked_on}",
            loaded_kind=loaded.kind,
            state=status.state,
            checked_on=status.checked_on,
        )
    )
    if loaded.extended is not None:
        show(
            phrase(
                "extends {extended} {version}:",
                extended=loaded.extended.id,
                version=loaded.extended.version,
            )
        )
        for change in loaded.extended.changes:
            what = f"{change.before or 'nothing'} -> {change.after or 'nothing'}"
            show(phrase("  {item} {part}: {what}", item=change.item, part=change.part, what=what))
    if facts:
        show(facts_table(facts))
    made = table("Items", ["item", "title", "kind", "severity", "obligation", "evidence"])
    for item in loaded.items:
        evidence = item.selects.select if item.selects else "attestation"
        title = sh.safe(item.title["en"])
        made.add_row(item.id, title, item.kind, item.severity, item.obligation, evidence)
    show(made)
    return OK


@policies_app.command("lint")
def policies_lint(
    packs: Annotated[list[str] | None, typer.Argument(metavar="[PACK]...")] = None,
    as_of: sh.AsOf = None,
    as_json: sh.Json = False,
) -> int:
    """Check packs (default: all that are shipped); exit 2 where one has an error."""
    from evenhand.audit.run.catalogue import measure_index
    from evenhand.audit.subject.subject import SUBJECT_FACTS
    from evenhand.policies.lint import lint
    from evenhand.policies.pack import load_pack, shipped_packs

    complaints = []
    # The packs that are asked for come first: one that can't be read is said at once.
    refs = packs or shipped_packs()
    asked = [load_pack(Path(ref) if ref.endswith((".yaml", ".yml")) else ref) for ref in refs]
    shipped = [load_pack(name) for name in shipped_packs()] if packs else asked
    items = {f"{pack.id}:{item.id}" for pack in shipped for item in pack.items}
    for loaded in asked:
        complaints += [
            (loaded.id, c)
            for c in lint(
                loaded,
                measures=measure_index(),
                facts=SUBJECT_FACTS,
                items=items,
                as_of=flow.today(as_of),
            )
        ]
    bad = any(c.level == "error" for _, c in complaints)
    code = BAD_INPUT if bad else OK
    if as_json:
        found = [{"pack": pack, **asdict(c)} for pack, c in complaints]
        sh.print_json({"complaints": found, "exit_code": code})
        return code
    for pack, c in complaints:
        show(phrase("{pack}: {c}", pack=pack, c=c))
    if not complaints:
        show("no complaints")
    return code


COMMANDS = (
    Command("checks", checks_app, order=160),
    Command("policies", policies_app, order=170),
)
