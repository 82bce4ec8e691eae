"""evenhand audit, judge: the case from measuring to a document."""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.audit.api.settings import Gating, Judging, OpeningSettings, Running, Stating
from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.commands.parts.derived import Derived, of, option, takes
from evenhand.audit.data.written.declared import READS
from evenhand.audit.errors import InputError
from evenhand.audit.models.declared import Endpoint
from evenhand.audit.run import flow
from evenhand.audit.subject.facts import (
    parse_declared,
    parse_facts,
    parse_roles,
    parse_words,
    with_options,
)
from evenhand.audit.subject.spec import SubjectSpec
from evenhand.audit.words.phrases import current_language, in_language, phrase

if TYPE_CHECKING:
    from evenhand.audit.case.case import Case
    from evenhand.policies.gate import Gate
    from evenhand.policies.pack import Pack

CaseFolder = Annotated[
    Path, typer.Argument(metavar="CASE", help="A case folder, or an exported zip.")
]


_MOST_ASKED = 1  # questions about what was read that are printed without --verbose
_OF_THE_SUBJECT = Derived(
    SubjectSpec,
    reads={
        **READS,
        "facts": parse_facts,
        "roles": parse_roles,
        "words": parse_words,
        "declared": parse_declared,
    },
    whole=("facts", "words"),
)
# What an endpoint is told, beside its address and how long it may take (--time-limit).
_OF_THE_ENDPOINT = Derived(Endpoint, leave_out=("url", "time_limit_s"))


@takes(
    _OF_THE_SUBJECT,
    _OF_THE_ENDPOINT,
    Derived(OpeningSettings),
    Derived(Running),
    Derived(Gating),
)
def audit(
    place: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]", help="A saved model (evenhand formats) or a subject file."
        ),
    ] = None,
    *,
    options: dict[str, Any],
    as_json: sh.Json = False,
    quiet: sh.Quiet = False,
    verbose: sh.Verbose = False,
) -> int:
    """Measure a model, or stored predictions, into a sealed case; judge it with packs."""
    asked = _endpoint(options)
    spec = _spec(place, {**of(SubjectSpec, options), "endpoint": asked}, quiet=quiet)
    return show_audit(spec, options, as_json=as_json, quiet=quiet, verbose=verbose)


def show_audit(
    spec: SubjectSpec, options: Mapping[str, Any], *, as_json: bool, quiet: bool, verbose: bool
) -> int:
    """Measures by a spec, judges, and shows both; the exit code of the gate."""
    case, packs = sh.measured(spec, quiet=quiet, rules=sh.rules(options), **of(Running, options))
    day = sh.day_of(options)
    sh.warn_of_outdated(packs, day, quiet=quiet)
    verdicts = flow.verdicts_of(case, packs, day)
    setting = sh.gated(verdicts, options, packs, day)
    _show_result(case, verdicts, setting, as_json=as_json, verbose=verbose)
    return setting.exit_code


def _show_result(
    case: Case, verdicts: list[Any], setting: Gate, *, as_json: bool, verbose: bool
) -> None:
    from evenhand.audit.commands.parts.tables import headline_table, show
    from evenhand.audit.commands.parts.verdicts import show_known, show_verdicts, show_why
    from evenhand.audit.reports.page.brief import brief

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
    for line in brief(case, verdicts, None, current_language()):
        show(line)
    show("")
    if verbose:
        show(headline_table(case.findings))
        show_verdicts(verdicts)
    _show_questions(case, verbose=verbose)
    show_known(setting)
    crashed = sorted({f.check for f in case.findings if f.status == "error"})
    if crashed:
        show(
            phrase(
                "Crashed checks: {crashed} (the reasons are in the findings)",
                crashed=", ".join(crashed),
            )
        )
    _show_next(case)
    if not verbose:
        show("      evenhand audit ... --verbose prints all numbers and items here")
    show_why(setting)


def _show_questions(case: Case, *, verbose: bool) -> None:
    from evenhand.audit.commands.parts.tables import asked_of_reader, show
    from evenhand.audit.reports.page.brief import WIDTH, fitted

    questions = asked_of_reader(case.subject.data.notes)
    for question in questions if verbose else questions[:_MOST_ASKED]:
        show(
            fitted(
                in_language(phrase("Asked of you: {question}", question=question)),
                10_000 if verbose else WIDTH,
            )
        )
    if len(questions) > _MOST_ASKED and not verbose:
        show(
            phrase(
                "... and {n_questions} more questions: --verbose, or the report",
                n_questions=len(questions) - _MOST_ASKED,
            )
        )


def _show_next(case: Case) -> None:
    from evenhand.audit.commands.parts.tables import show

    if (run := case.environment.run) is not None:
        plans = "one plan" if run.plans == 1 else f"{run.plans} different plans"
        show(
            phrase(
                "Run {number} of {in_all} of this model on these data ({plans})",
                number=run.number,
                in_all=run.in_all,
                plans=plans,
            )
        )
    show(phrase("Case: {case_path}", case_path=case.path))
    show(
        phrase(
            "Next: evenhand report {case_path} --format html -o report.html", case_path=case.path
        )
    )


def _endpoint(options: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is asked instead of a model, as the person at the machine says: no file may."""
    url = options.get("endpoint")
    dials = {name: options[name] for name in _OF_THE_ENDPOINT.fields() if name in options}
    if url is None:
        if dials:
            raise InputError(
                "{dials} is of an endpoint, and none is named",
                remedy="pass --endpoint URL",
                dials=option(next(iter(dials))),
            )
        return None
    if "time_limit" in options:
        dials["time_limit_s"] = options["time_limit"]
    return {"url": url, **dials}


def _spec(named: str | None, options: dict[str, Any], *, quiet: bool) -> SubjectSpec:
    """What to audit: by options, or by a subject file and options, which win."""
    from evenhand.audit.subject.spec import make_spec
    from evenhand.audit.subject.subject_file import is_subject, read_spec

    passed = {k: v for k, v in options.items() if v is not None}
    if named is not None and is_subject(named):
        base = read_spec(named)
        spec = make_spec(with_options(base.model_dump(exclude_unset=True), passed), source=named)
        _tell_places(base, named, overridden=passed, quiet=quiet)
        return spec
    if named is not None and "model" in passed:
        raise InputError(
            "two models are named: {named} and {model}",
            remedy="name one",
            named=named,
            model=passed["model"],
        )
    spec = make_spec({**passed, **({"model": named} if named else {})})
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
        sh.say(
            phrase("{path} is a subject file; it has read: {told}", path=path, told=", ".join(told))
        )


def _prepare_to_open(model: str | None) -> None:
    """First of all: importing the libraries that open a model takes longest, in another process."""
    from evenhand.audit.worker.launcher import names_at, prepare

    if model is not None and Path(model).exists():
        prepare(*names_at(model))


def _state(case: Case, packs: list[Pack], stated: Stating) -> None:
    """Enters what is stated of the case in the register, and says so."""
    from evenhand.policies.facts import written

    facts, roles, by = stated.facts, stated.roles, stated.by
    if not facts and not roles:
        raise InputError("--by says who states something", remedy="pass --fact or --role too")
    if by is None:
        raise InputError(
            "a fact of a sealed case is somebody's statement, and nobody is named",
            remedy="pass --by NAME",
        )
    entry = flow.state(case, packs, facts=facts, roles=roles, by=by)
    said = [f"{key}={written(value)}" for key, value in (*facts.items(), *roles.items())]
    sh.say(
        phrase(
            "{said}: stated by {by}, register entry {seq}",
            said=", ".join(said),
            by=by,
            seq=entry.seq,
        )
    )


@takes(
    Derived(Judging),
    Derived(Stating, reads={"facts": parse_facts, "roles": parse_roles}, whole=("facts",)),
    Derived(Gating),
)
def judge(case: CaseFolder, *, options: dict[str, Any], as_json: sh.Json = False) -> int:
    """Judge a case with policy packs (by default those it was planned for)."""
    from evenhand.audit.commands.parts.verdicts import show_known, show_verdicts, show_why

    read, stands = sh.opened(case)
    packs = flow.packs_for(read, options.get("policy"))
    if not packs:
        raise InputError(
            "case {case} was planned for no pack",
            remedy="name one, e.g. --policy baseline",
            case=case,
        )
    if stated := of(Stating, options):
        _state(read, packs, Stating(**stated))
    day = sh.day_of(options)
    sh.warn_of_outdated(packs, day)
    verdicts = flow.verdicts_of(read, packs, day, sh.earlier(options.get("compare_to")))
    setting = sh.gated(verdicts, options, packs, day)
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
        show_why(setting)
    return setting.exit_code


COMMANDS = (
    Command("audit", audit, order=30),
    Command("judge", judge, order=40),
)
