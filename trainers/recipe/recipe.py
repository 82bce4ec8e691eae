"""The recipe: what to train, from which data, how. YAML, a mapping, or keyword arguments.

What a recipe leaves out is filled in when it is read, so that the recipe stored beside a model
says what was used. What depends on the data (columns, delta, noise) is in model.json beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from evenhand.audit.data.table import as_text
from evenhand.audit.data.written.declared import Reading
from evenhand.audit.errors import InputError, nearest
from evenhand.audit.words.phrases import phrase
from evenhand.trainers.encoders.image import Normalise
from evenhand.trainers.private.dials import Private
from evenhand.trainers.recipe.defaults import filled_in
from evenhand.trainers.recipe.early_stopping import EarlyStopping
from evenhand.trainers.recipe.public import Public
from evenhand.trainers.recipe.schedules import Schedule
from evenhand.trainers.recipe.text_dials import ASCII, TextDials
from evenhand.trainers.validate import checked

# scikit-learn's; every other model is a network
ESTIMATORS = ("logistic", "gradient-boosting", "random-forest")
Kind = Literal["tabular", "image", "text-classification", "text-generation"]
Optimizer = Literal["sgd", "adam", "rmsprop"]
DESCENT = (
    "optimizer",
    "learning_rate",
    "momentum",
    "nesterov",
    "schedule",
    "epochs",
    "batch_size",
    "weight_decay",
    "l1",
)
_PATHS = ("test_data", "validation_data", "init_from", "public_data", "vocabulary")


@dataclass(frozen=True)
class Descent:
    """How a network's weights are found; ``batch_size`` is the expected one in private training.

    ``weight_decay`` w adds w/2 times the sum of squares of every parameter to the loss (L2), ``l1``
    its own share of the sum of absolute weights, biases and norms left out.
    """

    optimizer: Optimizer
    learning_rate: float
    momentum: float
    nesterov: bool
    schedule: Schedule
    epochs: int
    batch_size: int
    weight_decay: float
    l1: float


class Recipe(TextDials, Reading):
    """What to train.

    ``data`` is a path or the name of a data set (``loanapp``), which also knows its target,
    positive label and sensitive features. Sensitive features are not model inputs unless
    ``use_sensitive`` (or ``inputs``, which names the inputs one by one) says so. ``categorical``
    names numeric columns whose numbers are codes. ``architecture`` holds the parameters of the
    network, or of scikit-learn's estimator; ``optimizer`` to ``freeze`` are for networks.

    How cells are read is declared as in an audit (``types`` to ``bins``); ``labels`` speak of the
    target. ``normalise`` is of images. ``task`` is of tabular data, and binary unless declared.
    ``test_data`` is a table of its own to test on, in place of a ``test_share`` of ``data``; rows
    to validate on after each epoch are a ``validation_share`` of ``data`` or ``validation_data``.
    ``unit`` tells persons (or other units) apart that have several rows: they are held out
    whole, the column is no input, and private training protects persons (units.py).
    ``init_from`` is a model folder to start from, ``freeze`` the layers of it that stay as they are
    (names, or patterns such as ``0.*``).
    """

    kind: Kind = "tabular"
    task: Literal["binary", "multiclass", "regression"] | None = Field(
        default=None, description="binary (default), multiclass or regression; of tables"
    )
    data: str = Field(
        min_length=1, description="a file of rows, or a named data set (loanapp, adult:FOLDER)"
    )
    test_data: str | None = Field(
        default=None,
        min_length=1,
        description="table or text to test on, instead of a share of --data",
    )
    validation_data: str | None = Field(
        default=None, min_length=1, description="the same for validation after each epoch"
    )
    target: str | None = Field(default=None, description="column to predict")
    positive_label: str | None = Field(default=None, description="label counted as positive")
    sensitive_features: tuple[str, ...] | None = Field(
        default=None, description="sensitive features, kept out of the inputs"
    )
    inputs: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="input columns (default: the rest)"
    )
    drop: tuple[str, ...] = Field(default=(), description="columns that are no inputs")
    unit: str | None = Field(
        default=None,
        min_length=1,
        description="column that tells persons apart: held out whole, protected whole",
    )
    use_sensitive: bool = Field(default=False, description="let sensitive features be inputs")
    categorical: tuple[str, ...] = Field(
        default=(), description="columns of numbers that are codes"
    )
    model: str = Field(
        default="mlp",
        description="of tables mlp (default), linear, logistic, gradient-boosting or "
        "random-forest; of images cnn, mlp or scattering_linear; of texts text_classifier or "
        "text_transformer, to generate causal_transformer or lstm_generator",
    )
    architecture: Mapping[str, Any] = Field(
        default_factory=dict, description="parameters of the network or of scikit-learn's estimator"
    )
    optimizer: Optimizer | None = Field(default=None, description="sgd, adam or rmsprop")
    learning_rate: float | None = Field(default=None, gt=0, description="step size")
    momentum: float | None = Field(default=None, ge=0, lt=1, description="of SGD and RMSprop")
    nesterov: bool | None = Field(default=None, description="nesterov's momentum, of SGD")
    schedule: Schedule | None = Field(
        default=None,
        description="how the step size changes: constant, cosine, step, one-cycle or warmup",
    )
    epochs: int | None = Field(
        default=None, ge=1, le=100_000, description="passes over the training rows"
    )
    batch_size: int | None = Field(
        default=None, ge=1, description="rows a step (expected, if private)"
    )
    weight_decay: float | None = Field(default=None, ge=0, description="L2 penalty")
    l1: float | None = Field(default=None, ge=0, description="L1 penalty")
    early_stopping: EarlyStopping | None = Field(
        default=None, description="epochs without improvement on validation rows"
    )
    init_from: str | None = Field(
        default=None, min_length=1, description="model folder to start from"
    )
    freeze: tuple[str, ...] = Field(default=(), description="layers of it that stay as they are")
    normalise: Normalise | None = Field(default=None, description="how pixels are scaled")
    class_weight: Literal["balanced"] | Mapping[str, float] | None = Field(
        default=None, description="balanced: rare classes count as much as common ones"
    )
    seed: int = Field(default=0, ge=0, lt=2**32, description="seed of split, start and batches")
    test_share: float = Field(default=0.3, gt=0, lt=1, description="share of rows held out")
    validation_share: float = Field(
        default=0.0, ge=0, lt=1, description="share of rows to look at after each epoch"
    )
    keep_held_out: bool = Field(
        default=True, description="write the held-out rows beside the model"
    )
    private: Private | None = Field(default=None, description="the dials of DP-SGD")
    public: Public | None = Field(
        default=None, description="what is public about the columns of a private run"
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        values = {k: v for k, v in given.items() if v is not None}
        if values.get("kind", "tabular") == "tabular":
            values.setdefault("task", "binary")
        if values.get("model") in ESTIMATORS:
            return values
        return filled_in(values)

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
            raise ValueError(phrase("every class weight must be above 0"))
        return given

    @field_validator("sensitive_features", "inputs", "drop", "categorical", "freeze", mode="before")
    @classmethod
    def _one_is_a_list(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _fits_the_task(self) -> Recipe:
        self.require_fit(self.kind)
        if self.task in ("multiclass", "regression") and self.positive_label is not None:
            raise ValueError(
                phrase("a {task} task has no positive_label; leave it out", task=self.task)
            )
        if self.task == "regression" and self.class_weight is not None:
            raise ValueError(
                phrase("a regression task has no classes to weight; leave class_weight out")
            )
        if self.task == "regression" and self.model == "logistic":
            raise ValueError(
                phrase(
                    "model 'logistic' is for classes; use linear, mlp, gradient-boosting or "
                    "random-forest"
                )
            )
        return self

    @model_validator(mode="after")
    def _dials_belong_together(self) -> Recipe:
        if self.public is not None and self.kind != "tabular":
            raise ValueError(
                phrase("public declares columns of tables; this kind of data has none")
            )
        if self.kind != "tabular" and self.task is not None:
            raise ValueError(
                phrase("task is of tabular data; kind {kind!r} has none", kind=self.kind)
            )
        if self.kind == "image" and self.as_plain():
            named = next(iter(self.as_plain()))
            raise ValueError(
                phrase(
                    "{named} is of tables and texts; it does not apply to kind 'image'", named=named
                )
            )
        if self.kind == "image" and (self.test_data or self.validation_data):
            raise ValueError(
                phrase("images come with their test split or give a share of themselves")
            )
        if self.private is not None and self.private.max_rows_per_unit and not self.unit:
            raise ValueError(phrase("max_rows_per_unit needs unit: which rows are one person's"))
        if self.nesterov and (self.optimizer != "sgd" or not self.momentum):
            raise ValueError(phrase("nesterov needs optimizer: sgd and a momentum above 0"))
        if self.freeze and self.init_from is None:
            raise ValueError(
                phrase("freeze needs init_from: the model whose layers stay as they are")
            )
        if self.validation_share and self.validation_data is not None:
            raise ValueError(
                phrase("validation_share and validation_data are two ways of one thing")
            )
        stopping = self.early_stopping
        if stopping is None:
            return self
        if not self.validation_share and self.validation_data is None:
            raise ValueError(phrase("early_stopping needs validation_share or validation_data"))
        if self.private is not None and not (stopping.public_validation and self.validation_data):
            raise ValueError(
                phrase(
                    "early_stopping of private training: when to stop tells about the rows that "
                    "decide it, and no noise covers them; leave it out, or give validation_data "
                    "that is public and declare early_stopping: {public_validation: true}"
                )
            )
        return self

    @model_validator(mode="after")
    def _fits_the_model(self) -> Recipe:
        if self.model not in ESTIMATORS:
            return self
        if self.private is not None:
            raise ValueError(
                phrase(
                    "model {model!r} cannot be trained with differential privacy; use model: mlp "
                    "(architecture: {{hidden: []}} is a logistic regression)",
                    model=self.model,
                )
            )
        dials = (*DESCENT, "early_stopping", "init_from", "public")
        idle = [name for name in dials if getattr(self, name) is not None]
        if idle:
            raise ValueError(
                phrase("{idle} does not apply to model {model!r}", idle=idle[0], model=self.model)
            )
        return self

    @property
    def descent(self) -> Descent:
        """The optimizer's settings of a network's recipe."""
        values = {name: getattr(self, name) for name in DESCENT}
        values["momentum"] = self.momentum or 0.0
        values["l1"] = self.l1 or 0.0
        values["nesterov"] = bool(self.nesterov)
        values["schedule"] = self.schedule or Schedule()
        if None in values.values():
            raise InputError(
                "model {model!r} is not trained by gradient descent",
                remedy="use model: mlp",
                model=self.model,
            )
        return Descent(**values)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, every field present."""
        return self.model_dump(mode="json")


def as_recipe(given: Recipe | Mapping[str, Any] | str | Path) -> Recipe:
    """A recipe from a recipe, a mapping or a path to YAML. Raises InputError."""
    from evenhand.trainers.architectures import known_architectures

    if isinstance(given, (str, Path)):
        return read_recipe(given)
    recipe = given if isinstance(given, Recipe) else _checked(given, "recipe")
    known = (*ESTIMATORS, *known_architectures())
    if recipe.model not in known:
        raise InputError(
            "recipe: model={model!r} is not known",
            remedy=nearest(recipe.model, known),
            model=recipe.model,
        )
    return recipe


def read_recipe(
    path: str | Path,
    *,
    data: str | Path | None = None,
    seed: int | None = None,
    vocabulary: str | None = None,
    reading: Mapping[str, Any] | None = None,
    confined: bool = False,
    say: Callable[[str], None] | None = None,
) -> Recipe:
    """Reads a YAML recipe; a relative ``data`` path counts from the recipe's folder.

    ``data``, ``seed``, ``vocabulary`` and how cells are read (``reading``) take the place of the
    recipe's own: data may lie elsewhere on each machine. A vocabulary that the recipe names lies
    beside it; data, test rows and a model to start from may lie anywhere, unless the recipe is
    ``confined``. ``say`` gets what it has read, before that happens.

    Raises InputError for a missing or malformed file, an unknown or repeated key, a wrong value.
    """
    from evenhand.audit.files import safe_yaml

    file = Path(path)
    if not file.is_file():
        siblings = (p.name for p in file.parent.glob("*.y*ml")) if file.parent.is_dir() else ()
        raise InputError("no recipe at {file}", remedy=nearest(file.name, siblings), file=file)
    content = safe_yaml.parse(safe_yaml.read_bytes(file), str(file)).data
    if not isinstance(content, dict):
        raise InputError(
            "recipe {file} is not a mapping", remedy="write lines such as: data: x", file=file
        )
    own: dict[str, Any] = {"data": data and str(data), "seed": seed, "vocabulary": vocabulary}
    own |= reading or {}
    own = {key: value for key, value in own.items() if value is not None}
    content = _located({k: v for k, v in content.items() if k not in own}, file, confined)
    if say is not None:
        named = {key: str(content[key]) for key in ("data", *_PATHS) if content.get(key)}
        if named:
            say(
                phrase(
                    "recipe {file} has read: {named}",
                    file=file,
                    named=", ".join((f"{k} {v}" for k, v in named.items())),
                )
            )
    return as_recipe(_checked({**content, **own}, f"recipe {file}"))


def _located(values: dict[str, Any], file: Path, confined: bool) -> dict[str, Any]:
    """The recipe with its paths taken from its own folder."""
    from evenhand.audit.files.beside import beside
    from evenhand.trainers.datasets import is_named, located

    def place(key: str, value: str) -> str:
        if value == ASCII or is_named(value):
            return value
        if confined or key == "vocabulary":
            return beside(file, key, value, remedy=f"put it there, or leave {key} out")
        return located(value, file.parent)

    for key in ("data", *_PATHS):
        if isinstance(values.get(key), str):
            values = {**values, key: place(key, values[key])}
    public = values.get("public")
    if isinstance(public, Mapping) and isinstance(public.get("data"), str):
        values = {**values, "public": {**public, "data": place("public.data", public["data"])}}
    return values


def _checked(given: Any, what: str) -> Recipe:
    if isinstance(given, Mapping) and given.get("init_from") is not None:
        from evenhand.trainers.folder.pretrained import filled_from_pretrained

        given = filled_from_pretrained(given)
    return checked(Recipe, given, what)
