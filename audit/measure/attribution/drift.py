"""Do two models explain the same people alike? Attributions of one set of rows, held together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.measure.attribution.agreement import mean_known, spearman, top_k_overlap, top_of
from evenhand.audit.measure.attribution.quality import ratio
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.reason import because, reasons_json
from evenhand.audit.words.reasons import render

if TYPE_CHECKING:
    import numpy as np

NO_ORDER = because("no-order-in-both")


@dataclass(frozen=True)
class Drift:
    """Two models' attributions of the same rows.

    ``rank_correlation`` and ``top_k_overlap`` are means over rows (1: the same columns matter);
    ``change`` is the sum of |one - other| over the sum of |other| (0: the same numbers); ``shares``
    has each column's share of all |attribution| under one and under the other.
    """

    rank_correlation: Estimate
    top_k_overlap: Estimate
    change: Estimate
    shares: Mapping[str, tuple[float | None, float | None]]
    k: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        named = {
            "rank_correlation": self.rank_correlation,
            "top_k_overlap": self.top_k_overlap,
            "change": self.change,
        }
        return {
            **{name: _plain(estimate) for name, estimate in named.items()},
            "k": self.k,
            "shares": {c: {"a": a, "b": b} for c, (a, b) in self.shares.items()},
        }


def _plain(estimate: Estimate) -> dict[str, Any]:
    return {
        "value": estimate.value,
        "intervals": [i.model_dump(mode="json") for i in estimate.intervals],
        "n": estimate.n,
        "method": estimate.method,
        "reason": render(estimate.reason),
        "reason_codes": reasons_json(estimate.reason),
    }


def drift(
    one: np.ndarray,
    other: np.ndarray,
    columns: Sequence[str],
    levels: Sequence[float],
    *,
    top_k: int = 3,
) -> Drift:
    """How far the attributions ``one`` are from ``other``, both of shape (rows, columns).

    The same rows stand in the same order in both; see ``Drift`` for what is returned.

    >>> import numpy as np
    >>> d = drift(np.array([[2.0, 1.0]]), np.array([[1.0, 2.0]]), ["a", "b"], (0.95,), top_k=1)
    >>> d.rank_correlation.value, d.top_k_overlap.value, round(d.change.value, 3)
    (-1.0, 0.0, 0.667)
    """
    import numpy as np

    k = top_of(len(columns), top_k)
    change = ratio(
        np.abs(one - other).sum(axis=1),
        np.abs(other).sum(axis=1),
        levels,
        empty=because("other-attributions-zero"),
    )
    few = because("one-part", part="column")
    return Drift(
        mean_known(spearman(one, other), levels, -1.0, 1.0, empty=NO_ORDER if k else few),
        mean_known(top_k_overlap(one, other, k), levels, 0.0, 1.0, empty=NO_ORDER)
        if k
        else undefined(few, n=len(one)),
        change,
        dict(zip(columns, zip(_shares(one), _shares(other), strict=True), strict=True)),
        k,
    )


def _shares(values: np.ndarray) -> list[float | None]:
    import numpy as np

    size = np.abs(values).sum(axis=0)
    whole = float(size.sum())
    return [float(s) / whole if whole else None for s in size]
