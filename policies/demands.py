"""What an item demands of a number: the ``check`` part of the schema ``rai-pack/1``."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evenhand.policies.verdict import Decision, ThresholdOrigin

Comparator = Literal[">=", "<=", ">", "<", "==", "between"]
OnSmall = Literal["inconclusive", "exclude-and-report", "fail"]
Method = Literal["wilson", "clopper-pearson", "katz-log", "newcombe", "bootstrap"]
DeclaredRef = Annotated[str, Field(pattern=r"^\$\{declared\.[A-Za-z0-9_.-]+(\|[^|{}]+)?\}$")]
Level = Annotated[float, Field(gt=0.5, lt=1)]
# strict: `threshold: true` is a mistake, not 1
Threshold = Annotated[float, Field(strict=True)] | DeclaredRef

ANY_UNIT = "any"
_DECLARED = re.compile(r"^\$\{declared\.([^|}]+)(?:\|([^}]+))?\}$")


class PackPart(BaseModel):
    """A part of a pack: frozen, and an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ConfidenceInterval(PackPart):
    """The interval that decides. A one-sided level L reads the two-sided interval at 2L - 1."""

    method: Method | None = None
    level: Level = 0.95
    sided: Literal["one", "two"] = "two"

    @property
    def two_sided_level(self) -> float:
        """The level of the two-sided interval whose ends are read."""
        return self.level if self.sided == "two" else round(2 * self.level - 1, 12)


class CompanionTest(PackPart):
    """A significance test beside a point estimate: the p-value that the finding itself carries.

    A value that breaks the threshold fails only where p < ``alpha``, else it is inconclusive; one
    that keeps it although p < ``alpha`` is a warning. ``family`` says which tests share ``alpha``:
    ``item``, all that the item's evidence selects (its measure, over its features or roles), by
    Holm's step-down rule; ``none``, each stands alone. What else the audit tested never counts: a
    rule's answer must not hang on what somebody explored beside it.
    """

    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    family: Literal["item", "none"] = "item"


class Requirement(PackPart):
    """What the selected number must satisfy. Whoever writes the threshold says where it is from.

    ``decision: bound`` passes only where the interval's bound passes; ``point`` compares the value,
    with a ``companion_test`` beside it if asked; ``present`` asks only that every selected number
    was measured, and fails where one is undefined. ``against: compare_to`` judges the change: this
    case's value minus the other case's; with ``decision: bound`` or ``no-group-worse`` row by row,
    the former passing what is shown to keep the threshold, the latter failing what is shown to
    break it. ``multiple: bonferroni`` splits the error over all numbers of the item (``decision:
    bound``).

    ``unit`` is that of the thresholds and of the findings that they are for, as findings state it;
    ``any`` where every threshold is 0 and the sign alone is asked. A finding in another unit is an
    error of the pack: 0.10 nat says nothing about squared euros.
    """

    comparator: Comparator | None = None
    threshold: Threshold | tuple[Threshold, Threshold] | None = None
    unit: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    threshold_origin: ThresholdOrigin
    decision: Decision = "bound"
    ci: ConfidenceInterval = ConfidenceInterval()
    companion_test: CompanionTest | None = None
    multiple: Literal["none", "bonferroni"] = "none"
    min_n: int | None = Field(default=None, ge=1)
    min_group_n: int | None = Field(default=None, ge=1)
    min_group_share: float | None = Field(default=None, gt=0, lt=1)
    on_small: OnSmall = "inconclusive"
    against: Literal["compare_to"] | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Requirement:
        present = self.decision == "present"
        if present != (self.comparator is None) or present != (self.threshold is None):
            raise ValueError(
                "decision: present takes no comparator and no threshold; every other decision both"
            )
        pair = isinstance(self.threshold, tuple)
        if pair != (self.comparator == "between"):
            raise ValueError("between takes two thresholds [low, high], other comparators take one")
        if self.decision == "no-group-worse" and self.against is None:
            raise ValueError("decision: no-group-worse needs against: compare_to")
        if self.paired and self.comparator not in (">=", "<="):
            raise ValueError(f"decision: {self.decision} against a case needs >= or <=")
        if present and self.against is not None:
            raise ValueError("decision: present asks about this case alone: drop against")
        if self.companion_test is not None and (self.decision != "point" or self.against):
            raise ValueError("companion_test goes with decision: point, without against")
        if self.multiple != "none" and (self.decision != "bound" or self.against):
            raise ValueError("multiple goes with decision: bound, without against")
        for threshold in self.thresholds:
            if isinstance(threshold, str):
                declared_reference(threshold)
        if self.unit == ANY_UNIT and any(self._default(t) != 0 for t in self.thresholds):
            raise ValueError(
                "unit: any goes with a threshold of 0, whose sign is all that is asked"
            )
        return self

    @staticmethod
    def _default(threshold: Threshold) -> float | None:
        return declared_reference(threshold)[1] if isinstance(threshold, str) else threshold

    @property
    def paired(self) -> bool:
        """Whether two models are compared row by row."""
        return self.against is not None and self.decision in ("bound", "no-group-worse")

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        """None, one threshold, or the two of ``between``."""
        if self.threshold is None:
            return ()
        return self.threshold if isinstance(self.threshold, tuple) else (self.threshold,)


def declared_reference(text: str) -> tuple[str, float | None]:
    """The name and the default of ``${declared.name|default}``; the default may be missing.

    >>> declared_reference("${declared.accuracy_min|0.8}")
    ('accuracy_min', 0.8)
    """
    match = _DECLARED.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not ${{declared.name}} or ${{declared.name|default}}")
    name, default = match.groups()
    return name, None if default is None else float(default)
