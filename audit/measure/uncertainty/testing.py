"""Tests of two rates, and one error budget over many tests. Standard library and SciPy alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from evenhand.audit.measure.uncertainty.weighted import Clustered

Budget = Literal["holm", "benjamini-hochberg"]
BUDGETS: dict[str, str] = {"holm": "Holm", "benjamini-hochberg": "Benjamini-Hochberg"}
_EXACT_BELOW = 5000  # expected rows in every cell from which both tests agree far into the tail


def fisher_exact(k1: int, n1: int, k2: int, n2: int) -> float:
    """Two-sided p-value of equal rates ``k1/n1`` and ``k2/n2``, by Fisher's exact test.

    Source: Fisher 1935; conditional on the margins, so conservative for small groups.
    """
    from scipy import stats

    return min(1.0, float(stats.fisher_exact([[k1, n1 - k1], [k2, n2 - k2]]).pvalue))


def two_proportion_z(k1: int, n1: int, k2: int, n2: int) -> float:
    """Two-sided p-value of equal rates by the pooled z test; n1, n2 >= 1.

    >>> round(two_proportion_z(30, 100, 20, 100), 4)  # z = 0.1 / sqrt(.25 * .75 * .02) = 1.633
    0.1025

    1.0 where every row is a case, or none is.
    """
    pooled = (k1 + k2) / (n1 + n2)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    if error == 0:
        return 1.0
    z = abs(k1 / n1 - k2 / n2) / error
    return min(1.0, 2 * NormalDist().cdf(-z))


def equal_rates(k1: int, n1: int, k2: int, n2: int) -> tuple[float, str]:
    """p-value and name of the test: Fisher's, and z where every cell expects thousands of rows.

    Holm's first step reads p-values at 0.05 / m, where the normal approximation still errs with
    hundreds of rows in a cell: with many groups it alarms in up to 15 % of fair tables.
    """
    pooled = (k1 + k2) / (n1 + n2)
    if min(n1, n2) * min(pooled, 1 - pooled) < _EXACT_BELOW:
        return fisher_exact(k1, n1, k2, n2), "Fisher's exact test"
    return two_proportion_z(k1, n1, k2, n2), "two-proportion z test"


def equal_rates_of_persons(one: Clustered, other: Clustered) -> float:
    """Two-sided p-value of equal rates where persons have several rows, each one's rows together.

    Student's t of the difference, its variances linearised at the pooled rate, with Satterthwaite's
    degrees of freedom. 1.0 where every row is a case, or none is, or a side is one person.

    Source: Kish and Frankel 1974; Satterthwaite 1946.
    """
    from scipy.stats import t

    from evenhand.audit.measure.uncertainty.weighted import clustered_variance

    if min(one.persons, other.persons) < 2:
        return 1.0
    pooled = (one.cases + other.cases) / (one.weight + other.weight)
    a, b = clustered_variance(one, pooled), clustered_variance(other, pooled)
    if a + b <= 0:
        return 1.0
    of_a, of_b = (c.freedom(pooled) for c in (one, other))
    freedom = (a + b) ** 2 / (a * a / of_a + b * b / of_b)
    return min(1.0, 2 * float(t.sf(abs(one.share - other.share) / math.sqrt(a + b), freedom)))


def adjust(p_values: Sequence[float], budget: Budget = "holm") -> list[float]:
    """Adjusted p-values, in the order given: a test stands at level a where its own is <= a.

    ``holm`` keeps the chance of any false alarm among all tests, however they depend on each
    other; ``benjamini-hochberg`` the expected share of false alarms among the alarms, for tests
    that are independent or positively dependent.

    Source: Holm 1979; Benjamini and Hochberg 1995.

    >>> adjust([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    >>> adjust([0.01, 0.04, 0.03], "benjamini-hochberg")
    [0.03, 0.04, 0.04]
    """
    m = len(p_values)
    order = sorted(range(m), key=lambda i: p_values[i])
    adjusted = [0.0] * m
    if budget == "holm":
        reached = 0.0
        for rank, i in enumerate(order):
            reached = max(reached, min(1.0, (m - rank) * p_values[i]))
            adjusted[i] = reached
        return adjusted
    reached = 1.0
    for rank in range(m, 0, -1):
        i = order[rank - 1]
        reached = min(reached, m * p_values[i] / rank)
        adjusted[i] = reached
    return adjusted
