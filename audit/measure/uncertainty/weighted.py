"""Limits of shares of weighted rows, and of rows that come in clusters (several of one person).

Both are ratios of sums. Their variance is linearised, so that weights that tell of the outcome are
seen, and taken as if one more row (person) of the kind that pulls towards an end had come; Wilson's
form then uses the number of rows that has this variance. Sums of weights and of their squares, a
cell, are all that is needed: they add up over files.

Source: Kish and Frankel 1974 and Binder 1983 for linearised ratios; Korn and Graubard 1998 for
effective numbers in a score interval; one more row an end: ours. Coverage: docs/proof.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.measure.uncertainty.score import share_limits, student_quantile, wilson_form

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Weighted:
    """Rows behind a share: sums of weights, and of their squares, of its cases and the others.

    ``rows`` says how many rows there are, if that is known: equal weights are then seen as such.
    """

    cases: float
    others: float
    cases_squared: float
    others_squared: float
    rows: int | None = None

    @property
    def share(self) -> float:
        """Weight of the cases among all; some weight must be there."""
        return self.cases / (self.cases + self.others)

    @property
    def effective(self) -> float:
        """Kish's effective number of rows, (sum w)^2 / sum(w^2): a description, no basis of limits.

        Source: Kish 1965, section 8.2.
        """
        return (self.cases + self.others) ** 2 / (self.cases_squared + self.others_squared)


def weighted_limits(rows: Weighted, level: float) -> tuple[float, float]:
    """The lower and the upper limit of ``rows.share``.

    The row added for an end has the mean weight of a weighted draw, over all rows or over those of
    its kind, whichever is larger. Rows of equal weight have the limits of plain rows. Needs a few
    heavy rows in the sample: what is not there can't be seen.
    """
    if rows.rows is not None and rows.effective >= rows.rows * (1 - 1e-12):
        low, high = share_limits(rows.share * rows.rows, rows.rows, level)
        return float(low), float(high)
    p, weight = rows.share, rows.cases + rows.others
    squares = rows.cases_squared + rows.others_squared
    quantile = student_quantile(level, max(1.0, rows.effective - 1))
    ends = []
    for side in (0, 1):
        own = (rows.others, rows.others_squared) if side == 0 else (rows.cases, rows.cases_squared)
        more = max(squares / weight, own[1] / own[0] if own[0] > 0 else 0.0)
        cases, others = rows.cases + more * side, rows.others + more * (1 - side)
        cases_2 = rows.cases_squared + more**2 * side
        others_2 = rows.others_squared + more**2 * (1 - side)
        r = cases / (cases + others)
        variance = (cases_2 * (1 - r) ** 2 + others_2 * r**2) / (cases + others) ** 2
        ends.append(_end(p, r, variance, quantile, level, side))
    return ends[0], ends[1]


@dataclass(frozen=True)
class Clustered:
    """Persons behind a share, with a = sum of w y and b = sum of w over each person's rows.

    ``persons`` counts those with weight; the others are sums over persons: of a, b, a^2, ab, b^2.
    """

    persons: int
    cases: float
    weight: float
    cases_squared: float
    products: float
    weight_squared: float

    @property
    def share(self) -> float:
        """Weight of the cases among all; some weight must be there."""
        return self.cases / self.weight


def clustered(cases: np.ndarray, weight: np.ndarray) -> Clustered:
    """From each person's ``cases`` (sum of w y) and ``weight`` (sum of w), both of shape (n,)."""
    import numpy as np

    a, b = np.asarray(cases, dtype=float), np.asarray(weight, dtype=float)
    return Clustered(
        int((b > 0).sum()),
        float(a.sum()),
        float(b.sum()),
        float(a @ a),
        float(a @ b),
        float(b @ b),
    )


def cluster_limits(of: Clustered, level: float) -> tuple[float, float]:
    """The lower and the upper limit of ``of.share`` where a person's rows belong together.

    The effective number is at most the weight behind the share, as if all rows were independent.
    With one person nothing can be said: the limits are 0 and 1.
    """
    if of.persons < 2:
        return 0.0, 1.0
    p, mean = of.share, of.weight / of.persons
    freedom = max(1.0, of.weight**2 / of.weight_squared - 1)
    quantile = student_quantile(level, freedom)
    correction = of.persons / (of.persons - 1)
    ends = []
    for side in (0, 1):
        weight, more = of.weight + mean, mean * mean
        r = (of.cases + mean * side) / weight
        spread = of.cases_squared + more * side - 2 * r * (of.products + more * side)
        spread += r * r * (of.weight_squared + more)
        variance = max(0.0, spread) / weight**2 * correction
        variance = max(variance, r * (1 - r) / of.weight)
        ends.append(_end(p, r, variance, quantile, level, side))
    return ends[0], ends[1]


def clustered_variance(of: Clustered, share: float) -> float:
    """Linearised variance of a mean over all rows if it were ``share``; two persons or more.

    Source: Kish and Frankel 1974.
    """
    spread = of.cases_squared - 2 * share * of.products + share**2 * of.weight_squared
    return max(0.0, spread) / of.weight**2 * of.persons / (of.persons - 1)


def sums_limits(sums: Weighted | Clustered, level: float) -> tuple[float, float]:
    """The limits of a share from whichever sums there are."""
    if isinstance(sums, Clustered):
        return cluster_limits(sums, level)
    return weighted_limits(sums, level)


def _end(p: float, r: float, variance: float, quantile: float, level: float, side: int) -> float:
    """The further out of the score form with Student's quantile and a plain share's limit."""
    if variance <= 0:
        return p
    n = r * (1 - r) / variance
    score, plain = wilson_form(p, n, quantile), share_limits(p * n, n, level)
    return float(min(score[0], plain[0])) if side == 0 else float(max(score[1], plain[1]))
