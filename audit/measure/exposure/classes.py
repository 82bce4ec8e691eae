"""How many people share a description, and how much it tells of what is confidential about them.

A *class* is the set of rows that agree in every quasi-identifier: columns that somebody outside can
know of a person (age, place, sex). A missing cell is a value of its own, since a reader of the
table sees it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.cells import is_number

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Classes:
    """``codes``: the class of each row, int of shape (n,) in 0..len(sizes)-1; ``sizes``: people in
    each class, int; ``people``: the person of each row, int of shape (n,), or None where each row
    is one."""

    codes: np.ndarray
    sizes: np.ndarray
    people: np.ndarray | None = None

    @property
    def k(self) -> int:
        """k-anonymity: people in the smallest class (Samarati and Sweeney 1998); needs rows."""
        return int(self.sizes.min())

    @property
    def of_rows(self) -> np.ndarray:
        """The size of each row's class, int of shape (n,)."""
        sizes: np.ndarray = self.sizes[self.codes]
        return sizes

    def n_people(self, rows: np.ndarray | None = None) -> int:
        """How many people these rows (a mask; None: all) are of."""
        import numpy as np

        if self.people is None:
            return len(self.codes) if rows is None else int(rows.sum())
        return len(np.unique(self.people if rows is None else self.people[rows]))

    def n_in_classes_under(self, least: int, rows: np.ndarray | None = None) -> int:
        """How many people have a row in a class of fewer than ``least`` people."""
        small = self.of_rows < least
        return self.n_people(small if rows is None else small & rows)


def classes_of(frame: pd.DataFrame, columns: Sequence[str], people: np.ndarray | None) -> Classes:
    """The classes of the rows of ``frame`` in ``columns``; ``people`` as ``Classes`` has it."""
    import numpy as np

    codes = joint([level_codes(frame[column]) for column in columns], len(frame))
    if people is None:
        return Classes(codes, np.bincount(codes))
    pairs = np.unique(np.stack([codes, people], axis=1), axis=0)
    return Classes(codes, np.bincount(pairs[:, 0]), people)


def level_codes(column: pd.Series[Any]) -> np.ndarray:
    """Each cell's value as a number from 0, a missing one as one more; int64 of shape (n,)."""
    import pandas as pd

    is_named = isinstance(column.dtype, pd.CategoricalDtype)
    codes, values = pd.factorize(column.astype(object) if is_named else column)
    whole: np.ndarray = codes.astype("int64") % (len(values) + 1)  # -1 becomes the last
    return whole


def joint(codes: Sequence[np.ndarray], n: int) -> np.ndarray:
    """The class of each row, from 0 without gaps, of codes from 0; int64 of shape (n,)."""
    import numpy as np

    found = np.zeros(n, dtype=np.int64)
    for each in codes:
        # fewer than n classes times fewer than n + 1 values: far below 2**63
        found = np.unique(found * (int(each.max(initial=0)) + 1) + each, return_inverse=True)[1]
    return found


@dataclass(frozen=True)
class Diversity:
    """What the classes tell of one confidential column.

    ``distinct``: fewest different values in a class (distinct l-diversity); ``entropy``: exp of the
    least entropy in a class, the l for which entropy l-diversity holds, in [1, distinct];
    ``distance``: the largest distance between a class and the whole table (t-closeness), in [0, 1].
    """

    distinct: int
    entropy: float
    distance: float
    is_ordered: bool


def diversity(codes: np.ndarray, column: pd.Series[Any]) -> Diversity:
    """The diversity of a confidential column over classes given as codes from 0; needs rows.

    The distance is the total variation for categories; for numbers the earth mover's distance with
    steps between neighbouring values of 1 / (values - 1).
    Sources: Machanavajjhala et al. 2007; Li, Li and Venkatasubramanian 2007.
    """
    import numpy as np

    values, is_ordered = confidential_codes(column)
    each = class_diversity(codes, values, is_ordered, np.ones(len(codes), dtype=np.int64))
    return Diversity(
        distinct=int(each.distinct.min()),
        entropy=float(np.exp(max(each.entropy.min(), 0.0))),
        distance=float(each.distance.max()),
        is_ordered=is_ordered,
    )


def confidential_codes(column: pd.Series[Any]) -> tuple[np.ndarray, bool]:
    """Each cell's value as a number from 0 (of numbers in their order, missing cells last), int of
    shape (n,), and whether they have an order."""
    import numpy as np
    import pandas as pd

    if not is_number(column) or pd.api.types.is_bool_dtype(column.dtype):
        return level_codes(column), False
    numbers = column.to_numpy(dtype=float, na_value=np.nan)
    return np.unique(numbers, return_inverse=True, equal_nan=True)[1], True


@dataclass(frozen=True, eq=False)
class EachClass:
    """Of each class: different values, entropy in nat, distance to the whole; all (classes,)."""

    distinct: np.ndarray
    entropy: np.ndarray
    distance: np.ndarray


def class_diversity(
    codes: np.ndarray, values: np.ndarray, is_ordered: bool, rows: np.ndarray
) -> EachClass:
    """The same of every class, for cells of classes ``codes`` and ``values`` (ints from 0) that
    ``rows`` rows have each; all of shape (n,)."""
    import numpy as np

    n_classes, n_values = int(codes.max()) + 1, int(values.max()) + 1
    cells, place = np.unique(codes * n_values + values, return_inverse=True)
    times = np.bincount(place, rows)
    of, value = cells // n_values, cells % n_values  # by class, then by value
    share = times / np.bincount(of, times, minlength=n_classes)[of]
    whole = np.bincount(values, rows, minlength=n_values) / rows.sum()
    return EachClass(
        distinct=np.bincount(of, minlength=n_classes),
        entropy=np.bincount(of, -share * np.log(share), minlength=n_classes),
        distance=(_carried if is_ordered else _varied)(of, value, share, whole),
    )


def _varied(of: np.ndarray, value: np.ndarray, share: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Total variation between each class and the whole; values that a class lacks differ by their
    share of the whole."""
    import numpy as np

    held = np.bincount(of, whole[value])
    return (np.bincount(of, np.abs(share - whole[value])) + 1 - held) / 2


def _carried(of: np.ndarray, value: np.ndarray, share: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The earth mover's distance between each class and the whole over ordered values: the sum of
    the distances between the two cumulated shares, over values - 1.

    Between two values that a class holds its cumulated share is constant and the whole's rises, so
    that one place parts where it is below from where it is above.
    """
    import numpy as np

    if len(whole) == 1:
        return np.zeros(int(of.max()) + 1)
    rising = np.cumsum(whole)
    before = np.concatenate([[0.0], np.cumsum(rising)])  # of the first i cumulated shares
    is_first = np.concatenate([[True], of[1:] != of[:-1]])
    is_last = np.concatenate([is_first[1:], [True]])
    total = np.cumsum(share)
    reached = total - (total - share)[is_first][np.cumsum(is_first) - 1]
    # from each value to the next of its class (the last: to the end); below the first it is 0
    start, end = value, np.where(is_last, len(whole), np.concatenate([value[1:], [0]]))
    parted = np.clip(np.searchsorted(rising, reached), start, end)
    below = reached * (parted - start) - (before[parted] - before[start])
    above = (before[end] - before[parted]) - reached * (end - parted)
    distance = np.bincount(of, below + above)
    distance += before[value[is_first]]
    return distance / (len(whole) - 1)
