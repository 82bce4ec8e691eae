"""The shape of a case's plan and environment: who makes a case can seal anything into it.

Only what judges, reports and pages read is looked at; everything else may be there.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Scalar = str | int | float | bool | None
Texts = list[str] | None


class _Shape(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, protected_namespaces=())


class _Data(_Shape):
    path: str | None = None
    rows: int | None = None
    columns: dict[str, str] | None = None
    declared_columns: Texts = None


class _Model(_Shape):
    path: str | None = None
    format: str | None = None


class _Subject(_Shape):
    name: str
    task: str | None = None
    target: str | None = None
    positive_label: Scalar = None
    classes: list[Scalar] | None = None
    positive_is: str | None = None
    threshold: float | None = None
    weight: str | None = None
    sensitive_features: Texts = None
    control_features: Texts = None
    digests: dict[str, str]
    model: _Model | None = None
    data: _Data | None = None
    stored: dict[str, str | None] | None = None


class _Check(_Shape):
    id: str
    options: dict[str, Any] | None = None


class _Pack(_Shape):
    id: str
    version: str
    digest: str


class _DeclaredFile(_Shape):
    path: str | None = None
    digest: str | None = None
    committed_at: str | None = None
    commit: str | None = None
    problem: str | None = None


class Plan(_Shape):
    """``plan.json``."""

    format: str = Field(alias="schema")
    subject: _Subject
    facts: dict[str, Scalar | list[Scalar]]
    declared: dict[str, Scalar] | None = None
    declared_file: _DeclaredFile | None = None
    model_declared: dict[str, Any] | None = None
    proxies: Texts = None
    reference_applicant: dict[str, Scalar] | None = None
    actionable: dict[str, dict[str, Any]] | None = None
    checks: list[_Check]
    seed: int | None = None
    levels: list[float] | None = None
    error_budget: str | None = None
    packs: list[_Pack] | None = None
    published: str | None = None


class _Run(_Shape):
    entry: int
    number: int
    in_all: int


class Environment(_Shape):
    """``environment.json``."""

    evenhand: str | None = None
    packages: dict[str, str] | None = None
    started_at: str | None = None
    finished_at: str | None = None
    isolation: str | None = None
    command: Texts = None
    opening: dict[str, Any] | None = None
    run: _Run | None = None
    resumed: Texts = None
    from_cache: Texts = None


def require_shape(value: Any, shape: type[BaseModel]) -> dict[str, Any]:
    """``value`` itself, if it has the shape. Raises ValueError that names the part which has not.

    >>> require_shape({"packages": 7}, Environment)
    Traceback (most recent call last):
    ValueError: packages: Input should be a valid dictionary
    """
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    try:
        shape.model_validate(value)
    except ValidationError as error:
        raise ValueError(first_problem(error)) from None
    return value


def first_problem(error: ValidationError) -> str:
    """The first part that was refused, and why, in one line."""
    first = error.errors(include_url=False, include_input=False)[0]
    place, why = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
    return f"{place[:200]}: {why}" if place else why
