"""Two models on the same rows: McNemar's exact test and Newcombe's paired interval.

Standard library alone: packs may ask for these when a case is judged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.beta import incomplete_beta
from evenhand.audit.measure.uncertainty.intervals import share


@dataclass(frozen=True)
class PairedCounts:
    """Rows by two yes-no answers: yes from both, from the first only, the second only, neither."""

    both: int
    first: int
    second: int
    neither: int

    @property
    def n(self) -> int:
        """All rows."""
        return self.both + self.first + self.second + self.neither

    @property
    def difference(self) -> float:
        """The first share of yes minus the second, in [-1, 1]; needs rows."""
        return (self.first - self.second) / self.n


def mcnemar_exact(first: int, second: int) -> float:
    """The two-sided p-value of McNemar's exact test for ``first`` and ``second`` discordant rows.

    Where the two models are equally often right alone, ``first`` of first + second rows follows a
    binomial with share 1/2; the p-value is twice its smaller tail, at most 1.

    Source: McNemar 1947; exact form: Agresti 2013, "Categorical data analysis", section 11.1.2.

    >>> round(mcnemar_exact(1, 9), 6)  # 2 (1 + 10) / 2^10
    0.021484
    """
    if first < 0 or second < 0:
        raise ValueError(f"counts {first} and {second} must not be negative")
    if first == second:
        return 1.0
    low, high = min(first, second), max(first, second)
    # P(X <= low) for a binomial of low + high at 1/2 is I_{1/2}(high, low + 1)
    return min(1.0, 2 * incomplete_beta(0.5, high, low + 1))


def newcombe_paired(counts: PairedCounts, level: float = 0.95) -> Interval:
    """Newcombe's interval for a paired difference of shares: first minus second (n >= 1).

    Wilson intervals of both shares, joined with the rows' own correlation, whose numerator is
    reduced by n/2 (not below 0) where it is positive.

    Source: Newcombe 1998, "Improved confidence intervals for the difference between binomial
    proportions based on paired data", Statistics in Medicine 17, method 10.
    """
    n = counts.n
    if n < 1:
        raise ValueError("no rows to compare")
    a, b = counts.both + counts.first, counts.both + counts.second
    p, q = a / n, b / n
    one, other = share(a, n, level), share(b, n, level)
    phi = _correlation(counts)

    def spread(x: float, y: float) -> float:
        return math.sqrt(max(0.0, x * x - 2 * phi * x * y + y * y))

    theta = counts.difference
    low = theta - spread(p - one.low, other.high - q)
    high = theta + spread(one.high - p, q - other.low)
    return Interval(
        low=max(-1.0, low), high=min(1.0, high), level=level, method="Newcombe paired, method 10"
    )


def _correlation(c: PairedCounts) -> float:
    margins = (c.both + c.first) * (c.second + c.neither)
    margins *= (c.both + c.second) * (c.first + c.neither)
    if margins == 0:
        return 0.0
    product = c.both * c.neither - c.first * c.second
    numerator = max(product - c.n / 2, 0.0) if product > 0 else float(product)
    return numerator / math.sqrt(margins)
