"""The parts of a mitigated model: inputs made of raw columns, and predictors over them.

A predictor of a part is anything with ``predict(matrix)`` -> 0 or 1 and, where it has one,
``predict_proba(matrix)`` -> (rows, 2), 1 and the second column meaning the positive label.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.grouping import group_names
from evenhand.audit.data.written.bins import bins_at
from evenhand.audit.data.written.declared import Reading
from evenhand.audit.errors import InputError
from evenhand.trainers.encoders.encoder import Encoder
from evenhand.trainers.mitigation.description import Removal

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch

    from evenhand.trainers.recipe.recipe import Recipe


@dataclass(frozen=True)
class Inputs:
    """Raw columns -> what predictors read: a network's encoder, a fitted scikit-learn transformer,
    or (both None) the columns as they are."""

    columns: tuple[str, ...]
    encoder: Encoder | None = None
    transformer: Any = None

    def matrix(self, frame: pd.DataFrame) -> Any:
        """Shape (rows, n_encoded); a data frame where nothing encodes."""
        if self.encoder is not None:
            return self.encoder.transform(frame)
        chosen = frame[list(self.columns)]
        return chosen if self.transformer is None else self.transformer.transform(chosen)


def group_texts(frame: pd.DataFrame, features: Sequence[str], grouping: Reading) -> np.ndarray:
    """Each row's groups as texts, missing ones as ``unknown``: object array (rows, features).

    ``grouping`` says which names are unknown too, and has the edges of bins.
    """
    import numpy as np

    columns = []
    for feature in features:
        if feature not in frame.columns:
            raise InputError(
                "sensitive feature {feature!r} is not in the data",
                remedy="this model decides by it: give the column, or use another mitigation",
                feature=feature,
            )
        edges = grouping.bins.get(feature)
        bins = bins_at(feature, edges) if isinstance(edges, tuple) else None
        names, _ = group_names(frame[feature], feature, grouping, frame.columns, bins)
        columns.append(names)
    return np.column_stack(columns).astype(object)


def sensitive_matrix(
    frame: pd.DataFrame,
    levels: Mapping[str, Sequence[str]],
    features: Sequence[str],
    grouping: Reading,
) -> np.ndarray:
    """0/1 columns for all but the first level of each feature, float64 of shape (rows, k).

    Raises InputError for a group that ``levels`` does not have.
    """
    import numpy as np

    groups = group_texts(frame, features, grouping)
    columns = []
    for position, feature in enumerate(features):
        known = list(levels[feature])
        require_known(set(groups[:, position]), known, feature)
        columns += [(groups[:, position] == level).astype(float) for level in known[1:]]
    return np.column_stack(columns) if columns else np.zeros((len(frame), 0))


def require_known(found: set[str], known: Sequence[str], feature: str) -> None:
    """Raises InputError for groups that the mitigation never saw: no rule was learnt for them."""
    unseen = sorted(found - set(known))
    if unseen:
        raise InputError(
            "{feature}: the mitigation never saw the group {unseen!r} and has no rule for it",
            remedy="mitigate again with rows of that group, or leave such rows out and say so "
            "(known: {known})",
            feature=feature,
            unseen=unseen[0],
            known=", ".join(sorted(known)[:10]),
        )


def without_correlation(matrix: Any, sensitive: np.ndarray, removal: Removal) -> np.ndarray:
    """Fairlearn's CorrelationRemover.transform from its numbers; float64 (rows, n_encoded)."""
    import numpy as np

    plain = np.asarray(matrix, dtype=float)
    beta = np.array(removal.beta, dtype=float).reshape(len(removal.mean), -1)
    if beta.size and beta.shape[1] != plain.shape[1]:
        raise InputError(
            "the removal is for {beta_shape} inputs, there are {plain_shape}",
            remedy="restore the folder from a copy, or mitigate again",
            beta_shape=beta.shape[1],
            plain_shape=plain.shape[1],
        )
    filtered = plain - (sensitive - np.array(removal.mean)).dot(beta)
    result: np.ndarray = removal.alpha * filtered + (1 - removal.alpha) * plain
    return result


class WeightedNetwork:
    """A network of the recipe's architecture that Fairlearn's reductions can fit again and again.

    ``fit`` takes float32 inputs (rows, n_encoded), labels 0 or 1 and row weights; training is
    plain: weights of rows and noise by row are not joined here.
    """

    def __init__(self, recipe: Recipe | None, module: torch.nn.Module | None = None) -> None:
        self.recipe = recipe
        self.module = module

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> WeightedNetwork:
        """Trains anew from the recipe's seed."""
        import numpy as np
        import torch

        from evenhand.trainers.examples import Examples
        from evenhand.trainers.fitting.networks import train_network

        if self.recipe is None:
            raise ValueError("a network that was opened is not trained again")
        weights = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, float)
        weights = weights / weights.mean()  # keeps the learning rate meaning what it means
        examples = Examples(
            torch.from_numpy(np.asarray(X, dtype=np.float32)),
            torch.from_numpy(np.asarray(y).astype("int64")),
            torch.from_numpy(weights).float(),
        )
        self.module = train_network(self.recipe, examples, 2).module
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Shape (rows, 2), float64."""
        import numpy as np

        from evenhand.trainers.folder.predictors import network_scores

        if self.module is None:
            raise ValueError("not trained")
        return network_scores(self.module, np.asarray(X, dtype=np.float32))

    def predict(self, X: Any) -> np.ndarray:
        """0 or 1 for each row."""
        chosen: np.ndarray = (self.predict_proba(X)[:, 1] > 0.5).astype("int64")
        return chosen

    def __deepcopy__(self, memo: Any) -> WeightedNetwork:
        return WeightedNetwork(self.recipe, copy.deepcopy(self.module, memo))


def positive_share(predictor: Any, matrix: Any) -> np.ndarray:
    """The predictor's probability of the positive label (its 0/1 answer where it has none)."""
    import numpy as np

    if not hasattr(predictor, "predict_proba"):
        return np.asarray(predictor.predict(matrix), dtype=float)
    scores = np.asarray(predictor.predict_proba(matrix), dtype=float)
    # A constant predictor (Fairlearn's stand-in where all labels agree) knows one class alone.
    known = [int(c) for c in getattr(predictor, "classes_", (0, 1))]
    return scores[:, known.index(1)] if 1 in known else np.zeros(len(scores))


def read_part(file: Path, network: torch.nn.Module | None) -> Any:
    """A predictor from its file; ``network`` is the module (on the meta device) to fill."""
    from evenhand.audit.models.formats.skops import open_estimator
    from evenhand.trainers.folder.reading import load_weights

    if network is None:
        estimator = open_estimator(file)
        if not hasattr(estimator, "predict"):
            raise InputError("{file} holds no predictor", remedy="mitigate again", file=file)
        return estimator
    load_weights(network, file)
    return WeightedNetwork(None, network.eval())
