"""XGBoost's own files: JSON or UBJ, as ``save_model`` writes them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evenhand.audit.errors import InputError
from evenhand.audit.models.boosters import (
    BoosterColumns,
    BoosterPredictor,
    classes_of,
    xgboost_categories,
)
from evenhand.audit.models.declared import NOTHING, Declared
from evenhand.audit.models.optional import library

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NAME = "xgboost"
TRUST = "native"
ABOUT = "trees as JSON or UBJ: no code of the maker's, but a parser in C++"
PRELOAD = ("xgboost", "pandas")
BESIDE = {"*.ubj": PRELOAD}
DECLARES = frozenset({"task", "classes", "inputs"})
EXTRA = "boosting"
RECOGNISED_BY = "JSON or UBJ whose first keys are XGBoost's learner and version"
GRADIENTS = False
SAVE = """model.save_model("model.ubj")            # a Booster, XGBClassifier or XGBRegressor
Old binary files: open with the version that wrote them and save again as .ubj"""

_UBJ = b"{L" + (7).to_bytes(8, "big") + b"learner{"
_UBJ_VERSION = b"{L" + (7).to_bytes(8, "big") + b"version["
_JSON = re.compile(rb'\s*\{\s*"(learner"\s*:\s*\{|version"\s*:\s*\[)')
_OWN_KEYS = (b"learner_model_param", b"gradient_booster", b"attributes", b"feature_names")
_Answers = Literal["probabilities", "logits", "values"]
_VALUES = ("reg:", "count:")


def recognises(path: Path) -> bool:
    """A file that begins as XGBoost writes it."""
    if not path.is_file():
        return False
    with path.open("rb") as handle:
        head = handle.read(4096)
    begins = head.startswith((_UBJ, _UBJ_VERSION)) or _JSON.match(head) is not None
    return begins and any(key in head for key in _OWN_KEYS)


def load(path: Path, declared: Declared = NOTHING) -> BoosterPredictor:
    """Opens it. Raises InputError for a broken file and for objectives without a score."""
    xgb = library("xgboost", EXTRA, NAME)
    what = str(path)
    try:
        # As bytes: given a path, XGBoost decides by the file's name how to read it.
        booster = xgb.Booster(model_file=bytearray(path.read_bytes()))
        booster.set_param({"nthread": 1, "verbosity": 0, "device": "cpu"})
        settings = json.loads(booster.save_config())["learner"]
    except (xgb.core.XGBoostError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise InputError(
            "{path} cannot be opened as XGBoost: {error}",
            remedy="save it again: model.save_model('model.ubj')",
            path=path,
            error=str(error).strip().splitlines()[0],
        ) from None
    n_classes, answers = _answers(settings, what)
    names, n = booster.feature_names, booster.num_features()
    by_place = xgboost_categories(booster) if names else {}
    categories = {names[i]: known for i, known in by_place.items()}
    columns = BoosterColumns(names, n, categories, declared, what)
    _require_categories(booster, columns, declared, what)
    attributes = booster.attributes()
    margin = answers == "logits"
    trees = _iterations(attributes)

    def ask(features: pd.DataFrame) -> np.ndarray:
        matrix = xgb.DMatrix(features, enable_categorical=True, nthread=1)
        found: np.ndarray = booster.predict(
            matrix,
            output_margin=margin,
            iteration_range=trees,
            validate_features=booster.feature_names is not None,
        )
        return found

    classes = classes_of(n_classes, declared, what)
    says = {"objective": settings["objective"]["name"]}
    return BoosterPredictor(NAME, what, ask, columns, classes, answers, says)


def _answers(settings: dict[str, Any], what: str) -> tuple[int, _Answers]:
    """Classes (0 in regression) and what ``predict`` gives."""
    objective = str(settings["objective"]["name"])
    n = int(settings["learner_model_param"].get("num_class", "0"))
    targets = int(settings["learner_model_param"].get("num_target", "1"))
    if targets > 1:
        raise InputError(
            "{what} has {targets} targets",
            remedy="save one model for each target",
            what=what,
            targets=targets,
        )
    if objective == "binary:logistic":
        return 2, "probabilities"
    if objective == "binary:logitraw":
        return 2, "logits"
    if objective in ("multi:softprob", "multi:softmax"):
        # Under softmax, predict gives labels alone; its margins are softprob's.
        return n, "probabilities" if objective == "multi:softprob" else "logits"
    if objective.startswith(_VALUES):
        return 0, "values"
    raise InputError(
        "{what} was trained with objective {objective!r}, which has neither class probabilities "
        "nor predicted values",
        remedy="audit its stored predictions: evenhand audit --predictions FILE",
        what=what,
        objective=objective,
    )


def _iterations(attributes: dict[str, str | None]) -> tuple[int, int]:
    """The trees that the saved object itself would use: scikit-learn's wrappers stop at the best
    iteration, a plain Booster uses all (0, 0)."""
    best = attributes.get("best_iteration")
    if "scikit_learn" not in attributes or best is None or not best.isdigit():
        return (0, 0)
    return (0, int(best) + 1)


def _require_categories(
    booster: Any, columns: BoosterColumns, declared: Declared, what: str
) -> None:
    kinds = booster.feature_types or ()
    for name, kind in zip(booster.feature_names or (), kinds, strict=False):
        if kind == "c" and not columns.has_categories(name):
            raise InputError(
                "{what}: feature {name!r} is categorical, but the file does not keep its "
                "categories",
                remedy="declare them in training order: {{column: {name}, categories: [...]}}",
                what=what,
                name=name,
            )
