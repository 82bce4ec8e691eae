"""A measure over all rows and by group, its differences and ratios: MetricFrame from counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evenhand.audit.measure.classification import measure_values

if TYPE_CHECKING:
    import numpy as np

Method = Literal["between_groups", "to_overall"]


@dataclass(frozen=True, eq=False)
class Disaggregated:
    """``overall`` and ``by_group``, shape (groups,), of one measure; NaN where it is undefined.

    Groups without a value are left out of what compares groups; NaN where none is left.

    Source: fairlearn.metrics.MetricFrame, whose results these equal wherever both are defined.
    """

    overall: float
    by_group: np.ndarray

    @property
    def group_min(self) -> float:
        """The smallest value of a group."""
        known = self._known()
        return float(known.min()) if known.size else float("nan")

    @property
    def group_max(self) -> float:
        """The largest value of a group."""
        known = self._known()
        return float(known.max()) if known.size else float("nan")

    def difference(self, method: Method = "between_groups") -> float:
        """max - min over groups, or the largest distance of a group from ``overall``."""
        import numpy as np

        known = self._known()
        if not known.size:
            return float("nan")
        base = known.min() if method == "between_groups" else self.overall
        return float(np.abs(known - base).max())

    def ratio(self, method: Method = "between_groups") -> float:
        """min / max over groups, or the smallest ratio of a group and ``overall``, at most 1."""
        import numpy as np

        known = self._known()
        if not known.size:
            return float("nan")
        base = known.max() if method == "between_groups" else self.overall
        if not base > 0:
            return float("nan")
        ratios = known / base
        above = ratios > 1
        ratios[above] = 1 / ratios[above]
        return float(np.min(ratios))

    def _known(self) -> np.ndarray:
        import numpy as np

        return self.by_group[np.isfinite(self.by_group)]


def disaggregate(table: np.ndarray, name: str) -> Disaggregated:
    """One measure of a table of counts or of sums of weights.

    Parameters
    ----------
    table : shape (groups, 4), in the order tn, fp, fn, tp
    name  : see ``classification.measure_values``
    """
    overall = float(measure_values(table.sum(axis=0), name))
    return Disaggregated(overall, measure_values(table, name))
