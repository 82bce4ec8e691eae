"""model.json of a mitigated model: which mitigation, and the numbers that it learnt.

base/                  threshold: the model as it was
prepare.skops          how raw columns become numbers (scikit-learn), or
encoder.json           the same for networks
estimator-00.skops     what the mitigation trained, or
weights-00.safetensors the same for networks
held_out.csv           the rows held out from the mitigation, where it split the data itself
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from evenhand.audit.data.written.declared import Reading
from evenhand.trainers.validate import Strict

FORMAT = "evenhand-mitigated"
Method = Literal[
    "threshold", "exponentiated-gradient", "grid-search", "correlation-remover", "adversarial"
]
Constraint = Literal[
    "demographic-parity",
    "equalized-odds",
    "true-positive-rate-parity",
    "false-positive-rate-parity",
    "error-rate-parity",
]


class Operation(Strict):
    """Selected where the score is above (or below) the threshold; JSON has no infinity."""

    operator: Literal[">", "<"]
    threshold: float | Literal["inf", "-inf"]

    @property
    def limit(self) -> float:
        """The threshold as a number."""
        return float(self.threshold)


class GroupRule(Strict):
    """How one group is decided, in Fairlearn's own terms.

    With probability p0 by operation0, else by operation1; where ``p_ignore`` is given, that result
    gives way with probability p_ignore to being selected with probability ``prediction_constant``.
    ``group`` holds one value for each sensitive feature.
    """

    group: tuple[str, ...] = Field(min_length=1)
    p0: float = Field(ge=-1e-9, le=1 + 1e-9)
    operation0: Operation
    p1: float = Field(ge=-1e-9, le=1 + 1e-9)
    operation1: Operation
    p_ignore: float | None = Field(default=None, ge=-1e-9, le=1 + 1e-9)
    prediction_constant: float | None = Field(default=None, ge=0, le=1)

    @model_validator(mode="after")
    def _adds_up(self) -> GroupRule:
        if not math.isclose(self.p0 + self.p1, 1.0, abs_tol=1e-6):
            raise ValueError(f"p0={self.p0} and p1={self.p1} do not add up to 1")
        if (self.p_ignore is None) != (self.prediction_constant is None):
            raise ValueError("p_ignore and prediction_constant go together")
        return self

    @property
    def is_random(self) -> bool:
        """Whether some score is decided by chance."""
        mixes = 0 < self.p0 < 1 and self.operation0 != self.operation1
        ignores = bool(self.p_ignore) and 0 < (self.prediction_constant or 0.0) < 1
        partly = self.p_ignore is not None and 0 < self.p_ignore < 1
        return mixes or ignores or partly


class PredictorPart(Strict):
    """A trained predictor of the folder, and the probability with which it decides a row."""

    file: str = Field(pattern=r"^(estimator-\d{2,4}\.skops|weights-\d{2,4}\.safetensors)$")
    weight: float = Field(gt=0, le=1 + 1e-9)


class NetworkDescription(Strict):
    """The network of every ``weights-*.safetensors``."""

    architecture: str
    parameters: Mapping[str, Any]


class Removal(Strict):
    """CorrelationRemover: encoded inputs minus (sensitive - mean) @ beta, times alpha.

    ``levels`` are the groups of each sensitive feature; all but the first of each are the columns
    of ``mean`` (k,) and the rows of ``beta`` (k, encoded inputs).
    """

    alpha: float = Field(ge=0, le=1)
    levels: Mapping[str, tuple[str, ...]] = Field(min_length=1)
    mean: tuple[float, ...]
    beta: tuple[tuple[float, ...], ...]

    @model_validator(mode="after")
    def _shapes(self) -> Removal:
        columns = sum(len(levels) - 1 for levels in self.levels.values())
        if not len(self.mean) == len(self.beta) == columns:
            raise ValueError(f"mean and beta need {columns} rows, one a group but the first")
        if len({len(row) for row in self.beta}) > 1:
            raise ValueError("the rows of beta differ in length")
        return self


class MitigatedDescription(Strict):
    """The content of model.json.

    ``grouping`` says how groups are named where the model decides by them. ``randomises`` and
    ``needs_sensitive_features`` are what anyone who uses the model must know.
    ``privacy`` is always None: mitigation reads its rows without noise, so that no guarantee of
    the base model covers the result. ``files`` are the SHA-256 of the parts. ``base_declared`` is
    what was declared of the base model, which it does not say itself (``audit.models.declared``).
    """

    schema_: Literal["evenhand-mitigated/1"] = Field(default="evenhand-mitigated/1", alias="schema")
    format: Literal["evenhand-mitigated"] = "evenhand-mitigated"
    name: str
    task: Literal["binary"] = "binary"
    method: Method
    constraint: Constraint
    classes: tuple[str, str]
    positive_label: str
    target: str
    sensitive_features: tuple[str, ...] = Field(min_length=1)
    input_columns: tuple[str, ...] = Field(min_length=1)
    grouping: Reading = Field(default_factory=Reading)
    randomises: bool
    needs_sensitive_features: bool
    draw_seed: int = Field(ge=0, lt=2**53)
    rules: tuple[GroupRule, ...] = ()
    parts: tuple[PredictorPart, ...] = Field(default=(), max_length=10_000)
    network: NetworkDescription | None = None
    removal: Removal | None = None
    options: Mapping[str, Any] = Field(default_factory=dict)
    n_train: int = Field(ge=1)
    training_data_digest: str
    base: Mapping[str, str | None]
    base_declared: Mapping[str, Any] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str]
    files: Mapping[str, str]
    privacy: None = None

    @model_validator(mode="after")
    def _consistent(self) -> MitigatedDescription:
        if len(set(self.classes)) < 2 or self.positive_label not in self.classes:
            raise ValueError("two classes are needed, and the positive label is one of them")
        if (self.method == "threshold") != bool(self.rules):
            raise ValueError("the method threshold has rules, another has none")
        if (self.method == "threshold") == bool(self.parts):
            raise ValueError("the method threshold has no parts, another has some")
        if (self.method == "correlation-remover") != (self.removal is not None):
            raise ValueError("the method correlation-remover has a removal, another has none")
        if self.parts and not math.isclose(sum(p.weight for p in self.parts), 1.0, abs_tol=1e-6):
            raise ValueError("the weights of the parts do not add up to 1")
        networks = any(p.file.endswith(".safetensors") for p in self.parts)
        if networks != (self.network is not None):
            raise ValueError("weights files need a network, other parts have none")
        if len({r.group for r in self.rules}) < len(self.rules) or any(
            len(r.group) != len(self.sensitive_features) for r in self.rules
        ):
            raise ValueError("each rule needs a group of its own, a value for each feature")
        if self.removal and set(self.removal.levels) != set(self.sensitive_features):
            raise ValueError("the removal's features are not the sensitive features")
        return self

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, every field present."""
        return self.model_dump(mode="json", by_alias=True)

    def says(self) -> dict[str, Any]:
        """What the folder states about itself, as an audit reads it."""
        return {
            **self.to_json(),
            "mitigation": {
                "method": self.method,
                "constraint": self.constraint,
                "randomises": self.randomises,
                "needs_sensitive_features": list(self.sensitive_features)
                if self.needs_sensitive_features
                else [],
            },
        }
