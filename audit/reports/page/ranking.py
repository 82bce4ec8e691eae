"""What leads: the one order of findings, for the report, the terminal and the dashboard.

1. By the verdict that reads a finding: fail, error, undecided, to attest, warning, ... passed;
   within a status by obligation and severity, errors about people before shares of people (an error
   is harm whatever the base rates), then the pack's own order. What no item asks comes after.
2. Then by evidence of harm: the people harmed at least, which is the lower end of the difference to
   everybody else times the people of the measure's own denominator. Only the harmful direction
   counts (``positive_is``; of errors, more is worse), and only what is beyond chance after the
   adjustment for all tests of the audit is called proven.
3. Groups under the floor never lead: they come last, whatever their rates.

Nothing is measured here: numbers are those of the case.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from evenhand.audit.case.case import Case
from evenhand.audit.favourable import declared_favourable
from evenhand.audit.finding import Finding, is_known, measure_of
from evenhand.policies.verdict import SEVERITIES, VERDICT_STATUSES, Verdict

FLOOR = 30  # rows, where no item of a pack says how many a group needs
TESTS = "fairness.group_tests"
_TO_REST = "_difference_to_rest"
_SIZES = ("group_count", "count")
_OBLIGATIONS = ("must", "should", "may")
# Gaps by a name of their own; every other is named for its rate.
_BEHIND: Mapping[str, tuple[str, ...]] = {
    "demographic_parity": ("selection_rate",),
    "equal_opportunity": ("true_positive_rate",),
    "equalized_odds": ("true_positive_rate", "false_positive_rate"),
    "impact_ratio": ("selection_rate",),
    "adverse_impact_ratio": ("selection_rate",),
    "large_group_impact_ratio": ("selection_rate",),
}
_OPPOSITE = {
    "false_negative_rate": "true_positive_rate",
    "true_negative_rate": "false_positive_rate",
}

Why = Literal["item", "harm", "small", "rest"]


@dataclass(frozen=True)
class RankedApart:
    """A group against everybody else, as a rate of which more is worse (or of selections).

    ``a`` and ``b`` are the two rates; ``low`` and ``high`` the ends of the difference in the
    harmful direction (above 0: the group fares worse); ``n`` the group's own denominator;
    ``people`` how many are harmed at least, 0 where none is shown.
    """

    measure: str
    a: float
    b: float
    value: float
    low: float
    high: float
    n: int
    people: int
    is_proven: bool


@dataclass(frozen=True)
class Ranked:
    """A finding in its place; ``why`` says by what, ``verdict`` which item reads it."""

    finding: Finding
    verdict: Verdict | None
    is_small: bool
    why: Why
    apart: RankedApart | None = None
    key: tuple[float, ...] = field(default=(), repr=False)


def ranked(case: Case, verdicts: Sequence[Verdict]) -> list[Ranked]:
    """Every finding of the case, what leads first."""
    floor = floor_of(case, verdicts)
    order = in_order(verdicts)
    reads = _readers(case, order)
    made = [_placed(f, case, floor, order, reads) for f in case.findings]
    return sorted(made, key=lambda r: (*r.key, r.finding.id))


def proven(entries: Sequence[Ranked]) -> list[Ranked]:
    """Groups that fare worse than everybody else beyond chance, in order; no small ones, and no
    crossing whose people were counted in one of its single groups already."""
    found = [(r, r.apart) for r in entries if r.apart and r.apart.is_proven and not r.is_small]
    single = {
        (*next(iter(r.finding.group.items())), apart.measure)
        for r, apart in found
        if len(r.finding.group) == 1
    }
    return [
        r
        for r, apart in found
        if len(r.finding.group) == 1
        or not any((k, v, apart.measure) in single for k, v in r.finding.group.items())
    ]


def in_order(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Verdicts in the one order of the house: most pressing first."""
    place = {id(v): i for i, v in enumerate(verdicts)}
    return sorted(
        verdicts,
        key=lambda v: (
            VERDICT_STATUSES.index(v.status),
            _OBLIGATIONS.index(v.obligation),
            SEVERITIES.index(v.severity),
            _is_about_selection(v),
            place[id(v)],
        ),
    )


def floor_of(case: Case, verdicts: Sequence[Verdict]) -> int:
    """From how many rows on a group can lead: as the packs have it, else FLOOR; never fewer than
    the audit compared."""
    asked = [
        math.ceil(v.threshold)
        for v in verdicts
        if v.threshold is not None
        and v.comparator in (">=", ">")
        and any(measure_of(f) in _SIZES for f in v.findings)
    ]
    return max(case.plan.minimum_size("fairness.group_rates", 10), max(asked, default=FLOOR))


def rates_behind(measure: str) -> tuple[str, ...]:
    """The rates that a gap or a ratio compares; the measure itself where it is a rate.

    >>> rates_behind("equalized_odds_difference"), rates_behind("precision_score_difference")
    (('true_positive_rate', 'false_positive_rate'), ('precision_score',))
    """
    stem = measure
    for end in (_TO_REST, "_difference", "_ratio"):
        if measure.endswith(end) and measure not in _BEHIND:
            stem = measure.removesuffix(end)
            break
    found = _BEHIND.get(stem, (stem,))
    return tuple(_OPPOSITE.get(rate, rate) for rate in found)


def _placed(
    finding: Finding,
    case: Case,
    floor: int,
    order: Sequence[Verdict],
    reads: Mapping[object, int],
) -> Ranked:
    apart = _apart(finding, case, floor)
    n = apart.n if apart else finding.n
    is_small = bool(finding.group) and (n < floor or not is_known(finding.group))
    place = reads.get(finding.id)
    if place is None and finding.check.startswith("fairness."):
        features = frozenset(finding.group) or frozenset(finding.between)
        found = [reads[k] for r in rates_behind(finding.measure) if (k := (features, r)) in reads]
        place = min(found, default=None)
    people = apart.people if apart else 0
    why: Why = (
        "small" if is_small else "item" if place is not None else "harm" if people else "rest"
    )
    at = float("inf") if place is None else float(place)
    unlikely = 0.0 if apart and apart.is_proven else 1.0
    key = (float(is_small), at, unlikely, -float(people), float(finding.value is None))
    return Ranked(finding, None if place is None else order[place], is_small, why, apart, key)


def _readers(case: Case, order: Sequence[Verdict]) -> dict[object, int]:
    """Finding, or features and rate behind one -> the place of the first verdict that reads it."""
    known = {f.id: f for f in case.findings}
    reads: dict[object, int] = {}
    for place, verdict in enumerate(order):
        for name in verdict.findings:
            reads.setdefault(name, place)
            finding = known.get(name)
            if finding is None or not finding.check.startswith("fairness."):
                continue
            features = frozenset(finding.between) or frozenset(finding.group)
            for rate in rates_behind(finding.measure):
                reads.setdefault((features, rate), place)
    return reads


def _apart(finding: Finding, case: Case, floor: int) -> RankedApart | None:
    """The group against everybody else, turned so that more is worse."""
    counts, ends = finding.counts, finding.interval
    if finding.check != TESTS or finding.value is None or ends is None:
        return None
    if not {"k", "n", "k_rest", "n_rest"} <= set(counts) or not counts["n"] or not counts["n_rest"]:
        return None
    rate = finding.measure.removesuffix(_TO_REST)
    a, b = counts["k"] / counts["n"], counts["k_rest"] / counts["n_rest"]
    value, low, high = finding.value, ends.low, ends.high
    if rate == "true_positive_rate":
        rate, a, b = "false_negative_rate", 1 - a, 1 - b
        value, low, high = -value, -high, -low
    if _is_less_worse(rate, value, case):
        value, low, high = -value, -high, -low
    n = counts["n"]
    people = math.floor(max(0.0, low) * n + 1e-9)
    is_beyond = finding.p_value is not None and finding.p_value < 1 - ends.level and low > 0
    return RankedApart(
        rate, a, b, value, low, high, n, people, bool(is_beyond and n >= floor and people)
    )


def _is_less_worse(rate: str, value: float, case: Case) -> bool:
    """Whether the group fares worse where it has less of the rate. Where nobody said what the
    positive label means, either direction of a selection rate may be harm."""
    if rate == "precision_score":
        return True
    if rate != "selection_rate":
        return False
    outcome = declared_favourable(case.subject)
    return value < 0 if outcome is None else outcome.is_selection


def _is_about_selection(verdict: Verdict) -> bool:
    rates = {r for f in verdict.findings for r in rates_behind(measure_of(f))}
    return rates <= {"selection_rate"}
