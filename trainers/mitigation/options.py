"""What a mitigation can be asked for: Fairlearn's own names, with the range of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from evenhand.audit.data.written.declared import Reading
from evenhand.audit.models.declared import Declared
from evenhand.audit.words.phrases import phrase
from evenhand.trainers.mitigation.description import Constraint, Method
from evenhand.trainers.validate import Strict, checked

Objective = Literal[
    "accuracy_score",
    "balanced_accuracy_score",
    "selection_rate",
    "true_positive_rate",
    "true_negative_rate",
]
# What each method can be set to, and, where it does not know all of them, which constraints.
DIALS: Mapping[Method, tuple[str, ...]] = {
    "threshold": ("grid_size", "objective"),
    "exponentiated-gradient": ("eps", "max_iter"),
    "grid-search": ("grid_size", "grid_limit", "constraint_weight"),
    "correlation-remover": ("alpha",),
    "adversarial": ("alpha", "epochs", "batch_size", "learning_rate"),
}
_ABLE: Mapping[Method, tuple[Constraint, ...]] = {
    "threshold": (
        "demographic-parity",
        "equalized-odds",
        "true-positive-rate-parity",
        "false-positive-rate-parity",
    ),
    "adversarial": ("demographic-parity", "equalized-odds"),
}


class MitigationRows(Strict, Reading):
    """The rows to mitigate on, how they are read, and what their columns mean."""

    data: str = Field(
        min_length=1, description="training rows, or a named data set (loanapp, adult:FOLDER)"
    )
    test_data: str | None = Field(
        default=None, description="held-out rows (default: the model's, else 30 % of --data)"
    )
    target: str | None = Field(default=None, description="column of true labels")
    positive_label: str | None = Field(default=None, description="label counted as positive")
    positive_is: Literal["benefit", "burden"] | None = Field(
        default=None, description="what the positive label means for the person"
    )
    sensitive_features: tuple[str, ...] | None = Field(
        default=None, description="columns whose groups are compared"
    )
    out: str = Field(min_length=1, description="folder of the mitigated model")


class Base(Strict):
    """What the model to mitigate does not say of itself, as an audit is told it."""

    classes: tuple[str, ...] = Field(
        default=(), description="labels in the order of the model's scores, where it lacks them"
    )
    inputs: tuple[str, ...] = Field(
        default=(), description="columns in the order of the model's inputs, where it lacks them"
    )

    def declared(self) -> Declared:
        """The same as models are opened with."""
        return checked(Declared, {"classes": self.classes, "inputs": self.inputs}, "the model")


class Mitigator(Strict):
    """One of Fairlearn's mitigators and its dials; None: Fairlearn's default, or ours.

    Dials of another method than ``method``, and a constraint that it does not know, are refused.
    """

    method: Method = Field(description="which of Fairlearn's mitigators")
    constraint: Constraint = Field(
        default="demographic-parity", description="what is to be the same in every group"
    )
    eps: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="gap allowed on training rows (exponentiated-gradient)",
    )
    max_iter: int | None = Field(
        default=None, ge=1, description="rounds at most (exponentiated-gradient)"
    )
    grid_size: int | None = Field(
        default=None, ge=1, description="points of the grid (threshold, grid-search)"
    )
    grid_limit: float | None = Field(
        default=None, gt=0, description="largest multiplier on the grid (grid-search)"
    )
    objective: Objective | None = Field(default=None, description="what to keep high (threshold)")
    constraint_weight: float | None = Field(
        default=None, ge=0, le=1, description="weight of the gap when choosing (grid-search)"
    )
    alpha: float | None = Field(
        default=None,
        ge=0,
        description="strength of the removal, 0 to 1 (correlation-remover), or of the adversary "
        "(adversarial)",
    )
    epochs: int | None = Field(default=None, ge=1, description="passes over the rows (adversarial)")
    batch_size: int | None = Field(default=None, ge=1, description="rows a step (adversarial)")
    learning_rate: float | None = Field(default=None, gt=0, description="step size (adversarial)")
    seed: int = Field(default=0, ge=0, lt=2**32, description="seed of fits, draws and audits")

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value(cls, given: Any) -> Any:
        if isinstance(given, bool):
            raise ValueError(phrase("neither a number nor a text"))
        return given

    @model_validator(mode="after")
    def _belong_together(self) -> Mitigator:
        for name in self.dials():
            if name not in DIALS[self.method]:
                raise ValueError(
                    phrase(
                        "the method {method} has no option {name!r}; it has {dials}",
                        method=self.method,
                        name=name,
                        dials=", ".join(DIALS[self.method]),
                    )
                )
        if self.method == "correlation-remover" and (self.alpha or 0) > 1:
            raise ValueError(
                phrase("alpha {alpha:g} of correlation-remover must be at most 1", alpha=self.alpha)
            )
        able = _ABLE.get(self.method)
        if able is not None and self.constraint not in able:
            raise ValueError(
                phrase(
                    "the method {method} does not know the constraint {constraint}; it knows "
                    "{able}; exponentiated-gradient knows them all",
                    method=self.method,
                    constraint=self.constraint,
                    able=", ".join(able),
                )
            )
        return self

    def dials(self) -> dict[str, Any]:
        """The dials that were set."""
        names = {name for names in DIALS.values() for name in names}
        values = {n: getattr(self, n) for n in type(self).model_fields if n in names}
        return {name: value for name, value in values.items() if value is not None}


class MitigationRequest(Mitigator, MitigationRows, Base):
    """Everything that ``evenhand mitigate`` is asked, beside the model."""


def mitigator(values: Mapping[str, Any]) -> Mitigator:
    """The mitigator of plain values. Raises InputError for one that there is not, for what it
    does not know, and for numbers out of range."""
    return checked(Mitigator, values, "mitigation")
