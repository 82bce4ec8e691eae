"""Where an interval, a value and a bar lie on an axis, in hundredths of its length."""

from __future__ import annotations

from dataclasses import dataclass

from evenhand.audit.finding import Finding
from evenhand.audit.reports.parts.outline import FindingTable
from evenhand.audit.words.numbers import FRACTIONS, number


@dataclass(frozen=True)
class Mark:
    """Positions from 0 to 100 along the axis; ``low`` and ``high`` None without an interval."""

    value: float
    zero: float
    low: float | None
    high: float | None


def mark(finding: Finding, table: FindingTable) -> Mark | None:
    """The finding on the table's axis; None where it has no value, or its unit no place there."""
    axis = table.axis
    if finding.value is None or axis is None:
        return None
    if table.kind == "overall" and finding.unit not in FRACTIONS:
        return None
    start, end = axis
    ends = [finding.value]
    if finding.interval:
        ends += [finding.interval.low, finding.interval.high]
    if min(ends) < start or max(ends) > end:
        return None

    def place(value: float) -> float:
        return round(100 * (value - start) / (end - start), 2)

    low, high = (place(e) for e in ends[1:]) if finding.interval else (None, None)
    return Mark(value=place(finding.value), zero=place(0.0), low=low, high=high)


def ticks(axis: tuple[float, float]) -> list[str]:
    """The labels of the axis: its start, middle and end.

    >>> ticks((0.0, 1.0))
    ['0', '0.50', '1']
    """
    start, end = axis
    return [number(float(f"{t:.3g}")) for t in (start, (start + end) / 2, end)]
