"""Of whom a number speaks: the groups behind a gap, a ratio or a rate, as people in a hundred."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isclose

from evenhand.audit.case.case import Case
from evenhand.audit.favourable import as_selected, more_is_better
from evenhand.audit.finding import Finding, is_known
from evenhand.audit.words.people import GroupShare, knows, telling_of, told
from evenhand.policies.deciding.selection import features_of
from evenhand.policies.deciding.settling import RATES, rates_of
from evenhand.policies.words import Words, say

_NOT_COUNTED = {"selection_rate": "not_selected", "scoring_rate": "below_median"}


@dataclass(frozen=True)
class Behind:
    """A rate, and the one or two groups whose shares of it a number was made of."""

    rate: str
    sides: tuple[GroupShare, ...]


def leads(case: Case, findings: Iterable[Finding]) -> Mapping[str, Words]:
    """For each finding that can be told in people, by its id: ``Of 100 women 9 are selected, of 100
    men 39``."""
    telling = telling_of(case.subject)
    behind = {f.id: groups_behind(case, f) for f in findings if f.value is not None}
    return {
        key: say(*(told(one.rate, one.sides, telling, lang) for lang in ("en", "zh")))
        for key, one in behind.items()
        if one is not None
    }


def groups_behind(case: Case, finding: Finding) -> Behind | None:
    """The groups that a finding compares, whoever fares worse first; None where its findings don't
    tell them (a mean, weights, a number of another kind)."""
    if finding.value is None or finding.column:
        return None
    if finding.between:
        return _of_gap(case, finding)
    if finding.measure.endswith("impact_ratio") and finding.group:
        return _of_ratio(case, finding, finding.value)
    if finding.unit == "rate" and knows(finding.measure):
        return Behind(finding.measure, (GroupShare(finding.group, finding.value),))
    return None


def _of_gap(case: Case, gap: Finding) -> Behind | None:
    least = case.plan.minimum_size(gap.check, 1)
    features = features_of(gap)
    for rate in rates_of(gap):
        groups = [
            f
            for f in case.findings
            if f.check == RATES and f.measure == rate and f.value is not None
            if features_of(f) == features and is_known(f.group) and f.n >= least
        ]
        ends = _apart(groups)
        if ends is not None and knows(rate) and _makes(gap, *ends):
            first, second = ends if more_is_better(rate, case.subject) is not False else ends[::-1]
            return Behind(rate, (_side(first), _side(second)))
    return None


def _apart(groups: Sequence[Finding]) -> tuple[Finding, Finding] | None:
    """The lowest and the highest; of equal ones the one with the most people."""
    if len(groups) < 2:
        return None
    ranked = sorted(groups, key=lambda f: (f.value or 0.0, -f.n, f.id))
    top = ranked[-1].value
    return ranked[0], next(f for f in ranked if f.value == top)


def _makes(gap: Finding, low: Finding, high: Finding) -> bool:
    """Whether these two rates are what the gap was made of."""
    least, most = low.value or 0.0, high.value or 0.0
    if gap.measure.endswith("_ratio"):
        return most > 0 and isclose(least / most, gap.value or 0.0, abs_tol=1e-9)
    return isclose(most - least, gap.value or 0.0, abs_tol=1e-9)


def _side(rate: Finding) -> GroupShare:
    return GroupShare(rate.group, rate.value or 0.0)


def _of_ratio(case: Case, finding: Finding, value: float) -> Behind | None:
    """A group against the highest of its table, which is found by its counts."""
    counts = as_selected(finding.counts)
    own = (counts.get("selected"), counts.get("assessed"))
    top = (counts.get("highest_selected"), counts.get("highest_assessed"))
    if None in (*own, *top) or not own[1] or not top[1]:
        return None
    scored = "scoring_rate" in finding.measure
    rate = "scoring_rate" if scored else "selection_rate"
    is_not = "not_selected" in finding.counts
    share, highest = (own[0] or 0) / own[1], (top[0] or 0) / top[1]
    if highest <= 0 or not isclose(share / highest, value, abs_tol=1e-9):
        return None
    group = _with_counts(case, finding, top, is_not=is_not and not scored)
    if group is None:
        return None
    shown = _NOT_COUNTED[rate] if is_not else rate
    sides = (GroupShare(finding.group, share), GroupShare(group, highest))
    return Behind(shown, sides if value < 1 else sides[:1])


def _with_counts(
    case: Case, finding: Finding, top: tuple[int | None, int | None], *, is_not: bool
) -> Mapping[str, str] | None:
    """The group of the same table that has these counts: by a ratio of 1, or by its rate."""
    features = set(finding.group)
    for other in case.findings:
        if set(other.group) != features or other.between or not is_known(other.group):
            continue
        if other.measure == finding.measure:
            counts = as_selected(other.counts)
            if (counts.get("selected"), counts.get("assessed")) == top and other.value == 1:
                return other.group
        elif other.check == RATES and other.measure == "selection_rate":
            k, n = other.counts.get("k"), other.counts.get("n")
            if k is not None and n is not None and ((n - k) if is_not else k, n) == top:
                return other.group
    return None
