"""The result of a numerical function: a value with its intervals, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from evenhand.audit.finding import Interval
from evenhand.audit.reason import Reasons, because, sentences


@dataclass(frozen=True)
class Estimate:
    """``value`` is None exactly where it is undefined, and then ``reason`` says why.

    ``intervals`` are at the levels that were asked for, the first being the main one.
    """

    value: float | None
    n: int
    intervals: tuple[Interval, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    method: str = ""
    reason: Reasons = ()

    @property
    def interval(self) -> Interval | None:
        """The interval at the main level, if there is one."""
        return self.intervals[0] if self.intervals else None

    def by(self, *how: str) -> Estimate:
        """The same, its method told after ``how``; what is empty is left out."""
        return replace(self, method="; ".join(part for part in (*how, self.method) if part))

    def not_below(self, least: float) -> Estimate:
        """The same, for what is never below ``least``: the lower limits are cut there."""
        kept = (i.model_copy(update={"low": max(least, i.low)}) for i in self.intervals)
        return replace(self, intervals=tuple(kept))


NO_ROWS = because("no-rows")
STILL = because("draws-are-equal")


def undefined(
    reason: Reasons | str,
    *,
    n: int,
    counts: Mapping[str, int] | None = None,
    method: str = "",
) -> Estimate:
    """An estimate without a number: 0/0 is said, never shown as zero. A text is quoted."""
    return Estimate(None, n, counts=counts or {}, method=method, reason=sentences(reason))
