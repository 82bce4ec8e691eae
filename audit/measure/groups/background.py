"""Areas under the ROC curve between a group and everybody else, quick for thousands of groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evenhand.audit.measure.ranking import auc_interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined

if TYPE_CHECKING:
    import numpy as np

_METHOD = "Mann-Whitney, Newcombe's score interval"


class Background:
    """Everybody's labels (bool) and scores, shape (n,), sorted once for all groups."""

    def __init__(self, is_positive: np.ndarray, score: np.ndarray) -> None:
        import numpy as np

        self.is_positive, self.score = is_positive, score
        self.positives = np.sort(score[is_positive])
        self.negatives = np.sort(score[~is_positive])

    def bpsn(self, rows: np.ndarray, levels: Sequence[float]) -> Estimate:
        """The area of positives outside against negatives inside the group at ``rows``.

        Source: Borkan et al. 2019, definition 2.3 (background positive, subgroup negative).
        """
        positives, negatives = self._inside(rows)
        wins = _wins(self.positives, negatives) - _wins(positives, negatives)
        outside = self.positives.size - positives.size
        return _area(wins, outside, negatives.size, levels, "outside", "inside")

    def bnsp(self, rows: np.ndarray, levels: Sequence[float]) -> Estimate:
        """The area of positives inside against negatives outside the group at ``rows``.

        Source: Borkan et al. 2019, definition 2.4 (background negative, subgroup positive).
        """
        positives, negatives = self._inside(rows)
        everybody = positives.size * self.negatives.size - _wins(self.negatives, positives)
        wins = everybody - _wins(positives, negatives)
        outside = self.negatives.size - negatives.size
        return _area(wins, positives.size, outside, levels, "inside", "outside")

    def _inside(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np

        truth, score = self.is_positive[rows], self.score[rows]
        return np.sort(score[truth]), np.sort(score[~truth])


def _wins(upper: np.ndarray, lower: np.ndarray) -> float:
    """Pairs in which the value of ``upper`` (sorted) is greater, ties counting half."""
    import numpy as np

    not_above = np.searchsorted(upper, lower, side="right")
    below = np.searchsorted(upper, lower, side="left")
    return float(upper.size * lower.size - (not_above.sum() + below.sum()) / 2)


def _area(
    wins: float, m: int, n: int, levels: Sequence[float], positives: str, negatives: str
) -> Estimate:
    counts = {"positives": m, "negatives": n}
    if m == 0 or n == 0:
        missing = f"no positive labels {positives}" if m == 0 else f"no negative labels {negatives}"
        return undefined(f"{missing} the group", n=m + n, counts=counts, method=_METHOD)
    area = min(1.0, max(0.0, wins / (m * n)))
    ends = tuple(auc_interval(area, m, n, level) for level in levels)
    return Estimate(area, m + n, ends, counts, _METHOD)
