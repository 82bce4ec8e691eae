"""Numbers and times in words."""

from __future__ import annotations

from datetime import UTC, datetime

# Units whose values lie between 0 and 1; they are shown with decimals even where whole.
FRACTIONS = frozenset({"rate", "ratio", "share", "fraction", "probability", "proportion"})


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
