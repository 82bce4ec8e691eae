"""Areas under the ROC curve between a group and everybody else, quick for thousands of groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from evenhand.audit.measure.ranking import METHOD, area_estimate, roc_auc
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.measure.uncertainty.placements import Placements
from evenhand.audit.reason import because

if TYPE_CHECKING:
    import numpy as np


class Background:
    """Everybody's labels (bool) and scores, shape (n,), sorted once for all groups.

    ``known`` (bool, shape (n,)) leaves out people of whom it is unknown whether they belong to a
    group; the groups asked about are of the others. ``units`` as in ``ranking.roc_auc``.
    """

    def __init__(
        self,
        is_positive: np.ndarray,
        score: np.ndarray,
        known: np.ndarray | None = None,
        units: np.ndarray | None = None,
    ) -> None:
        import numpy as np

        self.is_positive, self.score, self.units = is_positive, score, units
        self.known = np.ones(score.shape, dtype=bool) if known is None else known
        self.positives = np.sort(score[is_positive & self.known])
        self.negatives = np.sort(score[~is_positive & self.known])

    def bpsn(self, rows: np.ndarray, levels: Sequence[float]) -> Estimate:
        """The area of positives outside against negatives inside the group at ``rows``.

        Source: Borkan et al. 2019, definition 2.3 (background positive, subgroup negative).
        """
        positives, negatives = self._inside(rows)
        m, n = self.positives.size - positives.size, negatives.size
        if m == 0 or n == 0:
            return _without(m, n, "outside-group", "inside-group")
        # each positive outside: the negatives inside that lie below it
        below = _sums(self.positives, negatives) - _sums(positives, negatives)
        # each negative inside: the positives outside that lie above it
        not_above = _ranks(self.positives, negatives) - _ranks(positives, negatives)
        plain = _area(m, n, below / (n, n * n), 1 - not_above / m, levels)
        return self._of_persons(plain, rows, levels, label_inside=False)

    def bnsp(self, rows: np.ndarray, levels: Sequence[float]) -> Estimate:
        """The area of positives inside against negatives outside the group at ``rows``.

        Source: Borkan et al. 2019, definition 2.4 (background negative, subgroup positive).
        """
        positives, negatives = self._inside(rows)
        m, n = positives.size, self.negatives.size - negatives.size
        if m == 0 or n == 0:
            return _without(m, n, "inside-group", "outside-group")
        # the same with the scores upside down: the negatives outside against the positives inside
        above = _sums(-self.negatives[::-1], -positives[::-1])
        above = above - _sums(-negatives[::-1], -positives[::-1])
        below = _ranks(self.negatives, positives) - _ranks(negatives, positives)
        found = _area(n, m, above / (m, m * m), below / n, levels)
        plain = replace(found, counts={"positives": m, "negatives": n})
        return self._of_persons(plain, rows, levels, label_inside=True)

    def _of_persons(
        self, plain: Estimate, rows: np.ndarray, levels: Sequence[float], *, label_inside: bool
    ) -> Estimate:
        """The same where persons have several rows: of one label inside, of the other outside."""
        import numpy as np

        if self.units is None:
            return plain
        is_inside = np.zeros(self.score.shape, dtype=bool)
        is_inside[rows] = True
        kept = self.known & (is_inside == (self.is_positive == label_inside))
        return roc_auc(self.is_positive[kept], self.score[kept], levels, self.units[kept])

    def _inside(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np

        truth, score = self.is_positive[rows], self.score[rows]
        return np.sort(score[truth]), np.sort(score[~truth])


def _ranks(sorted_values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """How many of ``sorted_values`` lie below each of ``asked``, ties counting half."""
    import numpy as np

    below = np.searchsorted(sorted_values, asked, side="left")
    return (below + np.searchsorted(sorted_values, asked, side="right")) / 2


def _sums(many: np.ndarray, few: np.ndarray) -> np.ndarray:
    """Over ``many``: the sum, and the sum of squares, of how many of ``few`` lie below each one.

    Both are sorted. That number changes at the distinct values of ``few`` alone, so only these are
    looked up among ``many``: the work grows with the smaller group.
    """
    import numpy as np

    values, sizes = np.unique(few, return_counts=True)
    left = np.searchsorted(many, values, side="left")
    right = np.searchsorted(many, values, side="right")
    up_to = np.cumsum(sizes).astype(float)
    ties, tied_ranks = (right - left).astype(float), up_to - sizes / 2
    between = np.append(left[1:], many.size) - right
    total = ties @ tied_ranks + between @ up_to
    squares = ties @ tied_ranks**2 + between @ up_to**2
    return np.array([total, squares])


def _without(m: int, n: int, positives: str, negatives: str) -> Estimate:
    missing = because("no-positive-labels") if m == 0 else because("no-negative-labels")
    why = because("within", why=missing, where=positives if m == 0 else negatives)
    counts = {"positives": m, "negatives": n}
    return undefined(why, n=m + n, counts=counts, method=METHOD)


def _area(
    m: int, n: int, sums: np.ndarray, placed: np.ndarray, levels: Sequence[float]
) -> Estimate:
    """From the sums of the ``m`` placements outside, and the ``n`` placements inside."""
    outside = Placements(m, float(sums[0]), float(sums[1]))
    inside = Placements(n, float(placed.sum()), float(placed @ placed))
    return area_estimate(outside, inside, levels, {"positives": m, "negatives": n})
