"""The keyword arguments that the public API takes: those of subject.yaml, and of the command line.

The dictionaries are for editors and type checkers; a test holds them against the models that they
repeat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from os import PathLike
from typing import Any, TypedDict

Path = str | PathLike[str]
Frame = Any  # a path, or a data frame
Names = str | Sequence[str]
Scalar = str | int | float | bool


class GateOptions(TypedDict, total=False):
    """How verdicts become an exit code; the defaults are those of ``evenhand judge``.

    fail_on       least severity that blocks: blocker, high (default), medium, low, info
    strict        whether warnings fail too
    inconclusive  report (exit code 3, default), fail (1) or warn (0)
    attestations  require (exit code 4, default) or warn (0)
    baseline      an earlier case: only what got worse since blocks
    as_of         the day to judge on (default: today, UTC)
    """

    fail_on: str
    strict: bool
    inconclusive: str
    attestations: str
    baseline: Path | None
    as_of: date | None


class OpeningOptions(TypedDict, total=False):
    """What is allowed when a model is opened, as the command line's options of the same names."""

    allow_pickle: bool
    allow_weak_isolation: bool
    isolation: str
    time_limit: float | None
    memory_limit: float | None


class ReadingOptions(TypedDict, total=False):
    """How tables are read; the same keys in subject.yaml and in a recipe, see docs/data.md."""

    types: Mapping[str, str]
    missing: Scalar | Sequence[Scalar]
    unknown: Scalar | Sequence[Scalar]
    decimal: str
    dates: str
    encoding: str
    sheet: str
    labels: Mapping[Any, Scalar]
    bins: Mapping[str, Scalar | Sequence[Scalar]]


class SubjectOptions(ReadingOptions, total=False):
    """The keys of subject.yaml beside the model, the data and the packs; see docs/audit.md."""

    name: str
    task: str
    preprocess: str
    endpoint: str | Mapping[str, Any]
    classes: Scalar | Sequence[Scalar]
    inputs: str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]
    outputs: str
    architecture: Mapping[str, Any]
    truncate: bool
    training_data: str
    join: Frame
    on: Names
    id: str
    stream: bool
    cohort: Mapping[str, str]
    target: str
    outcomes: Names
    predicted: str
    score: str
    threshold: float
    positive_label: Scalar
    positive_is: str
    sensitive_features: Names
    control_features: Names
    weight: str
    unit: str
    facts: Mapping[str, Any]
    roles: Mapping[str, Names]
    words: Mapping[str, str | Mapping[str, str]]
    declared: Mapping[str, Scalar]
    declared_file: str
    proxies: Names
    reference_applicant: Mapping[str, Scalar]
    actionable: Mapping[str, Any]
    checks: Names
    options: Mapping[str, Mapping[str, Any]]
    seed: int
    level: float
    min_group_size: int
    error_budget: str
    keep_days: int


class AuditOptions(SubjectOptions, OpeningOptions, GateOptions, total=False):
    """Everything that ``audit_model`` and ``audit_predictions`` take by name."""
