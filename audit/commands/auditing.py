"""evenhand audit, judge: the case from measuring to a document."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.commands.parts.derived import Derived, takes
from evenhand.audit.data.types import parse_types
from evenhand.audit.errors import InputError
from evenhand.audit.run import flow
from evenhand.audit.subject.facts import parse_facts, parse_roles, with_options
from evenhand.audit.subject.spec import SubjectSpec

if TYPE_CHECKING:
    from evenhand.audit.case.case import Case
    from evenhand.policies.gate import Gate

CaseFolder = Annotated[Path, typer.Argument(metavar="CASE", help="A case folder.")]


# Fields of subject.yaml whose options are called otherwise, or that are options of their own.
_OF_THE_SUBJECT = Derived(
    SubjectSpec,
    names={
        "columns": "types",
        "sensitive_features": "sensitive",
        "control_features": "control",
        "declared_file": "declared",
        "facts": "fact",
        "roles": "role",
    },
    reads={"columns": parse_types, "facts": parse_facts, "roles": parse_roles},
    whole=("facts",),
    leave_out=("model", "policies", "out"),
)


@takes(_OF_THE_SUBJECT)
def audit(
    model: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", help="A saved model (evenhand formats) or a subject file."),
    ] = None,
    model_file: Annotated[
        str | None,
        typer.Option("--model", metavar="MODEL", help="A saved model, never a subject file."),
    ] = None,
    *,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Send rows to an --endpoint elsewhere (https).")
    ] = False,
    batch_size: Annotated[
        int | None, typer.Option(help="Rows that the --endpoint gets at once (1000).")
    ] = None,
    retries: Annotated[
        int | None, typer.Option(help="Further tries where the --endpoint is silent (3).")
    ] = None,
    given: dict[str, Any],
    policy: sh.Policy = None,
    allow_pickle: sh.AllowPickle = False,
    allow_weak_isolation: sh.AllowWeak = False,
    isolation: sh.IsolationLevel = "auto",
    time_limit: sh.TimeLimit = None,
    memory_limit: sh.MemoryLimit = None,
    out: Annotated[Path | None, typer.Option(help="Case folder to write.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the same audit, which was cut off.")
    ] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Measure again what is known from earlier runs.")
    ] = False,
    as_of: sh.AsOf = None,
    baseline: sh.Baseline = None,
    fail_on: sh.FailOn = "high",
    strict: sh.Strict = False,
    inconclusive: sh.Inconclusive = "report",
    attestations: sh.Attestations = "require",
    as_json: sh.Json = False,
    quiet: sh.Quiet = False,
) -> int:
    """Measure a model, or stored predictions, into a sealed case; judge it with packs."""
    placed = {"model": model_file, "policies": policy and tuple(policy), "out": out and str(out)}
    asked = _endpoint(given.get("endpoint"), allow_remote, batch_size, retries, time_limit)
    spec = _spec(model, {**given, **placed, "endpoint": asked}, quiet=quiet)
    rules = sh.rules(allow_pickle, allow_weak_isolation, isolation, time_limit, memory_limit)
    case, packs = sh.measured(spec, quiet=quiet, rules=rules, resume=resume, use_cache=not no_cache)
    sh.warn_of_outdated(packs, flow.today(as_of), quiet=quiet)
    verdicts = flow.verdicts_of(case, packs, flow.today(as_of))
    setting = flow.gate(
        verdicts,
        fail_on=fail_on,
        strict=strict,
        inconclusive=inconclusive,
        attestations=attestations,
        before=flow.verdicts_before(sh.earlier(baseline), packs, flow.today(as_of)),
    )
    _show_result(case, verdicts, setting, as_json=as_json)
    return setting.exit_code


def _show_result(case: Case, verdicts: list[Any], setting: Gate, *, as_json: bool) -> None:
    from evenhand.audit.commands.parts.tables import headline_table, show, show_known, show_verdicts

    if as_json:
        sh.print_json(
            {
                "case": str(case.path),
                "digest": case.digest,
                "run": case.environment.run and case.environment.run.to_json(),
                "findings": [f.to_json() for f in case.findings],
                "verdicts": [v.to_json() for v in verdicts],
                "gate": setting.to_json(),
                "exit_code": setting.exit_code,
            }
        )
        return
    show(headline_table(case.findings))
    show_verdicts(verdicts)
    show_known(setting)
    crashed = sorted({f.check for f in case.findings if f.status == "error"})
    if crashed:
        show(f"Crashed checks: {', '.join(crashed)} (the reasons are in the findings)")
    if (run := case.environment.run) is not None:
        plans = "one plan" if run.plans == 1 else f"{run.plans} different plans"
        show(f"Run {run.number} of {run.in_all} of this model on these data ({plans})")
    show(f"Case: {case.path}")
    show(f"Next: evenhand report {case.path} --format html -o report.html")


def _endpoint(
    url: str | None,
    allow_remote: bool,
    batch_size: int | None,
    retries: int | None,
    time_limit: float | None,
) -> dict[str, Any] | None:
    """What is asked instead of a model, as the person at the machine says: no file may."""
    asked = {"batch_size": batch_size, "retries": retries}
    given: dict[str, Any] = {key: value for key, value in asked.items() if value is not None}
    if url is None:
        if allow_remote or given:
            name = "allow_remote" if allow_remote else next(iter(given))
            raise InputError(
                f"--{name.replace('_', '-')} is of an endpoint, and none is named",
                remedy="pass --endpoint URL",
            )
        return None
    if time_limit is not None:
        given["time_limit_s"] = time_limit
    return {"url": url, "allow_remote": allow_remote, **given}


def _spec(named: str | None, options: dict[str, Any], *, quiet: bool) -> SubjectSpec:
    """What to audit: by options, or by a subject file and options, which win."""
    from evenhand.audit.subject.spec import make_spec
    from evenhand.audit.subject.subject_file import is_subject, read_spec

    given = {k: v for k, v in options.items() if v is not None}
    if named is not None and is_subject(named):
        base = read_spec(named)
        spec = make_spec(with_options(base.model_dump(exclude_unset=True), given), source=named)
        _tell_places(base, named, overridden=given, quiet=quiet)
        return spec
    if named is not None and "model" in given:
        raise InputError(f"two models are named: {named} and {given['model']}", remedy="name one")
    spec = make_spec({**given, **({"model": named} if named else {})})
    _prepare_to_open(spec.model)
    return spec


def _tell_places(base: SubjectSpec, path: str, *, overridden: Container[str], quiet: bool) -> None:
    """What a subject file has read is said before it is: all of it, or where nobody wants messages
    what lies elsewhere."""
    from evenhand.audit.subject.subject_file import places

    told = [
        f"{key.replace('_', ' ')} {place}" + (" (outside its folder)" if outside else "")
        for key, (place, outside) in places(base, path).items()
        if key not in overridden and (outside or not quiet)
    ]
    if told:
        sh.say(f"{path} is a subject file; it has read: {', '.join(told)}")


def _prepare_to_open(model: str | None) -> None:
    """First of all: importing the libraries that open a model takes longest, in another process."""
    from evenhand.audit.worker.launcher import names_at, prepare

    if model is not None and Path(model).exists():
        prepare(*names_at(model))


def judge(
    case: CaseFolder,
    policy: sh.Policy = None,
    as_of: sh.AsOf = None,
    compare_to: Annotated[
        Path | None, typer.Option(help="Another case, for items that ask for no worse.")
    ] = None,
    baseline: sh.Baseline = None,
    fail_on: sh.FailOn = "high",
    strict: sh.Strict = False,
    inconclusive: sh.Inconclusive = "report",
    attestations: sh.Attestations = "require",
    as_json: sh.Json = False,
) -> int:
    """Judge a case with policy packs (by default those it was planned for)."""
    from evenhand.audit.commands.parts.tables import show_known, show_verdicts

    read, stands = sh.opened(case)
    packs = flow.load_packs(policy or [str(p) for p in read.pack_paths()])
    if not packs:
        raise InputError(
            f"case {case} was planned for no pack", remedy="name one, e.g. --policy baseline"
        )
    other = sh.opened(compare_to)[0] if compare_to else None
    day = flow.today(as_of)
    sh.warn_of_outdated(packs, day)
    verdicts = flow.verdicts_of(read, packs, day, other)
    setting = flow.gate(
        verdicts,
        fail_on=fail_on,
        strict=strict,
        inconclusive=inconclusive,
        attestations=attestations,
        before=flow.verdicts_before(sh.earlier(baseline), packs, day),
    )
    if as_json:
        sh.print_json(
            {
                "case": str(case),
                "digest": read.digest,
                "standing": stands.to_json(),
                "packs": sh.packs_json(packs),
                "as_of": day.isoformat(),
                "verdicts": [v.to_json() for v in verdicts],
                "gate": setting.to_json(),
                "exit_code": setting.exit_code,
            }
        )
    else:
        show_verdicts(verdicts)
        show_known(setting)
    return setting.exit_code


COMMANDS = (
    Command("audit", audit, order=30),
    Command("judge", judge, order=40),
)
