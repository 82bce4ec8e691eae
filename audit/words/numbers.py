"""Numbers and times in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal

# Upper bounds that accounting gives: what is said of them must hold, so they are rounded up.
GUARANTEES = frozenset(
    {"declared_epsilon", "composed_epsilon", "declared_delta", "expected_catastrophe_count"}
)
# Units whose values lie between 0 and 1; they are shown with decimals even where whole.
FRACTIONS = frozenset({"rate", "ratio", "share", "fraction", "probability", "proportion"})


def number(value: float, thresholds: Sequence[float] = ()) -> str:
    """``value`` with three digits, or as many as keep it on its side of every threshold.

    Whole numbers are written in full, and no other is rounded to one. A part of 1 has two decimals
    at least. Thousands are marked; what is below 0.00001 or from 10^15 has an exponent.

    >>> number(0.9), number(0.10004, [0.1]), number(0.99996), number(600.0), number(1234.56)
    ('0.90', '0.10004', '0.99996', '600', '1,234.6')
    """
    for digits in range(3, 18):
        text = _rounded(value, digits)
        if _stands_for(text, value, thresholds):
            return text
    return repr(value)


def at_most(value: float, thresholds: Sequence[float] = ()) -> str:
    """An upper bound, as ``number`` shows it, but never below itself: it is rounded up.

    >>> at_most(2.982), at_most(2.98), at_most(2.9961), at_most(1e-5), number(2.982)
    ('2.99', '2.98', '2.997', '0.00001', '2.98')
    """
    if not math.isfinite(value):
        return str(value)
    exact = Decimal(repr(float(value)))
    for digits in range(3, 18):
        unit = Decimal(1).scaleb(min(0, exact.adjusted() - digits + 1))
        text = _rounded(float(exact.quantize(unit, ROUND_CEILING)), digits)
        if _stands_for(text, value, thresholds) and float(text.replace(",", "")) >= value:
            return text
    return repr(value)


def rounded_up(value: float, digits: int = 4) -> float:
    """A guarantee as a number of so many digits, never below itself.

    >>> rounded_up(2.98241), rounded_up(2.98), rounded_up(0.000100001), rounded_up(0.0)
    (2.983, 2.98, 0.0001001, 0.0)
    """
    if value == 0 or not math.isfinite(value):
        return value
    exact = Decimal(repr(float(value)))
    return float(exact.quantize(Decimal(1).scaleb(exact.adjusted() - digits + 1), ROUND_CEILING))


def of_measure(measure: str, value: float, thresholds: Sequence[float] = ()) -> str:
    """The value of a measure: a guarantee by ``at_most``, any other by ``number``.

    >>> of_measure("declared_epsilon", 2.982), of_measure("empirical_epsilon", 2.982)
    ('2.99', '2.98')
    """
    return (at_most if measure in GUARANTEES else number)(value, thresholds)


def estimate(value: float | None, interval: tuple[float, float] | None, measure: str = "") -> str:
    """A value with the ends of its interval, or a dash where there is none.

    >>> estimate(0.17, (0.0811, 0.28)), estimate(None, None)
    ('0.17 (0.0811 to 0.28)', '–')
    """
    if value is None:
        return "–"
    if interval is None:
        return of_measure(measure, value)
    low, high = span(*interval)
    return f"{of_measure(measure, value)} ({low} to {high})"


def span(low: float, high: float, thresholds: Sequence[float] = ()) -> tuple[str, str]:
    """The ends of a range, with as many digits as keep them apart: no range reads as one number.

    >>> span(0.1, 0.25), span(0.12341, 0.12349), span(2.0, 2.0)
    (('0.10', '0.25'), ('0.1234', '0.1235'), ('2', '2'))
    """
    shown = number(low, thresholds), number(high, thresholds)
    for digits in range(4, 18):
        if shown[0] != shown[1] or low == high:
            break
        shown = _rounded(low, digits), _rounded(high, digits)
    return shown


def in_a_hundred(*shares: float) -> list[str]:
    """Shares as numbers of people in a hundred: whole ones, or with decimals where rounding would
    make the last one differ from the distance of the first two, or make nobody or everybody of
    what is neither.

    >>> in_a_hundred(0.742, 0.921, 0.179), in_a_hundred(0.744, 0.916, 0.172)
    (['74', '92', '18'], ['74.4', '91.6', '17.2'])
    >>> in_a_hundred(0.001), in_a_hundred(0.0, 1.0)
    (['0.1'], ['0', '100'])
    """
    return _whole_people(
        shares, lambda s, half: len(s) == 3 and abs(abs(s[0] - s[1]) - s[2]) > half
    )


def range_in_a_hundred(low: float, high: float) -> tuple[str, str]:
    """The ends of a range of shares as people in a hundred, apart where they are.

    >>> range_in_a_hundred(0.052, 0.31), range_in_a_hundred(0.0512, 0.0538)
    (('5', '31'), ('5.1', '5.4'))
    """
    one, other = _whole_people((low, high), lambda s, _: low != high and s[0] == s[1])
    return one, other


def _whole_people(
    shares: Sequence[float], is_torn: Callable[[Sequence[float], float], bool]
) -> list[str]:
    """Hundredths with as few decimals as neither ``is_torn`` of what is shown and half a unit of
    its last digit, nor none or all made of what is neither, forbid."""
    people = [100 * s for s in shares]
    shown: list[float] = []
    for digits in range(7):
        shown = [round(p, digits) for p in people]
        torn = any(s in (0, 100) and abs(p - s) > 1e-9 for p, s in zip(people, shown, strict=True))
        if not torn and not is_torn(shown, 0.5 * 10**-digits):
            break
    return [f"{s:g}" for s in shown]


def signed(value: float) -> str:
    """A change, with its sign.

    >>> signed(0.05), signed(-0.1), signed(0.0)
    ('+0.05', '-0.10', '0')
    """
    return f"+{number(value)}" if value > 0 else number(value)


def p_value(p: float | None) -> str:
    """A p-value; what is below 0.001 is only said to be.

    >>> p_value(0.0432), p_value(1e-9), p_value(None)
    ('0.0432', '< 0.001', '–')
    """
    return "–" if p is None else "< 0.001" if p < 0.001 else number(p)


def p_said(p: float) -> str:
    """A p-value in a sentence.

    >>> p_said(0.0432), p_said(1e-9)
    ('p = 0.0432', 'p < 0.001')
    """
    return f"p {p_value(p)}" if p < 0.001 else f"p = {number(p)}"


def in_percent(share: float) -> str:
    """A share with one decimal, or as many as keep it from reading as none or all.

    >>> in_percent(0.4799), in_percent(0.5), in_percent(0.9996), in_percent(0.0)
    ('48.0%', '50.0%', '99.96%', '0.0%')
    """
    for digits in range(1, 15):
        shown = f"{100 * share:.{digits}f}"
        if float(shown) not in (0, 100) or share in (0, 1):
            break
    return f"{shown}%"


def in_whole_percent(share: float) -> str:
    """A share that is published without its last digits.

    >>> in_whole_percent(0.4799), in_whole_percent(1.0)
    ('48%', '100%')
    """
    return f"{100 * share:.0f}%"


def in_hundredths(value: float) -> str:
    """A ratio that is published without its last digits.

    >>> in_hundredths(0.8309), in_hundredths(1.0)
    ('0.83', '1.00')
    """
    return f"{value:.2f}"


def level_said(level: float) -> str:
    """A level of confidence, exactly.

    >>> level_said(0.95), level_said(1 - 0.05 / 40)
    ('95%', '99.875%')
    """
    return f"{round(level * 100, 6):g}%"


def duration(seconds: float) -> str:
    """A duration, coarser the longer it is.

    >>> duration(7.6), duration(90), duration(7260)
    ('8 s', '2 min', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def datum(value: float) -> str:
    """A number of somebody's data, with its own digits.

    >>> datum(52000.0), datum(0.1234567)
    ('52,000', '0.123457')
    """
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.6g}"


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


def _stands_for(text: str, value: float, thresholds: Sequence[float]) -> bool:
    """Whether the text is whole only if the value is, and on the value's side of each threshold."""
    shown = float(text.replace(",", ""))
    if shown.is_integer() and shown != value:
        return False
    return all(_side(shown, t) == _side(value, t) for t in thresholds)


def _side(value: float, threshold: float) -> int:
    return (value > threshold) - (value < threshold)


def _rounded(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if not -5 <= size < 15:
        return f"{value:.{digits - 1}e}"
    decimals = max(0, digits - 1 - size)
    text = f"{value:,.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    whole, _, part = text.partition(".")
    # a rate reads better as 0.90 than as 0.9
    return f"{whole}.{part:0<2}" if abs(value) < 1 else text
