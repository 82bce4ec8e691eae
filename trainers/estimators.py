"""The scikit-learn face of the trainers: for tabular data, in memory, plain or private.

This module needs scikit-learn when it is imported, since an estimator must inherit from it;
``trainers.MLPTabularClassifier`` imports it when first asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import assert_all_finite, check_consistent_length, column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from trainers.encoders import TabularEncoder
from trainers.recipe import Recipe, as_recipe

if TYPE_CHECKING:
    import pandas as pd


class MLPTabularClassifier(ClassifierMixin, BaseEstimator):
    """A multi-layer perceptron over a data frame or array, with private training on request.

    Parameters
    ----------
    hidden, activation, dropout     The network; hidden=() is a logistic regression.
    optimizer, learning_rate, epochs, batch_size, weight_decay
                                    How it is trained; None takes a recipe's default, which is
                                    another one in private training.
    class_weight                    "balanced", a mapping from label to weight, or None.
    categorical                     Numeric columns whose numbers are codes.
    random_state                    Seed of initial weights, dropout and plain batches. Noise and
                                    private sampling never depend on it.
    epsilon, delta, max_grad_norm, noise_multiplier
                                    Private training where epsilon or noise_multiplier is given.

    Attributes
    ----------
    classes_, n_features_in_, feature_names_in_ (data frames)    As in scikit-learn.
    module_, encoder_, curve_       The torch network, the encoder, the learning curve.
    epsilon_, epsilon_rdp_, delta_, noise_multiplier_
                                    What private training cost (None in plain training), for one
                                    row more or less. There is no ledger: nothing outlives the
                                    object. The encoder's statistics are outside the guarantee.
    """

    def __init__(
        self,
        hidden: Sequence[int] = (32,),
        *,
        activation: str = "tanh",
        dropout: float = 0.0,
        optimizer: str | None = None,
        learning_rate: float | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        weight_decay: float | None = None,
        class_weight: str | Mapping[Any, float] | None = None,
        categorical: Sequence[str] = (),
        random_state: int = 0,
        epsilon: float | None = None,
        delta: float | None = None,
        max_grad_norm: float = 1.0,
        noise_multiplier: float | None = None,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.dropout = dropout
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.class_weight = class_weight
        self.categorical = categorical
        self.random_state = random_state
        self.epsilon = epsilon
        self.delta = delta
        self.max_grad_norm = max_grad_norm
        self.noise_multiplier = noise_multiplier

    def fit(self, X: Any, y: Any) -> MLPTabularClassifier:
        """Trains on X (rows, columns), a data frame or a numeric array, and labels y (rows,).

        Raises ValueError for arrays that scikit-learn refuses and for a single class, InputError
        for cells and parameters that trainers refuse.
        """
        import torch

        from trainers.fit import Examples
        from trainers.networks import train_network

        frame = self._frame(X, reset=True)
        labels = _labels(y, frame)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("Classifier can't train when only one class is present.")
        self.encoder_ = TabularEncoder.fit(frame, frame.columns, categorical=self.categorical)
        weights = compute_class_weight(self.class_weight, classes=self.classes_, y=labels)[codes]
        examples = Examples(
            inputs=torch.from_numpy(self.encoder_.transform(frame)),
            targets=torch.from_numpy(codes.astype("int64")),
            # A mean of 1 keeps the learning rate and the clipping norm meaning what they mean.
            weights=torch.from_numpy(weights / weights.mean()).float(),
        )
        trained = train_network(self._recipe(), examples, len(self.classes_))
        self.module_, self.curve_, plan = trained.module, trained.curve, trained.plan
        self.epsilon_ = trained.cost.epsilon if trained.cost else None
        self.epsilon_rdp_ = trained.cost.epsilon_rdp if trained.cost else None
        self.delta_ = plan.delta if plan else None
        self.noise_multiplier_ = plan.noise_multiplier if plan else None
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Scores of shape (rows, n_classes), rows summing to 1, columns as in ``classes_``."""
        from trainers.model_folder import network_scores

        check_is_fitted(self)
        return network_scores(self.module_, self.encoder_.transform(self._frame(X, reset=False)))

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest label of each row, shape (rows,)."""
        scores = self.predict_proba(X)
        predicted: np.ndarray = self.classes_[scores.argmax(axis=1)]
        return predicted

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.non_deterministic = self.epsilon is not None or self.noise_multiplier is not None
        return tags

    def _recipe(self) -> Recipe:
        private = None
        if self.epsilon is not None or self.noise_multiplier is not None:
            private = {
                "epsilon": self.epsilon,
                "delta": self.delta,
                "max_grad_norm": self.max_grad_norm,
                "noise_multiplier": self.noise_multiplier,
            }
        names = ("optimizer", "learning_rate", "epochs", "batch_size", "weight_decay")
        return as_recipe(
            {
                "data": "(in memory)",
                "architecture": {
                    "hidden": list(self.hidden),
                    "activation": self.activation,
                    "dropout": self.dropout,
                },
                "seed": self.random_state,
                "private": private,
                **{name: getattr(self, name) for name in names},
            }
        )

    def _frame(self, X: Any, *, reset: bool) -> pd.DataFrame:
        import pandas as pd

        if isinstance(X, pd.DataFrame):
            validate_data(self, X, reset=reset, skip_check_array=True)
            return X.reset_index(drop=True).set_axis([str(c) for c in X.columns], axis=1)
        array = validate_data(self, X, reset=reset, dtype="numeric", ensure_all_finite="allow-nan")
        return pd.DataFrame(array, columns=[f"x{i}" for i in range(array.shape[1])])


def _labels(y: Any, frame: pd.DataFrame) -> np.ndarray:
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None")
    labels: np.ndarray = column_or_1d(y, warn=True)
    assert_all_finite(labels, input_name="y")
    check_classification_targets(labels)
    check_consistent_length(frame, labels)
    return labels
