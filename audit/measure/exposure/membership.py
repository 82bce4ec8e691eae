"""How well a score tells the rows that a model was trained on (members) from others.

The score rises with the belief that a row is a member. What is told of single people is how often a
rule that seldom accuses others (a false positive rate of 1 %) finds members: an area of 0.5 can
hide a tenth of the members found for sure (Carlini et al. 2022).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.measure.uncertainty.intervals import clopper_pearson
from evenhand.audit.reason import because

if TYPE_CHECKING:
    import numpy as np

FEWEST_ABOVE = 10  # others that a threshold must leave above it; fewer say nothing of the rate
METHOD = "Clopper-Pearson of the members joined with order statistics of the others (MOVER)"


def area(members: np.ndarray, others: np.ndarray, levels: Sequence[float]) -> Estimate:
    """The share of (member, other) pairs that the score puts in order (``ranking.roc_auc``)."""
    import numpy as np

    from evenhand.audit.measure.ranking import roc_auc

    is_member = np.arange(len(members) + len(others)) < len(members)
    return roc_auc(is_member, np.concatenate([members, others]), levels)


def threshold_at(others: np.ndarray, rate: float) -> float:
    """The score above which at most ``rate`` of the others lie: the least that is one of theirs."""
    import numpy as np

    n_above = math.floor(rate * len(others) + 1e-9)
    return float(np.sort(others)[len(others) - 1 - n_above])


def true_positive_rate(
    members: np.ndarray, others: np.ndarray, rate: float, levels: Sequence[float]
) -> Estimate:
    """The share of members whose score is above that of all but ``rate`` of the others, in [0, 1].

    Parameters
    ----------
    members, others : float arrays of shape (m,) and (n,), finite; higher speaks for a member
    rate            : the false positive rate, in (0, 1)

    The threshold is an estimate too: its order-statistic limits give the rate's share of the
    interval, Clopper-Pearson of the members the rest, joined as limits of a sum are (Zou and Donner
    2008). Undefined where fewer than ten others would lie above the threshold.
    """
    import numpy as np

    counts = {"members": len(members), "others": len(others)}
    n = len(members) + len(others)
    if not len(members) or rate * len(others) < FEWEST_ABOVE:
        why = because("few-others", n=len(others), needed=math.ceil(FEWEST_ABOVE / rate))
        return undefined(why, n=n, counts=counts, method=METHOD)
    order = np.sort(others)
    found = int((members > threshold_at(others, rate)).sum())
    value = found / len(members)
    intervals = tuple(_limits(members, order, rate, found, level) for level in levels)
    return Estimate(value, n, intervals, {**counts, "found": found}, METHOD)


def _limits(
    members: np.ndarray, order: np.ndarray, rate: float, found: int, level: float
) -> Interval:
    value = found / len(members)
    own = clopper_pearson(found, len(members), level)
    strict, loose = _quantile_limits(order, rate, level)
    fewest = float((members > strict).mean())
    most = float((members > loose).mean())
    return Interval(
        low=max(0.0, value - math.hypot(value - own.low, value - fewest)),
        high=min(1.0, value + math.hypot(own.high - value, most - value)),
        level=level,
        method=METHOD,
    )


def _quantile_limits(order: np.ndarray, rate: float, level: float) -> tuple[float, float]:
    """Two scores between which the others' quantile at 1 - rate lies: how many of n lie above it is
    binomial, whatever their distribution (the upper one first)."""
    from scipy.special import bdtr

    n, beyond = len(order), (1 - level) / 2
    # P(above <= k) by bdtr; fewest and most that could be above the true quantile
    centre = math.floor(rate * n)
    fewest = most = centre
    while fewest > 0 and bdtr(fewest - 1, n, rate) > beyond:
        fewest -= 1
    while most < n and 1 - bdtr(most, n, rate) > beyond:
        most += 1
    strict = float(order[n - fewest]) if fewest else math.inf
    loose = float(order[n - 1 - most]) if most < n else -math.inf
    return strict, loose


def advantage(members: np.ndarray, others: np.ndarray, levels: Sequence[float]) -> Estimate:
    """The largest true minus false positive rate of any threshold, in [0, 1] (Yeom et al. 2018).

    That is the distance between two distribution functions, which rises with the data's chance
    alone; its limits are by Dvoretzky, Kiefer and Wolfowitz with Massart's constant, whatever the
    distributions. Undefined without members or others.
    """
    import numpy as np

    method = "Kolmogorov's distance, bands by Massart 1990"
    m, n = len(members), len(others)
    counts = {"members": m, "others": n}
    if not m or not n:
        return undefined(
            because("few-others", n=n, needed=1), n=m + n, counts=counts, method=method
        )
    at = np.concatenate([members, others])
    mine = np.searchsorted(np.sort(members), at, side="right") / m
    theirs = np.searchsorted(np.sort(others), at, side="right") / n
    value = max(0.0, float((theirs - mine).max()))
    intervals = []
    for level in levels:
        # each band is wide enough for half of the error
        band = math.sqrt(math.log(4 / (1 - level)) / 2)
        reach = band / math.sqrt(m) + band / math.sqrt(n)
        low, high = max(0.0, value - reach), min(1.0, value + reach)
        intervals.append(Interval(low=low, high=high, level=level, method=method))
    return Estimate(value, m + n, tuple(intervals), counts, method)
