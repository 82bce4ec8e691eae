"""What every opened model offers, whatever its format: the contract that formats fulfil.

A format is a module (or any object) with

    NAME: str                                   "skops"
    TRUST: str                                  "data", "native", "code" or "pickle": what opening
                                                it amounts to (see
                                                ``evenhand.audit.worker.isolation.levels``)
    ABOUT: str                                  one line for people
    def recognises(path: Path) -> bool          by content, never by name
    def load(path: Path) -> Predictor           raises InputError or UnsafeModelError

and, where they are of use,

    PRELOAD: tuple[str, ...]                    modules that load and scoring need, imported once
    BESIDE: Mapping[str, tuple[str, ...]]       pattern of a file's name -> modules that are wanted
                                                where such a file lies; a guess, imported early
    DECLARES: frozenset[str]                    see ``evenhand.audit.models.declared``: load(path,
    declared) def trust(path: Path) -> str                where TRUST depends on the file
    def known_here(path, says) -> Mapping       run in the audit's own process after the worker has
                                                opened the model: what this machine knows besides

``recognises``, ``trust`` and ``load`` run in a worker, which reads the model and the installed
libraries, writes its working folder and reaches nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


Task = Literal["binary", "multiclass", "regression", "generation"]


@runtime_checkable
class Gradients(Protocol):
    """Access for gradient methods: a torch module over encoded inputs.

    ``module`` maps a float tensor of shape (rows, n_encoded) to logits (rows, n_classes);
    ``encode`` makes that tensor's array from raw columns; ``encoded_columns[j]`` is the raw column
    that encoded position j came from; ``baseline`` (n_encoded,) is the reference input, described
    by ``baseline_name``.
    """

    module: Any
    encoded_columns: tuple[str, ...]
    baseline: np.ndarray
    baseline_name: str

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        """Raw columns, shape (rows, n_columns), to float32 of shape (rows, n_encoded)."""
        ...


class Predictor(Protocol):
    """A model opened for scoring.

    ``task`` says which of the methods answers: classifiers (binary, multiclass) have
    ``predict_proba``, regression has ``predict_values``, generation ``token_log_likelihood``.
    ``classes`` are the label texts in the order of the score columns, () where there are none;
    ``input_columns`` the raw columns that it reads; ``maker_says`` what its folder states (target,
    positive label, training data digest, privacy record ...): claims, not measurements.
    ``gradients`` is None where the model has none.
    """

    format: str
    task: Task
    classes: tuple[str, ...]
    input_columns: tuple[str, ...]
    maker_says: Mapping[str, Any]
    gradients: Gradients | None

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        """Scores of shape (rows, n_classes), each in [0, 1], rows summing to 1."""
        ...

    def predict_values(self, frame: pd.DataFrame) -> np.ndarray:
        """Predicted values of shape (rows,), in the unit of the target."""
        ...

    def token_log_likelihood(
        self, frame: pd.DataFrame
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each text: log-likelihood (nat, at most 0), scored tokens, their characters.

        Three arrays of shape (rows,). A text too short to predict anything has 0 tokens.
        """
        ...


@runtime_checkable
class Decides(Protocol):
    """A model that makes its decisions itself: by thresholds of its own, or partly by chance.

    Its scores are then chances of being selected, and no threshold of an audit applies to them.
    """

    def decide(self, frame: pd.DataFrame) -> np.ndarray:
        """Positions in ``classes``, int of shape (rows,); the same each time for equal rows."""
        ...


@runtime_checkable
class Labels(Protocol):
    """A classifier that says which label it answers, as its library's own ``predict`` does.

    ``gives_scores`` is False where labels are all that it gives: its ``predict_proba`` then puts 1
    on the label. ``own_rule`` is True where its labels are known to follow another rule than the
    highest score.
    """

    gives_scores: bool
    own_rule: bool

    def predict_labels(self, frame: pd.DataFrame) -> np.ndarray:
        """Positions in ``classes``, int of shape (rows,)."""
        ...


def gives_scores(predictor: Predictor) -> bool:
    """Whether a classifier gives more than its labels."""
    return bool(getattr(predictor, "gives_scores", True))


class ModelFormat(Protocol):
    """A module that opens one model format."""

    NAME: str
    TRUST: str
    ABOUT: str

    def recognises(self, path: Path) -> bool:
        """Whether the content at ``path`` is of this format."""
        ...

    def load(self, path: Path) -> Predictor:
        """Opens it, or raises InputError or UnsafeModelError."""
        ...
