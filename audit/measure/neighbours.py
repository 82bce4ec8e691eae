"""Are similar people treated alike? Raw columns as distances, nearest-neighbour consistency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evenhand.audit.data.cells import is_number

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MOST_CATEGORIES = 50


def encode(frame: pd.DataFrame) -> tuple[np.ndarray, tuple[str, ...]]:
    """Numbers centred and scaled to variance 1, missing ones at the mean; texts one-hot, a missing
    one all zero. A column of more than 50 different texts is left out, one constant number too.

    Returns (float array of shape (n, encoded), the columns left out).
    """
    import numpy as np
    import pandas as pd

    parts: list[np.ndarray] = []
    left_out: list[str] = []
    for name in frame.columns:
        column = frame[name]
        if is_number(column):
            x = column.to_numpy(dtype=float, na_value=np.nan)
            known = x[np.isfinite(x)]
            if known.size == 0 or float(known.std()) == 0:
                left_out.append(str(name))
                continue
            scaled = (x - known.mean()) / known.std()
            parts.append(np.where(np.isfinite(scaled), scaled, 0.0)[:, None])
            continue
        codes, values = pd.factorize(column.map(str, na_action="ignore"), sort=True)
        if not 1 < len(values) <= MOST_CATEGORIES:
            left_out.append(str(name))
            continue
        # 1 / sqrt(2): two rows that differ in this column are then 1 apart in it
        parts.append((codes[:, None] == np.arange(len(values))) / np.sqrt(2))
    empty = np.empty((len(frame), 0))
    return (np.hstack(parts) if parts else empty), tuple(left_out)


def disagreement(encoded: np.ndarray, answers: np.ndarray, neighbours: int) -> np.ndarray:
    """|own answer - mean answer of the nearest other rows| of each row, shape (n,), in [0, 1].

    Parameters
    ----------
    encoded    : float array of shape (n, encoded), Euclidean distance
    answers    : floats in [0, 1], shape (n,)
    neighbours : other rows to look at, fewer than n

    Source: Zemel et al. 2013, section 3.3; here without the row itself among its neighbours.
    """
    import numpy as np
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=neighbours).fit(encoded)
    nearest = index.kneighbors(return_distance=False)  # of the fitted rows: never the row itself
    difference: np.ndarray = np.abs(answers - answers[nearest].mean(axis=1))
    return difference
