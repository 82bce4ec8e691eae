"""What each column is worth to a model's accuracy: permutation importance, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evenhand.audit.models.predictor import Predictor

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


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


def loss_increase(
    predictor: Predictor,
    rows: pd.DataFrame,
    answers: np.ndarray,
    repeats: int,
    seed: Sequence[int],
) -> np.ndarray:
    """How much each row's loss grows when a column's cells are shuffled among the rows.

    Returns the mean over ``repeats`` shuffles, shape (rows, columns); its means over rows are what
    ``sklearn.inspection.permutation_importance`` estimates.

    Source: Breiman 2001, section 10; Fisher, Rudin and Dominici 2019.
    """
    import numpy as np
    import pandas as pd

    columns = list(predictor.input_columns)
    frame = rows[columns].reset_index(drop=True)
    before = loss(predictor, frame, answers)
    rng = np.random.default_rng(list(seed))
    found = np.empty((len(frame), len(columns)))
    for j, column in enumerate(columns):
        shuffles = [rng.permutation(len(frame)) for _ in range(repeats)]
        moved = pd.concat([frame] * repeats, ignore_index=True)
        moved[column] = frame[column].iloc[np.concatenate(shuffles)].reset_index(drop=True)
        after = loss(predictor, moved, np.tile(answers, repeats)).reshape(repeats, len(frame))
        found[:, j] = after.mean(axis=0) - before
    return found
