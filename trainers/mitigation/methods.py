"""Fairlearn's mitigators, each fitted and its result written as numbers and safe model files."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.written.declared import Reading
from evenhand.audit.errors import InputError
from evenhand.trainers.folder.writing import FolderWriter
from evenhand.trainers.mitigation.description import (
    Constraint,
    GroupRule,
    NetworkDescription,
    Operation,
    PredictorPart,
    Removal,
)
from evenhand.trainers.mitigation.parts import Inputs, WeightedNetwork, sensitive_matrix

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Task:
    """What is mitigated. ``is_positive`` 0/1 of shape (rows,), ``groups`` texts (rows, features);
    rows in canonical order. ``predictor`` is the model in its worker, ``parts`` the same model in
    this process, where the method trains it again. ``options`` go to Fairlearn's constructor."""

    predictor: Any
    rows: pd.DataFrame
    is_positive: np.ndarray
    groups: np.ndarray
    target: str
    positive_label: str
    sensitive_features: tuple[str, ...]
    grouping: Reading
    parts: Any = None
    constraint: Constraint = "demographic-parity"
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def merged(self) -> np.ndarray:
        """One text a row that names its groups, whatever signs the names hold."""
        import numpy as np

        return np.array([json.dumps(list(row)) for row in self.groups], dtype=object)


@dataclass(frozen=True)
class FittedMitigation:
    """What a mitigator learnt; its parts are in the folder already."""

    randomises: bool
    needs_sensitive: bool
    rules: tuple[GroupRule, ...] = ()
    parts: tuple[PredictorPart, ...] = ()
    network: NetworkDescription | None = None
    removal: Removal | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def threshold(task: Task, writer: FolderWriter) -> FittedMitigation:
    """ThresholdOptimizer: thresholds by group on the model's own scores (Hardt et al. 2016)."""
    import numpy as np
    from fairlearn.postprocessing import ThresholdOptimizer

    position = task.predictor.classes.index(task.positive_label)
    scores = np.asarray(task.predictor.predict_proba(task.rows))[:, position]
    options = {"objective": "accuracy_score", "grid_size": 1000, **task.options}
    optimizer = ThresholdOptimizer(
        estimator=scores_as_they_are(),
        constraints=task.constraint.replace("-", "_"),
        prefit=True,
        predict_method="predict_proba",
        **options,
    )
    optimizer.fit(scores.reshape(-1, 1), task.is_positive, sensitive_features=task.merged)
    learnt = optimizer.interpolated_thresholder_.interpolation_dict
    rules = tuple(_rule(name, learnt[name]) for name in sorted(learnt))
    return FittedMitigation(
        randomises=any(rule.is_random for rule in rules),
        needs_sensitive=True,
        rules=rules,
        options=options,
    )


def scores_as_they_are() -> Any:
    """A fitted estimator for Fairlearn whose inputs (rows, 1) are the scores themselves."""
    import numpy as np
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Scores(ClassifierMixin, BaseEstimator):
        def __init__(self) -> None:
            self.classes_ = np.array([0, 1])

        def fit(self, X: Any, y: Any) -> Any:
            return self

        def predict_proba(self, X: Any) -> Any:
            return np.column_stack([1 - np.asarray(X)[:, 0], np.asarray(X)[:, 0]])

        def __sklearn_is_fitted__(self) -> bool:
            return True

    return Scores()


def _rule(name: str, learnt: Any) -> GroupRule:
    ignores = "p_ignore" in learnt
    return GroupRule(
        group=tuple(json.loads(name)),
        p0=float(learnt.p0),
        operation0=_operation(learnt.operation0),
        p1=float(learnt.p1),
        operation1=_operation(learnt.operation1),
        p_ignore=float(learnt.p_ignore) if ignores else None,
        prediction_constant=float(learnt.prediction_constant) if ignores else None,
    )


def _operation(learnt: Any) -> Operation:
    limit = float(learnt.threshold)
    if math.isinf(limit):
        return Operation(operator=learnt.operator, threshold="inf" if limit > 0 else "-inf")
    return Operation(operator=learnt.operator, threshold=limit)


def _moment(constraint: Constraint) -> Any:
    from fairlearn import reductions

    named = {
        "demographic-parity": reductions.DemographicParity,
        "equalized-odds": reductions.EqualizedOdds,
        "true-positive-rate-parity": reductions.TruePositiveRateParity,
        "false-positive-rate-parity": reductions.FalsePositiveRateParity,
        "error-rate-parity": reductions.ErrorRateParity,
    }
    return named[constraint]()


def exponentiated_gradient(task: Task, writer: FolderWriter) -> FittedMitigation:
    """ExponentiatedGradient: a random mixture of retrained models (Agarwal et al. 2018)."""
    from fairlearn.reductions import ExponentiatedGradient

    inputs, estimator = base_estimator(task)
    options = {"eps": 0.01, "max_iter": 50, **task.options}
    fitted = ExponentiatedGradient(estimator, constraints=_moment(task.constraint), **options)
    fitted.fit(inputs.matrix(task.rows), task.is_positive, sensitive_features=task.merged)
    weighted = [
        (float(fitted.weights_[t]), fitted.predictors_[t])
        for t in fitted.weights_.index
        if fitted.weights_[t] > 0
    ]
    written = _write_parts(writer, inputs, weighted, task)
    randomises = len(weighted) > 1
    return FittedMitigation(randomises, needs_sensitive=False, options=options, **written)


def grid_search(task: Task, writer: FolderWriter) -> FittedMitigation:
    """GridSearch: the best of many retrained models (Agarwal et al. 2018, section 3.4)."""
    from fairlearn.reductions import GridSearch

    inputs, estimator = base_estimator(task)
    options = {"grid_size": 30, **task.options}
    fitted = GridSearch(estimator, constraints=_moment(task.constraint), **options)
    fitted.fit(inputs.matrix(task.rows), task.is_positive, sensitive_features=task.merged)
    best = fitted.predictors_[fitted.best_idx_]
    written = _write_parts(writer, inputs, [(1.0, best)], task)
    return FittedMitigation(False, needs_sensitive=False, options=options, **written)


def correlation_remover(task: Task, writer: FolderWriter) -> FittedMitigation:
    """CorrelationRemover: inputs without linear correlation with the groups; the model retrained.

    It knows no constraint: the gap is measured, not bounded.
    """
    import numpy as np
    from fairlearn.preprocessing import CorrelationRemover

    inputs, estimator = base_estimator(task)
    levels = {
        feature: tuple(sorted(set(task.groups[:, i])))
        for i, feature in enumerate(task.sensitive_features)
    }
    sensitive = sensitive_matrix(task.rows, levels, task.sensitive_features, task.grouping)
    matrix = np.asarray(inputs.matrix(task.rows), dtype=float)
    joined = np.hstack([sensitive, matrix])
    options = {"alpha": 1.0, **task.options}
    remover = CorrelationRemover(sensitive_feature_ids=list(range(sensitive.shape[1])), **options)
    filtered = remover.fit_transform(joined)
    removal = Removal(
        alpha=float(options["alpha"]),
        levels=levels,
        mean=tuple(float(m) for m in remover.sensitive_mean_),
        beta=tuple(tuple(float(b) for b in row) for row in np.atleast_2d(remover.beta_)),
    )
    estimator.fit(filtered, task.is_positive)
    written = _write_parts(writer, inputs, [(1.0, estimator)], task)
    note = "the method knows no constraint of its own: the gap is measured, it was not bounded"
    return FittedMitigation(
        False, needs_sensitive=True, removal=removal, options=options, notes=(note,), **written
    )


def adversarial(task: Task, writer: FolderWriter) -> FittedMitigation:
    """AdversarialFairnessClassifier: a network that an adversary can't read the groups from.

    Zhang, Lemoine and Mitchell 2018. The predictor is an mlp of one hidden layer; it needs no
    groups when it predicts.
    """
    import numpy as np

    from evenhand.trainers.encoders.tabular import TabularEncoder
    from evenhand.trainers.mitigation.adversary import train_predictor

    encoder = getattr(task.parts.gradients, "encoder", None)
    if not isinstance(encoder, TabularEncoder):
        encoder = TabularEncoder.fit(task.rows, task.predictor.input_columns)
    inputs = Inputs(encoder.input_columns, encoder)
    module, parameters, options = train_predictor(
        np.asarray(inputs.matrix(task.rows), dtype=float),
        task.is_positive,
        task.merged,
        constraint=task.constraint.replace("-", "_"),
        seed=task.seed,
        options=task.options,
    )
    network = NetworkDescription(architecture="mlp", parameters=parameters)
    written = _write_parts(
        writer, inputs, [(1.0, WeightedNetwork(None, module))], task, network=network
    )
    return FittedMitigation(False, needs_sensitive=False, options=options, **written)


def base_estimator(task: Task) -> tuple[Inputs, Any]:
    """The model's inputs, and an unfitted model of its kind that takes row weights.

    Raises InputError for a model that can't be trained again from its folder.
    """
    from sklearn.base import clone
    from sklearn.pipeline import Pipeline
    from sklearn.utils.validation import has_fit_parameter

    from evenhand.trainers.encoders.tabular import TabularEncoder
    from evenhand.trainers.recipe.recipe import as_recipe

    predictor = task.predictor
    encoder = getattr(task.parts.gradients, "encoder", None)
    if encoder is not None:
        if not isinstance(encoder, TabularEncoder):
            raise InputError("only tabular networks are trained again", remedy="use threshold")
        given = {**predictor.maker_says["recipe"], "private": None}
        return Inputs(encoder.input_columns, encoder), WeightedNetwork(as_recipe(given))
    estimator = getattr(task.parts, "estimator", None)
    if estimator is None:
        raise InputError(
            "a {format} model can't be trained again",
            remedy="use --method threshold",
            format=predictor.format,
        )
    transformer = None
    if isinstance(estimator, Pipeline):
        transformer = estimator[:-1] if len(estimator.steps) > 1 else None
        estimator = estimator.steps[-1][1]
    if not has_fit_parameter(estimator, "sample_weight"):
        raise InputError(
            "{type} takes no row weights, which this method needs",
            remedy="use --method threshold",
            type=type(estimator).__name__,
        )
    return Inputs(predictor.input_columns, transformer=transformer), clone(estimator)


def _write_parts(
    writer: FolderWriter,
    inputs: Inputs,
    weighted: list[tuple[float, Any]],
    task: Task,
    network: NetworkDescription | None = None,
) -> dict[str, Any]:
    """Writes inputs and predictors; returns the fields of ``FittedMitigation`` that name them."""
    from safetensors.torch import save
    from skops.io import dumps

    if inputs.encoder is not None:
        writer.write_json("encoder.json", inputs.encoder.to_json())
    elif inputs.transformer is not None:
        writer.write("prepare.skops", dumps(inputs.transformer))
    parts = []
    for number, (weight, predictor) in enumerate(weighted):
        if isinstance(predictor, WeightedNetwork) and predictor.module is not None:
            file = f"weights-{number:02d}.safetensors"
            tensors = predictor.module.state_dict()
            writer.write(file, save({k: v.detach().contiguous() for k, v in tensors.items()}))
            network = network or _network(task)
        else:
            file = f"estimator-{number:02d}.skops"
            writer.write(file, dumps(predictor))
        parts.append(PredictorPart(file=file, weight=weight))
    return {"parts": tuple(parts), "network": network}


def _network(task: Task) -> NetworkDescription:
    says = task.predictor.maker_says
    return NetworkDescription(architecture=says["architecture"], parameters=says["parameters"])


@contextmanager
def known_warnings_silenced() -> Iterator[None]:
    """Fairlearn 0.15 uses pandas in ways that pandas 3 warns of: they go in pandas 4."""
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", getattr(pd.errors, "Pandas4Warning", PendingDeprecationWarning)
        )
        yield


METHODS: dict[str, Callable[[Task, FolderWriter], FittedMitigation]] = {
    "threshold": threshold,
    "exponentiated-gradient": exponentiated_gradient,
    "grid-search": grid_search,
    "correlation-remover": correlation_remover,
    "adversarial": adversarial,
}
