"""What several formats say about a case in the same words."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from evenhand.audit.case.case import Case
from evenhand.audit.finding import Finding
from evenhand.audit.reports.parts.outline import counted, status_counts
from evenhand.audit.reports.parts.words import Words
from evenhand.audit.words.numbers import moment
from evenhand.policies.gate import Gate

# Where a maker may declare what the model is for.
USE_KEYS = ("intended_use", "intended_uses", "purpose")


def subject_sentences(case: Case, say: Words) -> list[str]:
    """What was audited: name and task, target, and what the positive label means."""
    subject = case.subject
    sentences = [
        say(
            "sum_subject",
            name=subject.name,
            task=say.term("task", str(subject.task or "unknown")),
        )
    ]
    if subject.target:
        sentences.append(say("sum_target", target=subject.target))
    label = subject.positive_label
    if label is not None:
        means = f"positive.{subject.positive_is}"
        sentences.append(say(means if means in say.texts else "positive_unknown", label=label))
    return sentences


def coverage_sentences(case: Case, say: Words) -> list[str]:
    """On how many rows, between which groups, and with how many findings of each status."""
    rows, dropped = counted(case, "row_count"), counted(case, "dropped_row_count")
    names = list(case.subject.sensitive_features)
    parts = [
        say("part", count=count, status=say.term("finding", status))
        for status, count in status_counts(case.findings)
    ]
    left_out = [say("sum_dropped", rows=f"{dropped:,}")] if dropped else []
    return [
        say("sum_rows", rows=f"{rows:,}") if rows is not None else say("sum_rows_unknown"),
        *left_out,
        say("sum_groups", features=say.listed(names)) if names else say("sum_no_groups"),
        say("sum_findings", count=len(case.findings), parts=say.listed(parts) or "–"),
    ]


def subject_facts(case: Case, say: Words) -> list[tuple[str, str]]:
    """The subject, its digests and its times, as (name, value) pairs."""
    subject, environment = case.subject, case.environment
    model = subject.model
    pairs: list[tuple[str, Any]] = [
        (say("fact_model"), model.path if model else say("fact_no_model")),
        (say("fact_format"), model.format if model else None),
        (say("fact_data"), subject.data.path),
        *cohort_facts(case, say),
        (say("fact_features"), say.listed(subject.sensitive_features)),
        (say("fact_controls"), say.listed(subject.control_features)),
    ]
    for name, digest in sorted(subject.digests.items()):
        pairs.append((say("fact_digest", name=name), digest))
    pairs += [
        (say("fact_started"), moment(environment.started_at or "")),
        (say("fact_finished"), moment(environment.finished_at or "")),
        (say("fact_isolation"), environment.isolation),
        (say("fact_version"), environment.evenhand),
        (say("fact_seal"), case.digest),
    ]
    return [(name, str(value)) for name, value in pairs if value]


def cohort_facts(case: Case, say: Words) -> list[tuple[str, str]]:
    """Which part of whose rows was audited; nothing where all were."""
    cohort = case.subject.cohort
    if cohort is None:
        return []
    whole = cohort.parent.removeprefix("sha256:")[:12]
    told = say("cohort_of" if whole else "cohort_where", where=cohort.where, whole=whole)
    return [(say("fact_cohort"), f"{cohort.name}: {told}" if cohort.name != cohort.where else told)]


def data_name(case: Case) -> str:
    """The data's file without its folder, which tells of the maker's machine; "" if unknown."""
    path = case.subject.data.path
    return PurePath(path).name if path else ""


def gate_facts(gate: Gate, say: Words) -> list[tuple[str, str]]:
    """How the gate was set; a setting that was moved is shown with its default."""
    pairs = []
    for name, setting in gate.settings().items():
        value, default = _setting(setting, say), getattr(Gate, name)
        if setting != default:
            value = say("gate_moved", value=value, default=_setting(default, say))
        pairs.append((say.known("gate", name) or name, value))
    if gate.known is not None:
        pairs.append((say.known("gate", "known") or "known", str(list(gate.known))))
    return pairs


def gate_outcome(gate: Gate, say: Words) -> str:
    """The exit code and what it means."""
    code = gate.exit_code
    return f"{say('gate_exit', code=code)} {say.known('exit', str(code)) or ''}".strip()


def about(finding: Finding, say: Words) -> str:
    """What a finding is about, in words: its measure, then its group, gap or column."""
    return " · ".join(t for t in (say.measure(finding.measure), _place(finding, say)) if t)


def of_what(finding: Finding, say: Words) -> str:
    """The group, gap or column alone, beside a finding of the same measure."""
    return _place(finding, say) or say.measure(finding.measure)


def _place(finding: Finding, say: Words) -> str:
    told = []
    if finding.group:
        told.append(say.listed([f"{k} = {v}" for k, v in sorted(finding.group.items())]))
    if finding.between:
        told.append(say("between_groups", features=" × ".join(finding.between)))
    if finding.column:
        told.append(say("of_column", column=finding.column))
    return " · ".join(told)


def _setting(value: object, say: Words) -> str:
    return say(f"answer.{str(value).lower()}") if isinstance(value, bool) else str(value)
