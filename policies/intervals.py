"""Intervals for a rate from its counts, by closed forms of the standard library alone.

A pack may ask for a level or a method that the audit did not store. The interval of a plain rate
follows from ``k`` of ``n``; for anything else the audit has to be run again.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from audit.finding import Interval

WILSON = "Wilson score"
CLOPPER_PEARSON = "Clopper-Pearson"
_TINY = 1e-300


def z_value(level: float) -> float:
    """The standard normal quantile of a two-sided confidence level; 1.96 for 0.95."""
    if not 0 < level < 1:
        raise ValueError(f"level={level} must lie between 0 and 1")
    return NormalDist().inv_cdf(0.5 + level / 2)


def wilson(k: int, n: int, level: float) -> Interval:
    """Wilson score interval of k of n. Source: Wilson 1927. Raises ValueError unless 0<=k<=n, n>0.

    >>> w = wilson(5, 10, 0.95); round(w.low, 4), round(w.high, 4)
    (0.2366, 0.7634)
    """
    _check_counts(k, n)
    z = z_value(level)
    p, spread = k / n, z * z / n
    centre = (p + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(p * (1 - p) / n + spread / (4 * n))
    low = 0.0 if k == 0 else max(0.0, centre - half)
    high = 1.0 if k == n else min(1.0, centre + half)
    return Interval(low=low, high=high, level=level, method=WILSON)


def clopper_pearson(k: int, n: int, level: float) -> Interval:
    """Exact binomial interval of k of n. Source: Clopper and Pearson 1934. Raises ValueError.

    The ends are the rates at which k or more, or k or fewer, has probability (1 - level) / 2.
    """
    _check_counts(k, n)
    tail = (1 - level) / 2
    # P(X >= k | p) is the regularised incomplete beta function I_p(k, n - k + 1)
    low = 0.0 if k == 0 else _inverse_beta(tail, k, n - k + 1)
    high = 1.0 if k == n else _inverse_beta(1 - tail, k + 1, n - k)
    return Interval(low=low, high=high, level=level, method=CLOPPER_PEARSON)


def _check_counts(k: int, n: int) -> None:
    if n <= 0 or not 0 <= k <= n:
        raise ValueError(f"k={k} of n={n} is no count of a rate")


def _inverse_beta(probability: float, a: float, b: float) -> float:
    """The p at which I_p(a, b) equals ``probability``, by bisection: I rises with p."""
    low, high = 0.0, 1.0
    while high - low > 1e-15:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if incomplete_beta(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for 0 <= x <= 1 and a, b > 0.

    Lentz's continued fraction on the side where it converges fast (x below the mean). Source:
    Abramowitz and Stegun 26.5.8.
    """
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    front = math.exp(log_front)
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(x, a, b) / a
    return 1 - front * _beta_fraction(1 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    def away_from_zero(value: float) -> float:
        return value if abs(value) > _TINY else _TINY

    c, d = 1.0, 1 / away_from_zero(1 - (a + b) * x / (a + 1))
    result = d
    # the number of terms grows with the square root of a + b
    for m in range(1, 200 + 20 * math.isqrt(int(a + b))):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / away_from_zero(1 + even * d)
        c = away_from_zero(1 + even / c)
        result *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / away_from_zero(1 + odd * d)
        c = away_from_zero(1 + odd / c)
        result *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return result
