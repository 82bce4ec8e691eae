"""evenhand demo: the main job on real data. Three models, three sealed cases, one table."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.errors import OK, EvenhandError
from evenhand.audit.run import flow
from evenhand.audit.words.numbers import duration
from evenhand.audit.words.phrases import phrase

if TYPE_CHECKING:
    from evenhand.audit.case.case import Case
    from evenhand.audit.finding import Finding
    from evenhand.policies.verdict import Verdict
    from evenhand.trainers import TrainResult

DATA = "loanapp"
TARGET = "approve"
SENSITIVE = ("race", "sex")
PACK = "baseline"
WORDS = {
    "positive": {"en": "approved", "zh": "批准"},
    "event": {"en": "get the loan", "zh": "获得贷款"},
    "people": {"en": "applicants", "zh": "申请人"},
}
_NETWORK = {"hidden": [16], "activation": "tanh"}
MODELS: dict[str, dict[str, Any]] = {
    "logistic": {"model": "logistic"},
    "mlp": {"model": "mlp", "architecture": _NETWORK},
    "mlp-private": {
        "model": "mlp",
        "architecture": _NETWORK,
        "private": {"epsilon": 3.0, "delta": 1e-4},
    },
}
# What --quick leaves out: reasons, and testing explanations, which take longer than making them.
_QUICK = (
    *("data.*", "energy.*", "fairness.*", "performance.*", "plan.*", "privacy.*"),
    "explanation.attribution",
)
_ROWS = (
    ("accuracy", "accuracy_score", ()),
    ("balanced accuracy", "balanced_accuracy_score", ()),
    ("selection rate gap, race", "demographic_parity_difference", ("race",)),
    ("equalized odds gap, race", "equalized_odds_difference", ("race",)),
    ("selection rate gap, sex", "demographic_parity_difference", ("sex",)),
    ("epsilon (declared)", "declared_epsilon", ()),
)


@dataclass(frozen=True)
class Done:
    """One model of the demo, from training to report."""

    name: str
    trained: TrainResult
    case: Case
    verdicts: tuple[Verdict, ...]
    report: Path


def demo(
    quick: Annotated[bool, typer.Option("--quick", help="Less training, fewer explanations.")] = (
        False
    ),
    seed: Annotated[int, typer.Option(help="Seed of the split, the training and the audit.")] = 7,
    as_json: sh.Json = False,
    quiet: sh.Quiet = False,
) -> int:
    """Train three models on 1,989 real mortgage decisions, audit, judge and report each."""
    from evenhand.audit.register.register import home
    from evenhand.audit.worker.launcher import prepare
    from evenhand.trainers.ledger.record import FILE as LEDGER

    started = time.monotonic()
    # What opens them later is imported elsewhere while they are trained here.
    prepare("model.skops", "encoder.json", LEDGER)
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = home() / f"demo-{stamp}"
    with sh.progress_bar("demo", quiet=quiet) as progress:
        done = []
        for position, name in enumerate(MODELS):
            progress(f"train {name}", 2 * position, 2 * len(MODELS))
            trained = _train(name, folder, seed=seed, quick=quick)
            progress(f"audit {name}", 2 * position + 1, 2 * len(MODELS))
            done.append(_audit(name, trained, folder, seed=seed, quick=quick))
        progress("", 2 * len(MODELS), 2 * len(MODELS))
    _same_held_out(done)
    seconds = time.monotonic() - started
    if as_json:
        sh.print_json({"models": [_as_json(d) for d in done], "seconds": seconds, "exit_code": OK})
    else:
        _show(done, seconds)
    return OK


def _train(name: str, folder: Path, *, seed: int, quick: bool) -> TrainResult:
    from evenhand.trainers import train

    recipe = {"data": DATA, "seed": seed, **MODELS[name]}
    if quick and "private" not in recipe and recipe["model"] == "mlp":
        recipe["epochs"] = 10
    return train(recipe, out=folder / "models" / name)


def _audit(name: str, trained: TrainResult, folder: Path, *, seed: int, quick: bool) -> Done:
    from evenhand.audit.api.dossier import dossier_of
    from evenhand.audit.register.register import home
    from evenhand.audit.reports import render
    from evenhand.audit.subject.spec import make_spec

    told = trained.to_json()
    rows = 40 if quick else 200
    spec = make_spec(
        {
            "name": f"demo {name}",
            "model": str(told["model"]),
            "data": str(told["held_out"]),
            "target": TARGET,
            "positive_label": 1,
            "positive_is": "benefit",
            "sensitive_features": SENSITIVE,
            "words": WORDS,
            "facts": {"system.domain": "credit"},
            "declared": {"accuracy_min": 0.85},
            "policy": (PACK,),
            "seed": seed,
            "checks": _QUICK if quick else ("*",),
            "options": {
                check: {"rows": rows}
                for check in (
                    "explanation.attribution",
                    *(() if quick else ("explanation.reasons",)),
                )
            },
            "out": str(home() / "cases" / f"{folder.name}-{name}"),
        }
    )
    case, packs = sh.measured(spec, quiet=True)
    verdicts = flow.verdicts_of(case, packs, flow.today(None))
    report = folder / "reports" / f"{name}.html"
    dossier = dossier_of(case, packs, flow.today(None))
    page = render("html", case, verdicts, dossier=dossier)
    sh.write_bytes(page, report, avoid=case.path)
    return Done(name, trained, case, tuple(verdicts), report)


def _same_held_out(done: list[Done]) -> None:
    digests = {d.case.subject.data_digest for d in done}
    if len(digests) != 1:
        raise EvenhandError("the models of the demo were not audited on the same held-out rows")


def _found(case: Case, measure: str, between: tuple[str, ...]) -> Finding | None:
    hits = (f for f in case.findings if f.measure == measure and f.between == between)
    return next((f for f in hits if not f.group), None)


def _show(done: list[Done], seconds: float) -> None:
    from evenhand.audit.commands.parts.tables import show, table, value_text
    from evenhand.audit.commands.parts.verdicts import counts_text

    n = done[0].case.subject.data.rows
    made = table(
        phrase(
            "Approving mortgages: three models on the same {n} held-out applications (95 % "
            "intervals)",
            n=n,
        ),
        ["", *(d.name for d in done)],
    )
    for label, measure, between in _ROWS:
        made.add_row(label, *(value_text(_found(d.case, measure, between)) for d in done))
    made.add_row(f"verdicts, {PACK}", *(counts_text(d.verdicts) for d in done))
    show(made)
    small = _small_groups(done[0].case)
    if small:
        show(phrase("Too small to compare, shown in the reports: {small}", small=small))
    show(phrase("Took {seconds}. Open next:", seconds=duration(seconds)))
    for d in done:
        show(phrase("  {report}", report=d.report))
    show("  evenhand dashboard")
    show(phrase("  evenhand verify {case_path}", case_path=done[0].case.path))


def _small_groups(case: Case) -> str:
    names = [
        f"{' × '.join(f'{k}={v}' for k, v in f.group.items())} ({f.n})"
        for f in case.findings
        if f.measure == "count" and any(r.code == "too-small" for r in f.reason)
    ]
    return ", ".join(names)


def _as_json(done: Done) -> dict[str, Any]:
    from evenhand.policies.gate import counts

    return {
        "name": done.name,
        "train": done.trained.to_json(),
        "case": str(done.case.path),
        "report": str(done.report),
        "findings": {
            label: found.to_json()
            for label, measure, between in _ROWS
            if (found := _found(done.case, measure, between)) is not None
        },
        "verdicts": {k: v for k, v in counts(done.verdicts).items() if v},
    }


COMMANDS = (Command("demo", demo, order=10),)
