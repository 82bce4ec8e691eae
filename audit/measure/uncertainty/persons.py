"""Limits of any measure that is linear in its rows to first order, where persons have several.

What a person adds to a measure is the sum over their rows of each row's influence: rows of one
person may say the same, persons are drawn apart from one another. Sums of influences over all
persons are 0, their squares add up to the measure's variance.

Source: Binder 1983 for linearised variances of clusters; Obuchowski 1997 for areas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evenhand.audit.measure.uncertainty.score import student_quantile, wilson_form
from evenhand.audit.measure.uncertainty.skewed import mean_limits, moments

if TYPE_CHECKING:
    import numpy as np


def by_person(influence: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Each person's sum of their rows' ``influence``, shape (persons,); both are of shape (n,)."""
    import numpy as np

    _, code = np.unique(units, return_inverse=True)
    return np.bincount(code, influence)


def effective_persons(weight: np.ndarray) -> float:
    """(sum w)^2 / sum w^2 of the persons' weights: fewer than they are where these differ."""
    return float(weight.sum() ** 2 / (weight @ weight)) if weight.any() else 0.0


def bounded_limits(
    value: float,
    own: np.ndarray,
    more: tuple[float, float],
    level: float,
    freedom: float | None = None,
) -> tuple[float, float]:
    """The lower and the upper limit of a ``value`` in [0, 1].

    Parameters
    ----------
    own     : what each person adds, shape (persons,)
    more    : what one more person of the worst, and one of the best, kind would add
    freedom : degrees of freedom; by default the persons less one

    The variance is taken as if that person had come, so that no end collapses where all persons are
    alike; then Wilson's form with Student's quantile. 0 and 1 for one person alone.
    """
    persons = int(own.size)
    if persons < 2:
        return 0.0, 1.0
    quantile = student_quantile(level, max(1.0, persons - 1 if freedom is None else freedom))
    ends = []
    for side in (0, 1):
        variance = (float(own @ own) + more[side] ** 2) * persons / (persons - 1)
        moved = min(max((value * persons + side) / (persons + 1), 1e-9), 1 - 1e-9)
        if variance <= 0:
            ends.append(value)
            continue
        ends.append(float(wilson_form(value, moved * (1 - moved) / variance, quantile)[side]))
    return ends[0], ends[1]


def error_limits(own: np.ndarray, weight: np.ndarray, level: float) -> tuple[float, float]:
    """How far below and above the value the truth may lie, for a value without bounds.

    ``own`` as in ``bounded_limits``, two persons or more; ``weight`` is how many rows each has.
    Persons' contributions may be skewed as rows' are: the limits are those of a skewed mean, with
    as many degrees of freedom as there are effective persons, less one.
    """
    persons = own.size
    freedom = max(1.0, effective_persons(weight) - 1)
    return mean_limits(moments(own * persons), level, freedom)
