"""Plan -> checks -> case. A crashed check is a finding with status error; the rest goes on."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

from audit.case import Case, CaseWriter
from audit.catalogue import Check, select
from audit.checks.record import Artifact, Recorder
from audit.decisions import FILE as DECISIONS_FILE
from audit.decisions import decisions_json
from audit.errors import InputError, MissingNeed, nearest
from audit.finding import Finding
from audit.measure.testing import BUDGETS, Budget, adjust
from audit.predictions import Predictions, decides_itself, score
from audit.spec import SubjectSpec
from audit.subject import Subject, build_subject

PLAN_SCHEMA = "evenhand-plan/1"
_PACKAGES = (
    "torch",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "fairlearn",
    "captum",
    "opacus",
    "skops",
    "safetensors",
)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class PlannedPack:
    """A policy pack that the audit is planned for: its bytes go into the case."""

    id: str
    version: str
    digest: str
    raw: bytes
    levels: tuple[float, ...] = ()
    measures: frozenset[str] = frozenset()


def audit(
    spec: SubjectSpec,
    out: Path,
    *,
    packs: Sequence[PlannedPack] = (),
    progress: Progress | None = None,
) -> Case:
    """Measures what the spec asks for and returns the sealed case at ``out``.

    ``progress`` is called with (check id, checks done, checks in all) before each check and once
    at the end. Raises InputError or UnsafeModelError before anything is written.
    """
    named = select(spec.checks)
    _check_options(spec, named)
    started = datetime.now(UTC)
    subject = build_subject(spec)
    # A pattern means the checks of this task; a check named in full is answered in any case.
    chosen = [c for c in named if subject.task in c.module.TASKS or c.id in spec.checks]
    score(subject)  # scores that cannot be used stop the audit before it is planned
    levels = _levels(spec, packs)
    plan = make_plan(spec, subject, chosen, packs, levels)
    with CaseWriter(out, plan) as writer:
        for pack in packs:
            writer.add_pack(f"{pack.id}.yaml", pack.raw)
        _keep_decisions(writer, subject)
        findings: list[Finding] = []
        for done, check in enumerate(chosen):
            if progress:
                progress(check.id, done, len(chosen))
            found = run_check(
                check, subject, spec, levels, keep=lambda a: writer.add_artifact(a.name, a.value)
            )
            findings.extend(found)
        if progress:
            progress("", len(chosen), len(chosen))
        return writer.seal(within_budget(findings, spec.error_budget), _environment(started))


def within_budget(findings: Sequence[Finding], budget: str) -> list[Finding]:
    """The findings with the p-values of all checks adjusted together, the method naming both.

    ``budget`` is "holm", "benjamini-hochberg" (see ``measure.testing.adjust``) or "none".
    """
    tested = [i for i, f in enumerate(findings) if f.p_value is not None]
    result = list(findings)
    if budget == "none" or not tested:
        return result
    raw = [findings[i].p_value or 0.0 for i in tested]
    for i, p, adjusted in zip(tested, raw, adjust(raw, cast(Budget, budget)), strict=True):
        method = f"p adjusted by {BUDGETS[budget]} over {len(tested)} tests, unadjusted {p:.3g}"
        method = "; ".join(m for m in (findings[i].method, method) if m)
        result[i] = findings[i].model_copy(update={"p_value": adjusted, "method": method})
    return result


def _keep_decisions(writer: CaseWriter, subject: Subject) -> None:
    """What a comparison with another model on the same rows needs; see ``audit.compare``."""
    scored = score(subject)
    if isinstance(scored, Predictions):
        writer.add_artifact(DECISIONS_FILE, decisions_json(scored))


def make_plan(
    spec: SubjectSpec,
    subject: Subject,
    chosen: Sequence[Check],
    packs: Sequence[PlannedPack],
    levels: Sequence[float],
) -> dict[str, Any]:
    """What is to be measured, as plain JSON: a pure function of its arguments."""
    model = subject.model
    return {
        "schema": PLAN_SCHEMA,
        "subject": {
            "name": subject.name,
            "task": subject.task,
            "target": subject.target,
            "positive_label": subject.truth.positive,
            "classes": list(subject.truth.classes)[:1000],
            "positive_is": subject.positive_is,
            "threshold": _threshold(subject, spec),
            "weight": spec.weight,
            "sensitive_features": list(subject.sensitive_features),
            "control_features": list(subject.control_features),
            "digests": dict(subject.digests),
            "model": model and {"path": str(model.path), "format": model.predictor.format},
            "data": {"path": subject.table.source, "rows": len(subject.table.frame)},
            "stored": None
            if subject.stored is None
            else {"predicted": subject.stored.predicted, "score": subject.stored.score},
        },
        "facts": dict(subject.facts),
        "declared": dict(subject.declared),
        "checks": [{"id": c.id, "options": _options(c, spec)} for c in chosen],
        "seed": spec.seed,
        "levels": list(levels),
        "error_budget": spec.error_budget,
        "packs": [{"id": p.id, "version": p.version, "digest": p.digest} for p in packs],
    }


def _threshold(subject: Subject, spec: SubjectSpec) -> float | None:
    labels_alone = spec.predicted is not None and spec.score is None
    if labels_alone or subject.task != "binary" or decides_itself(subject):
        return None
    return subject.threshold


def run_check(
    check: Check,
    subject: Subject,
    spec: SubjectSpec,
    levels: Sequence[float],
    *,
    keep: Callable[[Artifact], object] = lambda artifact: None,
) -> Iterator[Finding]:
    """The findings of one check; what it can't answer, and what crashes, become findings too.

    ``keep`` is called with each artifact of a check that went through.
    """
    record = Recorder(check.id, spec.seed)
    if subject.task not in check.module.TASKS:
        reason = f"not asked of a {subject.task} task"
        yield from (record.without_value(m, "not_applicable", reason) for m in check.measures)
        return
    options = _options(check, spec)
    try:
        found = list(check.module.measure(subject, seed=spec.seed, levels=levels, **options))
    except MissingNeed as need:
        reason = str(need)
        yield from (record.without_value(m, "not_applicable", reason) for m in check.measures)
        return
    except Exception as error:
        # The one place where an unexpected error is caught: it is written down, not swallowed.
        reason = f"{type(error).__name__}: {error}"
        yield from (record.without_value(m, "error", reason) for m in check.measures)
        return
    for each in found:
        if isinstance(each, Artifact):
            keep(each)
        else:
            yield each


def _levels(spec: SubjectSpec, packs: Sequence[PlannedPack]) -> tuple[float, ...]:
    asked = sorted({level for pack in packs for level in pack.levels} - {spec.level})
    return (spec.level, *asked)


def _options(check: Check, spec: SubjectSpec) -> dict[str, Any]:
    shared = {"min_group_size": spec.min_group_size}
    known = check.options
    return {
        **known,
        **{k: v for k, v in shared.items() if k in known},
        **spec.options.get(check.id, {}),
    }


def _check_options(spec: SubjectSpec, chosen: Sequence[Check]) -> None:
    by_id = {c.id: c for c in chosen}
    for check_id, options in spec.options.items():
        if check_id not in by_id:
            raise InputError(
                f"options are given for {check_id!r}, which is not among the checks to run",
                remedy=nearest(check_id, by_id),
            )
        known = by_id[check_id].options
        for name, value in options.items():
            if name not in known:
                raise InputError(f"{check_id} has no option {name!r}", remedy=nearest(name, known))
            wanted = type(known[name])
            if type(value) is not wanted or (wanted is int and value < 1):
                raise InputError(
                    f"{check_id}: option {name} = {value!r} must be a positive {wanted.__name__}",
                    remedy=f"its default is {known[name]!r}",
                )


def _environment(started: datetime) -> dict[str, Any]:
    packages = {}
    for name in _PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = "not installed"
    return {
        "evenhand": own_version(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "packages": packages,
        "started_at": started.isoformat(timespec="seconds"),
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": _command(),
        "isolation": "none: the model was opened in this process, formats that hold data only",
    }


def _command() -> list[str]:
    return [Path(sys.argv[0]).name, *sys.argv[1:]]


def own_version() -> str:
    """The version of evenhand that is installed."""
    try:
        return version("evenhand")
    except PackageNotFoundError:
        return "not installed"
