"""model.json: what a trained model is, and what its maker states about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from trainers.validate import Strict

FORMAT = "evenhand-folder"


class TestMetrics(Strict):
    """On the held-out rows. ``majority_share`` is what always guessing the commonest class gets."""

    __test__ = False  # pytest: this is not a test

    n: int = Field(ge=1)
    accuracy: float = Field(ge=0, le=1)
    balanced_accuracy: float = Field(ge=0, le=1)
    majority_share: float = Field(ge=0, le=1)
    log_loss: float = Field(ge=0)


class ModelDescription(Strict):
    """The content of model.json.

    ``architecture`` and ``parameters`` are of networks. ``privacy`` repeats the ledger, whose word
    counts; None states that training was not differentially private.
    """

    schema_: Literal["evenhand-model/1"] = Field(default="evenhand-model/1", alias="schema")
    format: Literal["evenhand-folder", "skops"]
    name: str
    task: Literal["binary"] = "binary"
    model: str
    architecture: str | None = None
    parameters: Mapping[str, Any] = Field(default_factory=dict)
    classes: tuple[str, ...] = Field(min_length=2, max_length=2)
    positive_label: str
    target: str
    sensitive_features: tuple[str, ...]
    input_columns: tuple[str, ...] = Field(min_length=1)
    dataset: str
    n_train: int = Field(ge=1)
    n_test: int = Field(ge=1)
    training_data_digest: str
    held_out_digest: str
    test: TestMetrics
    versions: Mapping[str, str]
    privacy: Mapping[str, Any] | None
    recipe: Mapping[str, Any]

    @model_validator(mode="after")
    def _consistent(self) -> ModelDescription:
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("classes are repeated")
        if self.positive_label not in self.classes:
            raise ValueError(f"positive_label {self.positive_label!r} is not among the classes")
        if (self.format == FORMAT) != (self.architecture is not None):
            raise ValueError("a network has an architecture, an estimator has none")
        return self

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, every field present."""
        return self.model_dump(mode="json", by_alias=True)
