"""Limits of any measure that is linear in its rows to first order, where persons have several.

What a person adds to a measure is the sum over their rows of each row's influence: rows of one
person may say the same, persons are drawn apart from one another. Sums of influences over all
persons are 0, their squares add up to the measure's variance. A person with many rows draws the
measure towards their own, so that what they add looks smaller than it is: each is put right by the
part of all rows that is theirs (a jackknife over persons), and Student's quantile has as many
degrees of freedom as there are persons of equal weight.

Source: Binder 1983 for linearised variances of clusters; Bell and McCaffrey 2002 for persons with
many rows; Obuchowski 1997 for areas. Coverage: docs/proof.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from evenhand.audit.measure.uncertainty.score import student_quantile, wilson_form
from evenhand.audit.measure.uncertainty.skewed import mean_limits, moments

if TYPE_CHECKING:
    import numpy as np

Powers = tuple[float, float, float, float]  # sums over persons of weight, and of its powers to 4


def by_person(influence: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Each person's sum of their rows' ``influence``, shape (persons,); both are of shape (n,)."""
    import numpy as np

    _, code = np.unique(units, return_inverse=True)
    return np.bincount(code, influence)


def effective_persons(weight: np.ndarray) -> float:
    """(sum w)^2 / sum w^2 of the persons' weights: fewer than they are where these differ."""
    return float(weight.sum() ** 2 / (weight @ weight)) if weight.any() else 0.0


def powers_of(weight: np.ndarray) -> Powers:
    """Sums of ``weight``, shape (persons,), and of its second, third and fourth power."""
    square = weight * weight
    return float(weight.sum()), float(square.sum()), float(square @ weight), float(square @ square)


def freedom_of(rows: Powers, rho: float) -> float:
    """Degrees of freedom of a variance over persons, from the powers of their numbers of rows.

    Two rows of a person correlate by ``rho``: what b rows add varies by b + rho b (b - 1), and the
    degrees are the number of persons who vary alike and have the same spread of their sum, less
    one. At least 1.

    Source: Satterthwaite 1946; Bell and McCaffrey 2002.
    """
    one, two, three, four = rows
    total = (1 - rho) * one + rho * two
    squares = (1 - rho) ** 2 * two + 2 * rho * (1 - rho) * three + rho**2 * four
    return max(1.0, total**2 / squares - 1) if squares > 0 else 1.0


@dataclass(frozen=True, eq=False)
class Contributions:
    """What each person adds to a measure: ``own``, of shape (persons,).

    ``weight`` is each one's part of the measure and ``rows`` how many rows they have, both of that
    shape; ``squares`` is the sum over all rows of their influence squared.
    """

    own: np.ndarray
    weight: np.ndarray
    rows: np.ndarray
    squares: float

    @property
    def size(self) -> int:
        """How many there are."""
        return int(self.own.size)

    @cached_property
    def apart(self) -> np.ndarray:
        """What the measure moves by without each: as ``own`` where all have the same weight."""
        left = 1 - self.weight / self.weight.sum() * self.size / (self.size + 1)
        found: np.ndarray = self.own / left * (self.size / (self.size + 1))
        return found

    @cached_property
    def freedom(self) -> float:
        """Degrees of freedom of the variance: by rows, and by weights where those are fewer."""
        powers = powers_of(self.rows)
        pairs, rho = powers[1] - powers[0], 0.0
        if pairs > 0 and self.squares > 0:
            rho = (float(self.own @ self.own) / self.squares - 1) * powers[0] / pairs
        of_rows = freedom_of(powers, min(1.0, max(0.0, rho)))
        return max(1.0, min(of_rows, effective_persons(self.weight) - 1))


def contributions_of(
    influence: np.ndarray, units: np.ndarray, weight: np.ndarray | None = None
) -> Contributions:
    """From each row's ``influence``, person and (unless all count alike) ``weight``, (n,) each."""
    import numpy as np

    rows = by_person(np.ones(units.size), units)
    of = rows if weight is None else by_person(weight, units)
    return Contributions(by_person(influence, units), of, rows, float(influence @ influence))


def bounded_limits(
    value: float, persons: Contributions, more: tuple[float, float], level: float
) -> tuple[float, float]:
    """The lower and the upper limit of a ``value`` in [0, 1].

    ``more`` is what one more person of the worst, and one of the best, kind would add. The variance
    is taken as if that person had come, so that no end collapses where all persons are alike; then
    Wilson's form with Student's quantile. 0 and 1 for one person alone.
    """
    size = persons.size
    if size < 2:
        return 0.0, 1.0
    quantile = student_quantile(level, persons.freedom)
    squares, ends = float(persons.apart @ persons.apart), []
    for side in (0, 1):
        variance = (squares + more[side] ** 2) * size / (size - 1)
        moved = min(max((value * size + side) / (size + 1), 1e-9), 1 - 1e-9)
        if variance <= 0:
            ends.append(value)
            continue
        ends.append(float(wilson_form(value, moved * (1 - moved) / variance, quantile)[side]))
    return ends[0], ends[1]


def error_limits(persons: Contributions, level: float) -> tuple[float, float]:
    """How far below and above the value the truth may lie, for a value without bounds, of two
    persons or more. What they add may be skewed as rows are: the limits are those of a
    skewed mean."""
    apart = persons.apart - persons.apart.mean()
    return mean_limits(moments(apart * persons.size), level, persons.freedom)
