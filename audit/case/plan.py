"""The plan of an audit: what is to be measured, written before anything is (``plan.json``)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator

from evenhand.audit.files.shapes import EmptyIfNull, Number, Numbers, Scalar, Scalars, Shape, Texts

PLAN_SCHEMA = "evenhand-plan/1"
# What this version reads. Fields that came later than a schema's first case have a default.
PLAN_SCHEMAS = (PLAN_SCHEMA,)


class DataPlace(Shape):
    """The data: where they lay, their rows before any was dropped, each column's type; the file
    that was ``joined`` to them by the columns ``on``, and the column ``id`` that names a row.

    ``reading`` is what is declared about the cells (``evenhand.audit.data.written.declared``),
    ``notes`` what was noticed on reading: reasons as plain JSON.
    """

    path: str | None = None
    rows: int | None = None
    columns: Annotated[dict[str, str], EmptyIfNull] = Field(default_factory=dict)
    declared_columns: Texts = ()
    joined: str | None = None
    on: Texts = ()
    id: str | None = None
    reading: Annotated[dict[str, Any], EmptyIfNull] = Field(default_factory=dict)
    notes: Annotated[tuple[dict[str, Any], ...], Field(strict=False)] = ()


class ModelPlace(Shape):
    """The model: where it lay and in which format."""

    path: str | None = None
    format: str | None = None


class StoredScores(Shape):
    """The columns of stored predictions."""

    predicted: str | None = None
    score: str | None = None


class PlannedCohort(Shape):
    """The part of the rows that is audited: its name, its condition, and the digest of the case
    whose rows they are ("" where none was named)."""

    name: str
    where: str
    parent: str = ""


class PlannedSubject(Shape):
    """What is audited, and what its maker declares about it. ``model`` is None for stored
    predictions; ``digests`` are SHA-256 by part (model, data, training_data); ``words`` what people
    call things of it, by word and language."""

    name: str
    task: str | None = None
    target: str | None = None
    positive_label: Scalar = None
    classes: Scalars = ()
    positive_is: str | None = None
    threshold: Number | None = None
    weight: str | None = None
    unit: str | None = None
    sensitive_features: Texts = ()
    roles: Annotated[dict[str, Texts], EmptyIfNull] = Field(default_factory=dict)
    words: Annotated[dict[str, dict[str, str]], EmptyIfNull] = Field(default_factory=dict)
    control_features: Texts = ()
    outcomes: Texts = ()
    digests: dict[str, str]
    model: ModelPlace | None = None
    data: Annotated[DataPlace, EmptyIfNull] = Field(default_factory=DataPlace)
    streamed: bool = False
    stored: StoredScores | None = None
    cohort: PlannedCohort | None = None

    @property
    def data_digest(self) -> str:
        """The SHA-256 of the data; "" where the plan has none."""
        return self.digests.get("data", "")


class PlannedCheck(Shape):
    """A check that is asked, with all its options."""

    id: str
    options: Annotated[dict[str, Any], EmptyIfNull] = Field(default_factory=dict)


class NamedPack(Shape):
    """A policy pack that the audit was planned for; its bytes lie in the case."""

    id: str
    version: str
    digest: str


class PlannedFile(Shape):
    """The file of thresholds that were written down before, and what Git says of when."""

    path: str | None = None
    digest: str | None = None
    committed_at: str | None = None
    commit: str | None = None
    problem: str | None = None


class Plan(Shape):
    """``plan.json``. ``facts`` are what packs ask about; ``published`` says how a copy was made fit
    for the public (None: it is the case itself). ``look`` counts looks at growing data, this one
    included: later ones are read at stricter levels. ``keep_days``: how long, from its end on, what
    this audit keeps of rows may be kept."""

    schema_: str = Field(alias="schema")
    subject: PlannedSubject
    facts: dict[str, Scalar | list[Scalar]]
    declared: Annotated[dict[str, Scalar], EmptyIfNull] = Field(default_factory=dict)
    declared_file: PlannedFile | None = None
    model_declared: Annotated[dict[str, Any], EmptyIfNull] = Field(default_factory=dict)
    proxies: Texts = ()
    reference_applicant: Annotated[dict[str, Scalar], EmptyIfNull] = Field(default_factory=dict)
    actionable: Annotated[dict[str, dict[str, Any]], EmptyIfNull] = Field(default_factory=dict)
    checks: Annotated[tuple[PlannedCheck, ...], Field(strict=False)]
    seed: int | None = None
    levels: Numbers = ()
    error_budget: str | None = None
    packs: Annotated[tuple[NamedPack, ...], Field(strict=False)] = ()
    published: str | None = None
    look: int = Field(default=1, ge=1)
    keep_days: int | None = Field(default=None, ge=1)

    @field_validator("schema_")
    @classmethod
    def _is_known(cls, schema: str) -> str:
        if schema not in PLAN_SCHEMAS:
            raise ValueError(f"{schema[:80]!r} is none that is read here: {PLAN_SCHEMAS}")
        return schema

    def options(self, check_id: str) -> dict[str, Any] | None:
        """The options of a planned check; None where it was not planned."""
        return next((c.options for c in self.checks if c.id == check_id), None)

    def minimum_size(self, check_id: str, default: int) -> int:
        """From how many rows on a group is compared by a check; ``default`` where not planned."""
        size = (self.options(check_id) or {}).get("min_group_size")
        return size if isinstance(size, int) else default
