"""The schema ``rai-pack/1``: what a policy pack may say. Data only; nothing in it is executed.

    pack   id, version, title, jurisdiction, kind, legal_status, sources, languages, parameters,
           applies_when, defaults, items
    item   id, extends, clause, title, text, kind, severity, obligation, waivable, applies_from,
           applies_when, evidence, check, attest, on_fail, crosswalk, note

``check`` is described in ``demands.py``, a pack that extends another in ``extending.py``. Texts
are mappings from language (en, zh) to text. Files are read by ``evenhand.policies.pack``.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, field_validator, model_validator

from evenhand.audit.files.canonical import digest_bytes
from evenhand.audit.files.safe_yaml import Location, line_of
from evenhand.audit.words.roles import Role
from evenhand.policies.demands import ConfidenceInterval, OnSmall, PackPart, Requirement
from evenhand.policies.verdict import Decision, ItemKind, Obligation, Severity

SCHEMA = "rai-pack/1"
Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
Answer = Literal["met", "met-by-other-means", "not-met", "not-applicable"]
Text = Mapping[Language, Annotated[str, Field(min_length=1)]]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]
PackId = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
Duration = Annotated[
    str, Field(pattern=r"^P(\d{1,3}Y)?(\d{1,4}M)?(\d{1,4}W)?(\d{1,5}D)?$", min_length=3)
]
# bool before the numbers, or true would be read as 1
Scalar = bool | int | float | str | date | None


class Condition(PackPart):
    """When a pack or an item applies: one comparison of a fact, or all, any, not of conditions."""

    fact: str | None = None
    eq: Scalar | list[Scalar] = None
    ne: Scalar | list[Scalar] = None
    in_: list[Scalar] | None = Field(default=None, alias="in")
    contains: Scalar = None
    lt: float | None = None
    lte: float | None = None
    gt: float | None = None
    gte: float | None = None
    all_: tuple[Condition, ...] | None = Field(default=None, alias="all", min_length=1)
    any_: tuple[Condition, ...] | None = Field(default=None, alias="any", min_length=1)
    not_: Condition | None = Field(default=None, alias="not")

    @model_validator(mode="after")
    def _one_form(self) -> Condition:
        given = self.model_fields_set - {"fact"}
        combines = given & {"all_", "any_", "not_"}
        if self.fact is not None and (combines or len(given) != 1):
            raise ValueError(f"a condition on the fact {self.fact!r} needs exactly one operator")
        if self.fact is None and (len(combines) != 1 or given != combines):
            raise ValueError("a condition is either a fact with one operator, or all, any or not")
        return self

    def facts(self) -> frozenset[str]:
        """Every fact that the condition asks about."""
        parts = [*(self.all_ or ()), *(self.any_ or ()), *((self.not_,) if self.not_ else ())]
        below = frozenset[str]().union(*(part.facts() for part in parts))
        return below | ({self.fact} if self.fact is not None else set())


class Source(PackPart):
    """Where a pack's demands come from; ``checked`` is the day on which somebody last looked."""

    cite: str = Field(min_length=1)
    checked: date | None = None
    url: str | None = None
    note: str | None = None


class LegalStatus(PackPart):
    """Whether the source binds, from when to when, and when somebody last looked."""

    state: Literal[
        "in-force",
        "adopted-not-yet-applicable",
        "contested",
        "withdrawn",
        "superseded",
        "voluntary",
    ]
    applies_from: date | None = None
    applies_to: date | None = None
    superseded_by: str | None = None
    checked_on: date
    note: str | None = None


class Parameter(PackPart):
    """A fact that the pack asks the subject's maker to declare."""

    text: Text | None = None
    enum: tuple[Scalar, ...] | None = None
    required: bool = False
    default: Scalar | list[Scalar] = None


class Evidence(PackPart):
    """Which findings an item reads: ``family.measure``, for which sensitive features or columns.

    ``group_by`` (or its synonym ``between``) is ``each`` (every single sensitive feature),
    ``crossing`` (every crossing of two or more), one list of features, or a list of lists.
    ``agg`` says which finding decides: ``all`` (every one must hold), ``min`` or ``max``.

    ``roles`` are traits that the item is about (``evenhand.audit.words.roles``), whatever the
    data call them: each must be bound to a column, and ``each`` and ``crossing`` then mean those
    columns alone. ``any_role`` asks the same of those of its traits that the data hold; where no
    sensitive feature is one of them there is no question.
    """

    select: str = Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")
    group_by: Literal["each", "crossing"] | list[str] | list[list[str]] | None = None
    between: Literal["each", "crossing"] | list[str] | list[list[str]] | None = None
    columns: tuple[str, ...] | None = Field(default=None, min_length=1)
    roles: tuple[Role, ...] = ()
    any_role: tuple[Role, ...] = ()
    agg: Literal["min", "max", "all"] = "all"

    @model_validator(mode="after")
    def _one_grouping(self) -> Evidence:
        if self.group_by is not None and self.between is not None:
            raise ValueError("give group_by or between, not both")
        if self.grouping is not None and not self.grouping:
            raise ValueError("group_by or between names no feature")
        named = isinstance(self.grouping, list) or self.columns is not None
        if self.roles and self.any_role:
            raise ValueError("give roles (each is needed) or any_role (any will do), not both")
        if (self.roles or self.any_role) and named:
            raise ValueError("roles stand for columns: name no features or columns beside them")
        if self.any_role and self.grouping == "crossing":
            raise ValueError("a crossing is of roles that are needed: write roles")
        return self

    @property
    def binds(self) -> tuple[Role, ...]:
        """The roles that the item asks for, in either way."""
        return self.roles or self.any_role

    @property
    def family(self) -> str:
        """The part of ``select`` before the dot."""
        return self.select.partition(".")[0]

    @property
    def measure(self) -> str:
        """The part of ``select`` behind the dot."""
        return self.select.partition(".")[2]

    @property
    def grouping(self) -> Literal["each", "crossing"] | list[str] | list[list[str]] | None:
        """``group_by`` or ``between``, whichever is given."""
        return self.group_by if self.group_by is not None else self.between


class Attest(PackPart):
    """What a person signs: who, which question, with which evidence, for how long."""

    role: str = Field(min_length=1)
    question: Text | None = None
    answers: tuple[Answer, ...] = ("met", "met-by-other-means", "not-met", "not-applicable")
    evidence_required: tuple[str, ...] = ()
    valid_for: Duration = "P365D"
    scope: Literal["model", "system", "org"] = "model"
    two_person: bool = False


class OnFail(PackPart):
    """What failing means, and what to do about it."""

    effect: str | Text | None = None
    fix: Text = Field(default_factory=dict)


class ItemDefaults(PackPart):
    """Values for items that do not set them."""

    severity: Severity | None = None
    obligation: Obligation | None = None
    waivable: bool | None = None
    decision: Decision | None = None
    ci: ConfidenceInterval | None = None
    min_n: int | None = Field(default=None, ge=1)
    min_group_n: int | None = Field(default=None, ge=1)
    min_group_share: float | None = Field(default=None, gt=0, lt=1)
    on_small: OnSmall | None = None
    valid_for: Duration | None = None
    scope: Literal["model", "system", "org"] | None = None
    effect: str | Text | None = None


class Item(PackPart):
    """One line of the checklist.

    ``evidence: external`` marks an attestation whose proper evidence is a measurement that is made
    elsewhere: the person who signs leans on it, nothing here pretends to have made it.
    """

    id: Key
    extends: Key | None = None
    clause: Mapping[str, str] = Field(default_factory=dict)
    title: Text
    text: Text | None = None
    kind: ItemKind
    severity: Severity
    obligation: Obligation = "must"
    waivable: bool | None = None
    applies_from: date | None = None
    applies_when: Condition | None = None
    evidence: Evidence | Literal["external"] | None = None
    check: Requirement | None = None
    attest: Attest | None = None
    on_fail: OnFail = OnFail()
    crosswalk: tuple[str, ...] = ()
    note: str | None = None

    @property
    def can_be_waived(self) -> bool:
        """``waivable``; where the pack does not say, everything but a blocker."""
        return self.severity != "blocker" if self.waivable is None else self.waivable

    @property
    def selects(self) -> Evidence | None:
        """The findings that the item reads; None for what nothing here measures."""
        return self.evidence if isinstance(self.evidence, Evidence) else None

    @property
    def binds(self) -> tuple[Role, ...]:
        """The traits that must be bound to columns for what the item reads."""
        return () if self.selects is None else self.selects.binds

    @model_validator(mode="after")
    def _parts_fit_kind(self) -> Item:
        measured = self.selects is not None and self.check is not None
        if (self.selects is None) != (self.check is None):
            raise ValueError("evidence and check go together")
        if self.evidence == "external" and self.kind != "attestation":
            raise ValueError("evidence: external belongs to items of kind attestation")
        if measured != (self.kind in ("automated", "hybrid")):
            raise ValueError(f"an item of kind {self.kind} has wrong parts: evidence and check")
        if (self.attest is not None) != (self.kind in ("attestation", "hybrid")):
            raise ValueError(f"an item of kind {self.kind} has wrong parts: attest")
        return self


class Change(PackPart):
    """One part of an item that a house pack changed, as text."""

    item: str
    part: str
    before: str | None = None
    after: str | None = None


class Extended(PackPart):
    """The pack that a house pack was made of, and what it changed of it."""

    id: PackId
    version: str
    digest: str
    changes: tuple[Change, ...] = ()


class Pack(PackPart):
    """A policy pack, with ``extends`` and ``defaults`` worked in. ``load_pack`` reads one.

    A file may say ``extends`` (a shipped pack's id, or a file beside it): the pack is then the
    other one with what the file adds and tightens, and ``extended`` says what that is.
    """

    schema_: Literal["rai-pack/1"] = Field(alias="schema")
    id: PackId
    version: str = Field(pattern=r"^\d{4}\.\d{1,2}\.\d+$")
    title: Text
    jurisdiction: str = Field(pattern=r"^(INT|[A-Z]{2}(-[A-Z0-9]+)*)$")
    kind: Literal["law", "regulation", "standard", "guidance", "framework", "house"]
    legal_status: LegalStatus
    sources: Mapping[Key, Source] = Field(default_factory=dict)
    languages: tuple[Language, ...] = LANGUAGES
    extends: str | None = None
    extended: Extended | None = None
    parameters: Mapping[str, Parameter] = Field(default_factory=dict)
    applies_when: Condition | None = None
    defaults: ItemDefaults = ItemDefaults()
    items: tuple[Item, ...] = Field(min_length=1)

    _raw: bytes = PrivateAttr(default=b"")
    _name: str = PrivateAttr(default="")
    _lines: Mapping[Location, int] = PrivateAttr(default_factory=dict)

    @field_validator("items")
    @classmethod
    def _unique_ids(cls, items: tuple[Item, ...]) -> tuple[Item, ...]:
        ids = [item.id for item in items]
        for item_id in ids:
            if ids.count(item_id) > 1:
                raise ValueError(f"two items have the id {item_id!r}")
        return items

    @property
    def raw(self) -> bytes:
        """The bytes of the file as it was read."""
        return self._raw

    @property
    def digest(self) -> str:
        """SHA-256 of the file's bytes, as ``sha256:<hex>``."""
        return digest_bytes(self._raw)

    @property
    def name(self) -> str:
        """The file's name, for messages."""
        return self._name

    def line(self, *location: str | int) -> int | None:
        """The line in the file of a part, e.g. ``line("items", 3, "check")``."""
        return line_of(self._lines, location)

    def item(self, item_id: str) -> Item | None:
        """The item with this id, or None."""
        return next((item for item in self.items if item.id == item_id), None)


def add_duration(start: date, duration: str) -> date:
    """``start`` plus an ISO 8601 duration of years, months, weeks and days.

    A day that the month does not have becomes its last day.

    >>> add_duration(date(2026, 1, 31), "P1M")
    datetime.date(2026, 2, 28)
    """
    from datetime import timedelta

    match = re.match(r"^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?$", duration)
    if match is None:
        raise ValueError(f"{duration!r} is not an ISO 8601 duration such as P180D")
    years, months, weeks, days = (int(part or 0) for part in match.groups())
    month_index = start.year * 12 + start.month - 1 + years * 12 + months
    year, month = month_index // 12, month_index % 12 + 1
    if year > 9000:
        return date.max
    day = min(start.day, calendar.monthrange(year, month)[1])
    return date(year, month, day) + timedelta(days=weeks * 7 + days)


def json_schema() -> dict[str, Any]:
    """JSON Schema of a pack file, for editors.

    In a file an item needs only its id: the rest may come from ``extends`` and ``defaults``.
    """
    schema = Pack.model_json_schema(by_alias=True)
    schema["$defs"]["Item"]["required"] = ["id"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
