"""How well do attributions foretell what the model does? Infidelity, sensitivity, curves.

Every function takes numbers alone: what the model answered when parts of a row were set to the
baseline is asked elsewhere. A row's parts are its columns, patches or words; ``there``, bool of
shape (rows, parts), marks those that it has, the first ones. A mask is True where a part is set to
the baseline.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.reason import Reasons, because

if TYPE_CHECKING:
    import numpy as np


def draw_masks(columns: int, draws: int, seed: Sequence[int]) -> np.ndarray:
    """Sets of parts to set to the baseline, bool of shape (masks, columns), none of them empty.

    All sets where there are no more than ``draws``; else that many, each part in with chance
    1/2. Every row is asked about the same sets, so that people are compared on equal terms.
    """
    import numpy as np

    if columns < 31 and 2**columns - 1 <= draws:
        numbers = np.arange(1, 2**columns)
        every: np.ndarray = (numbers[:, None] >> np.arange(columns)) & 1 > 0
        return every
    rng = np.random.default_rng(list(seed))
    masks = rng.random((draws, columns)) < 0.5
    empty = np.flatnonzero(~masks.any(axis=1))
    masks[empty, rng.integers(0, columns, empty.size)] = True
    return masks


def mean_change(changes: np.ndarray, masks: np.ndarray, there: np.ndarray) -> np.ndarray:
    """The mean square of ``changes`` (rows, masks) over the masks that hide a part which the row
    has, shape (rows,); 0 for a row without parts."""
    import numpy as np

    asked = there.astype(float) @ masks.T.astype(float) > 0
    found: np.ndarray = (changes**2 * asked).sum(axis=1) / np.maximum(asked.sum(axis=1), 1)
    return found


def infidelity(
    values: np.ndarray, masks: np.ndarray, changes: np.ndarray, there: np.ndarray
) -> np.ndarray:
    """Mean over masks of (promised - true change of output) squared, of each row, shape (rows,).

    Parameters
    ----------
    values  : attributions, shape (rows, parts); a mask's parts together promise their sum
    masks   : bool, shape (masks, parts)
    changes : output of the row - output with the mask's parts at the baseline, (rows, masks)
    there   : bool, shape (rows, parts); masks that hide none of a row's parts are left out of it

    0 where the attributions foretell every change; in the output's unit, squared.

    Source: Yeh et al. 2019, definition 2.1 with binary perturbations, as ``captum.metrics``.

    >>> import numpy as np
    >>> one, there = np.array([[True, False]]), np.array([[True, True]])
    >>> infidelity(np.array([[1.0, 2.0]]), one, np.array([[1.5]]), there)
    array([0.25])
    """
    return mean_change(values @ masks.T.astype(float) - changes, masks, there)


def sensitivity(values: np.ndarray, perturbed: np.ndarray) -> np.ndarray:
    """The largest change of a row's attributions under noise, as a share of their length.

    Parameters
    ----------
    values    : attributions, shape (rows, columns)
    perturbed : attributions of the same rows under noise, shape (draws, rows, columns)

    Returns max over draws of |perturbed - values| / |values| (Euclidean), shape (rows,); NaN for a
    row whose attributions are all zero, where Captum divides by 1 instead, or so much smaller than
    the largest row's that they are the rounding of numbers in single precision.

    Source: Yeh et al. 2019, definition 3.1, as ``captum.metrics.sensitivity_max``.
    """
    import numpy as np

    change = np.linalg.norm(perturbed - values, axis=2).max(axis=0)
    length = np.linalg.norm(values, axis=1)
    known = length > np.finfo(np.float32).eps * length.max(initial=0.0)
    found: np.ndarray = np.where(known, change / np.where(known, length, 1.0), np.nan)
    return found


def ratio(
    top: np.ndarray, bottom: np.ndarray, levels: Sequence[float], *, empty: Reasons
) -> Estimate:
    """sum(top) / sum(bottom) over rows, both >= 0 of shape (n,); undefined where bottom is all 0.

    A ratio of sums, so that rows with hardly anything below do not decide it. Its lower limits are
    cut at 0. Source: Cochran 1977, section 2.11 (linearised variance).

    >>> import numpy as np
    >>> ratio(np.array([1.0, 2.0]), np.array([2.0, 4.0]), (0.95,), empty=()).value
    0.5
    """
    import numpy as np
    from scipy.stats import t

    n = int(bottom.size)
    method = "ratio of sums over rows, linearised"
    whole = math.fsum(bottom.tolist())
    if whole == 0:
        return undefined(empty if n else because("no-rows"), n=n, method=method)
    value = math.fsum(top.tolist()) / whole
    if n == 1:
        return Estimate(value, 1, method=method, reason=because("one-row"))
    error = float(np.std(top - value * bottom, ddof=1)) / math.sqrt(n) / (whole / n)
    spreads = ((level, float(t.ppf(0.5 + level / 2, n - 1)) * error) for level in levels)
    intervals = tuple(
        Interval(low=max(0.0, value - s), high=value + s, level=level, method=method)
        for level, s in spreads
    )
    return Estimate(value, n, intervals, method=method)


@dataclass(frozen=True, eq=False)
class Curves:
    """Output as parts go to the baseline, counted from there in the direction of the row's own
    output: ``values`` and ``removed`` (rows, points), the share of the row's parts, 0 to 1."""

    removed: np.ndarray
    values: np.ndarray

    @property
    def areas(self) -> np.ndarray:
        """The area under each row's curve, shape (rows,), in the output's unit."""
        import numpy as np

        steps = np.diff(self.removed, axis=1)
        found: np.ndarray = ((self.values[:, 1:] + self.values[:, :-1]) / 2 * steps).sum(axis=1)
        return found


def removal_counts(there: np.ndarray, points: int) -> np.ndarray:
    """How many parts of each row are removed at each point of its curve, int of shape (rows,
    points): from 0 to all, at most ``points`` + 1 (fewer where no row has so many parts)."""
    import numpy as np

    parts = there.sum(axis=1)
    steps = min(int(parts.max(initial=1)), max(1, points))
    found: np.ndarray = np.rint(np.linspace(0, 1, steps + 1) * parts[:, None]).astype(int)
    return found


def supporting_order(values: np.ndarray, change: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Parts in the order in which they are said to hold the output where it is.

    Parameters
    ----------
    values : attributions, shape (rows, parts)
    change : output - output of the baseline, shape (rows,): its sign says what "support" means
    there  : bool, shape (rows, parts)

    Returns positions, int of shape (rows, parts), the strongest support first; of parts that tie
    the earlier one; those that a row has not come last.
    """
    import numpy as np

    towards = np.where(change < 0, -1.0, 1.0)[:, None]
    key = np.where(there, -values * towards, np.inf)
    found: np.ndarray = np.argsort(key, axis=1, kind="stable")
    return found


def random_order(there: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same in an order of chance, each row its own."""
    import numpy as np

    found: np.ndarray = np.argsort(np.where(there, rng.random(there.shape), np.inf), axis=1)
    return found


def removal_masks(order: np.ndarray, counts: np.ndarray, *, insertion: bool = False) -> np.ndarray:
    """Which parts are at the baseline at each point, bool of shape (rows, points, parts).

    Deletion takes the first ``counts`` (rows, points) of ``order`` (rows, parts) away; insertion
    starts from the baseline and gives them back, so that the others are away.
    """
    import numpy as np

    rank = np.argsort(order, axis=1, kind="stable")
    first: np.ndarray = rank[:, None, :] < counts[:, :, None]
    return ~first if insertion else first


def curves(
    outputs: np.ndarray, output: np.ndarray, baseline: np.ndarray, counts: np.ndarray
) -> Curves:
    """The curves of ``outputs`` (rows, points) at ``counts`` (rows, points), given the rows' own
    and that of all parts at the baseline, (rows,) each."""
    import numpy as np

    towards = np.where(output < baseline, -1.0, 1.0)
    moved = (outputs - baseline[:, None]) * towards[:, None]
    return Curves(counts / np.maximum(counts[:, -1:], 1), moved)
