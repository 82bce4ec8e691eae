"""Counts at every threshold of a score, and the bands of the rates that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.measure.uncertainty.score import share_limits
from evenhand.audit.measure.uncertainty.weighted import Clustered, cluster_limits, clustered

if TYPE_CHECKING:
    import numpy as np

_KINDS = ("tp", "fp", "fn", "tn")
# rate -> (the counts that are cases, the counts that are rows)
RATES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "selection_rate": (("tp", "fp"), ("tp", "fp", "fn", "tn")),
    "true_positive_rate": (("tp",), ("tp", "fn")),
    "false_positive_rate": (("fp",), ("fp", "tn")),
    "false_negative_rate": (("fn",), ("tp", "fn")),
    "true_negative_rate": (("tn",), ("fp", "tn")),
    "precision_score": (("tp",), ("tp", "fp")),
    "false_discovery_rate": (("fp",), ("tp", "fp")),
    "false_omission_rate": (("fn",), ("fn", "tn")),
    "negative_predictive_value": (("tn",), ("fn", "tn")),
    "accuracy_score": (("tp", "tn"), ("tp", "fp", "fn", "tn")),
    "zero_one_loss": (("fp", "fn"), ("tp", "fp", "fn", "tn")),
}


@dataclass(frozen=True, eq=False)
class SweptPersons:
    """Rows whose person matters: true labels, scores and persons' codes from 0, shape (n,) each,
    and the thresholds."""

    is_positive: np.ndarray
    score: np.ndarray
    code: np.ndarray
    thresholds: np.ndarray

    def sums(self, rate: str) -> list[Clustered]:
        """Sums over persons behind one of RATES, at each threshold."""
        import numpy as np

        top, bottom = RATES[rate]
        found = []
        for threshold in self.thresholds:
            chosen = self.score >= threshold
            kind = np.where(self.is_positive, np.where(chosen, 0, 2), np.where(chosen, 1, 3))
            cases, rows = (np.isin(kind, [_KINDS.index(c) for c in part]) for part in (top, bottom))
            found.append(clustered(np.bincount(self.code, cases), np.bincount(self.code, rows)))
        return found


@dataclass(frozen=True, eq=False)
class Sweep:
    """The four counts at each threshold, int arrays of shape (thresholds,); ``persons`` where a
    person has several rows."""

    tp: np.ndarray
    fp: np.ndarray
    fn: np.ndarray
    tn: np.ndarray
    persons: SweptPersons | None = None

    @property
    def n(self) -> int:
        """Rows that are counted, the same at every threshold."""
        return int(self.tp[0] + self.fp[0] + self.fn[0] + self.tn[0])

    def cases(self, rate: str) -> tuple[np.ndarray, np.ndarray]:
        """Cases and rows of one of RATES at each threshold."""
        top, bottom = RATES[rate]
        return sum(getattr(self, c) for c in top), sum(getattr(self, c) for c in bottom)

    def bands(self, rate: str, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Limits of one of RATES at each threshold; NaN where it has no rows."""
        import numpy as np

        if self.persons is None:
            return share_bands(*self.cases(rate), level)
        nothing = (float("nan"), float("nan"))
        sums = self.persons.sums(rate)
        ends = [cluster_limits(of, level) if of.weight > 0 else nothing for of in sums]
        low, high = np.array(ends).T
        return low, high

    def to_json(self, level: float, rates: Sequence[str]) -> dict[str, Any]:
        """The counts, and bands of ``rates`` (null where a rate has no rows)."""
        counts = {c: getattr(self, c).tolist() for c in ("tp", "fp", "fn", "tn")}
        bands = {}
        for rate in rates:
            low, high = self.bands(rate, level)
            bands[rate] = {"low": _listed(low), "high": _listed(high)}
        return {**counts, "bands": bands}


def sweep(
    is_positive: np.ndarray,
    score: np.ndarray,
    thresholds: np.ndarray,
    units: np.ndarray | None = None,
) -> Sweep:
    """Counts where predicted positive means score >= threshold.

    Parameters
    ----------
    is_positive : bool array of shape (n,)
    score       : float array of shape (n,)
    thresholds  : float array of shape (thresholds,)
    units       : codes of the persons whose rows they are, int of shape (n,); None where every row
                  is another's
    """
    import numpy as np

    persons = None
    if units is not None:
        code = np.unique(units, return_inverse=True)[1]
        persons = SweptPersons(is_positive, score, code, thresholds)

    positives, negatives = np.sort(score[is_positive]), np.sort(score[~is_positive])
    fn = np.searchsorted(positives, thresholds, side="left")
    tn = np.searchsorted(negatives, thresholds, side="left")
    return Sweep(positives.size - fn, negatives.size - tn, fn, tn, persons)


def share_bands(k: np.ndarray, n: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Limits of each k / n, arrays of shape (thresholds,); NaN where n is 0."""
    import numpy as np

    low, high = share_limits(k, np.maximum(n, 1), level)
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


def _listed(values: np.ndarray) -> list[float | None]:
    return [None if v != v else round(float(v), 6) for v in values]
