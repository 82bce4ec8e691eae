"""model.json: what a trained model is, and what its maker states about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_serializer, model_validator

from evenhand.audit.claims import Privacy
from evenhand.trainers.validate import Strict

if TYPE_CHECKING:
    import numpy as np

FORMAT = "evenhand-folder"


Task = Literal["binary", "multiclass", "regression", "generation"]


class ClassMetrics(Strict):
    """On the held-out rows. ``majority_share`` is what always guessing the commonest class gets."""

    n: int = Field(ge=1)
    accuracy: float = Field(ge=0, le=1)
    balanced_accuracy: float = Field(ge=0, le=1)
    majority_share: float = Field(ge=0, le=1)
    log_loss: float = Field(ge=0)


class ValueMetrics(Strict):
    """On the held-out rows, in the target's unit; ``r2`` is None where all targets are equal."""

    n: int = Field(ge=1)
    mae: float = Field(ge=0)
    rmse: float = Field(ge=0)
    r2: float | None = Field(le=1)


class TokenMetrics(Strict):
    """On the held-out sequences; ``n`` counts them."""

    n: int = Field(ge=1)
    tokens: int = Field(ge=1)
    characters: int = Field(ge=1)
    bits_per_character: float = Field(ge=0)
    perplexity: float = Field(ge=1)


_FEWEST = {"binary": 2, "multiclass": 2, "regression": 0, "generation": 0}
_MOST = {"binary": 2, "multiclass": 10_000, "regression": 0, "generation": 0}
_METRICS = {
    "binary": ClassMetrics,
    "multiclass": ClassMetrics,
    "regression": ValueMetrics,
    "generation": TokenMetrics,
}


class TargetScale(Strict):
    """A network of regression was trained on (target - mean) / scale; 1 for a constant target."""

    mean: float
    scale: float = Field(gt=0)


def scale_of(values: np.ndarray) -> TargetScale:
    """The scale of a target's training values, shape (rows,)."""
    spread = float(values.std())
    return TargetScale(mean=float(values.mean()), scale=spread if spread > 0 else 1.0)


class ModelDescription(Strict):
    """The content of model.json.

    ``classes`` are () and ``positive_label`` is None where the task has none.
    ``architecture`` and ``parameters`` are of networks. ``privacy`` repeats the ledger, whose word
    counts; None states that training was not differentially private. ``source_digest`` is
    of the file that the rows come from. ``target_scale`` is of networks of regression.
    ``pretrained`` says which model training started from, None where it started from chance.
    """

    schema_: Literal["evenhand-model/1"] = Field(default="evenhand-model/1", alias="schema")
    format: Literal["evenhand-folder", "skops"]
    name: str
    task: Task = "binary"
    model: str
    architecture: str | None = None
    parameters: Mapping[str, Any] = Field(default_factory=dict)
    classes: tuple[str, ...] = Field(max_length=10_000)
    positive_label: str | None
    target: str
    sensitive_features: tuple[str, ...]
    input_columns: tuple[str, ...] = Field(min_length=1)
    dataset: str
    n_train: int = Field(ge=1)
    n_test: int = Field(ge=1)
    training_data_digest: str
    held_out_digest: str
    test: ClassMetrics | ValueMetrics | TokenMetrics
    versions: Mapping[str, str]
    privacy: Privacy | None
    recipe: Mapping[str, Any]
    source_digest: str | None = None
    target_scale: TargetScale | None = None
    pretrained: Mapping[str, Any] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> ModelDescription:
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("classes are repeated")
        if not _FEWEST[self.task] <= len(self.classes) <= _MOST[self.task]:
            raise ValueError(f"{len(self.classes)} classes do not fit the task {self.task!r}")
        if not isinstance(self.test, _METRICS[self.task]):
            raise ValueError(f"the test measures are not those of the task {self.task!r}")
        if (self.task == "binary") != (self.positive_label is not None):
            raise ValueError("a binary task has a positive label, another one has none")
        if self.task == "binary" and self.positive_label not in self.classes:
            raise ValueError(f"positive_label {self.positive_label!r} is not among the classes")
        if (self.format == FORMAT) != (self.architecture is not None):
            raise ValueError("a network has an architecture, an estimator has none")
        if self.target_scale is not None and self.task != "regression":
            raise ValueError("target_scale belongs to a regression task")
        return self

    @field_serializer("privacy")
    def _as_stated(self, privacy: Privacy | None) -> dict[str, Any] | None:
        return None if privacy is None else privacy.to_json()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, every field present."""
        return self.model_dump(mode="json", by_alias=True)
