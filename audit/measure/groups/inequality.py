"""Inequality of benefits between people and between groups, from counts alone.

A person's benefit is predicted minus true plus one: 0 for a missed benefit, 1 for a right answer,
2 for an undeserved one. So every index is a function of three counts a group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import STILL, Estimate, undefined
from evenhand.audit.measure.uncertainty.intervals import normal_quantile
from evenhand.audit.reason import because

if TYPE_CHECKING:
    import numpy as np

DRAWS = 1000
_CHUNK = 2_000_000  # counts drawn at once


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
    counts: np.ndarray, alpha: int, levels: Sequence[float], seed: Sequence[int]
) -> Estimate:
    """Inequality between people. ``counts`` (3,): people with benefit 0, 1 and 2.

    The interval is the central part of 1,000 draws of the three shares from their posterior under
    Jeffreys's prior, which does not collapse where nobody's benefit differs.
    """
    import numpy as np

    benefits = np.array([0.0, 1.0, 2.0])
    total = int(counts.sum())
    method = f"Jeffreys posterior of the benefit counts, {DRAWS} draws"
    named = {"benefit_0": int(counts[0]), "benefit_1": int(counts[1]), "benefit_2": int(counts[2])}
    if counts[1] + counts[2] == 0:
        return undefined(because("no-benefits"), n=total, counts=named, method=method)
    value = float(generalized_entropy(counts.astype(float), benefits, alpha))
    drawn = np.random.default_rng(list(seed)).dirichlet(counts + 0.5, size=DRAWS)
    index = generalized_entropy(drawn, benefits, alpha)
    intervals = []
    for level in levels:
        low, high = np.quantile(index, [(1 - level) / 2, (1 + level) / 2])
        low, high = min(float(low), value), max(float(high), value)
        intervals.append(Interval(low=max(0.0, low), high=high, level=level, method=method))
    return Estimate(value, total, tuple(intervals), named, method)


def between_groups_index(
    counts: np.ndarray, alpha: int, levels: Sequence[float], seed: Sequence[int]
) -> Estimate:
    """Inequality that would be left if everybody had the mean benefit of their group.

    Parameters
    ----------
    counts : int array of shape (groups, 3), rows as in ``individual_index``

    Chance alone makes group means differ, so the index of a sample is too high. For the lower end
    the basic bootstrap (value reflected around the draws) takes that off, cut at 0; the upper end
    is ``_upper``. Without an interval where no draw moves, as among groups of one.

    Source: Speicher et al. 2018, equation 4; Davison and Hinkley 1997, section 5.2.1.
    """
    import numpy as np

    groups = counts[counts.sum(axis=1) > 0]
    total = int(groups.sum())
    method = f"lower end: basic bootstrap in groups, {DRAWS} draws; upper end: of every direction"
    named = {"groups": len(groups)}
    if len(groups) < 2:
        return undefined(
            because("fewer-than-two-groups-to-compare"), n=total, counts=named, method=method
        )
    if groups[:, 1:].sum() == 0:
        return undefined(because("no-benefits"), n=total, counts=named, method=method)
    size = groups.sum(axis=1)

    def index(means: np.ndarray) -> np.ndarray:
        return generalized_entropy(np.broadcast_to(size, means.shape), means, alpha)

    value = float(index(_means(groups[None, :, :], size))[0])
    draws = _draws(groups, size, index, np.random.default_rng(list(seed)))
    if float(np.nanmax(draws) - np.nanmin(draws)) < 1e-12:
        return Estimate(value, total, (), named, method, STILL)
    intervals = []
    for level in levels:
        top = float(np.nanquantile(draws, (1 + level) / 2))
        low = min(value, max(0.0, 2 * value - top))
        high = max(value, _upper(groups, value, level))
        intervals.append(Interval(low=low, high=high, level=level, method=method))
    return Estimate(value, total, tuple(intervals), named, method)


def _upper(groups: np.ndarray, value: float, level: float) -> float:
    """The upper limit of the index between ``groups``, int array of shape (groups, 3).

    With s_g the groups' shares of people, m_g their means and M the overall one, the index is
    half the squared length of x_g = sqrt(s_g) (m_g / M - 1) (for Theil to second order). The true
    length is that of x along the true direction, which no direction's own upper bound exceeds: so
    the largest bound over all directions holds. It is looked for by climbing from x and from every
    axis. Half a row more in every cell keeps the variance from collapsing.

    Source: Cauchy-Schwarz; Berger 1982 for the largest bound. Coverage: docs/proof.md.
    """
    import numpy as np

    size = groups.sum(axis=1).astype(float)
    total, benefit = size.sum(), np.arange(3.0)
    shares = groups + 0.5
    shares = shares / shares.sum(axis=1, keepdims=True)
    variance = shares @ benefit**2 - (shares @ benefit) ** 2
    mean = float((groups @ benefit).sum() / total)
    root = np.sqrt(size / total)
    x = root * ((groups @ benefit) / size / mean - 1)
    length = float(np.sqrt(2 * value))
    x = x * (length / max(float(np.linalg.norm(x)), 1e-300))
    quantile, noise = normal_quantile(level), variance / total / mean**2
    best = length
    for start in (x, *np.eye(len(size)), *-np.eye(len(size))):
        u = start
        for _ in range(30):  # the target is convex in the direction: each step climbs
            u = u - root * (root @ u)
            norm = float(np.linalg.norm(u))
            if norm < 1e-12:
                break
            u = u / norm
            away = u - length * root
            error = float(np.sqrt((noise * away**2).sum()))
            best = max(best, float(x @ u) + quantile * error)
            u = x + quantile * noise * away / max(error, 1e-300)
    return best**2 / 2


def _means(counts: np.ndarray, size: np.ndarray) -> np.ndarray:
    means: np.ndarray = (counts[..., 1] + 2.0 * counts[..., 2]) / size
    return means


def _draws(
    groups: np.ndarray,
    size: np.ndarray,
    index: Callable[[np.ndarray], np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray:
    import numpy as np

    shares = groups / size[:, None]
    found = np.empty(DRAWS)
    step = max(1, _CHUNK // groups.size)
    for start in range(0, DRAWS, step):
        several = min(step, DRAWS - start)
        drawn = rng.multinomial(size, shares, size=(several, len(groups)))
        found[start : start + several] = index(_means(drawn, size))
    return found
