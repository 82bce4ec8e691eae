"""A case and its verdicts as they may be published: without what is about very small groups.

Withheld are groups under ten people, rates that tell of under ten people selected or misjudged, and
what would give either away (``measure.suppression``, ``measure.cell_suppression``). Notes, counts
and verdicts that tell of them go as well. The sealed case stays as it is; its digest in the report
says which one it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from evenhand.audit.case.case import Case
from evenhand.audit.case.plan import PlannedSubject
from evenhand.audit.finding import Finding
from evenhand.audit.measure.disclosure.cell_suppression import (
    RATE_NAMES,
    KnownFinding,
    told_by_counts,
    told_by_rate,
    told_by_size,
    withheld,
)
from evenhand.audit.measure.disclosure.suppression import Group, group_of, suppressed
from evenhand.audit.reason import because
from evenhand.policies.verdict import Verdict

MINIMUM = 10
_SIZES = ("count", "group_count")
_RATED = ("fairness.group_rates", "performance.classification", "data.groups")
_OTHER_NAMES = {"label_rate": "prevalence"}
_WITHHELD = because("withheld", n=MINIMUM)
_NO_NOTE = because("notes-withheld", n=MINIMUM)
_BECAUSE = {
    "en": "The numbers behind this are withheld: they are about under "
    f"{MINIMUM} people, or would give their number away.",
    "zh": f"相关数字不予公布：涉及不足 {MINIMUM} 人，或可由此推算出其人数。",
}


@dataclass(frozen=True)
class _Hidden:
    """Groups whose size is withheld; findings that are, and each one's group and measure."""

    groups: frozenset[Group]
    findings: frozenset[str]
    rates: frozenset[tuple[Group, str]]

    def compares(self, finding: Finding) -> bool:
        """Whether the finding compares groups by a rate that is withheld for one of them."""
        features = {*finding.between} or {*finding.group}
        rates = _rates_behind(finding.measure)
        return any(
            {feature for feature, _ in group} == features and (rates is None or rate in rates)
            for group, rate in self.rates
        )


def for_the_public(case: Case, verdicts: Sequence[Verdict]) -> tuple[Case, list[Verdict]]:
    """The case and verdicts to publish; the plan then says that something may be withheld."""
    groups = _small_groups(case.findings)
    rates = _small_rates(case.findings)
    of = {(group_of(f.group), f.measure) for f in case.findings if f.id in rates and f.group}
    hidden = _Hidden(groups, rates, frozenset(of))
    findings = tuple(_finding(f, hidden) for f in case.findings)
    before = {f.id: f for f in case.findings}
    touched = {f.id for f in findings if f.status != before[f.id].status or f.reason == _NO_NOTE}
    shown = [_verdict(v) if touched & set(v.findings) else v for v in verdicts]
    return replace(of_no_place(case), findings=findings), shown


def of_no_place(case: Case) -> Case:
    """The case without where its files lie; its plan says that small numbers are withheld."""
    published = f"numbers of under {MINIMUM} people are withheld"
    subject = _without_folders(case.subject)
    plan = case.plan.model_copy(update={"published": published, "subject": subject})
    environment = case.environment.without("command")  # it holds paths
    return replace(case, plan=plan, environment=environment)


def _without_folders(subject: PlannedSubject) -> PlannedSubject:
    """Where model and data lie on somebody's machine is nobody else's business: names stay."""
    subject = subject.model_copy(
        update={"data": subject.data.model_copy(update={"notes": ()})}  # they count single cells
    )
    named = {
        part: place.model_copy(update={"path": PurePath(place.path).name})
        for part, place in (("model", subject.model), ("data", subject.data))
        if place is not None and place.path
    }
    return subject.model_copy(update=named)


def _small_groups(findings: Sequence[Finding]) -> frozenset[Group]:
    sizes: dict[Group, int] = {}
    for f in findings:
        if f.measure in _SIZES and f.unit == "row" and f.value is not None:
            sizes[group_of(f.group)] = int(f.value)
        elif f.measure == "row_count" and not f.group and f.value is not None:
            sizes[frozenset()] = int(f.value)
    if not any(0 < n < MINIMUM for group, n in sizes.items() if group):
        return frozenset()
    try:
        return suppressed(sizes, minimum=MINIMUM)
    except ArithmeticError:  # sizes that do not add up: nothing can be shown to be safe
        return frozenset(g for g in sizes if g)


def _small_rates(findings: Sequence[Finding]) -> frozenset[str]:
    """Findings of rates that tell, or give away, how many of under ten people fared how."""
    told = [t for f in findings if f.status == "measured" and (t := _told(f)) is not None]
    total = next((f.n for f in findings if f.measure == "row_count" and not f.group), None)
    if total is None:
        total = max((p.n for t in told for p in t.people), default=0)
    try:
        return withheld(told, total=total, minimum=MINIMUM)
    except ArithmeticError:
        return frozenset(t.id for t in told)


def _told(f: Finding) -> KnownFinding | None:
    """The numbers of people that a finding tells; None for what is no count or rate of them."""
    if f.between or f.column or "class" in f.group:
        return None
    group, rate = group_of(f.group), _OTHER_NAMES.get(f.measure, f.measure)
    if f.measure in _SIZES and f.unit == "row":
        return told_by_size(f.id, group, int(f.value or 0))
    if f.check not in _RATED:
        return None
    if {"tp", "fp", "fn", "tn"} <= set(f.counts):
        return told_by_counts(f.id, group, f.counts)
    if {"k", "n"} <= set(f.counts):
        if f.measure == "group_share":
            return told_by_size(f.id, group, f.counts["k"])
        return told_by_rate(f.id, group, rate, f.counts["k"], f.counts["n"])
    return None


_BEHIND = {
    "demographic_parity": {"selection_rate"},
    "equal_opportunity": {"true_positive_rate"},
    "equalized_odds": {"true_positive_rate", "false_positive_rate"},
    "impact_ratio": {"selection_rate"},
    "adverse_impact_ratio": {"selection_rate"},
    "flip_one_ratio": {"selection_rate"},
    "selections_to_four_fifths": {"selection_rate"},
}


def _rates_behind(measure: str) -> set[str] | None:
    """The rates that a measure is made of; None where it may be made of any."""
    for stem, rates in _BEHIND.items():
        if measure.startswith(stem):
            return rates
    return next(({r} for r in RATE_NAMES if measure.startswith(f"{r}_")), None)


# Measures that hold one group against another: with one rate known, the other follows.
_RELATIVE = ("impact_ratio", "flip_one_ratio", "selections_to_four_fifths")


def _finding(finding: Finding, hidden: _Hidden) -> Finding:
    if finding.id in hidden.findings or (finding.group and _is_withheld(finding, hidden)):
        return _emptied(finding)
    if finding.between and any(_compared(g, finding) for g in hidden.groups):
        # a number of people left out of a comparison is the size of a group
        if finding.unit in ("row", "person") or hidden.compares(finding):
            return _emptied(finding)
        return finding.model_copy(update={"n": 0, "counts": {}, "reason": _NO_NOTE})
    is_relative = finding.between or finding.measure.endswith(_RELATIVE)
    if is_relative and hidden.compares(finding):
        return _emptied(finding)
    if finding.group and (hidden.groups or hidden.findings):
        # counts beside a published group tell of others: the highest group, the whole table
        return finding.model_copy(update={"counts": {}})
    return finding


def _is_withheld(finding: Finding, hidden: _Hidden) -> bool:
    own = group_of(finding.group)
    if 0 < finding.n < MINIMUM or any(group <= own for group in hidden.groups):
        return True
    # a rate that the programme did look at is known to be safe; whatever else is about the group,
    # an area, a calibration, a test, isn't
    behind = _rates_behind(finding.measure)
    about = {rate for group, rate in hidden.rates if group == own}
    return _told(finding) is None and bool(about if behind is None else about & behind)


def _compared(group: Group, finding: Finding) -> bool:
    """Whether the group is one of those that the finding compares."""
    features = {feature for feature, _ in group}
    return features <= {*finding.between, *finding.group}


def _emptied(finding: Finding) -> Finding:
    kept: Mapping[str, object] = {
        name: getattr(finding, name)
        for name in ("id", "check", "measure", "unit", "group", "between", "column")
    }
    return Finding.model_validate({**kept, "status": "skipped", "reason": _WITHHELD})


def _verdict(verdict: Verdict) -> Verdict:
    nothing = {"value": None, "interval": None, "rows_needed": None}
    return verdict.model_copy(update={**nothing, "because": _BECAUSE})
