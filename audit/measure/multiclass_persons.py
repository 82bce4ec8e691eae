"""Measures of several classes where persons have several rows: each one's table of counts.

Rates of one class against the rest are shares (``weighted.cluster_limits``). Means over classes are
linear in the cells to first order, so that a person adds the sum of their cells' influences; their
limits are moved out to those.

Source: Binder 1983; Takahashi et al. 2022 for macro F1. Coverage: docs/proof.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate
from evenhand.audit.measure.uncertainty.persons import Contributions, bounded_limits
from evenhand.audit.reason import because

if TYPE_CHECKING:
    import numpy as np


def one_against_rest(persons: np.ndarray, position: int) -> np.ndarray:
    """Each person's tn, fp, fn, tp with one class as the positive one, shape (persons, 4).

    ``persons`` has shape (persons, classes, classes), or (persons, 1, classes) without labels:
    then selected rows stand as tp and others as tn.
    """
    import numpy as np

    everything = persons.sum(axis=(1, 2))
    selected = persons[:, :, position].sum(axis=1)
    if persons.shape[1] == 1:
        nothing = np.zeros_like(everything)
        return np.stack([everything - selected, nothing, nothing, selected], axis=1)
    hits = persons[:, position, position]
    fp, fn = selected - hits, persons[:, position].sum(axis=1) - hits
    return np.stack([everything - hits - fp - fn, fp, fn, hits], axis=1)


def right_or_wrong(persons: np.ndarray) -> np.ndarray:
    """The same for accuracy: right rows as tp, wrong ones as fn."""
    import numpy as np

    right = np.trace(persons, axis1=1, axis2=2)
    nothing = np.zeros_like(right)
    return np.stack([nothing, nothing, persons.sum(axis=(1, 2)) - right, right], axis=1)


def mean_recall(plain: Estimate, persons: np.ndarray) -> Estimate:
    """Macro recall, its limits those of rows or of persons, whichever lie further out."""
    import numpy as np

    matrix = persons.sum(axis=0)
    size = matrix.sum(axis=1)
    present = size > 0
    weight = np.divide(1.0, size, out=np.zeros(len(size)), where=present) / max(1, present.sum())
    recall = np.diag(matrix) * np.divide(1.0, size, out=np.zeros(len(size)), where=present)
    influence = (np.eye(len(size)) - recall[:, None]) * weight[:, None]
    return _moved_out(plain, persons, influence)


def mean_f1(plain: Estimate, persons: np.ndarray) -> Estimate:
    """Macro F1 likewise."""
    import numpy as np

    matrix = persons.sum(axis=0)
    present = matrix.sum(axis=1) > 0
    named = matrix.sum(axis=0) + matrix.sum(axis=1)
    share = np.divide(1.0, named, out=np.zeros(len(named)), where=present) / max(1, present.sum())
    f1 = 2 * np.diag(matrix) * np.divide(1.0, named, out=np.zeros(len(named)), where=present)
    lost = f1 * share
    influence = 2 * np.diag(share) - lost[:, None] - lost[None, :]
    return _moved_out(plain, persons, influence)


def _moved_out(plain: Estimate, persons: np.ndarray, influence: np.ndarray) -> Estimate:
    if plain.value is None:
        return plain
    value, matrix, size = plain.value, persons.sum(axis=0), len(persons)
    counts = {**plain.counts, "units": size}
    if size < 2:
        return replace(plain, intervals=(), counts=counts, reason=because("one-person"))
    influence = influence - float((matrix * influence).sum() / matrix.sum())
    own, rows = (persons * influence).sum(axis=(1, 2)), persons.sum(axis=(1, 2))
    of = Contributions(own, rows, rows, float((matrix * influence**2).sum()))
    more = -value / size, (1 - value) / size
    method = f"{plain.method}; or of what each person adds"
    intervals = []
    for i in plain.intervals:
        low, high = bounded_limits(value, of, more, i.level)
        ends = {"low": min(low, i.low), "high": max(high, i.high)}
        intervals.append(Interval(**ends, level=i.level, method=method))
    return replace(plain, intervals=tuple(intervals), counts=counts, method=method)
