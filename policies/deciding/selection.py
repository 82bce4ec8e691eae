"""Which findings of a case an item reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evenhand.audit.case.case import Case
from evenhand.audit.finding import Finding
from evenhand.audit.words.text import name
from evenhand.policies.schema import Evidence
from evenhand.policies.words import Words, say


@dataclass(frozen=True)
class Selection:
    """The findings of an item, and in words what it asks for and the case does not have."""

    findings: tuple[Finding, ...]
    missing: tuple[Words, ...] = ()
    no_question: Words | None = None


def select(case: Case, evidence: Evidence) -> Selection:
    """The findings whose check is of the family and whose measure, features and columns match.

    ``no_question`` says why there is nothing to ask (a crossing where there is one feature).
    """
    family = [f for f in case.findings if f.check.startswith(f"{evidence.family}.")]
    found = [f for f in family if f.measure == evidence.measure]
    if not found:
        return Selection((), (_not_measured(evidence),))
    whole = tuple(f for f in found if _speaks_for_all(f))
    if whole:
        return Selection(whole)
    if evidence.columns is not None:
        return _by_column(found, evidence.columns)
    if evidence.grouping is not None:
        return _by_features(case, found, evidence)
    return Selection(tuple(found))


def features_of(finding: Finding) -> frozenset[str]:
    """The sensitive features that a finding compares or is about."""
    return frozenset(finding.between) or frozenset(finding.group)


def _not_measured(evidence: Evidence) -> Words:
    measure = evidence.select
    return say(
        f"{measure} was not measured: audit again with --checks '{evidence.family}.*'",
        f"未测量 {measure}：请以 --checks '{evidence.family}.*' 重新审计",
    )


def _speaks_for_all(finding: Finding) -> bool:
    """A check that crashed or was not asked leaves one finding per measure, of no group at all."""
    about_part = finding.group or finding.between or finding.column
    return finding.status in ("error", "not_applicable", "skipped") and not about_part


def _by_column(found: Iterable[Finding], columns: Sequence[str]) -> Selection:
    kept = tuple(f for f in found if f.column in columns)
    present = {f.column for f in kept}
    return Selection(
        kept,
        tuple(
            say(f"the column {name(c)} was not measured", f"未测量列 {name(c)}")
            for c in columns
            if c not in present
        ),
    )


def _by_features(case: Case, found: Sequence[Finding], evidence: Evidence) -> Selection:
    sensitive = list(case.subject.sensitive_features)
    if evidence.grouping == "crossing":
        if len(sensitive) < 2:
            return Selection(
                (),
                no_question=say(
                    "fewer than two sensitive features: there is no crossing",
                    "敏感特征少于两个：不存在交叉组",
                ),
            )
        crossed = tuple(f for f in found if len(features_of(f)) > 1)
        return Selection(crossed, () if crossed else (_absent(sensitive, evidence.measure),))
    wanted = _feature_sets(sensitive, evidence)
    if not wanted:
        return Selection(
            (),
            (say("the subject names no sensitive feature", "审计对象未指明敏感特征"),),
        )
    sets = [frozenset(features) for features in wanted]
    kept = tuple(f for f in found if features_of(f) in sets)
    present = {features_of(f) for f in kept}
    return Selection(
        kept,
        tuple(
            _absent(features, evidence.measure)
            for features in wanted
            if frozenset(features) not in present
        ),
    )


def _feature_sets(sensitive: Sequence[str], evidence: Evidence) -> list[list[str]]:
    grouping = evidence.grouping
    if grouping == "each":
        return [[feature] for feature in sensitive]
    sets: list[list[str]] = []
    plain: list[str] = []
    for part in grouping or ():
        if isinstance(part, list):
            sets.append(part)
        else:
            plain.append(part)
    return [*sets, *([plain] if plain else [])]


def _absent(features: Sequence[str], measure: str) -> Words:
    shown = " × ".join(name(f) for f in features)
    return say(
        f"{measure} was not measured for {shown}: audit again with it as a sensitive feature",
        f"未测量 {shown} 的 {measure}：请将其作为敏感特征重新审计",
    )
