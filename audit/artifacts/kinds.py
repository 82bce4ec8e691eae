"""Which artifact has which model, and what is neither."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from evenhand.audit.artifacts.artifact import ArtifactDocument, AtLeastOne, Names, Number, Tuple
from evenhand.audit.artifacts.explanation import (
    Attributions,
    AttributionsByGroup,
    Counterfactuals,
    QualityCurves,
    Reasons,
)
from evenhand.audit.artifacts.fairness import Calibration, ClassTables, Thresholds, WorstGroups
from evenhand.audit.files.shapes import Shape, parsed

_MOST_LEVELS = 1 << 20


def _time(at: str) -> str:
    datetime.fromisoformat(at)
    return at


class LedgerEntry(Shape):
    """A line of a ledger: steps and epsilon of all runs so far; ``at`` is a time in ISO 8601."""

    seq: int
    at: Annotated[str, AfterValidator(_time)]
    event: Literal["opened", "ahead", "checkpoint", "paused", "closed"]
    steps: int
    epsilon: Number
    accountant: str


class LedgerTimeline(ArtifactDocument):
    """``privacy.ledger.json``: what a model's ledger says, line by line."""

    FILE: ClassVar[str] = "privacy.ledger.json"
    schema_: Literal["evenhand-ledger/1"] = Field(alias="schema")
    epsilon: Number
    delta: Number
    unit: str
    adjacency: str
    n_train: int
    n_lines: int
    entries: Annotated[tuple[LedgerEntry, ...], Tuple, AtLeastOne]


class GroupBits(Shape):
    """A feature's groups by name, and each row's group number in bit planes (base64)."""

    levels: Names
    planes: Names

    @model_validator(mode="after")
    def _planes_for_the_levels(self) -> Self:
        if not 1 <= len(set(self.levels)) == len(self.levels) <= _MOST_LEVELS:
            raise ValueError("levels are repeated, or none, or too many")
        if len(self.planes) != (len(self.levels) - 1).bit_length():
            raise ValueError(f"{len(self.planes)} planes for {len(self.levels)} levels")
        return self


class DecisionBits(ArtifactDocument):
    """``decisions.json``: see ``evenhand.audit.comparing.decisions``. ``persons`` are bit planes of
    the number of each row's person, where persons have several rows."""

    FILE: ClassVar[str] = "decisions.json"
    schema_: Literal["evenhand-decisions/1"] = Field(alias="schema")
    n: Annotated[int, Field(ge=1)]
    selected: str
    positive: str | None
    features: dict[str, GroupBits]
    persons: Names | None = None


KINDS: Mapping[str, type[ArtifactDocument]] = {
    kind.FILE: kind
    for kind in (
        DecisionBits,
        Attributions,
        AttributionsByGroup,
        Counterfactuals,
        QualityCurves,
        Reasons,
        Calibration,
        ClassTables,
        Thresholds,
        WorstGroups,
        LedgerTimeline,
    )
}


def as_document(name: str, value: Any) -> ArtifactDocument | None:
    """The artifact as its model; None for a name that is none of ours (a third party's check).

    Raises ValueError, which names what is wrong, for one of ours that has another shape.
    """
    model = KINDS.get(name)
    return None if model is None else parsed(value, model)
