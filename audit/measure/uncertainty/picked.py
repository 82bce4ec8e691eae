"""Tests where the group to compare with is picked because its rate is the highest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evenhand.audit.measure.uncertainty.weighted import Clustered, clustered_variance

if TYPE_CHECKING:
    import numpy as np

DRAWS = 2000
_CHUNK = 4_000_000  # counts drawn at once
METHOD = f"permutation of the margins, top picked anew, {DRAWS} draws"
OF_PERSONS = f"persons' rows together, rates drawn alike, top picked anew, {DRAWS} draws"


def shortfall_p_values(
    k: Sequence[int], n: Sequence[int], *, seed: Sequence[int], draws: int = DRAWS
) -> list[float]:
    """For each group the p-value of its shortfall against the group with the highest rate.

    Where all groups select alike, the highest of them stands out by chance alone, the more the
    more groups there are; a test that takes it as given says "beyond chance" in up to a quarter of
    such tables. Here counts are drawn with all margins held, the highest group is picked anew in
    each draw, and a group's p-value is the share of draws (and the data itself) whose largest
    shortfall is at least as large: adjusted for all groups at once. The highest group has 1.

    Parameters
    ----------
    k, n : people selected and all people of each group, n >= 1; two groups or more

    The result does not depend on the order of the groups.

    Source: Westfall and Young 1993, chapter 2; Phipson and Smyth 2010 for counting the data itself.
    """
    import numpy as np

    sizes, cases = np.array(n, dtype=np.int64), np.array(k, dtype=np.int64)
    if cases.sum() in (0, sizes.sum()):
        return [1.0] * len(sizes)
    order = np.lexsort((cases, sizes))
    rng = np.random.default_rng(list(seed))
    parts, step = [], max(1, _CHUNK // len(sizes))
    for start in range(0, draws, step):
        drawn = rng.multivariate_hypergeometric(
            sizes[order], int(cases.sum()), size=min(step, draws - start), method="marginals"
        )
        parts.append(_shortfalls(drawn, sizes[order]).max(axis=1))
    largest = np.sort(np.concatenate(parts))
    own = _shortfalls(cases[None], sizes)[0]
    # A shortfall of 0 is no evidence at all, whatever the draws
    as_large = draws - np.searchsorted(largest, own - 1e-9, side="left")
    found = np.where(own <= 0, 1.0, (1 + as_large) / (draws + 1))
    return [float(p) for p in found]


def _shortfalls(k: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Pooled z of the highest rate over each group's, shape (draws, groups)."""
    import numpy as np

    rates = k / n
    # of equal rates the larger group is the top
    top = np.argmax(rates + 1e-12 * n / n.max(), axis=1)
    rows = np.arange(len(k))
    top_k, top_n = k[rows, top][:, None], n[top][:, None]
    pooled = (k + top_k) / (n + top_n)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / top_n))
    found: np.ndarray = np.divide(
        top_k / top_n - rates, error, out=np.zeros(rates.shape), where=error > 0
    )
    return found


def shortfall_p_values_of_persons(
    groups: Sequence[Clustered], *, seed: Sequence[int], draws: int = DRAWS
) -> list[float]:
    """The same where persons have several rows, from each group's sums over its persons.

    What is drawn are the rates of groups that all have the overall one: normal, with the variance
    that each group's persons show around it (no less than that of independent rows), which is
    itself drawn by its degrees of freedom; the top is picked anew in each draw. A person in several
    groups counts in each of them as another one.

    Source: Romano and Wolf 2005; Satterthwaite 1946 for the degrees of freedom.
    """
    import numpy as np

    weight = np.array([g.weight for g in groups])
    cases = np.array([g.cases for g in groups])
    overall = float(cases.sum() / weight.sum())
    if not 0 < overall < 1 or min(g.persons for g in groups) < 2:
        return [1.0] * len(groups)
    alone = overall * (1 - overall) / weight
    variance = np.maximum([clustered_variance(g, overall) for g in groups], alone)
    freedom = np.array([g.freedom(overall) for g in groups])
    order = np.lexsort((cases, weight))
    rng = np.random.default_rng(list(seed))
    shape = (draws, len(groups))
    back = np.argsort(order)
    rates = rng.standard_normal(shape)[:, back] * np.sqrt(variance)
    spread = (rng.chisquare(freedom[order], shape)[:, back] / freedom) * variance
    largest = np.sort(_studentised(rates, spread, weight).max(axis=1))
    own = _studentised((cases / weight)[None], variance[None], weight)[0]
    as_large = draws - np.searchsorted(largest, own - 1e-9, side="left")
    found = np.where(own <= 0, 1.0, (1 + as_large) / (draws + 1))
    return [float(p) for p in found]


def _studentised(rates: np.ndarray, variance: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The highest rate over each group's, in standard errors, shape (draws, groups)."""
    import numpy as np

    # of equal rates the larger group is the top
    top = np.argmax(rates + 1e-12 * weight / weight.max(), axis=1)[:, None]
    highest, own = (np.take_along_axis(x, top, axis=1) for x in (rates, variance))
    found: np.ndarray = (highest - rates) / np.sqrt(variance + own)
    return found
