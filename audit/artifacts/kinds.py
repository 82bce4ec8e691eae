"""Which artifact has which model, and what is neither."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from evenhand.audit.artifacts.artifact import Document, Names, Tuple
from evenhand.audit.artifacts.explanation import (
    Attributions,
    AttributionsByGroup,
    Counterfactuals,
    QualityCurves,
    Reasons,
)
from evenhand.audit.artifacts.fairness import Calibration, ClassTables, Thresholds, WorstGroups
from evenhand.audit.files.shapes import Number, Shape, parsed


class LedgerEntry(Shape):
    """A line of a ledger: steps and epsilon of all runs so far."""

    seq: int
    at: str
    event: Literal["opened", "ahead", "checkpoint", "paused", "closed"]
    steps: int
    epsilon: Number
    accountant: str


class LedgerTimeline(Document):
    """``privacy.ledger.json``: what a model's ledger says, line by line."""

    schema_: Literal["evenhand-ledger/1"] = Field(alias="schema")
    epsilon: Number
    delta: Number
    unit: str
    adjacency: str
    n_train: int
    n_lines: int
    entries: Annotated[tuple[LedgerEntry, ...], Tuple]


class GroupBits(Shape):
    """A feature's groups by name, and each row's group number in bit planes (base64)."""

    levels: Names
    planes: Names


class DecisionBits(Document):
    """``decisions.json``: see ``evenhand.audit.comparing.decisions``."""

    schema_: Literal["evenhand-decisions/1"] = Field(alias="schema")
    n: int
    selected: str
    positive: str | None
    features: dict[str, GroupBits]


KINDS: Mapping[str, type[Document]] = {
    "decisions.json": DecisionBits,
    "explanation.attribution.json": Attributions,
    "explanation.by_group.json": AttributionsByGroup,
    "explanation.counterfactual.json": Counterfactuals,
    "explanation.quality-curves.json": QualityCurves,
    "explanation.reasons.json": Reasons,
    "fairness.calibration.json": Calibration,
    "fairness.class_rates.json": ClassTables,
    "fairness.thresholds.json": Thresholds,
    "fairness.worst_groups.json": WorstGroups,
    "privacy.ledger.json": LedgerTimeline,
}


def as_document(name: str, value: Any) -> Document | None:
    """The artifact as its model; None for a name that is none of ours (a third party's check).

    Raises ValueError, which names what is wrong, for one of ours that has another shape.
    """
    model = KINDS.get(name)
    return None if model is None else parsed(value, model)
