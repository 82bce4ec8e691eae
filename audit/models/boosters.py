"""What the two boosting formats share: chosen columns, with the file's own categories."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from evenhand.audit.data.table import as_text, texts
from evenhand.audit.errors import InputError, RowError
from evenhand.audit.models.declared import Declared, Input
from evenhand.audit.models.inputs import numbers
from evenhand.audit.models.outputs import RowModel, as_probabilities, as_values
from evenhand.audit.models.predictor import Task
from evenhand.audit.words.phrases import phrase

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pandas as pd


class BoosterPredictor(RowModel):
    """Boosted trees. ``ask`` takes the frame of features in the model's order, under the model's
    own names, and gives what ``answers`` says: shape (rows,) or (rows, n_classes)."""

    def __init__(
        self,
        model_format: str,
        what: str,
        ask: Callable[[pd.DataFrame], np.ndarray],
        columns: BoosterColumns,
        classes: tuple[str, ...],
        answers: Literal["probabilities", "logits", "one-vs-all", "values"],
        says: Mapping[str, Any],
    ) -> None:
        self.format = model_format
        self._what, self._ask, self._columns, self._answers = what, ask, columns, answers
        self.classes = classes
        self.task: Task = "regression"
        if classes:
            self.task = "binary" if len(classes) == 2 else "multiclass"
        self.input_columns = columns.columns
        self.codes = columns.codes
        self.maker_says = says

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        """Scores of shape (rows, n_classes)."""
        raw = self._ask(self._columns.features(frame))
        if self._answers == "one-vs-all":
            raw = raw / raw.sum(axis=1, keepdims=True)
        means: Literal["logits", "probabilities"] = (
            "logits" if self._answers == "logits" else "probabilities"
        )
        return as_probabilities(raw, len(self.classes), means, self._what, rows=len(frame))

    def predict_values(self, frame: pd.DataFrame) -> np.ndarray:
        """Predicted values of shape (rows,)."""
        return as_values(self._ask(self._columns.features(frame)), self._what, rows=len(frame))


class BoosterColumns:
    """The data's columns in the model's order.

    ``names`` are the model's own feature names (None where it has none), ``categories`` the
    categories by feature name, in the order that the model numbers them.
    """

    def __init__(
        self,
        names: Sequence[str] | None,
        n: int,
        categories: Mapping[str, Sequence[Any]],
        declared: Declared,
        what: str,
    ) -> None:
        if not declared.inputs and names is None:
            raise InputError(
                "{what} has {n} features and no names for them",
                remedy="declare its columns in the order it was trained on: --inputs a,b,...",
                what=what,
                n=n,
            )
        inputs = declared.inputs or tuple(Input(column=str(name)) for name in names or ())
        if len(inputs) != n:
            raise InputError(
                "{what} has {n} features, declared are {n_inputs}",
                remedy="declare one column for each feature, in the model's order",
                what=what,
                n=n,
                n_inputs=len(inputs),
            )
        self._features = tuple(names) if names is not None else tuple(i.column for i in inputs)
        self._categories: dict[str, Sequence[Any]] = {}
        for feature, one in zip(self._features, inputs, strict=True):
            plain = Input(column=one.column, categories=one.categories, missing=one.missing)
            if one != plain:
                raise InputError(
                    "{what}: input {column!r} is declared with an encoding, boosted trees "
                    "read cells as they are",
                    remedy="declare its name alone: inputs: [{column}, ...]",
                    what=what,
                    column=one.column,
                )
            found = categories.get(feature) or one.categories
            if found:
                self._categories[feature] = found
        self._missing = {i.column: i.missing for i in inputs if i.missing is not None}
        self.columns = tuple(i.column for i in inputs)
        named = zip(self._features, self.columns, strict=True)
        self.codes = tuple(column for feature, column in named if feature in self._categories)

    def has_categories(self, feature: str) -> bool:
        """Whether the categories of a feature are known."""
        return feature in self._categories

    def features(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The features, numbers as float64 and categories as the model numbers them."""
        import numpy as np
        import pandas as pd

        made = {}
        for feature, column in zip(self._features, self.columns, strict=True):
            if feature in self._categories:
                made[feature] = as_categories(frame[column], self._categories[feature])
            else:
                values = numbers(frame[column])
                if column in self._missing:  # what XGBoost was told in training, and did not save
                    values = np.where(values == self._missing[column], np.nan, values)
                made[feature] = pd.Series(values, index=frame.index)
        return pd.DataFrame(made, index=frame.index)


def as_categories(column: pd.Series[Any], known: Sequence[Any]) -> pd.Series[Any]:
    """Cells as the model's categories, told by their text; missing stays missing.

    Raises InputError for a text that the model never met: what it would answer is by accident.
    """
    import numpy as np
    import pandas as pd

    names, missing = texts(column)
    order = pd.Index([as_text(k) for k in known], dtype=object)
    codes = order.get_indexer(pd.Index(names, dtype=object))
    codes = np.where(missing, -1, codes)
    strange = np.flatnonzero((codes < 0) & ~missing)
    if strange.size:
        first = int(strange[0])
        raise RowError(
            "input column {column!r} holds {names!r} in {row}, a category that the model "
            "was not trained on ({strange_size} such rows)",
            first,
            remedy=phrase(
                "it knows {order}; map the cell, or leave it empty",
                order=", ".join(map(repr, order[:8])),
            ),
            column=column.name,
            names=names[first],
            strange_size=strange.size,
        )
    return pd.Series(
        pd.Categorical.from_codes(codes, categories=pd.Index(known)), index=column.index
    )


def classes_of(n_classes: int, declared: Declared, what: str) -> tuple[str, ...]:
    """The declared labels, or the positions 0, 1, ... that the file itself knows; () of a
    regression, which has 0. Raises InputError where other labels are declared."""
    if not n_classes and declared.classes:
        raise InputError(
            "{what} is a regression, it has no classes", remedy="leave them out", what=what
        )
    if declared.classes and len(declared.classes) != n_classes:
        raise InputError(
            "{what} has {n_classes} classes, declared are {n_classes_2}: {classes}",
            remedy="declare every label in the order of the model's scores: --classes no,yes",
            what=what,
            n_classes=n_classes,
            n_classes_2=len(declared.classes),
            classes=", ".join(declared.classes[:10]),
        )
    return declared.classes or tuple(str(i) for i in range(n_classes))


def lightgbm_categories(booster: Any, text: str | None = None) -> dict[int, list[Any]]:
    """Categories by the feature's place, in the order of their codes.

    The booster keeps them in the order of its categorical features; which features those are stands
    in its parameters, and in files without them in ``feature_infos``, where theirs are codes
    between colons. Raises ValueError where they do not add up.
    """
    listed = booster.pandas_categorical or []
    if not listed:
        return {}
    text = booster.model_to_string(num_iteration=1) if text is None else text
    stated = re.search(r"^\[categorical_feature: ([0-9]+(?:,[0-9]+)*)\]$", text, re.MULTILINE)
    infos = re.search(r"^feature_infos=(.*)$", text, re.MULTILINE)
    if stated is not None:
        places = [int(i) for i in stated[1].split(",")]
    else:
        each = infos[1].split(" ") if infos is not None else []
        places = [i for i, e in enumerate(each) if not e.startswith("[") and e != "none"]
    if len(places) != len(listed) or any(i >= booster.num_feature() for i in places):
        raise ValueError(
            phrase(
                "it keeps categories of {n_listed} columns, and {n_places} features have codes",
                n_listed=len(listed),
                n_places=len(places),
            )
        )
    return dict(zip(places, listed, strict=True))


def xgboost_categories(booster: Any) -> dict[int, list[Any]]:
    """Categories by the feature's place, in the order of their codes, where the booster keeps them
    (since XGBoost 3.1)."""
    if "c" not in (booster.feature_types or ()):
        return {}
    found = booster.get_categories(export_to_arrow=True).to_arrow() or ()
    return {i: known.to_pylist() for i, (_, known) in enumerate(found) if known is not None}
