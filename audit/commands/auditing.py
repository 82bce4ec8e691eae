"""evenhand audit, judge, report, verify: the case from measuring to checking its seal."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit.commands import shared as sh
from audit.errors import OK, AlteredEvidenceError, InputError

if TYPE_CHECKING:
    from audit.case import Case
    from audit.run import PlannedPack
    from audit.spec import SubjectSpec
    from policies.pack import Pack

CaseFolder = Annotated[Path, typer.Argument(metavar="CASE", help="A case folder.")]


def audit(
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="Model folder, .skops, or subject.yaml.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="Rows to audit on: CSV, Parquet, JSONL.")] = None,
    predictions: Annotated[
        str | None, typer.Option(help="Stored predictions to audit; no model is needed.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="binary, multiclass, regression or generation.")
    ] = None,
    training_data: Annotated[
        str | None, typer.Option(help="The model's training rows, for the generalisation gap.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding of plain text files.")] = None,
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
    policy: sh.Policy = None,
    checks: Annotated[
        list[str] | None, typer.Option(help="Patterns of checks: 'fairness.*,performance.*'.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random draw.")] = None,
    level: Annotated[float | None, typer.Option(help="Confidence level (0.95).")] = None,
    min_group_size: Annotated[
        int | None, typer.Option(help="Smaller groups are shown, and left out of gaps (10).")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Case folder to write.")] = None,
    as_of: sh.AsOf = None,
    fail_on: sh.FailOn = "high",
    strict: sh.Strict = False,
    inconclusive: sh.Inconclusive = "report",
    attestations: sh.Attestations = "require",
    as_json: sh.Json = False,
    quiet: sh.Quiet = False,
) -> int:
    """Measure a model, or stored predictions, into a sealed case; judge it with packs."""
    spec = _spec(
        model,
        {
            "data": data,
            "predictions": predictions,
            "task": task,
            "encoding": encoding,
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
            "policies": policy and tuple(policy),
            "checks": sh.split(checks),
            "seed": seed,
            "level": level,
            "min_group_size": min_group_size,
            "out": out and str(out),
        },
    )
    case, packs = measure(spec, quiet=quiet)
    verdicts = sh.verdicts_of(case, packs, sh.today(as_of))
    setting = sh.gate(
        verdicts,
        fail_on=fail_on,
        strict=strict,
        inconclusive=inconclusive,
        attestations=attestations,
    )
    _show_result(case, verdicts, setting, as_json=as_json)
    return int(setting["exit_code"])


def _show_result(
    case: Case, verdicts: list[Any], setting: dict[str, Any], *, as_json: bool
) -> None:
    from audit.commands.tables import headline_table, show, show_verdicts

    if as_json:
        sh.print_json(
            {
                "case": str(case.path),
                "digest": case.digest,
                "findings": [f.to_json() for f in case.findings],
                "verdicts": [v.to_json() for v in verdicts],
                "gate": setting,
                "exit_code": setting["exit_code"],
            }
        )
        return
    show(headline_table(case.findings))
    show_verdicts(verdicts)
    crashed = sorted({f.check for f in case.findings if f.status == "error"})
    if crashed:
        show(f"Crashed checks: {', '.join(crashed)} (the reasons are in the findings)")
    show(f"Case: {case.path}\nNext: evenhand report {case.path} --format html -o report.html")


def _spec(model: str | None, options: dict[str, Any]) -> SubjectSpec:
    from audit.spec import make_spec, read_spec

    given = {k: v for k, v in options.items() if v is not None}
    if model is None or not model.endswith((".yaml", ".yml")):
        return make_spec({**given, **({"model": model} if model else {})})
    base = read_spec(model)
    return make_spec({**base.model_dump(exclude_unset=True), **given}, source=model)


def measure(spec: SubjectSpec, *, quiet: bool) -> tuple[Case, list[Pack]]:
    """Runs the audit that the spec asks for, enters the case in the register."""
    from audit.register import Register
    from audit.run import audit as run_audit

    packs = sh.load_packs(spec.policies)
    register = Register()
    register.snapshot()  # an altered or unreachable register is said before hours of measuring
    out = Path(spec.out) if spec.out else _default_out(spec)
    with sh.progress_bar("audit", quiet=quiet) as progress:
        case = run_audit(spec, out, packs=[_planned(p) for p in packs], progress=progress)
    for finding in case.findings:
        if finding.measure == "row_count" and finding.reason:
            sh.say(f"warning: {finding.reason}", quiet=quiet)
    register.append("case", register_body(case))
    return case, packs


def register_body(case: Case) -> dict[str, Any]:
    """What the register keeps of a case."""
    return {
        "path": str(case.path.resolve()),
        "digest": case.digest,
        "name": case.subject["name"],
        "digests": dict(case.subject["digests"]),
        "plan": case.files["plan.json"],
    }


def _planned(pack: Pack) -> PlannedPack:
    from audit.run import PlannedPack
    from policies.pack import asked_levels, asked_measures

    return PlannedPack(
        id=pack.id,
        version=pack.version,
        digest=pack.digest,
        raw=pack.raw,
        levels=asked_levels([pack]),
        measures=frozenset(asked_measures(pack)),
    )


def _default_out(spec: SubjectSpec) -> Path:
    from audit.register import home

    name = spec.name or Path(str(spec.model or spec.predictions)).stem
    plain = "".join(c if c.isalnum() or c in "-_" else "-" for c in name).strip("-") or "case"
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = home() / "cases"
    place = folder / f"{plain[:60]}-{now}"
    number = 2
    while place.exists():
        place = folder / f"{plain[:60]}-{now}-{number}"
        number += 1
    return place


def judge(
    case: CaseFolder,
    policy: sh.Policy = None,
    as_of: sh.AsOf = None,
    compare_to: Annotated[
        Path | None, typer.Option(help="Another case, for items that ask for no worse.")
    ] = None,
    fail_on: sh.FailOn = "high",
    strict: sh.Strict = False,
    inconclusive: sh.Inconclusive = "report",
    attestations: sh.Attestations = "require",
    as_json: sh.Json = False,
) -> int:
    """Judge a case with policy packs (by default those it was planned for)."""
    from audit.case import read_case
    from audit.commands.tables import show_verdicts
    from audit.register import Register
    from policies.judge import judge as judge_case

    read = read_case(case)
    packs = sh.load_packs(policy or [str(p) for p in read.pack_paths()])
    if not packs:
        raise InputError(
            f"case {case} was planned for no pack", remedy="name one, e.g. --policy baseline"
        )
    entries = Register().snapshot()
    other = read_case(compare_to) if compare_to else None
    day = sh.today(as_of)
    verdicts = [v for p in packs for v in judge_case(read, p, entries, as_of=day, compare_to=other)]
    setting = sh.gate(
        verdicts,
        fail_on=fail_on,
        strict=strict,
        inconclusive=inconclusive,
        attestations=attestations,
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
    return int(setting["exit_code"])


def report(
    case: CaseFolder,
    format: Annotated[
        str, typer.Option("--format", "-f", help="html, json, markdown, junit, sarif, model-card.")
    ] = "html",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write.")] = None,
    policy: sh.Policy = None,
    as_of: sh.AsOf = None,
    language: Annotated[str, typer.Option("--language", "-l", help="en or zh.")] = "en",
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
    from audit.case import read_case
    from audit.reports import render

    read = read_case(case)
    packs = sh.load_packs(policy or [str(p) for p in read.pack_paths()])
    verdicts = sh.verdicts_of(read, packs, sh.today(as_of))
    setting = sh.gate(
        verdicts,
        fail_on=fail_on,
        strict=strict,
        inconclusive=inconclusive,
        attestations=attestations,
    )
    document = render(format, read, verdicts, language=language, gate=setting, public=public)
    sh.write_bytes(document, out, avoid=case)
    if out is not None:
        sh.say(f"wrote {out}")
    return OK


def verify(case: CaseFolder, as_json: sh.Json = False) -> int:
    """Check that no byte of a case was changed, added or removed since it was sealed."""
    from audit.case import case_digest, verify_case
    from audit.register import Register

    problems = [str(p) for p in verify_case(case)]
    digest = case_digest(case) if (case / "seal.json").is_file() else None
    known = [e for e in Register().snapshot() if e.kind == "case"]
    here = str(case.resolve())
    entered = {e.body["digest"] for e in known if e.body.get("path") == here}
    if digest is not None and entered and digest not in entered:
        problems.append("seal.json: the register knows this case with another seal")
    registered = digest is not None and any(e.body.get("digest") == digest for e in known)
    result = {
        "case": str(case),
        "digest": digest,
        "intact": not problems,
        "registered": registered,
        "problems": problems,
    }
    if as_json:
        sh.print_json({**result, "exit_code": AlteredEvidenceError.exit_code if problems else OK})
    elif not problems:
        where = "and in the register" if registered else "but not in this register"
        print(f"intact: every file is as sealed, {where}\n{digest}")
    if problems and as_json:
        return AlteredEvidenceError.exit_code
    if problems:
        raise AlteredEvidenceError(
            f"case {case} was altered: " + "; ".join(problems),
            remedy="do not rely on it: restore the case from a copy, or audit again",
        )
    return OK
