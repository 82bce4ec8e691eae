"""Counts at every threshold of a score, and the bands of the rates that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.measure.uncertainty.score import share_limits

if TYPE_CHECKING:
    import numpy as np

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
class Sweep:
    """The four counts at each threshold, int arrays of shape (thresholds,)."""

    tp: np.ndarray
    fp: np.ndarray
    fn: np.ndarray
    tn: np.ndarray

    @property
    def n(self) -> int:
        """Rows that are counted, the same at every threshold."""
        return int(self.tp[0] + self.fp[0] + self.fn[0] + self.tn[0])

    def cases(self, rate: str) -> tuple[np.ndarray, np.ndarray]:
        """Cases and rows of one of RATES at each threshold."""
        top, bottom = RATES[rate]
        return sum(getattr(self, c) for c in top), sum(getattr(self, c) for c in bottom)

    def to_json(self, level: float, rates: Sequence[str]) -> dict[str, Any]:
        """The counts, and bands of ``rates`` (null where a rate has no rows)."""
        counts = {c: getattr(self, c).tolist() for c in ("tp", "fp", "fn", "tn")}
        bands = {}
        for rate in rates:
            low, high = share_bands(*self.cases(rate), level)
            bands[rate] = {"low": _listed(low), "high": _listed(high)}
        return {**counts, "bands": bands}


def sweep(is_positive: np.ndarray, score: np.ndarray, thresholds: np.ndarray) -> Sweep:
    """Counts where predicted positive means score >= threshold.

    Parameters
    ----------
    is_positive : bool array of shape (n,)
    score       : float array of shape (n,)
    thresholds  : float array of shape (thresholds,)
    """
    import numpy as np

    positives, negatives = np.sort(score[is_positive]), np.sort(score[~is_positive])
    fn = np.searchsorted(positives, thresholds, side="left")
    tn = np.searchsorted(negatives, thresholds, side="left")
    return Sweep(positives.size - fn, negatives.size - tn, fn, tn)


def share_bands(k: np.ndarray, n: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Limits of each k / n, arrays of shape (thresholds,); NaN where n is 0."""
    import numpy as np

    low, high = share_limits(k, np.maximum(n, 1), level)
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


def _listed(values: np.ndarray) -> list[float | None]:
    return [None if v != v else round(float(v), 6) for v in values]
