"""The regularised incomplete beta function and its inverse, by the standard library alone.

Judging must not load numerical libraries, and needs exact binomial intervals all the same.
"""

from __future__ import annotations

import math

_TINY = 1e-300


def inverse_incomplete_beta(
    probability: float, a: float, b: float, start: float | None = None
) -> float:
    """The p at which I_p(a, b) equals ``probability``: I rises with p.

    Newton's steps from ``start`` (the mean), on the scale of the logarithm; a step that leaves what
    is known to hold the root is replaced by its middle, as in bisection.
    """
    low, high = 0.0, 1.0
    p = start if start is not None and 0 < start < 1 else a / (a + b)
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    for _ in range(200):
        excess = incomplete_beta(p, a, b) - probability
        if excess == 0:
            return p
        low, high = (p, high) if excess < 0 else (low, p)
        log_density = (a - 1) * math.log(p) + (b - 1) * math.log1p(-p) - log_beta
        step = excess * math.exp(-log_density) if log_density > -600 else math.inf
        # on the scale of log p, so that a step can't fall below 0
        guess = p * math.exp(-step / p) if abs(step) < 3 * p else -1.0
        if not low < guess < high:
            guess = (low + high) / 2
        if abs(guess - p) <= 1e-14 * p or guess in (low, high):
            return guess
        p = guess
    return p


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
