"""Rates and gaps as people read them: people in a hundred, points, intervals rounded outward."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evenhand.audit.finding import Finding, Interval
from evenhand.audit.words.numbers import of_measure, span

_SHARES = frozenset(
    {"rate", "share", "fraction", "proportion", "rate difference", "share difference"}
)


@dataclass(frozen=True)
class Strip:
    """A value with its interval on an axis, in hundredths of its length; ``limit`` is a threshold,
    ``usual`` what everybody's value is, ``zero`` where no difference lies (None: not drawn)."""

    value: float
    low: float | None
    high: float | None
    tone: str = "mark"
    limit: float | None = None
    usual: float | None = None
    zero: float | None = None


def is_share(finding: Finding) -> bool:
    """Whether the value is a share of something, or a difference of shares: one between -1 and 1
    that can be said in a hundred."""
    return (
        finding.unit in _SHARES
        and finding.value is not None
        and -1 <= finding.value <= 1
        and not finding.measure.endswith("_ratio")
    )


def whole(share: float) -> str:
    """A share in a hundred as a whole number; what is neither none nor all is not made so.

    >>> whole(0.448), whole(0.002), whole(0.0), whole(0.998)
    ('45', '<1', '0', '>99')
    """
    if 0 < abs(share) < 0.005:
        return "<1"
    if 0.995 <= abs(share) < 1:
        return ">99"
    return f"{round(100 * share):d}"


def ends(interval: Interval | None) -> str:
    """The interval's ends in a hundred, rounded outward; "" for none.

    >>> ends(Interval(low=0.3069, high=0.6556, level=0.95, method="m"))
    '30–66'
    """
    if interval is None:
        return ""
    low, high = floor(interval.low), ceil(interval.high)
    return f"{low}–{high}" if low >= 0 else f"{_signed(low)} … {_signed(high)}"


def floor(share: float) -> int:
    """The whole hundredths below, for a low end: "at least".

    >>> floor(0.1992), floor(0.2), floor(-0.004)
    (19, 20, -1)
    """
    return math.floor(100 * share + 1e-9)


def ceil(share: float) -> int:
    """The whole hundredths above, for a high end."""
    return math.ceil(100 * share - 1e-9)


def shown(finding: Finding) -> tuple[str, str]:
    """Value and interval of any finding; shares in a hundred, others in their own unit."""
    if finding.value is None:
        return "–", ""
    if is_share(finding):
        return whole(finding.value), ends(finding.interval)
    value = of_measure(finding.measure, finding.value)
    own = finding.interval
    return value, "–".join(span(own.low, own.high)) if own else ""


def _signed(value: int) -> str:
    return f"−{-value}" if value < 0 else f"+{value}"


def strip(
    finding: Finding,
    *,
    axis: tuple[float, float] = (0.0, 1.0),
    tone: str = "mark",
    limit: float | None = None,
    usual: float | None = None,
    zero: float | None = None,
) -> Strip | None:
    """The finding on an axis; None where it has no value or its value lies off it. Ends of the
    interval that lie off the axis are drawn at its end."""
    value, own = finding.value, finding.interval
    if value is None or not axis[0] <= value <= axis[1] or axis[0] == axis[1]:
        return None

    def at(place: float | None) -> float | None:
        if place is None:
            return None
        share = (place - axis[0]) / (axis[1] - axis[0])
        return round(2 + 96 * min(1.0, max(0.0, share)), 2)

    return Strip(
        value=at(value) or 0.0,
        low=at(own.low) if own else None,
        high=at(own.high) if own else None,
        tone=tone,
        limit=at(limit) if limit is not None and axis[0] <= limit <= axis[1] else None,
        usual=at(usual) if usual is not None and axis[0] <= usual <= axis[1] else None,
        zero=at(zero),
    )
