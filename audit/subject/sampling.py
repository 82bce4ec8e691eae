"""Which rows a check draws: at random, by seed, and whatever the groups are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from evenhand.audit.data.table import texts
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np

_orders: WeakKeyDictionary[Subject, np.ndarray] = WeakKeyDictionary()


def sample(subject: Subject, rows: int, seed: Sequence[int]) -> np.ndarray:
    """Positions of ``rows`` random rows (all, if there are no more), in an order to draw from.

    The subject's own order lets the groups' names decide between rows that are alike in all but
    their group. Here the larger group comes first instead, so that what is drawn by position, a
    sample or a half, is the same people under other names. (Among groups of one size names decide.)

    Returns int array of shape (min(rows, n),).
    """
    import numpy as np

    order = _order(subject)
    if subject.n <= rows:
        return order
    chosen = np.random.default_rng(list(seed)).choice(subject.n, size=rows, replace=False)
    found: np.ndarray = order[np.sort(chosen)]
    return found


def _order(subject: Subject) -> np.ndarray:
    import numpy as np
    import pandas as pd

    if subject not in _orders:
        others = sorted(set(subject.frame.columns) - set(subject.sensitive_features))
        plain = pd.DataFrame({c: texts(subject.frame[c])[0] for c in others})
        content: Any = np.zeros(subject.n, dtype=np.uint64)
        if others:
            content = pd.util.hash_pandas_object(plain, index=False).to_numpy()
        features = list(subject.sensitive_features)
        sizes = [-subject.groups.groupby([f])[f].transform("size").to_numpy() for f in features]
        if len(features) > 1:
            crossing = subject.groups.groupby(features)[features[0]].transform("size")
            sizes.append(-crossing.to_numpy())
        _orders[subject] = np.lexsort((*sizes, content))
    return _orders[subject]
