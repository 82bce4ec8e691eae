from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import check_estimator

from audit.errors import InputError
from trainers import MLPTabularClassifier


def test_scikit_learns_own_checks_pass() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)
        results = check_estimator(MLPTabularClassifier(epochs=15), on_fail=None, on_skip=None)
    assert [r["check_name"] for r in results if r["status"] == "failed"] == []
    assert sum(r["status"] == "passed" for r in results) > 50


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
