"""scikit-learn classifiers over raw table columns, saved with skops.

Preparation is part of the saved pipeline and made of scikit-learn's own parts alone, so that the
file opens anywhere without code of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from audit.data import texts
from trainers.encoders import MAX_CATEGORIES, is_numeric
from trainers.folder_writer import FolderWriter, write_estimator
from trainers.recipe import Recipe
from trainers.tabular import Fitted, Task, class_weights
from trainers.validate import Strict, checked

if TYPE_CHECKING:
    import pandas as pd

    from trainers.fit import Progress


class Logistic(Strict):
    """Parameters of LogisticRegression; ``C`` is the inverse strength of its l2 penalty."""

    C: float = Field(default=1.0, gt=0)
    max_iter: int = Field(default=2000, ge=1)


class GradientBoosting(Strict):
    """Parameters of HistGradientBoostingClassifier; small steps suit a table of 2,000 rows."""

    max_iter: int = Field(default=100, ge=1)
    learning_rate: float = Field(default=0.05, gt=0)
    max_leaf_nodes: int = Field(default=31, ge=2)
    min_samples_leaf: int = Field(default=20, ge=1)
    l2_regularization: float = Field(default=0.0, ge=0)


def fit_estimator(task: Task, writer: FolderWriter, progress: Progress | None) -> Fitted:
    """Fits the recipe's estimator; model.skops is in the folder then."""
    import numpy as np

    frame = task.rows.train[list(task.inputs)]
    labels, _ = texts(task.rows.train[task.target])
    pipeline = _pipeline(frame, task.recipe)
    weights = class_weights(task)[task.codes(task.rows.train)]
    pipeline.fit(frame, np.array(labels, dtype=str), model__sample_weight=weights)
    if progress:
        loss = _log_loss(pipeline.predict_proba(frame), task.codes(task.rows.train))
        progress(1, 1, loss, None)
    write_estimator(writer, pipeline)
    scores = pipeline.predict_proba(task.rows.test[list(task.inputs)])
    return Fitted(scores, parameters=_parameters(task.recipe))


def _pipeline(frame: pd.DataFrame, recipe: Recipe) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder

    codes = set(recipe.categorical)
    numeric = [c for c in frame.columns if is_numeric(frame[c]) and c not in codes]
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
    known = Logistic if recipe.model == "logistic" else GradientBoosting
    return checked(known, recipe.architecture, f"architecture of {recipe.model}").model_dump()


def _model(recipe: Recipe) -> Any:
    if recipe.model == "logistic":
        from sklearn.linear_model import LogisticRegression

        # lbfgs finds the one optimum, so there is nothing to seed.
        return LogisticRegression(**_parameters(recipe))
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        **_parameters(recipe), early_stopping=False, random_state=recipe.seed
    )


def _log_loss(scores: Any, codes: Any) -> float:
    import numpy as np

    return float(-np.log(np.clip(scores[np.arange(len(codes)), codes], 1e-15, 1)).mean())
