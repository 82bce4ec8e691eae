"""Labels as positions, the positive one, and the weights of classes: shared by the kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evenhand.audit.data.table import match_label, texts
from evenhand.audit.errors import InputError, nearest

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from evenhand.trainers.recipe.recipe import Recipe


def class_codes(column: pd.Series[Any], classes: tuple[str, ...]) -> np.ndarray:
    """Labels as positions in ``classes``, int64 of shape (rows,); -1 for what is not a class."""
    import pandas as pd

    labels, _ = texts(column)
    return pd.Index(classes).get_indexer(pd.Index(labels)).astype("int64")


def find_positive_label(label: str | None, classes: tuple[str, ...], target: str) -> str:
    """The positive one of two classes. Raises InputError where it is not said or not a class."""
    if label is None:
        raise InputError(
            "recipe lacks 'positive_label'",
            remedy="say which of {classes!r} and {classes_2!r} counts as positive",
            classes=classes[0],
            classes_2=classes[1],
        )
    known = match_label(label, classes)
    if known is None:
        raise InputError(
            "positive_label={given!r} is not a value of {target!r}",
            remedy=nearest(label, classes),
            given=label,
            target=target,
        )
    return known


def class_weights(recipe: Recipe, classes: tuple[str, ...], codes: np.ndarray) -> np.ndarray:
    """A weight for each class, scaled so that their mean over the training rows is 1.

    ``codes`` are the training rows' class positions. Raises InputError for a class weight whose
    label is not a class.
    """
    import numpy as np

    counts = np.bincount(codes, minlength=len(classes))
    given = recipe.class_weight
    if given is None:
        return np.ones(len(classes))
    if given == "balanced":
        weights = 1.0 / np.maximum(counts, 1)
    else:
        weights = np.ones(len(classes))
        for label, weight in given.items():
            known = match_label(label, classes)
            if known is None:
                raise InputError(
                    "class_weight names {label!r}, which is not a class",
                    remedy=nearest(label, classes),
                    label=label,
                )
            weights[classes.index(known)] = weight
    scaled: np.ndarray = weights * counts.sum() / (weights * counts).sum()
    return scaled
