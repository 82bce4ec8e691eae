"""Limits of an area under the ROC curve from its rows' placements, without a model of the scores.

A positive's placement is the share of negatives below it, a negative's the share of positives above
it, ties counting half: the area is the mean of either. Only their sums and their sums of squares
are needed, and these follow from the counts of each distinct score, which add up over files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.measure.uncertainty.score import student_quantile, wilson_form

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Placements:
    """``n`` placements with their sum and their sum of squares; each lies in [0, 1]."""

    n: int
    total: float
    squares: float

    def variance_of_mean(self, more: float) -> float:
        """Of their mean, as if one more placement of the value ``more`` had come."""
        n, total, squares = self.n + 1, self.total + more, self.squares + more * more
        return max(0.0, squares - total * total / n) / self.n / n


def placements(positives: np.ndarray, negatives: np.ndarray) -> tuple[Placements, Placements]:
    """Those of the positives and of the negatives, from counts.

    Parameters
    ----------
    positives, negatives : rows of each label at each distinct score, lowest score first; shape (s,)
                           each, at least one row of either label
    """
    import numpy as np

    p, q = np.asarray(positives, dtype=float), np.asarray(negatives, dtype=float)
    m, n = p.sum(), q.sum()
    below = (np.cumsum(q) - q / 2) / n
    above = (m - np.cumsum(p) + p / 2) / m
    return (
        Placements(int(m), float(p @ below), float(p @ below**2)),
        Placements(int(n), float(q @ above), float(q @ above**2)),
    )


def auc_limits(positives: Placements, negatives: Placements, level: float) -> tuple[float, float]:
    """The lower and the upper limit of the area that both kinds of placements are a mean of.

    The variance is DeLong's, for the lower end as if one more positive and one more negative of
    the worst kind (a placement of 0) had come, for the upper end of the best kind: so no end
    collapses where the bad cases were not seen, as with all but separate scores. Then Wilson's
    form at the effective number of rows, with Satterthwaite's degrees of freedom.

    Source: DeLong, DeLong and Clarke-Pearson 1988; Korn and Graubard 1998; Kottas, Kuss and Zapf
    2014 for score forms; one more row an end: ours. Coverage: docs/proof.md.
    """
    m, n = positives.n, negatives.n
    area, fewest = min(1.0, positives.total / m), min(m, n)
    ends = []
    for side in (0, 1):
        of_m = positives.variance_of_mean(float(side))
        of_n = negatives.variance_of_mean(float(side))
        variance = of_m + of_n
        if variance <= 0:
            ends.append(area)
            continue
        freedom = max(1.0, variance**2 / (of_m**2 / m + of_n**2 / n))
        moved = min(max((area * fewest + side) / (fewest + 1), 1e-9), 1 - 1e-9)
        quantile = student_quantile(level, freedom)
        found = wilson_form(area, moved * (1 - moved) / variance, quantile)
        ends.append(float(found[side]))
    return ends[0], ends[1]
