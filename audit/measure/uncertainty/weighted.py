"""Limits of shares of weighted rows, and of rows that come in clusters (several of one person).

Both are ratios of sums. Their variance is linearised, so that weights that tell of the outcome are
seen, and taken as if one more row (person) of the kind that pulls towards an end had come; Wilson's
form then uses the number of rows that has this variance. Sums of weights and of their squares, a
cell, are all that is needed: they add up over files.

Source: Kish and Frankel 1974 and Binder 1983 for linearised ratios; Korn and Graubard 1998 for
effective numbers in a score interval; one more row an end: ours. Coverage: docs/proof.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.measure.uncertainty.persons import Powers, freedom_of, powers_of
from evenhand.audit.measure.uncertainty.score import share_limits, student_quantile, wilson_form
from evenhand.audit.reason import Reasons, because

if TYPE_CHECKING:
    import numpy as np

FEW_HEAVY = 10.0  # heavy rows under which their number is mostly chance


@dataclass(frozen=True)
class Weighted:
    """Rows behind a share: sums of its cases' weights and the others', of their squares and of
    their fourth powers.

    ``rows`` says how many rows there are, if that is known: equal weights are then seen as such.
    """

    cases: float
    others: float
    cases_squared: float
    others_squared: float
    cases_fourth: float
    others_fourth: float
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

    @property
    def heavy(self) -> float:
        """How many rows the spread of the share rests on: the effective number by squared weight.

        Source: Satterthwaite 1946, for rows whose variances go with their squared weights.
        """
        squares = self.cases_squared + self.others_squared
        return squares / (self.cases_fourth + self.others_fourth) * squares

    @property
    def are_equal(self) -> bool:
        """Whether all rows have the same weight."""
        return self.rows is not None and self.effective >= self.rows * (1 - 1e-12)


def few_heavy(rows: Weighted) -> Reasons:
    """What a finding must say where a few heavy rows carry its share; empty where they do not."""
    is_few = not rows.are_equal and rows.heavy < FEW_HEAVY
    return because("few-heavy-rows", rows=max(1, round(rows.heavy))) if is_few else ()


def weighted_limits(rows: Weighted, level: float) -> tuple[float, float]:
    """The lower and the upper limit of ``rows.share``.

    The row added for an end has the weight of a heavy row (the root of the mean square weight of
    what the spread rests on, over all rows or over those of its kind, whichever is larger), and
    Student's quantile has as many degrees of freedom as there are heavy rows, less one. Rows of
    equal weight have the limits of plain rows. Needs a few heavy rows in the sample: what is not
    there can't be seen (``few_heavy``).
    """
    if rows.rows is not None and rows.are_equal:
        low, high = share_limits(rows.share * rows.rows, rows.rows, level)
        return float(low), float(high)
    p = rows.share
    squares = rows.cases_squared + rows.others_squared
    of_all = (rows.cases_fourth + rows.others_fourth) / squares
    quantile, ends = student_quantile(level, max(1.0, rows.heavy - 1)), []
    for side in (0, 1):
        own, fourth = rows.others_squared, rows.others_fourth
        if side:
            own, fourth = rows.cases_squared, rows.cases_fourth
        more = max(of_all, fourth / own if own > 0 else 0.0)  # its squared weight
        cases, others = rows.cases, rows.others
        cases_2, others_2 = rows.cases_squared, rows.others_squared
        if side:
            cases, cases_2 = cases + math.sqrt(more), cases_2 + more
        else:
            others, others_2 = others + math.sqrt(more), others_2 + more
        r = cases / (cases + others)
        variance = (cases_2 * (1 - r) ** 2 + others_2 * r**2) / (cases + others) ** 2
        ends.append(_end(p, r, variance, quantile, level, side))
    return ends[0], ends[1]


@dataclass(frozen=True)
class Clustered:
    """Persons behind a share, with a = sum of w y and b = sum of w over each person's rows.

    ``persons`` counts those with weight; ``powers`` are sums of b, b^2, b^3 and b^4, ``plain`` of
    a^2, ab, b^2, and ``apart`` of the same where each person's a and b are over 1 - h, with h the
    part of all weight that is theirs: what the share moves by without them.
    """

    persons: int
    cases: float
    powers: Powers
    plain: tuple[float, float, float]
    apart: tuple[float, float, float]

    @property
    def weight(self) -> float:
        """Of all rows."""
        return self.powers[0]

    @property
    def share(self) -> float:
        """Weight of the cases among all; some weight must be there."""
        return self.cases / self.weight

    def freedom(self, share: float) -> float:
        """Degrees of freedom of a variance around ``share``, at the correlation of a person's rows
        that the variance tells of: see ``freedom_of``."""
        alone = share * (1 - share)
        pairs = self.powers[1] - self.weight
        rho = 0.0
        if alone > 0 and pairs > 0:
            rho = (_around(share, self.plain) / alone - self.weight) / pairs
        return freedom_of(self.powers, min(1.0, max(0.0, rho)))


def clustered(cases: np.ndarray, weight: np.ndarray) -> Clustered:
    """From each person's ``cases`` (sum of w y) and ``weight`` (sum of w), both of shape (n,)."""
    import numpy as np

    a, b = np.asarray(cases, dtype=float), np.asarray(weight, dtype=float)
    persons, total = int((b > 0).sum()), float(b.sum())
    # as if one more person came, which the limits suppose: so nobody has all the weight
    left = 1 - b / max(total * (1 + 1 / max(persons, 1)), 1e-300)
    apart = _products(a / left, b / left)
    return Clustered(persons, float(a.sum()), powers_of(b), _products(a, b), apart)


def cluster_limits(of: Clustered, level: float) -> tuple[float, float]:
    """The lower and the upper limit of ``of.share`` where a person's rows belong together.

    The variance is a jackknife's over persons, since one with many rows draws the share towards
    their own, and is at least that of independent rows. With one person nothing can be said: the
    limits are 0 and 1.

    Source: Kish and Frankel 1974; Bell and McCaffrey 2002 for what one person draws.
    """
    if of.persons < 2:
        return 0.0, 1.0
    p, mean = of.share, of.weight / of.persons
    ends = []
    for side in (0, 1):
        weight = of.weight + mean
        r = (of.cases + mean * side) / weight
        own = mean * weight / of.weight * (side - r)
        spread = _around(r, of.apart) + own * own
        variance = spread / weight**2 * of.persons / (of.persons + 1)
        variance = max(variance, r * (1 - r) / of.weight)
        quantile = student_quantile(level, of.freedom(r))
        ends.append(_end(p, r, variance, quantile, level, side))
    return ends[0], ends[1]


def rows_as_one(of: Clustered, levels: Sequence[float]) -> float:
    """How many rows of persons tell as much as one row of its own, at the strictest level; 1 or
    more, without end for one person alone. Where all rows, or none, are cases: as if each person's
    rows were the same.

    Source: Kish 1965 (design effect); Korn and Graubard 1998 for Student's quantile in it.
    """
    if of.persons < 2:
        return math.inf
    p, alone = of.share, of.share * (1 - of.share) / of.weight
    alike = of.powers[1] / of.weight
    times = max(1.0, clustered_variance(of, p) / alone) if alone > 0 else alike
    level = max(levels)
    wider = student_quantile(level, of.freedom(p)) / student_quantile(level, math.inf)
    return times * wider**2


def clustered_variance(of: Clustered, share: float) -> float:
    """Jackknife variance of a mean over all rows if it were ``share``; two persons or more.

    Source: Kish and Frankel 1974; Efron and Stein 1981.
    """
    return _around(share, of.apart) / of.weight**2 * (of.persons - 1) / of.persons


def _products(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    return float(a @ a), float(a @ b), float(b @ b)


def _around(share: float, sums: tuple[float, float, float]) -> float:
    """The sum of (a - share b)^2."""
    return max(0.0, sums[0] - 2 * share * sums[1] + share * share * sums[2])


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
