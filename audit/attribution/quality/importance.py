"""What each column is worth to a model's accuracy: permutation importance, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.models.predictor import Predictor

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_FEWEST_ROWS = 50


def loss(predictor: Predictor, rows: pd.DataFrame, answers: np.ndarray) -> np.ndarray:
    """Log loss in nat of the true classes (positions in ``classes``), or the squared error of the
    true values, of each row, shape (rows,)."""
    import numpy as np

    if predictor.task == "regression":
        error: np.ndarray = (np.asarray(predictor.predict_values(rows), dtype=float) - answers) ** 2
        return error
    scores = np.asarray(predictor.predict_proba(rows), dtype=float)
    own = scores[np.arange(len(rows)), answers]
    found: np.ndarray = -np.log(np.maximum(own, np.finfo(float).eps))
    return found


@dataclass(frozen=True)
class Effort:
    """How much is shuffled: ``rows`` of the sample, ``repeats`` times each, ``columns`` of all."""

    rows: int
    repeats: int
    columns: int


def effort(n_rows: int, n_columns: int, repeats: int, most: int) -> Effort:
    """As much as ``most`` scored cells allow, since every column is shuffled in rows of all
    columns: first fewer repeats, then fewer rows down to 50, then a part of the columns.

    >>> effort(200, 20, 5, 100_000_000), effort(120, 1500, 5, 100_000_000)
    (Effort(rows=200, repeats=5, columns=20), Effort(rows=50, repeats=1, columns=1333))
    """
    cells = max(1, n_columns * n_columns)
    allowed = most // cells  # rows, counted once for each repeat
    again = min(repeats, max(1, allowed // max(1, n_rows)))
    rows = min(n_rows, max(_FEWEST_ROWS, allowed // again))
    return Effort(rows, again, min(n_columns, max(1, most // (rows * again * n_columns))))


def loss_increase(
    predictor: Predictor,
    rows: pd.DataFrame,
    answers: np.ndarray,
    repeats: int,
    seed: Sequence[int],
    among: Sequence[int] | None = None,
) -> np.ndarray:
    """How much each row's loss grows when a column's cells are shuffled among the rows.

    Returns the mean over ``repeats`` shuffles, shape (rows, columns); its means over rows are what
    ``sklearn.inspection.permutation_importance`` estimates. ``among`` are the places of the columns
    that are shuffled (None: all).

    Source: Breiman 2001, section 10; Fisher, Rudin and Dominici 2019.
    """
    import numpy as np
    import pandas as pd

    columns = list(predictor.input_columns)
    frame = rows[columns].reset_index(drop=True)
    before = loss(predictor, frame, answers)
    rng = np.random.default_rng(list(seed))
    places = range(len(columns)) if among is None else among
    found = np.empty((len(frame), len(places)))
    for j, place in enumerate(places):
        column = columns[place]
        shuffles = [rng.permutation(len(frame)) for _ in range(repeats)]
        moved = pd.concat([frame] * repeats, ignore_index=True)
        moved[column] = frame[column].iloc[np.concatenate(shuffles)].reset_index(drop=True)
        after = loss(predictor, moved, np.tile(answers, repeats)).reshape(repeats, len(frame))
        found[:, j] = after.mean(axis=0) - before
    return found
