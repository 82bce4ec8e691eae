"""How strictly a later look at growing data is read.

Whoever adds rows and looks again until an item is settled gets more than one chance to pass by
luck. The first look is read as the rule says, since nobody knows then whether there will be
another. All later looks together share a fifth of the rule's error: look k gets 1/(5 k (k - 1)) of
it, and the sum of 1/(k (k - 1)) over all k from 2 is 1. So however often somebody looks, and
however the looks depend on each other, the chance of a false pass is at most 1.2 times the rule's
(union bound): 3.0 % where it promises 2.5 %.
"""

from __future__ import annotations

LATER = 0.2  # of the rule's error, for all later looks together


def share_of_error(look: int) -> float:
    """The part of a rule's error with which a look is read; 1 for the first. ``look`` >= 1.

    >>> share_of_error(1), share_of_error(2)
    (1.0, 0.1)
    >>> round(sum(share_of_error(k) for k in range(1, 100_000)), 4)
    1.2
    """
    return 1.0 if look < 2 else LATER / (look * (look - 1))


def level_at(level: float, look: int) -> float:
    """The confidence level in place of ``level`` at a look.

    >>> level_at(0.95, 1), round(level_at(0.95, 3), 5)
    (0.95, 0.99833)
    """
    return level if look < 2 else round(1 - (1 - level) * share_of_error(look), 12)
