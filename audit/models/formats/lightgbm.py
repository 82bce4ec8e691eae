"""LightGBM's own text files, as ``Booster.save_model`` writes them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evenhand.audit.errors import InputError
from evenhand.audit.models.boosters import (
    BoosterColumns,
    BoosterPredictor,
    classes_of,
    lightgbm_categories,
)
from evenhand.audit.models.declared import NOTHING, Declared
from evenhand.audit.models.optional import library

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NAME = "lightgbm"
TRUST = "native"
ABOUT = "trees as text: no code of the maker's, but a parser in C++"
PRELOAD = ("lightgbm", "pandas")
DECLARES = frozenset({"task", "classes", "inputs"})
EXTRA = "boosting"
RECOGNISED_BY = "text that begins with tree and version=v"
GRADIENTS = False
SAVE = """booster.save_model("model.txt")                # a Booster
model.booster_.save_model("model.txt")         # an LGBMClassifier or LGBMRegressor
The file numbers its classes 0, 1, ...: declare what they are called with --classes."""

_BEGIN = re.compile(rb"tree\r?\nversion=v\d")
_VALUES = frozenset(
    {
        "regression",
        "regression_l1",
        "huber",
        "fair",
        "poisson",
        "quantile",
        "mape",
        "gamma",
        "tweedie",
        "cross_entropy",
    }
)
_Answers = Literal["probabilities", "one-vs-all", "values"]


def recognises(path: Path) -> bool:
    """A file that begins as LightGBM writes it."""
    if not path.is_file():
        return False
    with path.open("rb") as handle:
        return _BEGIN.match(handle.read(64)) is not None


def load(path: Path, declared: Declared = NOTHING) -> BoosterPredictor:
    """Opens it. Raises InputError for a broken file and for objectives without a score."""
    lgb = library("lightgbm", EXTRA, NAME)
    what = str(path)
    try:
        text = path.read_bytes().decode("utf-8")
        booster = lgb.Booster(model_str=text)
        names, n = booster.feature_name(), booster.num_feature()
        by_place = lightgbm_categories(booster, text)
    except (lgb.basic.LightGBMError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "{path} cannot be opened as LightGBM: {error}",
            remedy="save it again: booster.save_model('model.txt')",
            path=path,
            error=str(error).strip()[:200],
        ) from None
    n_classes, answers = _answers(_value(text, "objective"), booster, what)
    unnamed = names == [f"Column_{i}" for i in range(n)]
    categories = {names[i]: known for i, known in by_place.items()}
    columns = BoosterColumns(None if unnamed else names, n, categories, declared, what)

    def ask(features: pd.DataFrame) -> np.ndarray:
        found: np.ndarray = booster.predict(features, num_threads=1)
        return found

    classes = classes_of(n_classes, declared, what)
    says: dict[str, Any] = {"objective": _value(text, "objective")}
    if answers == "one-vs-all":
        says["scores"] = "one model a class; each score divided by the row's sum"
    return BoosterPredictor(NAME, what, ask, columns, classes, answers, says)


def _value(text: str, key: str) -> str:
    """A value of the file's head, '' where it has none."""
    head = text.split("\nTree=", 1)[0]
    found = re.search(rf"^{key}=(.*)$", head, flags=re.MULTILINE)
    return found.group(1).strip() if found else ""


def _answers(objective: str, booster: Any, what: str) -> tuple[int, _Answers]:
    kind = objective.split(" ")[0]
    n = booster.num_model_per_iteration()
    if kind == "binary" and n == 1:
        return 2, "probabilities"
    if kind == "multiclass":
        return n, "probabilities"
    if kind == "multiclassova":
        return n, "one-vs-all"
    if kind in _VALUES and n == 1:
        return 0, "values"
    raise InputError(
        "{what} was trained with objective {kind!r}, whose scores are neither "
        "class probabilities nor predicted values",
        remedy="audit its stored predictions: evenhand audit --predictions FILE",
        what=what,
        kind=kind or "of its own",
    )
