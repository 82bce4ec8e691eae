"""Real XGBoost and LightGBM files; see ``makers``."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.audit.models.formats import makers as mk
from tests.audit.models.formats.makers import LABELS, NAMED, NUMBERS, RISKS, Made, maker


def _xgboost(folder: Path, model: Any, target: Any, name: str) -> tuple[Path, pd.DataFrame]:
    frame = mk.rows()
    frame.loc[3:9, "age"] = np.nan
    model.fit(frame[list(NUMBERS)], target(frame))
    model.save_model(folder / name)
    return folder / name, frame


def _codes(column: str) -> Callable[[pd.DataFrame], np.ndarray]:
    return lambda frame: np.unique(frame[column], return_inverse=True)[1]


@maker
def xgboost_json_with_missing_cells(folder: Path) -> Made:
    from xgboost import XGBClassifier

    model = XGBClassifier(n_estimators=4, max_depth=2)
    path, frame = _xgboost(folder, model, _codes("approved"), "model.json")
    scores = model.predict_proba(frame[list(NUMBERS)])
    return Made(path, frame, scores, "xgboost", {"classes": list(LABELS)}, tolerance=1e-7)


@maker
def xgboost_ubj_of_three_classes(folder: Path) -> Made:
    from xgboost import XGBClassifier

    model = XGBClassifier(n_estimators=4, max_depth=2)
    path, frame = _xgboost(folder, model, _codes("risk"), "model.ubj")
    scores = model.predict_proba(frame[list(NUMBERS)])
    return Made(path, frame, scores, "xgboost", {}, ("0", "1", "2"), tolerance=1e-7)


@maker
def xgboost_regression(folder: Path) -> Made:
    from xgboost import XGBRegressor

    model = XGBRegressor(n_estimators=4, max_depth=2)
    path, frame = _xgboost(folder, model, lambda f: f["amount"], "model.ubj")
    return Made(path, frame, model.predict(frame[list(NUMBERS)]), "xgboost", classes=())


@maker
def xgboost_stopped_early(folder: Path) -> Made:
    from xgboost import XGBClassifier

    frame = mk.rows()
    held = mk.rows(seed=5)
    model = XGBClassifier(n_estimators=200, early_stopping_rounds=2, learning_rate=1.0)
    model.fit(
        frame[list(NUMBERS)],
        _codes("approved")(frame),
        eval_set=[(held[list(NUMBERS)], _codes("approved")(held))],
        verbose=False,
    )
    assert model.best_iteration < 150  # it did stop
    model.save_model(folder / "model.ubj")
    scores = model.predict_proba(frame[list(NUMBERS)])
    declared = {"classes": list(LABELS)}
    return Made(folder / "model.ubj", frame, scores, "xgboost", declared, tolerance=1e-7)


@maker
def xgboost_booster_without_names(folder: Path) -> Made:
    import xgboost

    frame = mk.rows()
    array = frame[list(NUMBERS)].to_numpy()
    matrix = xgboost.DMatrix(array, label=_codes("risk")(frame))
    booster = xgboost.train({"objective": "multi:softmax", "num_class": 3}, matrix, 3)
    booster.save_model(folder / "model.json")
    scores = mk.softmax(booster.predict(matrix, output_margin=True).astype(float))
    declared = {**NAMED, "classes": list(RISKS)}
    return Made(folder / "model.json", frame, scores, "xgboost", declared, RISKS, tolerance=1e-7)


def _with_category(frame: pd.DataFrame) -> pd.DataFrame:
    made = frame[[*NUMBERS, "job"]].copy()
    made["job"] = pd.Categorical(made["job"], categories=["nurse", "clerk", "driver"])
    return made


@maker
def xgboost_categories(folder: Path) -> Made:
    from xgboost import XGBClassifier

    frame = mk.rows()
    model = XGBClassifier(n_estimators=4, enable_categorical=True, max_cat_to_onehot=1)
    model.fit(_with_category(frame), _codes("approved")(frame))
    model.save_model(folder / "model.ubj")
    scores = model.predict_proba(_with_category(frame))
    return Made(folder / "model.ubj", frame, scores, "xgboost", {}, ("0", "1"), tolerance=1e-7)


def _lightgbm(model: Any, inputs: Any, target: Any, path: Path) -> Path:
    model.fit(inputs, target)
    model.booster_.save_model(path)
    return path


LIGHT = {"n_estimators": 4, "min_child_samples": 5, "verbose": -1, "n_jobs": 1}


@maker
def lightgbm_binary_with_missing_cells(folder: Path) -> Made:
    from lightgbm import LGBMClassifier

    frame = mk.rows()
    frame.loc[3:9, "age"] = np.nan
    model = LGBMClassifier(**LIGHT)
    path = _lightgbm(model, frame[list(NUMBERS)], frame["approved"], folder / "model.txt")
    scores = model.predict_proba(frame[list(NUMBERS)])
    declared = {"classes": list(LABELS)}
    return Made(path, frame, scores, "lightgbm", declared, tolerance=1e-12)


@maker
def lightgbm_three_classes(folder: Path) -> Made:
    from lightgbm import LGBMClassifier

    frame, model = mk.rows(), LGBMClassifier(**LIGHT)
    path = _lightgbm(model, frame[list(NUMBERS)], frame["risk"], folder / "model.txt")
    scores = model.predict_proba(frame[list(NUMBERS)])
    return Made(path, frame, scores, "lightgbm", {}, ("0", "1", "2"), tolerance=1e-12)


@maker
def lightgbm_one_against_all(folder: Path) -> Made:
    from lightgbm import LGBMClassifier

    frame, model = mk.rows(), LGBMClassifier(objective="multiclassova", **LIGHT)
    path = _lightgbm(model, frame[list(NUMBERS)], frame["risk"], folder / "model.txt")
    raw = np.asarray(model.predict_proba(frame[list(NUMBERS)]))
    scores = raw / raw.sum(axis=1, keepdims=True)
    declared = {"classes": list(RISKS)}
    return Made(path, frame, scores, "lightgbm", declared, RISKS, tolerance=1e-12)


@maker
def lightgbm_regression(folder: Path) -> Made:
    from lightgbm import LGBMRegressor

    frame, model = mk.rows(), LGBMRegressor(**LIGHT)
    path = _lightgbm(model, frame[list(NUMBERS)], frame["amount"], folder / "model.txt")
    scores = model.predict(frame[list(NUMBERS)])
    return Made(path, frame, scores, "lightgbm", {}, (), tolerance=1e-12)


@maker
def lightgbm_categories(folder: Path) -> Made:
    from lightgbm import LGBMClassifier

    frame = mk.rows()
    model = LGBMClassifier(min_data_per_group=1, cat_smooth=1, max_cat_to_onehot=1, **LIGHT)
    path = _lightgbm(model, _with_category(frame), frame["approved"], folder / "model.txt")
    scores = model.predict_proba(_with_category(frame))
    declared = {"classes": list(LABELS)}
    return Made(path, frame, scores, "lightgbm", declared, tolerance=1e-12)


@maker
def lightgbm_without_names(folder: Path) -> Made:
    from lightgbm import LGBMClassifier

    frame, model = mk.rows(), LGBMClassifier(**LIGHT)
    array = frame[list(NUMBERS)].to_numpy()
    path = _lightgbm(model, array, frame["approved"], folder / "model.txt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = model.predict_proba(array)
    declared = {**NAMED, "classes": list(LABELS)}
    return Made(path, frame, scores, "lightgbm", declared, tolerance=1e-12)
