"""The groups of a case, one feature at a time: their sizes and rates, and how far these lie apart.

Nothing is computed here but which group has the highest and which the lowest rate, and whole
numbers of people in a hundred.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evenhand.audit.case.case import Case
from evenhand.audit.finding import UNKNOWN, Finding

RATES = "fairness.group_rates"
_GAPS = {"selection_rate": "demographic_parity_difference"}


@dataclass(frozen=True)
class GroupRow:
    """One group of one feature. ``is_compared`` is false for those that gaps leave out."""

    name: str
    n: int
    is_compared: bool
    rates: Mapping[str, Finding]


@dataclass(frozen=True)
class Apart:
    """A gap, with the two groups that it lies between; None where the rates do not tell them."""

    feature: str
    measure: str
    gap: Finding
    highest: Finding | None
    lowest: Finding | None


def group_rows(case: Case, feature: str) -> list[GroupRow]:
    """Every group of one sensitive feature that has rates, largest first."""
    rates: dict[str, dict[str, Finding]] = {}
    for f in case.findings:
        if f.check == RATES and set(f.group) == {feature}:
            rates.setdefault(f.group[feature], {})[f.measure] = f
    least = minimum(case)
    rows = []
    for name, found in rates.items():
        n = _size(found)
        rows.append(GroupRow(name, n, n >= least and name != UNKNOWN, found))
    return sorted(rows, key=lambda r: (-r.n, r.name))


def minimum(case: Case) -> int:
    """Groups with fewer rows were left out of the gaps."""
    return case.plan.minimum_size(RATES, 10)


def apart(case: Case, feature: str, measure: str) -> Apart | None:
    """How far the groups' ``measure`` lie apart; None where the case has no such gap."""
    name = _GAPS.get(measure, f"{measure}_difference")
    gap = next(
        (
            f
            for f in case.findings
            if f.measure == name and f.between == (feature,) and not f.group and not f.column
        ),
        None,
    )
    if gap is None or gap.value is None:
        return None
    rows = [r.rates.get(measure) for r in group_rows(case, feature) if r.is_compared]
    known = [f for f in rows if f is not None and f.value is not None]
    highest = max(known, key=lambda f: f.value or 0.0, default=None)
    lowest = min(known, key=lambda f: f.value or 0.0, default=None)
    if highest is None or lowest is None:
        return Apart(feature, measure, gap, None, None)
    distance = (highest.value or 0.0) - (lowest.value or 0.0)
    if abs(distance - gap.value) > 1e-9:  # weights, or rates that were withheld
        return Apart(feature, measure, gap, None, None)
    return Apart(feature, measure, gap, highest, lowest)


def _size(found: Mapping[str, Finding]) -> int:
    count = found.get("count")
    if count is not None and count.value is not None:
        return int(count.value)
    rate = found.get("selection_rate")
    return rate.n if rate is not None else max((f.n for f in found.values()), default=0)
