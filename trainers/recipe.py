"""The recipe: what to train, from which data, how. YAML, a mapping, or keyword arguments.

What a recipe leaves out is filled in when it is read, so that the recipe stored beside a model
says what was used. What depends on the data (columns, delta, noise) is in model.json beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from audit.data import as_text
from audit.errors import InputError, nearest
from trainers.accounting import MAX_NOISE
from trainers.validate import Strict, checked

ESTIMATORS = ("logistic", "gradient-boosting")  # scikit-learn's; every other model is a network

# Chosen on validation splits of the training rows of loanapp, never on held-out rows. Private
# training gains from few steps, large batches and a small network.
_PLAIN: dict[str, Any] = {
    "optimizer": "adam",
    "learning_rate": 0.003,
    "epochs": 15,
    "batch_size": 64,
    "weight_decay": 0.01,
    "architecture": {"hidden": [32], "activation": "tanh"},
}
_PRIVATE: dict[str, Any] = {
    "optimizer": "sgd",
    "learning_rate": 0.5,
    "epochs": 15,
    "batch_size": 256,
    "weight_decay": 0.0,
    "architecture": {"hidden": [16], "activation": "tanh"},
}


Optimizer = Literal["sgd", "adam", "rmsprop"]
_DESCENT = ("optimizer", "learning_rate", "epochs", "batch_size", "weight_decay")


@dataclass(frozen=True)
class Descent:
    """How a network's weights are found; ``batch_size`` is the expected one in private training."""

    optimizer: Optimizer
    learning_rate: float
    epochs: int
    batch_size: int
    weight_decay: float


class Private(Strict):
    """The dials of DP-SGD. Without ``noise_multiplier`` it is found for ``epsilon``; with it,
    ``epsilon`` (where given) is a ceiling. ``delta`` defaults to the largest power of ten that is
    at most 1/(10 n_train). ``sample_rate`` is by default batch_size / n_train."""

    epsilon: float | None = Field(default=None, gt=0, le=1000)
    delta: float | None = Field(default=None, gt=0, lt=1)
    max_grad_norm: float = Field(default=1.0, gt=0)
    noise_multiplier: float | None = Field(default=None, gt=0, le=MAX_NOISE)
    sample_rate: float | None = Field(default=None, gt=0, le=1)
    keep_loss_curve: bool = False

    @model_validator(mode="before")
    @classmethod
    def _default_epsilon(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        if given.get("epsilon") is None and given.get("noise_multiplier") is None:
            return {**given, "epsilon": 3.0}
        return given


class Recipe(Strict):
    """What to train.

    ``data`` is a path or the name of a data set (``loanapp``), which also knows its target,
    positive label and sensitive features. Sensitive features are not model inputs unless
    ``use_sensitive`` (or ``inputs``, which names the inputs one by one) says so. ``categorical``
    names numeric columns whose numbers are codes. ``architecture`` holds the parameters of the
    network, or of scikit-learn's estimator; ``optimizer`` to ``weight_decay`` are for networks.
    """

    kind: Literal["tabular"] = "tabular"
    data: str = Field(min_length=1)
    target: str | None = None
    positive_label: str | None = None
    sensitive: tuple[str, ...] | None = None
    inputs: tuple[str, ...] | None = Field(default=None, min_length=1)
    drop: tuple[str, ...] = ()
    use_sensitive: bool = False
    categorical: tuple[str, ...] = ()
    model: str = "mlp"
    architecture: Mapping[str, Any] = Field(default_factory=dict)
    optimizer: Optimizer | None = None
    learning_rate: float | None = Field(default=None, gt=0)
    epochs: int | None = Field(default=None, ge=1, le=100_000)
    batch_size: int | None = Field(default=None, ge=1)
    weight_decay: float | None = Field(default=None, ge=0)
    class_weight: Literal["balanced"] | Mapping[str, float] | None = None
    seed: int = Field(default=0, ge=0, lt=2**32)
    test_share: float = Field(default=0.3, gt=0, lt=1)
    keep_held_out: bool = True
    private: Private | None = None

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        values = {k: v for k, v in given.items() if v is not None}
        if values.get("model") in ESTIMATORS:
            return values
        defaults = _PRIVATE if values.get("private") is not None else _PLAIN
        architecture = values.get("architecture")
        if values.get("model", "mlp") != "mlp":
            defaults = {**defaults, "architecture": {}}
        elif isinstance(architecture, Mapping):
            values["architecture"] = {**defaults["architecture"], **architecture}
        return {**defaults, **values}

    @field_validator("positive_label", mode="before")
    @classmethod
    def _label_text(cls, given: Any) -> Any:
        return given if isinstance(given, (list, Mapping)) or given is None else as_text(given)

    @field_validator("class_weight", mode="before")
    @classmethod
    def _weight_texts(cls, given: Any) -> Any:
        return {as_text(k): v for k, v in given.items()} if isinstance(given, Mapping) else given

    @field_validator("class_weight")
    @classmethod
    def _weights_positive(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and not all(w > 0 for w in given.values()):
            raise ValueError("every class weight must be above 0")
        return given

    @field_validator("sensitive", "inputs", "drop", "categorical", mode="before")
    @classmethod
    def _one_is_a_list(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _fits_the_model(self) -> Recipe:
        if self.model not in ESTIMATORS:
            return self
        if self.private is not None:
            raise ValueError(
                f"model {self.model!r} cannot be trained with differential privacy; "
                "use model: mlp (architecture: {hidden: []} is a logistic regression)"
            )
        idle = [name for name in _DESCENT if getattr(self, name) is not None]
        if idle:
            raise ValueError(f"{idle[0]} does not apply to model {self.model!r}")
        return self

    @property
    def descent(self) -> Descent:
        """The optimizer's settings of a network's recipe."""
        values = {name: getattr(self, name) for name in _DESCENT}
        if None in values.values():
            raise InputError(
                f"model {self.model!r} is not trained by gradient descent", remedy="use model: mlp"
            )
        return Descent(**values)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, every field present."""
        return self.model_dump(mode="json")


def as_recipe(given: Recipe | Mapping[str, Any] | str | Path) -> Recipe:
    """A recipe from a recipe, a mapping or a path to YAML. Raises InputError."""
    from trainers.architectures import known_architectures

    if isinstance(given, (str, Path)):
        return read_recipe(given)
    recipe = given if isinstance(given, Recipe) else checked(Recipe, given, "recipe")
    known = (*ESTIMATORS, *known_architectures())
    if recipe.model not in known:
        raise InputError(
            f"recipe: model={recipe.model!r} is not known", remedy=nearest(recipe.model, known)
        )
    return recipe


def read_recipe(path: str | Path) -> Recipe:
    """Reads a YAML recipe; a relative ``data`` path counts from the recipe's folder.

    Raises InputError for a missing or malformed file, an unknown or repeated key, a wrong value.
    """
    from audit import safe_yaml
    from trainers.datasets import NAMED

    file = Path(path)
    if not file.is_file():
        siblings = (p.name for p in file.parent.glob("*.y*ml")) if file.parent.is_dir() else ()
        raise InputError(f"no recipe at {file}", remedy=nearest(file.name, siblings))
    given = safe_yaml.parse(safe_yaml.read_bytes(file), str(file)).data
    if not isinstance(given, dict):
        raise InputError(f"recipe {file} is not a mapping", remedy="write lines such as: data: x")
    data = given.get("data")
    if isinstance(data, str) and data not in NAMED:
        given = {**given, "data": str(file.parent / data)}
    return as_recipe(checked(Recipe, given, f"recipe {file}"))
