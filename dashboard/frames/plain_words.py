"""A case in sentences for somebody who reads no statistics. Pure.

Shares are told as people per hundred, rounded, always with their interval; nothing is called fair.
"""

from __future__ import annotations

from collections.abc import Mapping

from evenhand.audit.case.case import Case
from evenhand.audit.case.plan import PlannedSubject
from evenhand.audit.favourable import declared_favourable
from evenhand.audit.finding import Finding
from evenhand.audit.reason import because
from evenhand.audit.words.numbers import at_most, number, range_in_a_hundred
from evenhand.audit.words.reasons import render
from evenhand.audit.words.text import visible
from evenhand.dashboard.cases.index import Index, group_key, group_name
from evenhand.dashboard.i18n import Translator

RATES = "fairness.group_rates"
_TOLD = ("selection_rate", "accuracy_score", "true_positive_rate", "false_positive_rate")


def per_hundred(finding: Finding, t: Translator) -> str:
    """A rate as people per hundred: ``71 (59 to 81)``; the word for its absence without a value."""
    if finding.value is None:
        return t(f"finding.{finding.status}")
    shown = _hundredths(finding.value)
    if finding.interval is None:
        return shown
    low, high = _hundredths(finding.interval.low), _hundredths(finding.interval.high)
    if low == high:
        low, high = range_in_a_hundred(finding.interval.low, finding.interval.high)
    return t("plain.between", value=shown, low=low, high=high)


def _hundredths(share: float) -> str:
    """A share of 1 in hundredths; two shares near an end don't become none or all.

    >>> _hundredths(0.712), _hundredths(0.004), _hundredths(0.998)
    ('71', '<1', '>99')
    """
    rounded = round(100 * share)
    if rounded == 0 and share > 0:
        return "<1"
    return ">99" if rounded == 100 and share < 1 else str(rounded)


def does(case: Case, index: Index, t: Translator) -> list[str]:
    """What the model does, and on how many people that was looked at."""
    subject = case.subject
    task = t.term("task", subject.task or "")
    lines = [t("plain.subject", name=visible(subject.name), task=task)]
    if subject.target:
        lines.append(t("plain.target", target=visible(subject.target)))
    label, means = subject.positive_label, subject.positive_is
    if label is not None and means in ("benefit", "burden"):
        lines.append(t(f"plain.{means}", label=visible(label)))
    rows, dropped = index.overall("row_count"), index.overall("dropped_row_count")
    if rows and rows.value is not None:
        lines.append(t("plain.rows", rows=number(rows.value)))
    if dropped and dropped.value:
        lines.append(t("plain.dropped", rows=number(dropped.value)))
    right = index.overall("accuracy_score", check="performance.classification")
    if right:
        lines.append(t("plain.right", right=per_hundred(right, t)))
    return lines


def works_worse(
    case: Case, index: Index, minimums: Mapping[str, int], t: Translator
) -> list[tuple[str, list[str]]]:
    """By sensitive feature: the groups with the lowest and highest rates, told per hundred people.

    Groups smaller than the plan's minimum are left out, and that is said.
    """
    told = []
    for feature in case.subject.sensitive_features:
        told_ends = (_ends(index, key, feature, minimums, t) for key in _keys(case.subject))
        lines = [line for line in told_ends if line]
        if lines:
            small = _left_out(index, feature, minimums)
            if small:
                lines.append(t("plain.small", groups=", ".join(small)))
            told.append((visible(feature), lines))
    return told


def _keys(subject: PlannedSubject) -> list[str]:
    """What is told: measures, with the meaning of being selected where that is a burden."""
    outcome = declared_favourable(subject)
    is_burden = outcome is not None and not outcome.is_selection
    return [f"{m}.burden" if is_burden and m == "selection_rate" else m for m in _TOLD]


def _ends(index: Index, key: str, feature: str, minimums: Mapping[str, int], t: Translator) -> str:
    measure = key.removesuffix(".burden")
    found = _groups(index, measure, feature)
    shown = [f for f in found if f.value is not None and f.n >= minimums.get(f.check, 0)]
    if len(shown) < 2:
        return ""
    lowest = min(shown, key=lambda f: (f.value or 0.0, group_key(f.group)))
    highest = max(shown, key=lambda f: (f.value or 0.0, group_key(f.group)))
    if lowest.value == highest.value:
        return ""
    return t(
        f"plain.{key}",
        low_group=group_name(group_key(lowest.group)),
        low=per_hundred(lowest, t),
        high_group=group_name(group_key(highest.group)),
        high=per_hundred(highest, t),
    )


def _groups(index: Index, measure: str, feature: str) -> list[Finding]:
    return [f for f in index.of(measure, check=RATES) if tuple(f.group) == (feature,)]


def _left_out(index: Index, feature: str, minimums: Mapping[str, int]) -> list[str]:
    found = _groups(index, _TOLD[0], feature)
    return [
        f"{group_name(group_key(f.group))} ({f.n})" for f in found if f.n < minimums.get(f.check, 0)
    ]


def about_group(case: Case, index: Index, who: str, t: Translator) -> list[str]:
    """The rates of the group to follow, per hundred people."""
    lines = []
    for key in _keys(case.subject):
        found = index.about_group(who, key.removesuffix(".burden"), RATES)
        if found is not None:
            lines.append(t(f"plain.own.{key}", value=per_hundred(found, t), n=found.n))
    return lines


def leaks(index: Index, t: Translator) -> list[str]:
    """What is known of what the model gives away about its training rows; and what is not."""
    declared = index.of("declared_epsilon")
    lines: list[str] = []
    if not declared:
        lines.append(t("plain.budget_unasked"))
    for f in declared:
        if f.value is not None:
            lines.append(t("plain.budget", epsilon=at_most(f.value)))
            if f.reason:
                lines.append(t("plain.outside", what=visible(_outside(f, t))))
        elif f.status == "not_applicable":
            lines.append(t("plain.no_budget"))
        else:
            lines.append(t("plain.budget_unknown", reason=visible(f.reason_text(t.lang))))
    if not attacks(index):
        lines.append(t("plain.no_attack"))
    return lines


def _outside(finding: Finding, t: Translator) -> str:
    """What the guarantee leaves out, without the words that introduce it."""
    named = [r.parameters["names"] for r in finding.reason if r.code == "outside-guarantee"]
    return render(because("listed", names=named[0])) if named else finding.reason_text(t.lang)


def attacks(index: Index) -> list[Finding]:
    """Findings of privacy checks that attack the model; none where no attack was run."""
    read = {"privacy.declared_budget", "privacy.ledger"}
    return [
        f
        for found in index.by_measure.values()
        for f in found
        if f.check.startswith("privacy.") and f.check not in read
    ]


def energy(index: Index, t: Translator) -> list[str]:
    """What training cost, where the case holds it."""
    found = index.overall("training_energy")
    if found is None or found.value is None:
        return []
    measured = index.overall("training_energy_measured")
    key = "plain.energy_measured" if measured and measured.value else "plain.energy"
    return [t(key, value=number(found.value), unit=visible(t.term("unit", found.unit)))]


def in_one_sentence(subject: PlannedSubject, index: Index, t: Translator) -> str:
    """One case in one sentence: how often it is right, and where the gap is widest."""
    right = index.overall("accuracy_score")
    gaps = [
        f
        for f in index.of("demographic_parity_difference")
        if f.value is not None and len(f.between) == 1
    ]
    task = t.term("task", subject.task or "")
    parts = [t("plain.short_right", right=per_hundred(right, t), task=task) if right else task]
    if gaps:
        widest = max(gaps, key=lambda f: (f.value or 0.0, f.between))
        parts.append(
            t("plain.short_gap", feature=visible(widest.between[0]), gap=per_hundred(widest, t))
        )
    epsilon = index.overall("declared_epsilon")
    if epsilon and epsilon.value is not None:
        parts.append(t("plain.short_private", epsilon=at_most(epsilon.value)))
    said = t("sentence.join").join(parts) + t("sentence.end")
    return said[0].upper() + said[1:]
