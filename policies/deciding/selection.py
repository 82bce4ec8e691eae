"""Which findings of a case an item reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

from evenhand.audit.case.case import Case
from evenhand.audit.case.plan import PlannedSubject
from evenhand.audit.finding import Finding
from evenhand.audit.words.measures import measure_name
from evenhand.audit.words.roles import Role, role_name
from evenhand.audit.words.text import name
from evenhand.policies.schema import Evidence
from evenhand.policies.words import Words, say


@dataclass(frozen=True)
class Missing:
    """One thing that an item asks for and the case does not have: a reason code, and in words."""

    code: Literal["not-measured", "role-missing"]
    words: Words


@dataclass(frozen=True)
class Selection:
    """The findings of an item, and in words what it asks for and the case does not have."""

    findings: tuple[Finding, ...]
    missing: tuple[Missing, ...] = ()
    no_question: Words | None = None


def select(case: Case, evidence: Evidence) -> Selection:
    """The findings whose check is of the family and whose measure, features and columns match.

    ``no_question`` says why there is nothing to ask (a crossing where there is one feature).
    """
    family = [f for f in case.findings if f.check.startswith(f"{evidence.family}.")]
    measured = [f for f in family if f.measure == evidence.measure]
    if not measured:
        return _with_roles(case, evidence, Selection((), (_not_measured(evidence),)))
    whole = tuple(f for f in measured if _speaks_for_all(f))
    if whole:
        return _with_roles(case, evidence, Selection(whole))
    if evidence.binds:
        return _with_roles(case, evidence, _by_roles(case, measured, evidence))
    if evidence.columns is not None:
        return _by_column(measured, evidence.columns)
    if evidence.grouping is not None:
        return _by_features(case, measured, evidence)
    return Selection(tuple(measured))


def features_of(finding: Finding) -> frozenset[str]:
    """The sensitive features that a finding compares or is about."""
    return frozenset(finding.between) or frozenset(finding.group)


def bound_columns(subject: PlannedSubject, roles: Iterable[str]) -> list[str]:
    """The columns that hold ``roles``, in the order of the roles, without those of no column."""
    return [column for role in roles for column in subject.roles.get(role, ())]


def _with_roles(case: Case, evidence: Evidence, selection: Selection) -> Selection:
    """The selection with the roles that it needs and nobody bound."""
    subject = case.subject
    missing = tuple(_unbound([role]) for role in evidence.roles if role not in subject.roles)
    if evidence.any_role and not bound_columns(subject, evidence.any_role):
        known = {column for columns in subject.roles.values() for column in columns}
        if subject.sensitive_features and known.issuperset(subject.sensitive_features):
            return Selection((), no_question=_none_of(evidence.any_role))
        missing = (_unbound(evidence.any_role),)
    return replace(selection, missing=(*missing, *selection.missing))


def _by_roles(case: Case, findings: Sequence[Finding], evidence: Evidence) -> Selection:
    """The findings about the columns of the item's roles; all of them where the measure is about no
    column (it is then about all sensitive features at once)."""
    if not any(features_of(f) or f.column for f in findings):
        return Selection(tuple(findings))
    if evidence.grouping == "crossing":
        parts = [case.subject.roles.get(role, ()) for role in evidence.roles]
        wanted = [list(columns) for columns in product(*parts)]
    else:
        wanted = [[column] for column in bound_columns(case.subject, evidence.binds)]
    sets = {frozenset(columns) for columns in wanted}
    about = {f.id: _compared(case, f) or frozenset([f.column]) for f in findings}
    kept = tuple(f for f in findings if about[f.id] in sets)
    present = {about[f.id] for f in kept}
    absent = [w for w in wanted if frozenset(w) not in present]
    return Selection(kept, tuple(_absent(features, evidence.measure) for features in absent))


def _unbound(roles: Sequence[Role]) -> Missing:
    """What to write so that an item about a trait can be judged."""
    first = roles[0]
    en, zh = (_listed(roles, lang) for lang in ("en", "zh"))
    return Missing(
        "role-missing",
        say(
            f"no column is named that holds {en}: audit again with --roles {first}=COLUMN "
            f"(in the subject's file roles: {{{first}: COLUMN}})",
            f"未指明哪一列为{zh}：请以 --roless {first}=列名 重新审计"
            f"（对象文件中为 roles: {{{first}: 列名}}）",
        ),
    )


def _none_of(roles: Sequence[Role]) -> Words:
    en, zh = (_listed(roles, lang) for lang in ("en", "zh"))
    return say(
        f"by their roles, none of the sensitive features is {en}",
        f"依其角色，敏感特征中没有{zh}",
    )


def _listed(roles: Sequence[Role], lang: str) -> str:
    names = [role_name(role, lang) for role in roles]
    if len(names) == 1:
        return names[0]
    comma, last = (", ", " or ") if lang == "en" else ("、", "或")
    return f"{comma.join(names[:-1])}{last}{names[-1]}"


def _compared(case: Case, finding: Finding) -> frozenset[str]:
    """The sensitive features of a finding: within a level of a control feature (a job title) too,
    which is no group of its own."""
    return features_of(finding) - frozenset(case.subject.control_features)


def _not_measured(evidence: Evidence) -> Missing:
    en, zh = (measure_name(evidence.measure, lang) for lang in ("en", "zh"))
    return Missing(
        "not-measured",
        say(
            f"{en} ({evidence.select}) was not measured: audit again with "
            f"--checks '{evidence.family}.*'",
            f"未测量{zh}（{evidence.select}）：请以 --checks '{evidence.family}.*' 重新审计",
        ),
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
            Missing(
                "not-measured",
                say(f"the column {name(c)} was not measured", f"未测量列 {name(c)}"),
            )
            for c in columns
            if c not in present
        ),
    )


def _by_features(case: Case, findings: Sequence[Finding], evidence: Evidence) -> Selection:
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
        crossed = tuple(f for f in findings if len(_compared(case, f)) > 1)
        return Selection(crossed, () if crossed else (_absent(sensitive, evidence.measure),))
    wanted = _feature_sets(sensitive, evidence)
    if not wanted:
        return Selection(
            (),
            (
                Missing(
                    "not-measured",
                    say("the subject names no sensitive feature", "审计对象未指明敏感特征"),
                ),
            ),
        )
    sets = [frozenset(features) for features in wanted]
    kept = tuple(f for f in findings if _compared(case, f) in sets)
    present = {_compared(case, f) for f in kept}
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


def _absent(features: Sequence[str], measure: str) -> Missing:
    shown = " × ".join(name(f) for f in features)
    en, zh = (measure_name(measure, lang) for lang in ("en", "zh"))
    return Missing(
        "not-measured",
        say(
            f"{en} was not measured for {shown}: audit again with it as a sensitive feature",
            f"未测量 {shown} 的{zh}：请将其作为敏感特征重新审计",
        ),
    )
