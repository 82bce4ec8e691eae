"""The subject spec: what to audit, as YAML or as options; unknown keys are refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from audit.errors import InputError, nearest
from audit.models.predictor import Task

Scalar = str | int | float | bool


class SubjectSpec(BaseModel):
    """Everything that one audit needs to know. Paths are relative to the spec's own folder."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    name: str | None = Field(default=None, description="how people know this model")
    task: Task | None = Field(
        default=None,
        description="binary, multiclass, regression, generation (default: the model's)",
    )
    model: str | None = Field(default=None, description="model folder or .skops file")
    data: str | None = Field(default=None, description="rows to audit on (CSV, Parquet, JSONL)")
    training_data: str | None = Field(
        default=None, description="rows the model was trained on, for the generalisation gap"
    )
    predictions: str | None = Field(default=None, description="stored predictions, no model")
    encoding: str = Field(default="utf-8", description="encoding of plain text files")
    target: str | None = Field(default=None, description="column of true labels")
    predicted: str | None = Field(default=None, description="column of stored predicted labels")
    score: str | None = Field(default=None, description="column of stored scores")
    threshold: float | None = Field(
        default=None, description="predicted positive = score at or above this; 0.5 for a model"
    )
    positive_label: Scalar | None = Field(default=None, description="label counted as positive")
    positive_is: Literal["benefit", "burden"] | None = Field(
        default=None, description="what the positive label means for the person"
    )
    sensitive_features: tuple[str, ...] = Field(
        default=(), description="columns whose groups are compared"
    )
    control_features: tuple[str, ...] = Field(
        default=(), description="columns within whose levels groups are compared"
    )
    weight: str | None = Field(
        default=None, description="column of row weights, for rates and gaps by group"
    )
    facts: Mapping[str, Scalar | list[Scalar]] = Field(
        default_factory=dict, description="dotted facts for packs, e.g. system.domain: credit"
    )
    declared: Mapping[str, Scalar] = Field(
        default_factory=dict, description="thresholds fixed in advance, e.g. accuracy_min: 0.8"
    )
    policies: tuple[str, ...] = Field(default=(), description="pack ids or paths")
    checks: tuple[str, ...] = Field(default=("*",), description="patterns of checks to run")
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
    out: str | None = Field(default=None, description="folder of the case to write")

    @field_validator("sensitive_features", "control_features", "policies", "checks", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


def make_spec(values: Mapping[str, Any], *, source: str = "the command line") -> SubjectSpec:
    """A spec from plain values. Raises InputError that names the key and the nearest known one."""
    try:
        return SubjectSpec.model_validate(dict(values))
    except ValidationError as error:
        message, remedy = _explain(error, source)
        raise InputError(message, remedy=remedy) from None


def _explain(error: ValidationError, source: str) -> tuple[str, str]:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "the document"
    if first["type"] == "extra_forbidden":
        remedy = nearest(key, SubjectSpec.model_fields)
        return f"{source}: unknown key {key!r}", remedy
    shown = repr(first.get("input"))
    field = SubjectSpec.model_fields.get(str(first["loc"][0])) if first["loc"] else None
    remedy = f"{key}: {field.description}" if field else "see the JSON Schema of subject.yaml"
    return f"{source}: {key} = {shown[:80]}: {first['msg']}", remedy


def read_spec(path: str | Path) -> SubjectSpec:
    """Reads subject.yaml and resolves its paths against its own folder."""
    from audit import safe_yaml

    file = Path(path)
    document = safe_yaml.parse(safe_yaml.read_bytes(file), str(file)).data
    if not isinstance(document, dict):
        raise InputError(f"{file} is not a mapping of keys to values", remedy="see the README")
    spec = make_spec(document, source=str(file))
    return spec.model_copy(update=_resolved(spec, file.parent))


def _resolved(spec: SubjectSpec, folder: Path) -> dict[str, Any]:
    def near(path: str | None) -> str | None:
        return str(folder / path) if path else None

    def pack(ref: str) -> str:
        return str(folder / ref) if ref.endswith((".yaml", ".yml")) else ref

    return {
        "model": near(spec.model),
        "data": near(spec.data),
        "predictions": near(spec.predictions),
        "training_data": near(spec.training_data),
        "out": near(spec.out),
        "policies": tuple(pack(p) for p in spec.policies),
    }


def json_schema() -> dict[str, Any]:
    """The JSON Schema of subject.yaml, for editors."""
    schema = SubjectSpec.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
