"""Did a gap between groups change from one model to another, on the same rows?

The change is a difference of two maxima, max_k new_k - max_l old_l over ordered pairs k, l of
groups. A percentile bootstrap of it says "smaller" whenever rates shrink, since a gap of sample
rates is biased upwards by as much as they vary. The bounds here are not: the true change is at most
new_k - old_l for the new model's own worst pair k and every l, so

    min over l of max over k of the upper bounds of new_k - old_l,

with bounds that hold for all l together, lies above it; the lower limit is the mirror image.

Source: Berger 1982 (the maximum over k needs no correction); Romano and Wolf 2005 (the largest
studentised error over l). False alarms and power: docs/proof.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.measure.uncertainty.score import share_limits
from evenhand.audit.reason import because

if TYPE_CHECKING:
    import numpy as np

DRAWS = 2000
METHOD = "paired bounds of all pairs' changes, largest studentised error"
_MOST_DRAWN = 240  # ordered pairs: beyond it Bonferroni's quantile is used alone
_MOST_PAIRS = 2500  # beyond it the two gaps are bounded one by one
# Rate -> which of (label, selected) counts as a case, and which rows it is over.
_OVER: dict[str, tuple[int, ...]] = {"selection_rate": (0, 1), "accuracy_score": (0, 1)}
_OVER |= {"true_positive_rate": (1,), "false_positive_rate": (0,)}


@dataclass(frozen=True, eq=False)
class PairedPeople:
    """Rows of persons by group: ``group`` and ``person`` of shape (m,), their ``counts`` (m, 2, 2,
    2) as in ``gap_change``; no group and person stand together twice."""

    group: np.ndarray
    person: np.ndarray
    counts: np.ndarray


def gap_change(
    counts: np.ndarray,
    rates: Sequence[str],
    *,
    seed: int,
    level: float = 0.95,
    people: PairedPeople | None = None,
) -> Estimate:
    """The gap of the first model minus that of the second: below 0, the first has the smaller gap.

    A gap is the largest difference between groups of a rate, the largest over ``rates``.

    Parameters
    ----------
    counts  : rows by (group, label, selected by the first, by the second), shape (g, 2, 2, 2)
    rates   : among selection_rate, accuracy_score, true_positive_rate, false_positive_rate
    people  : the same rows by person, where persons have several

    Returns an Estimate in [-1, 1]. Each end of its interval errs in at most (1 - level) / 2 of the
    samples: an upper limit below 0 shows that the gap shrank. It can't show that where the second
    model's gap is itself not beyond chance. Groups without rows for a rate are left out of both
    gaps. Undefined with fewer than two groups.
    """
    import numpy as np

    table = np.asarray(counts, dtype=float)
    n, named = int(table.sum()), {"groups": len(table)}
    if people is not None:
        named["units"] = int(np.unique(people.person).size)
    parts, of_persons = [], []
    for rate in rates:
        cells = _paired_cells(table, rate)
        kept = cells.sum(axis=1) > 0
        parts.append(cells[kept])
        if people is not None:
            of_persons.append(_shares(people, _paired_cells(people.counts, rate), kept))
    if any(len(part) < 2 for part in parts):
        return undefined(because("fewer-than-two-groups-to-compare"), n=n, method=METHOD)
    value = max(_gap(p, 2) for p in parts) - max(_gap(p, 1) for p in parts)
    if people is not None:
        if named["units"] < 2:
            return Estimate(value, n, counts=named, method=METHOD, reason=because("one-person"))
        pairs = _pairs_of_persons(parts, of_persons)
        low, high = _bounds(pairs, (1 - level) / 2, seed)
    elif sum(len(part) * (len(part) - 1) for part in parts) > _MOST_PAIRS:
        low, high = _one_by_one(parts, level)
    else:
        low, high = _bounds(_pairs_of_rows(parts), (1 - level) / 2, seed)
    method = METHOD if people is None else f"a person's rows together; {METHOD}"
    low, high = min(max(low, -1.0), value), max(min(high, 1.0), value)
    interval = Interval(low=low, high=high, level=level, method=method)
    return Estimate(value, n, (interval,), named, method)


def _paired_cells(table: np.ndarray, rate: str) -> np.ndarray:
    """Rows that are a case of neither model, of the second, of the first, of both; (groups, 4)."""
    over = list(_OVER[rate])
    if rate == "accuracy_score":
        # a case is a right answer: selected where the label is 1, not selected where it is 0
        right = table.copy()
        right[:, 0] = right[:, 0, ::-1, ::-1]
        cells = right.sum(axis=1)
    else:
        cells = table[:, over].sum(axis=1)
    found: np.ndarray = cells.reshape(-1, 4).astype(float)
    return found


def _gap(cells: np.ndarray, which: int) -> float:
    """The gap of the first model (``which`` = 2) or of the second (1)."""
    shares = (cells[:, which] + cells[:, 3]) / cells.sum(axis=1)
    return float(shares.max() - shares.min())


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Ordered pairs of cells inside one rate, ``first`` and ``second`` of shape (pairs,), each
    cell's ``new`` and ``old`` rate (c,), and the covariance of all new, then all old rates (2 c,
    2 c), with the degrees of freedom that it is known by."""

    first: np.ndarray
    second: np.ndarray
    new: np.ndarray
    old: np.ndarray
    covariance: np.ndarray
    freedom: float = math.inf

    def changes(self) -> tuple[np.ndarray, np.ndarray]:
        """new_k - old_l and its standard error, each of shape (pairs k, pairs l)."""
        import numpy as np

        i, j, c = self.first, self.second, len(self.new)
        change = (self.new[i] - self.new[j])[:, None] - (self.old[i] - self.old[j])[None, :]

        def apart(of: np.ndarray) -> np.ndarray:
            halves = of[i] - of[j]
            found: np.ndarray = halves[:, i] - halves[:, j]
            return found

        of_new, of_old = apart(self.covariance[:c, :c]), apart(self.covariance[c:, c:])
        variance = np.diag(of_new)[:, None] + np.diag(of_old)[None, :]
        variance = variance - 2 * apart(self.covariance[:c, c:])
        return change, np.sqrt(np.maximum(variance, 1e-300))


def _ordered(parts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    pairs, start = [], 0
    for part in parts:
        pairs += [(start + i, start + j) for i, j in permutations(range(len(part)), 2)]
        start += len(part)
    first, second = np.array(pairs).T
    return first, second


def _pairs_of_rows(parts: Sequence[np.ndarray]) -> _Pairs:
    """With half a row more of each kind in every cell, so that no variance collapses."""
    import numpy as np

    cells = np.concatenate(parts) + 0.5
    n = cells.sum(axis=1)
    new, old = (cells[:, 2] + cells[:, 3]) / n, (cells[:, 1] + cells[:, 3]) / n
    both = np.diag((cells[:, 3] / n - new * old) / n)
    of_new, of_old = np.diag(new * (1 - new) / n), np.diag(old * (1 - old) / n)
    return _Pairs(*_ordered(parts), new, old, np.block([[of_new, both], [both, of_old]]))


Shares = tuple["np.ndarray", "np.ndarray", "np.ndarray"]


def _shares(people: PairedPeople, cells: np.ndarray, kept: np.ndarray) -> Shares:
    """Of the groups that are ``kept``: group, person, and rows by kind (m, 4)."""
    import numpy as np

    place = np.cumsum(kept) - 1
    inside = kept[people.group] & (cells.sum(axis=1) > 0)
    return place[people.group[inside]], people.person[inside], cells[inside]


def _pairs_of_persons(parts: Sequence[np.ndarray], people: Sequence[Shares]) -> _Pairs:
    """The same with half a person more of each kind, who has as many rows as the others.

    A person adds (cases - rate * rows) / all rows to a rate, to first order, and so to every rate
    of every group that they have rows in.
    """
    import numpy as np

    _, code = np.unique(np.concatenate([p[1] for p in people]), return_inverse=True)
    size, at, start = sum(map(len, parts)), 0, 0
    own = np.zeros((int(code.max()) + 1, 2 * size))
    new, old, more, persons = (np.zeros(size) for _ in range(4))
    for part, (group, person, cells) in zip(parts, people, strict=True):
        where = start + group
        each = np.bincount(group, minlength=len(part))
        mean = part.sum(axis=1) / np.maximum(each, 1)
        rows = part.sum(axis=1) + 2 * mean
        here = slice(start, start + len(part))
        new[here] = (part[:, 2] + part[:, 3] + mean) / rows
        old[here] = (part[:, 1] + part[:, 3] + mean) / rows
        mine = code[at : at + len(person)]
        total = cells.sum(axis=1)
        for rate, shift, kinds in ((new, 0, (2, 3)), (old, size, (1, 3))):
            moved = cells[:, list(kinds)].sum(axis=1) - rate[where] * total
            np.add.at(own, (mine, shift + where), moved / rows[group])
        more[here], persons[here] = mean / rows, each
        at, start = at + len(person), start + len(part)
    covariance = own.T @ own
    i = np.arange(size)
    for a, b in ((0, 0), (0, 1), (1, 0), (1, 1)):  # the four kinds, half a person each
        u, v = (a - new) * more, (b - old) * more
        covariance[i, i] += 0.5 * u * u
        covariance[size + i, size + i] += 0.5 * v * v
        covariance[i, size + i] += 0.5 * u * v
        covariance[size + i, i] += 0.5 * u * v
    fewest = float(persons.min())
    return _Pairs(*_ordered(parts), new, old, covariance, max(1.0, 2 * fewest - 2))


def _bounds(pairs: _Pairs, tail: float, seed: int) -> tuple[float, float]:
    import numpy as np
    from scipy.stats import norm, t

    change, error = pairs.changes()
    shared = tail / len(change)
    known = math.isinf(pairs.freedom)
    bonferroni = float(norm.isf(shared) if known else t.isf(shared, pairs.freedom))
    by_new = by_old = np.full(len(change), bonferroni)
    if len(change) <= _MOST_DRAWN:
        by_new, by_old = _quantiles(pairs, error, tail, seed)
        by_new, by_old = np.minimum(by_new, bonferroni), np.minimum(by_old, bonferroni)
    high = float((change + by_new[:, None] * error).max(axis=0).min())
    low = float((change - by_old[None, :] * error).min(axis=1).max())
    return low, high


def _quantiles(
    pairs: _Pairs, error: np.ndarray, tail: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The 1 - ``tail`` quantile of the largest studentised error: over the old pairs for each new
    one, and over the new pairs for each old one; errors are drawn from a normal distribution, or
    Student's where their covariance is known by few persons."""
    import numpy as np

    rng, c = np.random.default_rng(seed), len(pairs.new)
    values, axes = np.linalg.eigh(pairs.covariance)
    noise = rng.standard_normal((DRAWS, 2 * c)) @ (axes * np.sqrt(np.maximum(values, 0.0))).T
    if math.isfinite(pairs.freedom):
        noise /= np.sqrt(rng.chisquare(pairs.freedom, (DRAWS, 1)) / pairs.freedom)
    new = noise[:, pairs.first] - noise[:, pairs.second]
    old = noise[:, c + pairs.first] - noise[:, c + pairs.second]
    rank = 1 - tail

    def largest(fixed: np.ndarray, moving: np.ndarray, errors: np.ndarray) -> np.ndarray:
        found = [
            np.quantile(((moving - fixed[:, [k]]) / errors[k]).max(axis=1), rank)
            for k in range(len(errors))
        ]
        return np.array(found)

    return largest(new, old, error), largest(old, new, error.T)


def _one_by_one(parts: Sequence[np.ndarray], level: float) -> tuple[float, float]:
    """Bounds of the change from limits of every rate of both models that hold together
    (Bonferroni): for very many groups, where pairs of pairs are too many to look at."""
    import numpy as np

    cells = np.concatenate(parts)
    together = 1 - (1 - level) / (2 * len(cells))
    n = cells.sum(axis=1)
    ends = []
    for which in (2, 1):
        low, high = share_limits(cells[:, which] + cells[:, 3], n, together)
        start, least, most = 0, 0.0, 0.0
        for part in parts:
            own = slice(start, start + len(part))
            least = max(least, float(low[own].max() - high[own].min()))
            most = max(most, float(high[own].max() - low[own].min()))
            start += len(part)
        ends.append((least, most))
    return ends[0][0] - ends[1][1], ends[0][1] - ends[1][0]
