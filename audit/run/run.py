"""Plan -> checks -> case. A crashed check is a finding with status error; the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from evenhand.audit.artifacts.kinds import DecisionBits, as_document
from evenhand.audit.attribution.progress import Listener, at_most_every, listening
from evenhand.audit.case.case import Case, CaseWriter
from evenhand.audit.case.environment import AnnouncedRun
from evenhand.audit.case.finished import Finished
from evenhand.audit.case.plan import (
    PLAN_SCHEMA,
    DataPlace,
    ModelPlace,
    NamedPack,
    Plan,
    PlannedCheck,
    PlannedCohort,
    PlannedFile,
    PlannedSubject,
    StoredScores,
)
from evenhand.audit.checks.needs import require
from evenhand.audit.checks.record import Artifact, Recorder
from evenhand.audit.data.formats.database import without_secrets
from evenhand.audit.data.table import explained_by
from evenhand.audit.errors import InputError, MissingNeed, RowsOnDisk
from evenhand.audit.finding import Finding, Status
from evenhand.audit.measure.uncertainty.looks import level_at
from evenhand.audit.measure.uncertainty.testing import BUDGETS, Budget, adjust
from evenhand.audit.reason import because, quoted, reasons_json
from evenhand.audit.register.looks import RecordedLook
from evenhand.audit.run.catalogue import Check, needed, select
from evenhand.audit.run.check_options import options_of, require_options
from evenhand.audit.run.decisions import decisions_json
from evenhand.audit.run.environment import command, environment, own_version, packages
from evenhand.audit.run.keeping import (
    Keeping,
    Kept,
    describe_run,
    kept_of_process,
    make_kept,
    sealed_already,
    versions,
    work_to_resume,
)
from evenhand.audit.subject.answers import notes_to_say
from evenhand.audit.subject.deciding import threshold_of
from evenhand.audit.subject.declared_file import NAME as DECLARED_FILE
from evenhand.audit.subject.declared_file import with_declared
from evenhand.audit.subject.predictions import ClassPredictions, Predictions, score
from evenhand.audit.subject.spec import SubjectSpec
from evenhand.audit.subject.streamed import open_subject
from evenhand.audit.subject.subject import Subject
from evenhand.audit.words.numbers import p_value
from evenhand.audit.words.phrases import phrase
from evenhand.audit.worker.isolation.levels import Rules

# What a spec tells about a model so that it can be opened: needed to open it again.
MODEL_DECLARED = ("preprocess", "classes", "inputs", "outputs", "architecture", "truncate")
NEEDED = "needed"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class PlannedPack:
    """A policy pack that the audit is planned for: its bytes go into the case."""

    id: str
    version: str
    digest: str
    raw: bytes
    levels: tuple[float, ...] = ()
    measures: frozenset[str] = frozenset()  # family.measure, what its items read


def audit(
    spec: SubjectSpec,
    out: Path,
    *,
    packs: Sequence[PlannedPack] = (),
    progress: Progress | None = None,
    rules: Rules | None = None,
    keeping: Keeping | None = None,
) -> Case:
    """Measures what the spec asks for and returns the sealed case at ``out``.

    ``progress`` is called with (check id, checks done, checks in all) before each check and once
    at the end. ``rules`` say what is allowed when the model is opened; ``keeping`` how the audit
    is announced, resumed and cached (by default not at all). Raises InputError, UnsafeModelError
    or LimitError before anything is sealed.
    """
    keeping = keeping or Keeping()
    named = _named(spec, packs)
    require_options(spec, named)
    started = datetime.now(UTC)
    spec, declared_file = with_declared(spec)
    subject = replace(open_subject(spec, rules), declared_file=declared_file)
    # A pattern means the checks of this task; a check named in full is answered in any case.
    chosen = [c for c in named if subject.task in c.module.TASKS or c.id in spec.checks]
    look = keeping.look(subject)
    levels = _levels(spec, packs, look.number)
    plan = make_plan(spec, subject, chosen, packs, levels)
    if look.number > 1:
        plan = plan.model_copy(update={"look": look.number})
    run = describe_run(plan, spec, versions({**packages(), "evenhand": own_version()}))
    work, before = None, None
    if keeping.resume:
        if (sealed := sealed_already(out, run, keeping.sealed)) is not None:
            return sealed
        work, before = work_to_resume(out, run, keeping.secret)
    with CaseWriter(out, plan, resume=work, secret=keeping.secret) as writer:
        announced = _announce(writer, plan, run, before, keeping, look)
        if not subject.is_streamed:
            with explained_by(subject.notes):
                score(subject)  # only now, and first: scores that cannot be used stop the audit
        for note in notes_to_say(subject):
            keeping.note((note,))
        for pack in packs:
            writer.add_pack(f"{pack.id}.yaml", pack.raw)
        if declared_file is not None:
            writer.add_file(DECLARED_FILE, declared_file.raw)
        _keep_decisions(writer, subject)
        kept = make_kept(run, subject, levels, writer.finished, keeping)
        findings = _measure_all(chosen, subject, spec, levels, writer, kept, progress)
        where = environment(
            started,
            subject,
            run=announced,
            from_cache=kept.from_cache,
            resumed=kept.resumed if before is not None else (),
            not_taken=kept.not_taken,
        )
        return writer.seal(within_budget(findings, spec.error_budget), where, keeping.sealing)


def _announce(
    writer: CaseWriter,
    plan: Plan,
    run: dict[str, Any],
    before: dict[str, Any] | None,
    keeping: Keeping,
    look: RecordedLook,
) -> AnnouncedRun | None:
    """Has the plan entered in the register, once, and keeps what the register says of it."""
    told = kept_of_process(run, command())
    known = (before or {}).get("announced")
    writer.resumable({**told, "announced": known})
    if known is not None:
        return AnnouncedRun.model_validate(known)
    if keeping.announce is None:
        return None
    announced = keeping.announce(plan, look)
    writer.resumable({**told, "announced": announced.to_json()})
    return announced


def _measure_all(
    chosen: Sequence[Check],
    subject: Subject,
    spec: SubjectSpec,
    levels: Sequence[float],
    writer: CaseWriter,
    kept: Kept,
    progress: Progress | None,
) -> list[Finding]:
    """The findings of all checks; each is kept as soon as it is finished."""
    findings: list[Finding] = []
    for done, check in enumerate(chosen):
        if progress:
            progress(check.id, done, len(chosen))
        options = options_of(check, spec)
        answer = kept.get(check, options, spec.seed)
        if answer is None:
            artifacts: dict[str, Any] = {}
            keep = _into(artifacts)
            with listening(_within(progress, check.id, done, len(chosen))):
                found = tuple(run_check(check, subject, spec, levels, keep=keep))
            answer = Finished(check.id, found, artifacts)
            kept.put(check, options, spec.seed, answer)
        for name, value in answer.artifacts.items():
            writer.add_artifact(name, value)
        findings.extend(answer.findings)
    if progress:
        progress("", len(chosen), len(chosen))
    return findings


def persons_of(subject: Subject) -> int | None:
    """How many persons the audited rows are of; None where every row is another's."""
    if subject.counts is not None:
        return None if subject.counts.people is None else subject.counts.people.persons
    return None if subject.units is None else int(subject.units.max()) + 1


def _of_persons(finding: Finding, subject: Subject) -> Finding:
    """Where persons have several rows, an interval or a test that takes rows for persons is too
    narrow: it is left out, and the finding says so. ``counts`` tells those that don't."""
    tells = finding.interval is not None or finding.p_value is not None
    units = persons_of(subject)
    if units is None or not tells or "units" in finding.counts:
        return finding
    why = because("no-interval-for-units", units=units, rows=subject.n)
    changed = {"interval": None, "other_intervals": (), "p_value": None}
    return finding.model_copy(update={**changed, "reason": finding.reason + why})


def _into(artifacts: dict[str, Any]) -> Callable[[Artifact], object]:
    def keep(artifact: Artifact) -> None:
        if artifact.name in artifacts:
            raise ValueError(
                phrase("the artifact {artifact} is made twice", artifact=artifact.name)
            )
        artifacts[artifact.name] = artifact.value

    return keep


def _within(progress: Progress | None, check_id: str, done: int, checks: int) -> Listener:
    """Tells how far a long check is, at most every few seconds."""

    def tell(what: str, part: float, whole: float) -> None:
        if progress:
            progress(f"{check_id}, {what}: {int(100 * part / max(whole, 1))}%", done, checks)

    return at_most_every(5.0, tell)


def _named(spec: SubjectSpec, packs: Sequence[PlannedPack]) -> tuple[Check, ...]:
    """The checks that the spec names and those that the packs need, by id.

    The pattern ``needed`` names nothing itself: alone it means what the packs need and no more.
    """
    patterns = tuple(p for p in spec.checks if p != NEEDED)
    wanted = {m for pack in packs for m in pack.measures}
    found = {c.id: c for c in (*(select(patterns) if patterns else ()), *needed(wanted))}
    if not found:
        raise InputError(
            "no check is asked for: no pack needs one", remedy="name a --policy, or other --checks"
        )
    return tuple(found[check_id] for check_id in sorted(found))


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
        method = (
            f"p adjusted by {BUDGETS[budget]} over {len(tested)} tests, unadjusted {p_value(p)}"
        )
        method = "; ".join(m for m in (findings[i].method, method) if m)
        changed = {"p_value": adjusted, "p_unadjusted": p, "method": method}
        result[i] = findings[i].model_copy(update=changed)
    return result


def _keep_decisions(writer: CaseWriter, subject: Subject) -> None:
    """What a comparison with another model on the same rows needs; see
    ``evenhand.audit.comparing.compare``."""
    scored = None if subject.is_streamed else score(subject)
    if isinstance(scored, ClassPredictions) and scored.actual is not None:
        right = scored.actual == scored.predicted
        scored = Predictions(right | True, right, None, False, subject.groups)
    if isinstance(scored, Predictions):
        made = decisions_json(scored, subject.units)
        as_document(DecisionBits.FILE, made)
        writer.add_artifact(DecisionBits.FILE, made)


def make_plan(
    spec: SubjectSpec,
    subject: Subject,
    chosen: Sequence[Check],
    packs: Sequence[PlannedPack],
    levels: Sequence[float],
) -> Plan:
    """What is to be measured: a pure function of its arguments."""
    file = subject.declared_file
    term: dict[str, Any] = {} if spec.keep_days is None else {"keep_days": spec.keep_days}
    return Plan(
        schema=PLAN_SCHEMA,
        subject=_planned_subject(spec, subject),
        facts=dict(subject.facts),
        declared=dict(subject.declared),
        declared_file=PlannedFile.model_validate(file.to_json()) if file else None,
        model_declared=spec.model_dump(
            mode="json", include=set(MODEL_DECLARED), exclude_defaults=True
        ),
        proxies=tuple(subject.proxies),
        reference_applicant=dict(subject.reference_applicant),
        actionable={k: v.model_dump(mode="json") for k, v in subject.actionable.items()},
        checks=tuple(PlannedCheck(id=c.id, options=options_of(c, spec)) for c in chosen),
        seed=spec.seed,
        levels=tuple(levels),
        error_budget=spec.error_budget,
        packs=tuple(NamedPack(id=p.id, version=p.version, digest=p.digest) for p in packs),
        **term,
    )


def _planned_subject(spec: SubjectSpec, subject: Subject) -> PlannedSubject:
    model, stored = subject.model, subject.stored
    return PlannedSubject(
        name=subject.name,
        task=subject.task,
        target=subject.target,
        positive_label=subject.truth.positive,
        classes=tuple(subject.truth.classes)[:1000],
        positive_is=subject.positive_is,
        threshold=threshold_of(subject),
        weight=spec.weight,
        unit=spec.unit,
        sensitive_features=tuple(subject.sensitive_features),
        roles={role: tuple(columns) for role, columns in spec.roles.items()},
        words=spec.words.to_json(),
        control_features=tuple(subject.control_features),
        outcomes=tuple(subject.outcomes),
        digests=dict(subject.digests),
        model=None
        if model is None
        else ModelPlace(path=str(model.path), format=model.predictor.format),
        data=DataPlace(
            path=subject.table.source,
            rows=subject.n + subject.n_dropped,
            columns=dict(subject.table.types),
            declared_columns=tuple(sorted(spec.types)),
            joined=None if spec.join is None else without_secrets(spec.join),
            on=spec.on,
            id=spec.id,
            reading={**spec.as_plain(), **subject.edges},
            notes=tuple(reasons_json(subject.notes)),
        ),
        streamed=subject.is_streamed,
        cohort=None if spec.cohort is None else PlannedCohort(**spec.cohort.model_dump()),
        stored=None
        if stored is None
        else StoredScores(predicted=stored.predicted, score=stored.score),
    )


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
        reason = because("not-of-this-task", task=subject.task)
        yield from (record.without_value(m, "not_applicable", reason) for m in check.measures)
        return
    options = options_of(check, spec)
    try:
        require(subject, *check.module.NEEDS)
        found = list(check.module.measure(subject, seed=spec.seed, levels=levels, **options))
    except MissingNeed as need:
        status: Status = "skipped" if isinstance(need, RowsOnDisk) else "not_applicable"
        yield from (record.without_value(m, status, need.reason) for m in check.measures)
        return
    except Exception as error:
        # The one place where an unexpected error is caught: it is written down, not swallowed.
        reason = quoted(f"{type(error).__name__}: {error}")
        yield from (record.without_value(m, "error", reason) for m in check.measures)
        return
    for each in found:
        if isinstance(each, Artifact):
            keep(each)
        else:
            yield _of_persons(each, subject)


def _levels(spec: SubjectSpec, packs: Sequence[PlannedPack], look: int = 1) -> tuple[float, ...]:
    """The audit's own level first; those of packs beside it, at a later look the stricter ones."""
    asked = {level_at(level, look) for pack in packs for level in pack.levels}
    return (spec.level, *sorted(asked - {spec.level}))
