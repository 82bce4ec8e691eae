"""The scikit-learn face of the trainers: for tabular data, in memory, plain or private.

This module needs scikit-learn when it is imported, since an estimator must inherit from it;
``trainers.MLPTabularClassifier`` and ``MLPTabularRegressor`` import it when first asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import assert_all_finite, check_consistent_length, column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from evenhand.audit.files.canonical import digest_json
from evenhand.trainers.encoders.tabular import TabularEncoder
from evenhand.trainers.model_description import scale_of
from evenhand.trainers.recipe.recipe import DESCENT, Recipe, as_recipe

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from evenhand.trainers.examples import Examples


@dataclass(eq=False, repr=False)
class _TabularNetwork(BaseEstimator):
    """What classifier and regressor share: parameters, data frames in, a network trained, its cost
    kept. A data class writes the ``__init__`` that scikit-learn reads parameters from."""

    hidden: Sequence[int] = (32,)
    _: KW_ONLY
    activation: str = "tanh"
    dropout: float = 0.0
    optimizer: str | None = None
    learning_rate: float | None = None
    momentum: float | None = None
    nesterov: bool | None = None
    schedule: str | Mapping[str, Any] | None = None
    epochs: int | None = None
    batch_size: int | None = None
    weight_decay: float | None = None
    l1: float | None = None
    validation_share: float = 0.0
    early_stopping: int | Mapping[str, Any] | None = None
    categorical: Sequence[str] = ()
    random_state: int = 0
    epsilon: float | None = None
    delta: float | None = None
    max_grad_norm: float = 1.0
    noise_multiplier: float | None = None

    def _fit(self, frame: pd.DataFrame, y: np.ndarray, n_outputs: int, examples: Examples) -> None:
        """Trains; ``y`` (rows,) are the answers as given, by which the store knows the rows."""
        from evenhand.trainers.data.rows import frame_rows
        from evenhand.trainers.fitting.networks import train_network
        from evenhand.trainers.fitting.session import TrainingSession

        recipe = self._recipe()
        scale = getattr(self, "target_scale_", None)
        train, validation = self._parts(len(examples), examples.targets, recipe)
        known = frame.assign(**{" target": y}).iloc[train]
        session = TrainingSession(
            rows=lambda: frame_rows(known),
            dataset_digest=digest_json([str(c) for c in frame.columns]),
            outside=("the encoder's means, deviations and categories", self._also_outside()),
        )
        trained = train_network(
            recipe,
            examples.some(train),
            n_outputs,
            session=session,
            validation=None if validation is None else examples.some(validation),
            unit=scale.scale if scale else 1.0,
        )
        if trained.plan is not None:
            # No weights are stored, so there is no digest of them.
            session.close(trained.plan, trained.executed_steps, "", trained.n_not_finite)
        self.module_, self.curve_, plan = trained.module, trained.curve, trained.plan
        self.epsilon_ = trained.spending.epsilon if trained.spending else None
        self.epsilon_rdp_ = trained.spending.epsilon_rdp if trained.spending else None
        self.delta_ = plan.delta if plan else None
        self.noise_multiplier_ = plan.noise_multiplier if plan else None
        together = session.privacy().composition if plan else None
        self.composition_ = None if together is None else together.to_json()

    def _parts(
        self, n: int, targets: torch.Tensor, recipe: Recipe
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Positions of the rows to train on and to validate on, each class alike."""
        if not recipe.validation_share:
            return np.arange(n), None
        train, validation = train_test_split(
            np.arange(n),
            test_size=recipe.validation_share,
            random_state=recipe.seed,
            stratify=None if isinstance(self, RegressorMixin) else targets.numpy(),
        )
        return np.sort(train), np.sort(validation)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.non_deterministic = self.epsilon is not None or self.noise_multiplier is not None
        return tags

    def _also_outside(self) -> str:
        raise NotImplementedError

    def _recipe(self) -> Recipe:
        private = None
        if self.epsilon is not None or self.noise_multiplier is not None:
            private = {
                "epsilon": self.epsilon,
                "delta": self.delta,
                "max_grad_norm": self.max_grad_norm,
                "noise_multiplier": self.noise_multiplier,
            }
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
                **{name: getattr(self, name) for name in _DIALS},
            }
        )

    def _encode(self, X: Any) -> torch.Tensor:
        import torch

        check_is_fitted(self)
        return torch.from_numpy(self.encoder_.transform(self._frame(X, reset=False)))

    def _frame(self, X: Any, *, reset: bool) -> pd.DataFrame:
        import pandas as pd

        if isinstance(X, pd.DataFrame):
            validate_data(self, X, reset=reset, skip_check_array=True)
            return X.reset_index(drop=True).set_axis([str(c) for c in X.columns], axis=1)
        array = validate_data(self, X, reset=reset, dtype="numeric", ensure_all_finite="allow-nan")
        return pd.DataFrame(array, columns=[f"x{i}" for i in range(array.shape[1])])


@dataclass(eq=False, repr=False)
class MLPTabularClassifier(ClassifierMixin, _TabularNetwork):
    """A multi-layer perceptron over a data frame or array, with private training on request.

    Parameters
    ----------
    hidden, activation, dropout     The network; hidden=() is a logistic regression.
    optimizer, learning_rate, momentum, nesterov, schedule, epochs, batch_size, weight_decay, l1
                                    How it is trained, as in a recipe; None takes a recipe's
                                    default, which is another one in private training.
    validation_share, early_stopping
                                    A share of the rows to look at after each epoch (drawn by
                                    random_state), and the epochs without improvement after which
                                    to stop; plain training alone.
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
                                    row more or less. The encoder's statistics are outside the
                                    guarantee.
    composition_                    What all private runs on these rows cost together, as the
                                    ledger store of EVENHAND_HOME knows them: a search over
                                    settings is so many runs.
    """

    class_weight: str | Mapping[Any, float] | None = field(default=None, kw_only=True)

    def fit(self, X: Any, y: Any) -> MLPTabularClassifier:
        """Trains on X (rows, columns), a data frame or a numeric array, and labels y (rows,).

        Raises ValueError for arrays that scikit-learn refuses and for a single class, InputError
        for cells and parameters that trainers refuse.
        """
        import torch

        from evenhand.trainers.examples import Examples

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
        self._fit(frame, labels, len(self.classes_), examples)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Scores of shape (rows, n_classes), rows summing to 1, columns as in ``classes_``."""
        from evenhand.trainers.folder.outputs import network_outputs

        inputs = self._encode(X)
        scores: np.ndarray = network_outputs(self.module_, inputs).softmax(dim=1).numpy()
        return scores

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest label of each row, shape (rows,)."""
        scores = self.predict_proba(X)
        predicted: np.ndarray = self.classes_[scores.argmax(axis=1)]
        return predicted

    def _also_outside(self) -> str:
        return "the list of classes"


@dataclass(eq=False, repr=False)
class MLPTabularRegressor(RegressorMixin, _TabularNetwork):
    """A multi-layer perceptron for amounts, trained on squared errors of the standardised target.

    Parameters and attributes are those of ``MLPTabularClassifier``, but for ``class_weight`` and
    ``classes_``; hidden=() is a linear regression. ``target_scale_`` is the target's mean and
    standard deviation, which a private run's guarantee does not cover.
    """

    def fit(self, X: Any, y: Any) -> MLPTabularRegressor:
        """Trains on X (rows, columns), a data frame or a numeric array, and amounts y (rows,).

        Raises ValueError for arrays that scikit-learn refuses, InputError for cells and parameters
        that trainers refuse.
        """
        import torch

        from evenhand.trainers.examples import Examples

        frame = self._frame(X, reset=True)
        values = _amounts(y, frame)
        self.target_scale_ = scale_of(values)
        self.encoder_ = TabularEncoder.fit(frame, frame.columns, categorical=self.categorical)
        standardised = (values - self.target_scale_.mean) / self.target_scale_.scale
        examples = Examples(
            inputs=torch.from_numpy(self.encoder_.transform(frame)),
            targets=torch.from_numpy(standardised).float(),
            weights=torch.ones(len(values)),
            task="regression",
        )
        self._fit(frame, values, 1, examples)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Amounts in the target's unit, float64 of shape (rows,)."""
        from evenhand.trainers.folder.outputs import network_outputs
        from evenhand.trainers.folder.reading import in_units

        inputs = self._encode(X)
        module = in_units(self.module_, self.target_scale_)
        values: np.ndarray = network_outputs(module, inputs).squeeze(1).numpy()
        return values

    def _also_outside(self) -> str:
        return "mean and standard deviation of the target"


_DIALS = (*DESCENT, "validation_share", "early_stopping")


def _amounts(y: Any, frame: pd.DataFrame) -> np.ndarray:
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None")
    values: np.ndarray = column_or_1d(y, warn=True, dtype=np.float64)
    assert_all_finite(values, input_name="y")
    check_consistent_length(frame, values)
    return values


def _labels(y: Any, frame: pd.DataFrame) -> np.ndarray:
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None")
    labels: np.ndarray = column_or_1d(y, warn=True)
    assert_all_finite(labels, input_name="y")
    check_classification_targets(labels)
    check_consistent_length(frame, labels)
    return labels
