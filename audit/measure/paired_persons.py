"""Two models on the same rows, several of which are one person's.

A person adds the rows that only the first model says yes to, less those that only the second does:
what McNemar's test counts, person by person.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.persons import bounded_limits, by_person, contributions_of

if TYPE_CHECKING:
    import numpy as np

_MOST_STEPS = 1 << 20  # sums of that size have a distribution as good as normal


def paired_interval(difference: np.ndarray, units: np.ndarray, level: float = 0.95) -> Interval:
    """The interval of the first share of yes minus the second, in [-1, 1].

    Parameters
    ----------
    difference : yes of the first model less yes of the second: 1, 0 or -1, shape (n,), n >= 1
    units      : codes of the persons whose rows they are, shape (n,)

    [-1, 1] is taken as the range of a share: see ``persons.bounded_limits``.
    """
    mean, n = float(difference.mean()), difference.size
    persons = contributions_of((difference - mean) / n / 2, units)
    value = (mean + 1) / 2
    more = -value / persons.size, (1 - value) / persons.size
    low, high = bounded_limits(value, persons, more, level)
    method = "paired difference, a person's rows together; score form"
    ends = {"low": min(2 * low - 1, mean), "high": max(2 * high - 1, mean)}
    return Interval(**ends, level=level, method=method)


def sign_flip_p_value(difference: np.ndarray, units: np.ndarray) -> float:
    """Two-sided p-value of two models that are alike, by whose sign each person's sum has.

    Where it is a toss whether a person's sum is for the first or the second model, the total is a
    sum of independent +-|sum|: its distribution is exact, by its characteristic function. Of one
    row a person this is McNemar's exact test. ``difference`` and ``units`` as above.

    Source: Fisher 1935, section 21 (sign flips); Obuchowski 1998 for paired shares of clusters.

    >>> import numpy as np
    >>> d = np.array([1] + 9 * [-1])
    >>> round(sign_flip_p_value(d, np.arange(10)), 6)  # as McNemar's of 1 and 9
    0.021484
    """
    import numpy as np

    sums = by_person(np.asarray(difference, dtype=float), units).round().astype(int)
    sizes, times = np.unique(np.abs(sums[sums != 0]), return_counts=True)
    total, most = abs(int(sums.sum())), int(sizes @ times)
    if total == 0:
        return 1.0
    spread = float((sizes.astype(float) ** 2) @ times)
    if most > _MOST_STEPS:
        return math.erfc(total / math.sqrt(2 * spread))
    # P(sum = s) from E cos(t sum) = prod cos(t size)^times at t = 2 pi j / points
    points = 2 * most + 1
    angle = 2 * math.pi * np.arange(points) / points
    wave = np.ones(points)
    for size, time in zip(sizes.tolist(), times.tolist(), strict=True):
        wave *= np.cos(angle * size) ** time
    chance = np.fft.fft(wave).real / points  # of s at position s, of -s at -s
    tail = float(np.maximum(chance[total : most + 1], 0.0).sum())
    return min(1.0, max(2 * tail, 2.0**-1000))
