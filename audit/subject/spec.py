"""The subject spec: what to audit, as options or as a file; unknown keys are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from evenhand.audit.data.formats.database import is_url, without_secrets
from evenhand.audit.data.table import as_text
from evenhand.audit.data.written.declared import Reading
from evenhand.audit.data.written.filters import CohortOf
from evenhand.audit.errors import InputError, nearest
from evenhand.audit.files.canonical import unsealable
from evenhand.audit.models.declared import (
    Architecture,
    Declared,
    Endpoint,
    Input,
    Outputs,
    inputs_of,
)
from evenhand.audit.models.predictor import Task
from evenhand.audit.words.phrases import as_is, phrase
from evenhand.audit.words.roles import ROLES, Role
from evenhand.audit.words.subject import LANGUAGES

Scalar = str | int | float | bool
# Lists that a single text may stand for: ``policy: baseline``.
ONE_OR_MANY = (
    "sensitive_features",
    "control_features",
    "outcomes",
    "proxies",
    "policy",
    "checks",
    "classes",
    "on",
)

# Keys that name files or folders.
PLACES: tuple[str, ...] = (
    "model",
    "preprocess",
    "data",
    "training_data",
    "predictions",
    "join",
    "declared_file",
    "out",
)
_LONGEST_NAME, _LONGEST_PATH = 255, 4000  # bytes


class Actionable(BaseModel):
    """What a person can do about one input column."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    immutable: bool = Field(default=False, description="it can't be changed at all")
    min: float | None = Field(default=None, description="lowest value that can be reached")
    max: float | None = Field(default=None, description="highest value that can be reached")
    step: float | None = Field(
        default=None, gt=0, description="unit of a change, counted from the person's own value"
    )
    direction: Literal["any", "increase", "decrease"] = Field(
        default="any", description="the way in which a number can change"
    )
    values: tuple[Scalar, ...] = Field(
        default=(), description="the only values that can be reached (default: those in the data)"
    )

    @model_validator(mode="after")
    def _ordered(self) -> Actionable:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(phrase("min {min:g} is above max {max:g}", min=self.min, max=self.max))
        return self


_Said = Annotated[str, Field(min_length=1, max_length=80)]
_Word = _Said | Mapping[Literal["en", "zh"], _Said] | None


class SubjectWords(BaseModel):
    """What people call things of this subject: a text for every language, or one for each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    positive: _Word = Field(
        default=None, description="what is done to a person who is predicted positive: approved"
    )
    event: _Word = Field(
        default=None,
        description="what those whose true label is positive did, after “did” or “did not”: repay",
    )
    people: _Word = Field(
        default=None, description="whom the rows are about, as many of them: applicants"
    )

    def to_json(self) -> dict[str, dict[str, str]]:
        """Word -> language -> text, those that are declared."""
        given = self.model_dump(mode="json", exclude_none=True)
        return {
            word: dict.fromkeys(LANGUAGES, said) if isinstance(said, str) else said
            for word, said in given.items()
        }


class SubjectSpec(Reading):
    """Everything that one audit needs to know; ``subject_file`` says what a file may set of it."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    name: str | None = Field(default=None, description="how people know this model")
    task: Task | None = Field(
        default=None,
        description="binary, multiclass, regression, generation (default: the model's)",
    )
    model: str | None = Field(
        default=None, description="a saved model, of any format that `evenhand formats` lists"
    )
    preprocess: str | None = Field(
        default=None,
        description="a fitted scaler, encoder or vectoriser in a file of its own (skops, joblib), "
        "which the rows go through before the model",
    )
    endpoint: str | Endpoint | None = Field(
        default=None, description="instead of a model: a URL that scores JSON rows"
    )
    classes: tuple[Scalar, ...] = Field(
        default=(), description="labels in the order of the model's scores, where it lacks them"
    )
    inputs: tuple[str | Input, ...] = Field(
        default=(), description="columns in the order of the model's inputs, where it lacks them"
    )
    outputs: Outputs | None = Field(
        default=None, description="what the model answers: probabilities, logits or values"
    )
    architecture: Architecture | None = Field(
        default=None, description="the installed network that bare weights belong to"
    )
    truncate: bool | None = Field(
        default=None, description="cut texts off at what the model reads, as its users' are"
    )
    data: str | None = Field(
        default=None,
        description="rows to audit on: a file of any kind in docs/data.md, FILE#SHEET, or "
        "URL#TABLE of a database (of a server as an option alone)",
    )
    training_data: str | None = Field(
        default=None, description="rows the model was trained on, for the generalisation gap"
    )
    predictions: str | None = Field(default=None, description="stored predictions, no model")
    join: str | None = Field(
        default=None,
        description="a second file of the same people, whose columns are put beside these by --on",
    )
    on: tuple[str, ...] = Field(
        default=(),
        description="columns that say whose a row is, for --join: NAME, or HERE=THERE where the "
        "other file calls it otherwise",
    )
    id: str | None = Field(
        default=None,
        description="column that names each row, for evenhand compare with another file of the "
        "same people",
    )
    stream: bool | None = Field(
        default=None,
        description="count the rows on disk in one pass, without loading them (default: where they "
        "would take over half of the available memory); measures that need rows are skipped",
    )
    cohort: CohortOf | None = Field(
        default=None,
        description="audit a part of the rows alone: name, where (see evenhand cohort)",
    )
    target: str | None = Field(default=None, description="column of true labels")
    outcomes: tuple[str, ...] = Field(
        default=(),
        description="columns of what came to be known later (paid_back, days_late): answers, which "
        "no model may read",
    )
    predicted: str | None = Field(default=None, description="column of stored predicted labels")
    score: str | None = Field(default=None, description="column of stored scores")
    threshold: float | None = Field(
        default=None,
        description="predicted positive = score at or above this (default: what the model itself "
        "answers)",
    )
    positive_label: Scalar | None = Field(default=None, description="label counted as positive")
    positive_is: Literal["benefit", "burden"] | None = Field(
        default=None,
        description="what the positive label (of values: a high one) means for the person",
    )
    sensitive_features: tuple[str, ...] = Field(
        default=(), description="columns whose groups are compared"
    )
    roles: Mapping[Role, tuple[str, ...]] = Field(
        default_factory=dict,
        description="which columns hold the traits that laws name, such as race: RAC1P; they are "
        "compared as sensitive features are. " + ", ".join(ROLES),
    )
    words: SubjectWords = Field(
        default=SubjectWords(),
        description="what people call things of it, in sentences: positive (approved), event "
        "(repay), people (applicants); positive.zh=批准 in one language",
    )
    control_features: tuple[str, ...] = Field(
        default=(), description="columns within whose levels groups are compared"
    )
    weight: str | None = Field(
        default=None, description="column of row weights, for rates and gaps by group"
    )
    unit: str | None = Field(
        default=None,
        description="column that tells persons apart of whom there are several rows: intervals, "
        "tests and comparisons then take a person's rows together",
    )
    facts: Mapping[str, Scalar | list[Scalar]] = Field(
        default_factory=dict, description="dotted facts for packs, e.g. system.domain: credit"
    )
    declared: Mapping[str, Scalar] = Field(
        default_factory=dict, description="thresholds fixed in advance, e.g. accuracy_min: 0.8"
    )
    declared_file: str | None = Field(
        default=None,
        description="YAML file of thresholds fixed in advance, under git, beside this one; its "
        "commit date is kept",
    )
    proxies: tuple[str, ...] = Field(
        default=(), description="columns that are known to stand in for a sensitive feature"
    )
    reference_applicant: Mapping[str, Scalar] = Field(
        default_factory=dict,
        description="input columns of the applicant whom reasons for an adverse decision compare "
        "with (default: medians and most frequent values of rows with a favourable decision)",
    )
    actionable: Mapping[str, Actionable] = Field(
        default_factory=dict,
        description="what a person can change, by input column ('*': all others), for "
        "counterfactuals; sensitive features never change",
    )
    policy: tuple[str, ...] = Field(
        default=(), description="packs that judge: ids, or paths of packs"
    )
    checks: tuple[str, ...] = Field(
        default=("*",),
        description="patterns of checks to run, such as fairness.*; needed: those that packs read",
    )
    options: Mapping[str, Mapping[str, Any]] = Field(
        default_factory=dict, description="options by check id; see evenhand checks show"
    )
    seed: int = Field(default=0, ge=0, lt=2**53, description="seed of every random draw")
    level: float = Field(default=0.95, gt=0.5, lt=1, description="confidence level of intervals")
    min_group_size: int = Field(
        default=10, ge=1, description="smaller groups are shown, and left out of gaps"
    )
    error_budget: Literal["holm", "benjamini-hochberg", "none"] = Field(
        default="holm", description="how the p-values of an audit are adjusted, all together"
    )
    keep_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="days for which what the audit keeps of rows may be kept (explanations, "
        "decisions, kept answers); evenhand forget --expired finds what is older",
    )
    out: str | None = Field(default=None, description="folder of the case to write, beside this")

    @field_validator(*ONE_OR_MANY, mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="before")
    @classmethod
    def _roles_are_compared(cls, given: Any) -> Any:
        """The columns of roles as lists, and each of them among the sensitive features."""
        roles = given.get("roles") if isinstance(given, dict) else None
        if not isinstance(roles, Mapping):
            return given
        listed = {k: (v,) if isinstance(v, str) else v for k, v in roles.items()}
        named = given.get("sensitive_features") or ()
        named = (named,) if isinstance(named, str) else named
        columns = [c for v in listed.values() if isinstance(v, list | tuple) for c in v]
        if not isinstance(named, list | tuple) or not all(
            isinstance(c, str) for c in (*named, *columns)
        ):
            return {**given, "roles": listed}  # the fields say what is wrong with them
        whole = tuple(dict.fromkeys([*named, *columns]))
        return {**given, "roles": listed, **({"sensitive_features": whole} if columns else {})}

    @field_validator("inputs", mode="before")
    @classmethod
    def _one_input_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str | Mapping) else value

    @property
    def answers(self) -> tuple[str, ...]:
        """The columns of labels: the target's and the predicted one."""
        return tuple(c for c in (self.target, self.predicted) if c is not None)

    @property
    def features(self) -> tuple[str, ...]:
        """Sensitive and control features, the sensitive ones first."""
        return (*self.sensitive_features, *self.control_features)

    @property
    def source(self) -> str:
        """What is audited, as a short name can be made of: a path, or an endpoint's host."""
        if self.endpoint is not None:
            where = self.endpoint if isinstance(self.endpoint, str) else self.endpoint.url
            return "endpoint-" + where.split("://")[-1].split("/")[0].replace(":", "-")
        return without_secrets(str(self.model or self.predictions)).replace("#", "-")

    def model_declarations(self) -> Declared:
        """What is declared about the model. Raises InputError where it contradicts itself."""
        try:
            return Declared(
                task=self.task,
                classes=tuple(as_text(c) for c in self.classes),
                inputs=inputs_of(self.inputs),
                outputs=self.outputs,
                architecture=self.architecture,
                truncate=self.truncate,
            )
        except ValidationError as error:
            message, remedy = _explain(error, "the model's declarations")
            raise InputError(as_is(message), remedy=as_is(remedy)) from None

    def asked_endpoint(self) -> Endpoint | None:
        """The endpoint, where one is named."""
        if isinstance(self.endpoint, str):
            return Endpoint(url=self.endpoint)
        return self.endpoint


def make_spec(values: Mapping[str, Any], *, source: str = "the command line") -> SubjectSpec:
    """A spec from plain values. Raises InputError that names the key and the nearest known one.

    What it holds can be sealed, whatever its source can say: YAML has infinities, and half letters.
    """
    try:
        spec = SubjectSpec.model_validate(dict(values))
    except ValidationError as error:
        message, remedy = _explain(error, source)
        raise InputError(as_is(message), remedy=as_is(remedy)) from None
    problem = unsealable(spec.model_dump()) or _no_place(spec)
    if problem is not None:
        raise InputError(
            "{source}: {problem}",
            remedy="write a value that it can have",
            source=source,
            problem=problem,
        )
    return spec


def _no_place(spec: SubjectSpec) -> str | None:
    """Which path no file system has, and why."""
    named = [(key, getattr(spec, key)) for key in PLACES]
    for key, place in (*named, *(("policy", ref) for ref in spec.policy)):
        if place is None or is_url(place):
            continue
        if "\0" in place:
            return f"{key}: a path holds no character of code 0"
        longest = max(len(part.encode()) for part in place.split("/"))
        if longest > _LONGEST_NAME or len(place.encode()) > _LONGEST_PATH:
            return f"{key}: {place[:40]!r}... is longer than a path can be"
    return None


def _explain(error: ValidationError, source: str) -> tuple[str, str]:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "the document"
    if first["loc"] and first["loc"][0] == "roles" and first["type"] == "literal_error":
        role = str(first["input"])
        return phrase("{source}: roles: unknown role {role!r}", source=source, role=role), nearest(
            role, ROLES
        )
    if first["type"] == "extra_forbidden":
        remedy = nearest(key, SubjectSpec.model_fields)
        return phrase("{source}: unknown key {key!r}", source=source, key=key), remedy
    shown = repr(first.get("input"))
    field = SubjectSpec.model_fields.get(str(first["loc"][0])) if first["loc"] else None
    remedy = (
        phrase("{key}: {means}", key=key, means=field.description)
        if field
        else phrase("see the JSON Schema of subject.yaml")
    )
    return phrase(
        "{source}: {key} = {shown}: {msg}",
        source=source,
        key=key,
        shown=shown[:80],
        msg=first["msg"],
    ), remedy
