"""The verdict: what one item of a pack says about one case, and which findings decided it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from evenhand.audit.finding import Interval

VerdictStatus = Literal[
    "pass",
    "fail",
    "warn",
    "inconclusive",
    "needs-attestation",
    "attested",
    "not-applicable",
    "not-yet-applicable",
    "waived",
    "error",
]
# Most pressing first: the one order of the house. Views list statuses in it, and an item that moved
# to an earlier one got worse.
VERDICT_STATUSES: tuple[VerdictStatus, ...] = (
    "fail",
    "error",
    "inconclusive",
    "needs-attestation",
    "warn",
    "waived",
    "attested",
    "pass",
    "not-yet-applicable",
    "not-applicable",
)
Severity = Literal["blocker", "high", "medium", "low", "info"]
SEVERITIES: tuple[Severity, ...] = ("blocker", "high", "medium", "low", "info")  # gravest first
Obligation = Literal["must", "should", "may"]
ThresholdOrigin = Literal["law", "standard", "guidance", "convention", "declared"]
Decision = Literal["point", "bound", "present", "no-group-worse"]
ItemKind = Literal["automated", "attestation", "hybrid"]


class Verdict(BaseModel):
    """One item's answer. ``underlying`` is the status before a waiver or a start date softened it.

    Texts (``title``, ``because``, ``fix``) are mappings from language ("en", "zh") to text.
    ``rows_needed`` is the number of further rows (in the group that decides; of a gap, in all
    groups together) that settle an inconclusive item four times in five, given what is known of the
    truth; None where that cannot be said.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    pack: str
    pack_version: str
    item: str
    title: Mapping[str, str]
    kind: ItemKind
    severity: Severity
    obligation: Obligation
    clause: Mapping[str, str] = Field(default_factory=dict)
    status: VerdictStatus
    underlying: VerdictStatus
    reason_code: str
    because: Mapping[str, str]
    findings: tuple[str, ...] = ()
    value: float | None = None
    interval: Interval | None = None
    comparator: str = ""
    threshold: float | None = None
    threshold_origin: ThresholdOrigin | None = None
    decision: Decision | None = None
    rows_needed: int | None = Field(default=None, ge=0)
    fix: Mapping[str, str] = Field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, every field present."""
        return self.model_dump(mode="json")
