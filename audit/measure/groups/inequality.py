"""Inequality of benefits between people and between groups, from counts alone.

A person's benefit is predicted minus true plus one: 0 for a missed benefit, 1 for a right answer,
2 for an undeserved one. So every index is a function of three counts a group.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.measure.uncertainty.intervals import normal_quantile
from evenhand.audit.measure.uncertainty.persons import Contributions, error_limits
from evenhand.audit.measure.uncertainty.score import student_quantile
from evenhand.audit.reason import because

if TYPE_CHECKING:
    import numpy as np

DRAWS = 1000


def generalized_entropy(weights: np.ndarray, benefits: np.ndarray, alpha: int) -> np.ndarray:
    """The generalised entropy index of ``benefits`` with ``weights``; 0 is equality.

    Parameters
    ----------
    weights  : shape (..., m), not negative, with a positive sum along the last axis
    benefits : shape (..., m), not negative
    alpha    : 1 is Theil's index, 2 half the squared coefficient of variation

    Returns shape (...); NaN where the mean benefit is 0.

    Source: Shorrocks 1980; Speicher et al. 2018, equation 2.
    """
    import numpy as np

    share = weights / weights.sum(axis=-1, keepdims=True)
    mean = (share * benefits).sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = benefits / mean
        if alpha == 1:
            terms = np.where(
                relative > 0, relative * np.log(np.where(relative > 0, relative, 1)), 0
            )
            index = np.where(mean[..., 0] > 0, (share * terms).sum(axis=-1), np.nan)
        else:
            scale = alpha * (alpha - 1)
            index = ((share * relative**alpha).sum(axis=-1) - 1) / scale
    result: np.ndarray = index
    return result


def individual_index(
    counts: np.ndarray,
    alpha: int,
    levels: Sequence[float],
    seed: Sequence[int],
    persons: np.ndarray | None = None,
) -> Estimate:
    """Inequality between people. ``counts`` (3,): people with benefit 0, 1 and 2.

    Where persons have several rows, ``persons`` (persons, 3) holds each one's: then the limits are
    moved out to those of what each person adds.

    The interval is of draws of the three shares from a posterior, which is that of Jeffreys's prior
    moved for each end as Clopper and Pearson's limits are: for the lower end as if one more person
    had the benefit 1, for the upper end as if one more had 0, or 2, whichever lies further out.
    It does not collapse where nobody's benefit differs.
    """
    import numpy as np

    benefits = np.array([0.0, 1.0, 2.0])
    total = int(counts.sum())
    method = f"posterior of the benefit counts, moved by one person for each end, {DRAWS} draws"
    named = {"benefit_0": int(counts[0]), "benefit_1": int(counts[1]), "benefit_2": int(counts[2])}
    if counts[1] + counts[2] == 0:
        return undefined(because("no-benefits"), n=total, counts=named, method=method)
    value = float(generalized_entropy(counts.astype(float), benefits, alpha))
    rng = np.random.default_rng(list(seed))
    drawn = [
        generalized_entropy(_shares(rng, counts + more), benefits, alpha) for more in np.eye(3)
    ]
    intervals = []
    for level in levels:
        low = float(np.nanquantile(drawn[1], (1 - level) / 2))
        high = max(float(np.nanquantile(drawn[i], (1 + level) / 2)) for i in (0, 2))
        ends = {"low": max(0.0, min(low, value)), "high": max(high, value)}
        intervals.append(Interval(**ends, level=level, method=method))
    plain = Estimate(value, total, tuple(intervals), named, method)
    return plain if persons is None else _of_persons(plain, persons, alpha)


def _of_persons(plain: Estimate, persons: np.ndarray, alpha: int) -> Estimate:
    """The limits further out: of rows, and of what each person's rows add to first order."""
    import numpy as np

    if len(persons) < 2:
        return replace(plain, intervals=(), counts={**plain.counts, "units": len(persons)})
    benefit, rows = np.array([0.0, 1.0, 2.0]), persons.sum(axis=0)
    total, value = float(rows.sum()), float(plain.value or 0.0)
    mean = float(rows @ benefit) / total
    # the index is E(term) / mean - log(mean), or E(term) / mean^2 - 1/2: its first order in a row
    term = benefit * np.log(np.maximum(benefit, 1.0)) if alpha == 1 else benefit**2 / 2
    middle = float(rows @ term) / total
    steep = middle / mean**2 + 1 / mean if alpha == 1 else 2 * middle / mean**3
    moved = (term - middle) / mean**alpha - steep * (benefit - mean)
    own, each = persons @ moved / total, persons.sum(axis=1)
    of = Contributions(own, each, each, float(rows @ moved**2) / total**2)
    method = f"{plain.method}; or of what each person adds"
    intervals = []
    for i in plain.intervals:
        low, high = error_limits(of, i.level)
        ends = {"low": max(0.0, min(i.low, value + low)), "high": max(i.high, value + high)}
        intervals.append(Interval(**ends, level=i.level, method=method))
    counts = {**plain.counts, "units": len(persons)}
    return replace(plain, intervals=tuple(intervals), counts=counts, method=method)


def _shares(rng: np.random.Generator, weights: np.ndarray) -> np.ndarray:
    """Draws of a Dirichlet distribution, shape (DRAWS, 3); a weight of 0 is never drawn."""
    import numpy as np

    drawn = rng.standard_gamma(np.maximum(weights, 0.0), size=(DRAWS, weights.size))
    found: np.ndarray = drawn / drawn.sum(axis=1, keepdims=True)
    return found


def between_groups_index(
    counts: np.ndarray,
    alpha: int,
    levels: Sequence[float],
    persons: Sequence[np.ndarray] | None = None,
) -> Estimate:
    """Inequality that would be left if everybody had the mean benefit of their group.

    Parameters
    ----------
    counts  : int array of shape (groups, 3), rows as in ``individual_index``
    persons : of each group its persons' rows, shape (persons, 3), where they have several; a person
              in two groups counts in each as another one

    Chance alone makes group means differ, so the index of a sample is too high: it is half the
    squared length of a vector (see ``_Spread``), and the lower end is the shortest one that the
    groups' means leave room for, 0 as often as a chi-square test does not reject. The upper end is
    that of the one direction that is the true one, which no direction's own bound exceeds.

    Source: Speicher et al. 2018, equation 4; Scheffe 1953 for the region; Berger 1982.
    """
    has_rows = counts.sum(axis=1) > 0
    groups = counts[has_rows]
    total = int(groups.sum())
    method = "lower end: chi-square region of the groups' means; upper end: of every direction"
    named = {"groups": len(groups)}
    together = None
    if persons is not None:
        together = [p for p, kept in zip(persons, has_rows, strict=True) if kept]
        named["units"] = sum(len(p) for p in together)
        method += "; a person's rows together, Student's t and F"
    if len(groups) < 2:
        return undefined(
            because("fewer-than-two-groups-to-compare"), n=total, counts=named, method=method
        )
    if groups[:, 1:].sum() == 0:
        return undefined(because("no-benefits"), n=total, counts=named, method=method)
    size = groups.sum(axis=1)
    means = (groups[:, 1] + 2.0 * groups[:, 2]) / size
    value = float(generalized_entropy(size, means, alpha))
    if together is not None and min(len(p) for p in together) < 2:
        return Estimate(value, total, (), named, method, because("one-person"))
    spread = _spread(groups, value, together)
    intervals = []
    for level in levels:
        low, high = spread.shortest(level) ** 2 / 2, spread.longest(level) ** 2 / 2
        ends = {"low": min(value, low), "high": max(value, high)}
        intervals.append(Interval(**ends, level=level, method=method))
    return Estimate(value, total, tuple(intervals), named, method)


@dataclass(frozen=True, eq=False)
class _Spread:
    """How far groups are apart. With s_g their shares of people, m_g their means and M the overall
    one, the index is half the squared length of ``x``, x_g = sqrt(s_g) (m_g / M - 1) (for Theil to
    second order: ``x`` is scaled to it). ``root`` is sqrt(s), ``noise`` each x_g's variance if M
    were known; half a row more in every cell keeps it from collapsing. All of shape (groups,).
    ``freedom``: degrees of freedom of the noise; without end where rows are persons."""

    x: np.ndarray
    root: np.ndarray
    noise: np.ndarray
    freedom: float = math.inf

    def longest(self, level: float) -> float:
        """The largest upper limit of the length in any direction: looked for by climbing from x
        and from every axis. The true length is that of x along the true direction."""
        import numpy as np

        quantile, length = normal_quantile(level), float(np.linalg.norm(self.x))
        if math.isfinite(self.freedom):
            quantile = student_quantile(level, self.freedom)
        best, axes = length, np.eye(len(self.x))
        u = np.vstack([self.x, axes, -axes])
        for _ in range(30):  # the target is convex in the direction: each step climbs
            u = u - np.outer(u @ self.root, self.root)
            norms = np.linalg.norm(u, axis=1)
            u = u[norms > 1e-12] / norms[norms > 1e-12, None]
            if not len(u):
                break
            away = u - length * self.root
            error = np.sqrt((self.noise * away**2).sum(axis=1))
            best = max(best, float((u @ self.x + quantile * error).max()))
            u = self.x + quantile * self.noise * away / np.maximum(error, 1e-300)[:, None]
        return best

    def shortest(self, level: float) -> float:
        """The least length in the region that holds the true x: (x - t)' C+ (x - t) below the
        chi-square quantile, C being the covariance of x, M's part in it included. It is too long
        more often than the upper end is too short only where there is hardly a length."""
        import numpy as np
        from scipy.stats import chi2, f

        moved = np.eye(len(self.x)) - np.outer(self.root + self.x, self.root)
        values, axes = np.linalg.eigh((moved * self.noise) @ moved.T)
        kept = values > 1e-12 * values.max()
        v, y = values[kept], axes[:, kept].T @ self.x
        axes_kept = int(kept.sum())
        reach = float(chi2.ppf(level, axes_kept))
        if math.isfinite(self.freedom):
            reach = axes_kept * float(f.ppf(level, axes_kept, self.freedom))
        if float((y**2 / v).sum()) <= reach:
            return 0.0
        low, high = -60.0, 60.0  # logarithm of the multiplier: t = y m / (v + m)
        for _ in range(80):
            middle = (low + high) / 2
            left = float((y**2 * v / (v + math.exp(middle)) ** 2).sum())
            low, high = (middle, high) if left > reach else (low, middle)
        m = math.exp(high)
        return float(np.linalg.norm(y * m / (v + m)))


def _spread(
    groups: np.ndarray, value: float, persons: Sequence[np.ndarray] | None = None
) -> _Spread:
    import numpy as np

    size = groups.sum(axis=1).astype(float)
    total, benefit = size.sum(), np.arange(3.0)
    shares = groups + 0.5
    shares = shares / shares.sum(axis=1, keepdims=True)
    variance = shares @ benefit**2 - (shares @ benefit) ** 2
    mean = float((groups @ benefit).sum() / total)
    root = np.sqrt(size / total)
    x = root * ((groups @ benefit) / size / mean - 1)
    x = x * (math.sqrt(2 * max(value, 0.0)) / max(float(np.linalg.norm(x)), 1e-300))
    if persons is None:
        return _Spread(x, root, variance / total / mean**2)
    noise, freedom = np.empty(len(groups)), np.empty(len(groups))
    for i, each in enumerate(persons):
        factor, freedom[i] = _together(each, float(variance[i]))
        noise[i] = variance[i] * factor / total / mean**2
    shares_of_noise = noise * size / size.sum()
    least = shares_of_noise.sum() ** 2 / (shares_of_noise**2 / freedom).sum()
    return _Spread(x, root, noise, float(least))


def _together(persons: np.ndarray, variance: float) -> tuple[float, float]:
    """How many times the ``variance`` of independent rows a group's mean has, with the degrees of
    freedom of that."""
    import numpy as np

    benefit, each = np.arange(3.0), persons.sum(axis=1)
    rows, total = persons.sum(axis=0), float(persons.sum())
    mean = float(rows @ benefit) / total
    own = (persons @ benefit - mean * each) / total
    of = Contributions(own, each, each, float(rows @ (benefit - mean) ** 2) / total**2)
    spread = float(of.apart @ of.apart) * of.size / (of.size - 1)
    return max(1.0, spread / (variance / total)), of.freedom
