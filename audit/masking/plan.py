"""The plan of a mask: what becomes of each column, and what has to hold afterwards.

A plan is data: the one that a search wrote (with ``chosen``) recodes other rows of the same columns
in just the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from evenhand.audit.errors import InputError, nearest
from evenhand.audit.files.safe_yaml import parse, read_bytes
from evenhand.audit.words.phrases import phrase

HIDDEN = "*"
OTHERS = "other"
Unit = Literal["month", "year", "decade"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BinLevel(_Part):
    """Numbers or dates between edges: [18, 25) holds 18 and not 25."""

    bins: tuple[str, ...] = Field(min_length=1)

    @field_validator("bins", mode="before")
    @classmethod
    def _texts(cls, given: Any) -> Any:
        return tuple(map(str, given)) if isinstance(given, list | tuple) else given


class KeepLevel(_Part):
    """The first characters of a text, the others starred: 12345 -> 123**."""

    keep: int = Field(ge=0, le=1000)


class GroupLevel(_Part):
    """Values under a common name; those that no group holds are ``other``."""

    groups: Mapping[str, tuple[str, ...]]

    @model_validator(mode="after")
    def _once(self) -> GroupLevel:
        listed = [value for values in self.groups.values() for value in values]
        twice = sorted({v for v in listed if listed.count(v) > 1})
        if twice:
            raise ValueError(phrase("{value!r} is in several groups", value=twice[0]))
        return self


Level = Literal["hide"] | Unit | BinLevel | KeepLevel | GroupLevel


class Generalise(_Part):
    """Levels from fine to coarse; level 0 is the column as it is, ``auto`` makes them from the
    cells. Each level must join what the one before tells apart."""

    levels: tuple[Level, ...] | Literal["auto"]


class Noise(_Part):
    """Numbers plus noise of Laplace's law with this scale, in the column's unit."""

    noise: float = Field(gt=0, allow_inf_nan=False)


class Swap(_Part):
    """With this chance a cell becomes one drawn from all known cells of the column."""

    swap: float = Field(gt=0, le=1)


Action = Literal["drop", "keep", "tokenise"] | Generalise | Noise | Swap


class MaskPlan(_Part):
    """A whole plan. Columns that it doesn't name stay as they are, unless they name people."""

    quasi_identifiers: tuple[str, ...] = Field(
        min_length=1, description="columns that somebody outside can know of a person"
    )
    confidential: tuple[str, ...] = Field(
        default=(), description="columns that nobody should learn of a person, for l and t"
    )
    unit: str | None = Field(
        default=None, description="column that tells persons apart who have several rows"
    )
    k: int = Field(default=5, ge=2, description="people in the smallest class, at least")
    l: int = Field(  # noqa: E741 - the literature's name
        default=1, ge=1, description="different confidential values in a class, at least"
    )
    t: float | None = Field(
        default=None, gt=0, le=1, description="distance between a class and the table, at most"
    )
    leave_out: float = Field(
        default=0.02,
        ge=0,
        lt=1,
        description="largest share of rows that may be left out because their class is too small",
    )
    columns: Annotated[Mapping[str, Action], Field(default_factory=dict)]
    chosen: Mapping[str, int] | None = Field(
        default=None, description="the level of each quasi-identifier; written by the search"
    )

    @model_validator(mode="after")
    def _fits(self) -> MaskPlan:
        for column in self.quasi_identifiers:
            action = self.columns.get(column, Generalise(levels="auto"))
            if not isinstance(action, Generalise):
                raise ValueError(
                    phrase("{column}: a quasi-identifier is generalised: levels", column=column)
                )
        for column, action in self.columns.items():
            if isinstance(action, Generalise) and column not in self.quasi_identifiers:
                raise ValueError(
                    phrase("{column}: levels are for quasi-identifiers", column=column)
                )
        if (self.l > 1 or self.t is not None) and not self.confidential:
            raise ValueError(phrase("l and t are about confidential columns: name them"))
        return self

    def levels(self, column: str) -> tuple[Level, ...]:
        """The levels of a quasi-identifier above its own cells; needs them written out."""
        action = self.columns[column]
        assert isinstance(action, Generalise)
        assert action.levels != "auto"
        return action.levels

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, as the file of a plan has it."""
        return self.model_dump(mode="json", exclude_none=True)


def make_plan(given: Any, source: str) -> MaskPlan:
    """A plan of plain values. Raises InputError that names the key."""
    try:
        return MaskPlan.model_validate(given)
    except ValidationError as error:
        first = max(error.errors(), key=_tells)
        key = ".".join(str(part) for part in first["loc"] if str(part).isidentifier())
        raise InputError(
            "{source}: {key}: {problem}",
            remedy=nearest(str(first["loc"][0]) if first["loc"] else "", MaskPlan.model_fields),
            source=source,
            key=key or "plan",
            problem=first["msg"],
        ) from None


def _tells(error: Any) -> tuple[bool, int]:
    """Of the kinds that an action may be each one complains: what our own rules say tells most,
    then what fits deepest."""
    return error["type"] == "value_error", len(error["loc"])


def read_plan(file: Path) -> MaskPlan:
    """The plan in a YAML file. Raises InputError for one that is none."""
    return make_plan(parse(read_bytes(file), str(file)).data, str(file))
