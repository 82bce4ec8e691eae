from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import check_estimator

from evenhand.audit.errors import InputError
from evenhand.trainers import MLPTabularClassifier, MLPTabularRegressor


@pytest.mark.parametrize("estimator", [MLPTabularClassifier, MLPTabularRegressor])
def test_scikit_learns_own_checks_pass(estimator: type) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)
        results = check_estimator(estimator(epochs=15), on_fail=None, on_skip=None)
    assert [r["check_name"] for r in results if r["status"] == "failed"] == []
    assert sum(r["status"] == "passed" for r in results) >= 50


def test_a_data_frame_with_texts_and_gaps(table: pd.DataFrame) -> None:
    X, y = table.drop(columns=["answer"]), table["answer"]
    model = MLPTabularClassifier(hidden=(8,), epochs=20).fit(X, y)
    assert list(model.classes_) == ["no", "yes"]
    assert list(model.feature_names_in_) == list(X.columns) and model.n_features_in_ == 5
    assert model.predict_proba(X).shape == (400, 2)
    assert (model.predict(X) == y).mean() > y.value_counts(normalize=True).max()
    assert model.epsilon_ is None
    assert cross_val_score(clone(model), X, y, cv=3).mean() > 0.6


def test_private_fitting_records_its_cost(table: pd.DataFrame) -> None:
    X, y = table[["income", "debts"]], table["answer"]
    model = MLPTabularClassifier(epsilon=2.0, delta=1e-4, epochs=3)
    first, second = clone(model).fit(X, y), clone(model).fit(X, y)
    assert 1.9 < first.epsilon_ <= 2.0 and first.delta_ == 1e-4 and first.noise_multiplier_ > 0
    assert not np.array_equal(first.predict_proba(X), second.predict_proba(X))


def test_nothing_works_before_fitting(table: pd.DataFrame) -> None:
    with pytest.raises(NotFittedError):
        MLPTabularClassifier().predict(table)


def test_wrong_parameters_are_named_when_fitting(table: pd.DataFrame) -> None:
    model = MLPTabularClassifier(activation="gelu")
    with pytest.raises(InputError, match="activation"):
        model.fit(table[["income"]], table["answer"])


def test_a_regressor_without_hidden_layers_is_least_squares() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = 1e6 + X @ [100.0, -50.0, 20.0] + rng.normal(size=200)
    model = MLPTabularRegressor(
        hidden=(), epochs=80, learning_rate=0.05, weight_decay=0.0, schedule="cosine"
    ).fit(X, y)
    oracle = LinearRegression().fit(X, y)
    # the noise is 1: the two answer alike to a twentieth of it, six digits after the first
    np.testing.assert_allclose(model.predict(X), oracle.predict(X), atol=0.05)
    assert model.score(X, y) > 0.999 and not hasattr(model, "classes_")
    assert model.get_params()["schedule"] == "cosine"


def test_private_regression_records_its_cost() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    model = MLPTabularRegressor(epsilon=4.0, delta=1e-4, epochs=3).fit(X, X.sum(axis=1))
    assert 3.9 < model.epsilon_ <= 4.0 and model.predict(X).shape == (300,)


def test_early_stopping_looks_at_a_share_of_the_rows(table: pd.DataFrame) -> None:
    X, y = table.drop(columns=["answer"]), table["answer"]
    wanted = {"validation_share": 0.25, "early_stopping": 2, "optimizer": "sgd", "momentum": 0.9}
    model = MLPTabularClassifier(epochs=200, nesterov=True, learning_rate=0.3, **wanted).fit(X, y)
    assert len(model.curve_) < 200
    assert all(point.validation_loss is not None for point in model.curve_)
    again = clone(model).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), again.predict_proba(X))
    steady = clone(model).set_params(nesterov=False).fit(X, y)
    assert not np.array_equal(model.predict_proba(X), steady.predict_proba(X))
    with pytest.raises(InputError, match="early_stopping of private training"):
        clone(model).set_params(epsilon=3.0).fit(X, y)


def test_both_have_the_same_parameters_but_for_class_weight() -> None:
    classifier, regressor = MLPTabularClassifier().get_params(), MLPTabularRegressor().get_params()
    assert classifier == {**regressor, "class_weight": None}
    assert MLPTabularClassifier((8, 4), epochs=3).hidden == (8, 4)
    assert repr(MLPTabularRegressor(epochs=3)) == "MLPTabularRegressor(epochs=3)"
