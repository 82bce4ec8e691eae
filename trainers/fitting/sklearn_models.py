"""scikit-learn's classifiers and regressors over raw table columns, saved with skops.

Preparation is part of the saved pipeline and made of scikit-learn's own parts alone, so that the
file opens anywhere without code of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from evenhand.audit.data.cells import is_number
from evenhand.audit.data.table import texts
from evenhand.trainers.data.labels import class_codes
from evenhand.trainers.data.prepared import Fitted, Prepared
from evenhand.trainers.encoders.tabular import MAX_CATEGORIES
from evenhand.trainers.examples import CurvePoint
from evenhand.trainers.fitting.measuring import measure_classes, measure_values
from evenhand.trainers.fitting.stopping import MEASURES
from evenhand.trainers.folder.writing import FolderWriter, write_estimator
from evenhand.trainers.recipe.recipe import Recipe
from evenhand.trainers.validate import Strict, checked

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from evenhand.trainers.fitting.loop import Progress
    from evenhand.trainers.model_description import ClassMetrics, ValueMetrics


class Logistic(Strict):
    """Parameters of LogisticRegression; ``C`` is the inverse strength of its l2 penalty."""

    C: float = Field(default=1.0, gt=0)
    max_iter: int = Field(default=2000, ge=1)


class GradientBoosting(Strict):
    """Parameters of HistGradientBoosting; small steps suit a table of 2,000 rows."""

    max_iter: int = Field(default=100, ge=1)
    learning_rate: float = Field(default=0.05, gt=0)
    max_leaf_nodes: int = Field(default=31, ge=2)
    min_samples_leaf: int = Field(default=20, ge=1)
    l2_regularization: float = Field(default=0.0, ge=0)


class RandomForest(Strict):
    """Parameters of RandomForest; leaves of five rows keep its scores from being 0 and 1."""

    n_estimators: int = Field(default=100, ge=1, le=10_000)
    max_depth: int | None = Field(default=None, ge=1)
    min_samples_leaf: int = Field(default=5, ge=1)


_PARAMETERS: dict[str, type[Strict]] = {
    "logistic": Logistic,
    "gradient-boosting": GradientBoosting,
    "random-forest": RandomForest,
}


def fit_estimator(
    prepared: Prepared, writer: FolderWriter, progress: Progress | None = None
) -> Fitted:
    """Fits the recipe's estimator; model.skops is in the folder then.

    Its curve is one point, with what validation rows say where there are some.
    """
    rows, inputs = prepared.frames, list(prepared.input_columns)
    if rows is None:
        raise ValueError("an estimator needs tables")
    frame = rows.train[inputs]
    pipeline = _pipeline(frame, prepared.recipe)
    weights = prepared.train.weights.double().numpy()
    pipeline.fit(frame, _answers(rows.train, prepared), model__sample_weight=weights)
    loss, measure = _loss_and_measure(pipeline, rows.train, prepared)
    if progress:
        progress(1, 1, loss, None, 0.0)
    write_estimator(writer, pipeline)
    point, notes = CurvePoint(1, loss), {}
    if rows.validation is not None:
        seen, seen_measure = _loss_and_measure(pipeline, rows.validation, prepared)
        point = CurvePoint(1, loss, None, measure, seen, seen_measure)
        notes = {"measure": MEASURES[prepared.task], "n_validation": len(rows.validation)}
    test = _test_metrics(pipeline, rows.test[inputs], prepared)
    return Fitted(test, (point,), notes, parameters=_parameters(prepared.recipe))


def _answers(frame: pd.DataFrame, prepared: Prepared) -> np.ndarray:
    """The target as the estimator learns it: amounts in their own unit, or labels as texts."""
    import numpy as np

    column = frame[prepared.target]
    if prepared.task == "regression":
        return column.to_numpy(dtype=float)
    return np.array(texts(column)[0], dtype=str)


def _test_metrics(
    pipeline: Any, frame: pd.DataFrame, prepared: Prepared
) -> ClassMetrics | ValueMetrics:
    truth = prepared.test.targets.numpy()
    if prepared.task == "regression":
        return measure_values(pipeline.predict(frame), truth)
    return measure_classes(pipeline.predict_proba(frame), truth)


def _loss_and_measure(
    pipeline: Any, frame: pd.DataFrame, prepared: Prepared
) -> tuple[float, float]:
    """Log loss and accuracy, or mean squared and root mean squared error, of a table's rows."""
    import numpy as np

    inputs = frame[list(prepared.input_columns)]
    if prepared.task == "regression":
        wrong = pipeline.predict(inputs) - _answers(frame, prepared)
        loss = float(np.mean(wrong**2))
        return loss, loss**0.5
    scores = pipeline.predict_proba(inputs)
    codes = class_codes(frame[prepared.target], prepared.classes)
    likelihood = np.clip(scores[np.arange(len(codes)), codes], 1e-15, 1)
    return float(-np.log(likelihood).mean()), float((scores.argmax(axis=1) == codes).mean())


def _pipeline(frame: pd.DataFrame, recipe: Recipe) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder

    codes = set(recipe.categorical)
    numeric = [c for c in frame.columns if is_number(frame[c]) and c not in codes]
    categorical = [c for c in frame.columns if c not in numeric]
    # Missing is a category of its own; categories beyond the cap, and unseen ones, share one.
    one_hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        max_categories=MAX_CATEGORIES + 1,
        sparse_output=False,
    )
    parts = [("numeric", _numeric_part(recipe), numeric), ("categorical", one_hot, categorical)]
    return Pipeline([("prepare", ColumnTransformer(parts)), ("model", _model(recipe))])


def _numeric_part(recipe: Recipe) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    if recipe.model == "gradient-boosting":
        return "passthrough"  # its trees take missing values as they are
    impute = SimpleImputer(strategy="mean", add_indicator=True, keep_empty_features=True)
    return Pipeline([("impute", impute), ("scale", StandardScaler())])


def _parameters(recipe: Recipe) -> dict[str, Any]:
    known = _PARAMETERS[recipe.model]
    return checked(known, recipe.architecture, f"architecture of {recipe.model}").model_dump()


def _model(recipe: Recipe) -> Any:
    from sklearn import ensemble
    from sklearn.linear_model import LogisticRegression

    if recipe.model == "logistic":
        # lbfgs finds the one optimum, so there is nothing to seed.
        return LogisticRegression(**_parameters(recipe))
    is_regression = recipe.task == "regression"
    if recipe.model == "random-forest":
        forest = (
            ensemble.RandomForestRegressor if is_regression else ensemble.RandomForestClassifier
        )
        return forest(**_parameters(recipe), random_state=recipe.seed, n_jobs=1)
    boosting = ensemble.HistGradientBoostingClassifier
    if is_regression:
        boosting = ensemble.HistGradientBoostingRegressor
    return boosting(**_parameters(recipe), early_stopping=False, random_state=recipe.seed)
