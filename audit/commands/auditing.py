"""evenhand audit, judge: the case from measuring to a document."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.errors import InputError
from evenhand.audit.run import flow

if TYPE_CHECKING:
    from evenhand.audit.case.case import Case
    from evenhand.audit.subject.spec import SubjectSpec

CaseFolder = Annotated[Path, typer.Argument(metavar="CASE", help="A case folder.")]


def audit(
    model: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", help="A saved model (evenhand formats) or subject.yaml."),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Rows to audit on: a file, FILE#SHEET or DATABASE_URL#TABLE.")
    ] = None,
    predictions: Annotated[
        str | None, typer.Option(help="Stored predictions to audit; no model is needed.")
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(help="URL that scores JSON rows, instead of MODEL.")
    ] = None,
    classes: Annotated[
        list[str] | None, typer.Option(help="Labels in the order of the model's scores: no,yes.")
    ] = None,
    inputs: Annotated[
        list[str] | None, typer.Option(help="Columns in the order of the model's inputs.")
    ] = None,
    outputs: Annotated[
        str | None, typer.Option(help="What the model answers: probabilities, logits, values.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="binary, multiclass, regression or generation.")
    ] = None,
    training_data: Annotated[
        str | None, typer.Option(help="The model's training rows, for the generalisation gap.")
    ] = None,
    stream: Annotated[
        bool | None,
        typer.Option(help="Count the rows on disk (default: where memory would not do)."),
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding of text files (UTF-8).")] = None,
    types: Annotated[
        list[str] | None,
        typer.Option(help="What columns hold: age=number,zip=text (category, boolean, date)."),
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column of true labels.")] = None,
    predicted: Annotated[str | None, typer.Option(help="Column of predicted labels.")] = None,
    score: Annotated[str | None, typer.Option(help="Column of scores.")] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Predicted positive = score >= this (model: 0.5).")
    ] = None,
    positive_label: Annotated[
        str | None, typer.Option(help="The label that counts as positive; required.")
    ] = None,
    positive_is: Annotated[
        str | None, typer.Option(help="What it means for the person: benefit or burden.")
    ] = None,
    sensitive: Annotated[
        list[str] | None, typer.Option(help="Columns whose groups are compared: race,sex.")
    ] = None,
    control: Annotated[
        list[str] | None, typer.Option(help="Columns within whose levels groups are compared.")
    ] = None,
    weight: Annotated[
        str | None, typer.Option(help="Column of row weights, for rates and gaps by group.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="How people know this model.")] = None,
    declared: Annotated[
        str | None, typer.Option(help="YAML file of thresholds fixed in advance, under git.")
    ] = None,
    policy: sh.Policy = None,
    checks: Annotated[
        list[str] | None,
        typer.Option(help="Patterns: 'fairness.*,...'; 'needed': what packs read."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random draw.")] = None,
    level: Annotated[float | None, typer.Option(help="Confidence level (0.95).")] = None,
    min_group_size: Annotated[
        int | None, typer.Option(help="Smaller groups are shown, and left out of gaps (10).")
    ] = None,
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
    _prepare_to_open(model)
    spec = _spec(
        model,
        {
            "data": data,
            "predictions": predictions,
            "endpoint": endpoint,
            "classes": sh.split(classes),
            "inputs": sh.split(inputs),
            "outputs": outputs,
            "task": task,
            "encoding": encoding,
            "columns": sh.column_types(types),
            "stream": stream,
            "training_data": training_data,
            "target": target,
            "predicted": predicted,
            "score": score,
            "threshold": threshold,
            "positive_label": positive_label,
            "positive_is": positive_is,
            "sensitive_features": sh.split(sensitive),
            "control_features": sh.split(control),
            "weight": weight,
            "name": name,
            "declared_file": declared,
            "policies": policy and tuple(policy),
            "checks": sh.split(checks),
            "seed": seed,
            "level": level,
            "min_group_size": min_group_size,
            "out": out and str(out),
        },
    )
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
        before=flow.verdicts_before(baseline, packs, flow.today(as_of)),
    )
    _show_result(case, verdicts, setting, as_json=as_json)
    return int(setting["exit_code"])


def _show_result(
    case: Case, verdicts: list[Any], setting: dict[str, Any], *, as_json: bool
) -> None:
    from evenhand.audit.commands.parts.tables import headline_table, show, show_known, show_verdicts

    if as_json:
        sh.print_json(
            {
                "case": str(case.path),
                "digest": case.digest,
                "run": case.environment.get("run"),
                "findings": [f.to_json() for f in case.findings],
                "verdicts": [v.to_json() for v in verdicts],
                "gate": setting,
                "exit_code": setting["exit_code"],
            }
        )
        return
    show(headline_table(case.findings))
    show_verdicts(verdicts)
    show_known(setting)
    crashed = sorted({f.check for f in case.findings if f.status == "error"})
    if crashed:
        show(f"Crashed checks: {', '.join(crashed)} (the reasons are in the findings)")
    if case.environment.get("run"):
        run = case.environment["run"]
        plans = "one plan" if run["plans"] == 1 else f"{run['plans']} different plans"
        show(f"Run {run['number']} of {run['in_all']} of this model on these data ({plans})")
    show(f"Case: {case.path}")
    show(f"Next: evenhand report {case.path} --format html -o report.html")


def _spec(model: str | None, options: dict[str, Any]) -> SubjectSpec:
    from evenhand.audit.subject.spec import make_spec, read_spec

    given = {k: v for k, v in options.items() if v is not None}
    if model is None or not _is_spec(model):
        return make_spec({**given, **({"model": model} if model else {})})
    base = read_spec(model)
    return make_spec({**base.model_dump(exclude_unset=True), **given}, source=model)


def _prepare_to_open(model: str | None) -> None:
    """First of all: importing the libraries that open a model takes longest, in another process."""
    from evenhand.audit.worker.launcher import names_at, prepare

    if model is not None and not _is_spec(model) and Path(model).exists():
        prepare(*names_at(model))


def _is_spec(model: str) -> bool:
    return model.endswith((".yaml", ".yml"))


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
    from evenhand.audit.case.case import read_case
    from evenhand.audit.commands.parts.tables import show_known, show_verdicts

    read = read_case(case)
    packs = flow.load_packs(policy or [str(p) for p in read.pack_paths()])
    if not packs:
        raise InputError(
            f"case {case} was planned for no pack", remedy="name one, e.g. --policy baseline"
        )
    other = read_case(compare_to) if compare_to else None
    day = flow.today(as_of)
    sh.warn_of_outdated(packs, day)
    verdicts = flow.verdicts_of(read, packs, day, other)
    setting = flow.gate(
        verdicts,
        fail_on=fail_on,
        strict=strict,
        inconclusive=inconclusive,
        attestations=attestations,
        before=flow.verdicts_before(baseline, packs, day),
    )
    if as_json:
        sh.print_json(
            {
                "case": str(case),
                "as_of": day.isoformat(),
                "verdicts": [v.to_json() for v in verdicts],
                "gate": setting,
                "exit_code": setting["exit_code"],
            }
        )
    else:
        show_verdicts(verdicts)
        show_known(setting)
    return int(setting["exit_code"])


COMMANDS = (
    Command("audit", audit, order=30),
    Command("judge", judge, order=40),
)
