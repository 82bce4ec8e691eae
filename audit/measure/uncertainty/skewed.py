"""Limits of means of skewed values: losses, absolute and squared errors, times."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.measure.uncertainty.score import student_quantile
from evenhand.audit.reason import Reasons, because

if TYPE_CHECKING:
    import numpy as np

FEW_ROWS = 0.25  # of |skewness| / sqrt(n): above it a few rows carry the mean


@dataclass(frozen=True)
class Moments:
    """``n`` values' mean, sums of squares and of cubes around it, smallest and largest."""

    n: int
    mean: float
    squares: float
    cubes: float
    lowest: float
    highest: float

    @property
    def skewness(self) -> float:
        """Mean cube over the cubed standard deviation; 0 where the values do not vary."""
        if self.squares <= 0 or self.n < 2:
            return 0.0
        return self.cubes / self.n / (self.squares / (self.n - 1)) ** 1.5

    @property
    def reach(self) -> float:
        """|skewness| / sqrt(n): how far the mean's distribution is from a normal one."""
        return abs(self.skewness) / math.sqrt(self.n)

    def with_one_more(self, value: float) -> Moments:
        """As if one more row of ``value`` had come."""
        n = self.n + 1
        mean = self.mean + (value - self.mean) / n
        off, own = self.mean - mean, value - mean
        squares = self.squares + self.n * off**2 + own**2
        cubes = self.cubes + 3 * off * self.squares + self.n * off**3 + own**3
        low, high = min(self.lowest, value), max(self.highest, value)
        return Moments(n, mean, squares, cubes, low, high)


def moments(values: np.ndarray) -> Moments:
    """Of ``values``, shape (n,), n >= 1."""
    x = values.astype(float)
    mean = float(x.mean())
    off = x - mean
    squares, cubes = float(off @ off), float((off * off) @ off)
    return Moments(int(x.size), mean, squares, cubes, float(x.min()), float(x.max()))


def mean_limits(of: Moments, level: float, freedom: float | None = None) -> tuple[float, float]:
    """The lower and the upper limit of a mean of two rows or more.

    Hall's cubic takes the skewness off Student's t. Where a sample is skewed its largest value is
    likely below what is to come: for the upper end one more row is added, at the mean plus
    min(1, 3 |skewness| / sqrt(n)) times the distance of the largest value, for the lower end one
    towards the smallest; the limits with and without it that lie further out are taken. Of
    symmetric values this is Student's interval. ``freedom``: its degrees, by default the rows less
    one; fewer where few of them carry most of the weight.

    No interval holds for a mean whose values have no variance (squares of errors with t3 tails),
    nor for what 30 rows of a lognormal do not show: see ``few_rows``.

    Source: Hall 1992, "On the removal of skewness by transformation"; the added row is ours.
    Coverage: docs/proof.md.
    """
    if of.n < 2:
        raise ValueError(f"n={of.n}: a mean's limits need two rows")
    if of.squares <= 0:
        return of.mean, of.mean
    share = min(1.0, 3 * of.reach)
    plain = _hall(of, level, freedom)
    low = _hall(of.with_one_more(of.mean + share * (of.lowest - of.mean)), level, freedom)[0]
    high = _hall(of.with_one_more(of.mean + share * (of.highest - of.mean)), level, freedom)[1]
    return min(plain[0], low, of.mean), max(plain[1], high, of.mean)


def few_rows(of: Moments) -> Reasons:
    """What a finding must say where a few rows carry its mean; empty where they do not."""
    return because("few-rows-carry-it") if of.reach > FEW_ROWS else ()


def _hall(of: Moments, level: float, freedom: float | None) -> tuple[float, float]:
    sd = math.sqrt(of.squares / (of.n - 1))
    # A skewness of exactly 0 would divide by 0; the cubic's limit there is Student's interval.
    g = math.copysign(max(abs(of.skewness), 1e-6), of.skewness)
    y = student_quantile(level, of.n - 1 if freedom is None else freedom) / math.sqrt(of.n)

    def back(x: float) -> float:
        return 3 / g * (math.cbrt(1 + g * (x - g / (6 * of.n))) - 1)

    return of.mean - sd * back(y), of.mean - sd * back(-y)
