"""One person's decision explained: what is shown of one row, from a case or worked out again.

Not an artifact itself; it is put together from the artifacts of reasons and counterfactuals, or
from the model and data. A value or place that is not known is left out, not null.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from evenhand.audit.artifacts.artifact import Cell, Names, Number, Tuple
from evenhand.audit.artifacts.explanation import ColumnChange, Proxy, ReasonAgainst
from evenhand.audit.files.shapes import Shape

Origin = Literal["case", "now"]  # sealed with the audit, or worked out again by the same model


class StatedReason(ReasonAgainst):
    """A reason with the reference's value, the person's own where it is known, and why the column
    is a proxy, if it is one."""

    reference: Cell
    proxy: Proxy | None
    value: Cell = None

    @property
    def has_value(self) -> bool:
        """Whether the person's own value is known (it may be known to be missing)."""
        return "value" in self.model_fields_set


class ComparedWith(Shape):
    """Whom the person is compared with."""

    declared: Names
    favourable_rows: int
    is_favourable: bool
    score: Number


class PersonReasons(Shape):
    """What decided against the person, the strongest first."""

    origin: Origin = Field(alias="from")
    reference: ComparedWith
    listed: Annotated[tuple[StatedReason, ...], Tuple]
    sensitive: Names


class PersonStep(ColumnChange):
    """A column's change, with the person's own value where it is known."""

    own: Cell = None

    @property
    def has_own(self) -> bool:
        """Whether the person's own value is known (it may be known to be missing)."""
        return "own" in self.model_fields_set


class PersonChange(Shape):
    """The smallest change that turns the decision, if one was found."""

    origin: Origin = Field(alias="from")
    is_found: bool
    changes: Annotated[tuple[PersonStep, ...], Tuple] = ()
    cost: Number | None = None
    distance: Number | None = None
    plausibility: Number | None = None


class Explanation(Shape):
    """One row's decision: ``needed`` is the favourable score from which on it is favourable."""

    schema_: Literal["evenhand-explanation/1"] = Field(alias="schema")
    case: str
    digest: str
    data: str | None
    row: int
    is_adverse: bool
    score: Number | None
    needed: Number | None
    values_from: Literal["data", "nowhere"]
    reasons: PersonReasons | None
    change: PersonChange | None
