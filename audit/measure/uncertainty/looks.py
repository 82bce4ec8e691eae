"""How strictly looks at growing data are read.

Whoever adds rows and looks again until an item is settled gets more than one chance to pass by
luck. All looks together share the error that a rule promises: what passes at the first look has to
pass with four fifths of it, since nobody knows then whether there will be another, and all later
looks share the last fifth: look k gets 1/(5 k (k - 1)) of the error, and the sum of 1/(k (k - 1))
over all k from 2 is 1. So however often somebody looks, and however the looks depend on each other,
the chance of a false pass is at most the rule's (union bound).

What a first look fails, or leaves open, is read as the rule says.
"""

from __future__ import annotations

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.intervals import normal_quantile

LATER = 0.2  # of the rule's error, for all later looks together


def share_of_error(look: int) -> float:
    """The part of a rule's error with which a look is read; 1 for the first. ``look`` >= 1.

    >>> share_of_error(1), share_of_error(2)
    (1.0, 0.1)
    """
    return 1.0 if look < 2 else LATER / (look * (look - 1))


def passing_level(level: float, look: int) -> float:
    """The confidence level at which an interval has to keep a limit for a pass at a look.

    >>> passing_level(0.95, 1), passing_level(0.95, 2)
    (0.96, 0.995)
    """
    share = 1 - LATER if look < 2 else share_of_error(look)
    return round(1 - (1 - level) * share, 12)


def level_at(level: float, look: int) -> float:
    """The confidence level in place of ``level`` at a look.

    >>> level_at(0.95, 1), round(level_at(0.95, 3), 5)
    (0.95, 0.99833)
    """
    return level if look < 2 else round(1 - (1 - level) * share_of_error(look), 12)


def with_room(value: float | None, interval: Interval) -> Interval:
    """The interval that has to keep a limit for a pass at the first look, by normal theory from the
    ``interval`` at the rule's own level. An end at 0 or 1 is that of the scale, and stays."""
    if value is None:
        return interval
    level = passing_level(interval.level, 1)
    times = normal_quantile(level) / normal_quantile(interval.level)
    low, high = (
        end if end in (0.0, 1.0) else value + (end - value) * times
        for end in (interval.low, interval.high)
    )
    return interval.model_copy(update={"low": low, "high": high, "level": level})
