"""Numbers as people read them: enough digits to be right, no more than the evidence bears."""

from __future__ import annotations

from collections.abc import Mapping

from evenhand.audit.finding import Finding, Interval, measure_of
from evenhand.audit.reports.parts.words import Words
from evenhand.audit.words import numbers
from evenhand.audit.words.numbers import FRACTIONS, level_said, of_measure, span
from evenhand.policies.verdict import Verdict

number = numbers.number  # templates ask for it here
_SIGNS = {"<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}


def decided(verdict: Verdict) -> str:
    """The value that decided, with as many digits as it takes to tell it from the threshold; a
    guarantee is rounded up. Empty where no number decided."""
    if verdict.value is None:
        return ""
    measure = measure_of(verdict.findings[0]) if verdict.findings else ""
    return of_measure(
        measure, verdict.value, () if verdict.threshold is None else [verdict.threshold]
    )


def bounds(interval: Interval) -> str:
    """The interval's two ends.

    >>> bounds(Interval(low=0.1, high=0.25, level=0.95, method="Wilson score"))
    '[0.10, 0.25]'
    """
    low, high = span(interval.low, interval.high)
    return f"[{low}, {high}]"


def level(interval: Interval) -> str:
    """The confidence level in per cent: 95%, 97.5%."""
    return level_said(interval.level)


def value_of(finding: Finding, say: Words) -> str:
    """The measured value, and its unit unless the measure's name says it; "" without a value."""
    if finding.value is None:
        return ""
    shown = of_measure(finding.measure, finding.value)
    told = finding.unit in FRACTIONS | {"", "row", "count"} or finding.unit in finding.measure
    return shown if told else f"{shown} {say.term('unit', finding.unit)}"


def sign(comparator: str) -> str:
    """A comparator as a mathematical sign."""
    return _SIGNS.get(comparator, comparator)


def counted(counts: Mapping[str, int]) -> str:
    """The counts behind a value, in one line."""
    return ", ".join(f"{name} = {count:,}" for name, count in sorted(counts.items()))
