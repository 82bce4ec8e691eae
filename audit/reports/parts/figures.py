"""Numbers as people read them: enough digits to be right, no more than the evidence bears."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from evenhand.audit.finding import Finding, Interval
from evenhand.audit.reports.parts.words import Words

# Units whose values lie between 0 and 1; they are shown with decimals even where whole.
FRACTIONS = frozenset({"rate", "ratio", "share", "fraction", "probability", "proportion"})
_SIGNS = {"<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}


def number(value: float, unit: str = "") -> str:
    """A value with sensible digits; never rounded to a whole number that it is not.

    >>> number(0.9, "rate"), number(0.99996, "rate"), number(600, "row"), number(1234567.0)
    ('0.900', '0.99996', '600', '1,234,567')
    >>> number(0.0001), number(2.99, "epsilon"), number(-12.3456)
    ('0.0001', '2.99', '-12.35')
    """
    whole = float(value).is_integer()
    if unit in FRACTIONS:
        return f"{value:.3f}" if whole else _distinct(value, 3)
    if whole and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.1f}" if abs(value) < 1e15 else f"{value:.4g}"
    return f"{value:.4g}"


def against(value: float, threshold: float, unit: str = "") -> str:
    """``value`` with as many digits as it takes to tell it from ``threshold``.

    >>> against(0.79996, 0.8, "rate"), against(0.75, 0.8, "rate")
    ('0.79996', '0.750')
    """
    shown = number(value, unit)
    for digits in range(4, 16):
        if value == threshold or float(shown.replace(",", "")) != threshold:
            break
        shown = f"{value:.{digits}f}"
    return shown


def bounds(interval: Interval, unit: str = "") -> str:
    """The interval's two ends.

    >>> bounds(Interval(low=0.1, high=0.25, level=0.95, method="Wilson score"), "rate")
    '[0.100, 0.250]'
    """
    return f"[{number(interval.low, unit)}, {number(interval.high, unit)}]"


def level(interval: Interval) -> str:
    """The confidence level in per cent: 95%, 97.5%."""
    return f"{round(interval.level * 100, 6):g}%"


def value_of(finding: Finding, say: Words) -> str:
    """The measured value, and its unit unless the measure's name says it; "" without a value."""
    if finding.value is None:
        return ""
    shown = number(finding.value, finding.unit)
    told = finding.unit in FRACTIONS | {"", "row", "count"} or finding.unit in finding.measure
    return shown if told else f"{shown} {say.term('unit', finding.unit)}"


def sign(comparator: str) -> str:
    """A comparator as a mathematical sign."""
    return _SIGNS.get(comparator, comparator)


def counted(counts: Mapping[str, int]) -> str:
    """The counts behind a value, in one line."""
    return ", ".join(f"{name} = {count:,}" for name, count in sorted(counts.items()))


def moment(stamp: object) -> str:
    """An ISO 8601 time as UTC to the minute; anything else as it stands.

    >>> moment("2026-11-22T11:00:20+01:00")
    '2026-11-22 10:00 UTC'
    """
    try:
        parsed = datetime.fromisoformat(str(stamp))
    except ValueError:
        return str(stamp)
    if parsed.tzinfo is None:
        return str(stamp)
    return f"{parsed.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _distinct(value: float, digits: int) -> str:
    if abs(value) < 0.5 * 10**-digits:
        return f"{value:.2g}"
    shown = f"{value:.{digits}f}"
    while float(shown).is_integer() and digits < 12:
        digits += 1
        shown = f"{value:.{digits}f}"
    return shown
