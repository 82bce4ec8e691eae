"""The finding: a number with its n, interval, unit, group and method, or the reason why none."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    PlainValidator,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue

from evenhand.audit.reason import Reasons, reasons_json, sentences
from evenhand.audit.words.reasons import render

Status = Literal["measured", "undefined", "not_applicable", "skipped", "error"]
UNKNOWN = "unknown"  # the group of rows whose sensitive value is missing
STATUSES: tuple[Status, ...] = ("measured", "undefined", "not_applicable", "skipped", "error")

Count = Annotated[int, Field(ge=0)]
_REASON_SCHEMA = {
    "type": "object",
    "properties": {"code": {"type": "string"}, "parameters": {"type": "object"}},
    "required": ["code", "parameters"],
    "additionalProperties": False,
}
# Read from records or plain JSON; a text (a third party's, or an older case's) becomes a quote.
Sentences = Annotated[
    Reasons,
    PlainValidator(sentences),
    PlainSerializer(reasons_json, when_used="json"),
    WithJsonSchema({"type": "array", "items": _REASON_SCHEMA}),
]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Interval(_Record):
    """A confidence interval: ``low <= high`` at confidence ``level``, by ``method``."""

    low: float
    high: float
    level: float = Field(gt=0, lt=1)
    method: str = Field(min_length=1)

    @model_validator(mode="after")
    def _ordered(self) -> Interval:
        if self.low > self.high:
            raise ValueError(f"interval low={self.low} is above high={self.high}")
        return self


class Finding(_Record):
    """One answer of one check.

    ``group`` names the group that the value is about (empty = all rows); ``between`` names the
    sensitive features whose groups a gap compares; ``column`` the input column that the value is
    about. ``counts`` holds the counts behind the value, so that a pack can ask for another
    confidence level or method without measuring again; ``other_intervals`` holds the levels that
    the planned packs asked for beside the first. ``reason`` says why there is no number, sentence
    by sentence, as codes with parameters (``reason_text`` puts them into words); beside a measured
    value it is a note (groups left out of a gap, a group too small to compare).

    ``p_value`` is adjusted by the plan's error budget over all tests of the audit, and
    ``p_unadjusted`` what it was before (None where there was no budget). ``p_covers`` says for how
    many groups of its own table the check adjusted it already: 1 for a test of its own.
    """

    id: str
    check: str
    measure: str
    status: Status
    value: float | None = None
    interval: Interval | None = None
    other_intervals: tuple[Interval, ...] = ()
    n: Count = 0
    unit: str = ""
    group: Mapping[str, str] = Field(default_factory=dict)
    between: tuple[str, ...] = ()
    column: str = ""
    counts: Mapping[str, Count] = Field(default_factory=dict)
    p_value: float | None = Field(default=None, ge=0, le=1)
    p_unadjusted: float | None = Field(default=None, ge=0, le=1)
    p_covers: int = Field(default=1, ge=1)
    reason: Sentences = ()
    method: str = ""
    seed: int | None = None
    artifacts: tuple[str, ...] = ()
    reproducible: bool = True

    @model_validator(mode="after")
    def _value_or_reason(self) -> Finding:
        if self.status == "measured":
            if self.value is None or not math.isfinite(self.value):
                raise ValueError(f"{self.id}: a measured finding needs a finite value")
        else:
            if self.value is not None:
                raise ValueError(f"{self.id}: status {self.status} carries no value")
            if not self.reason:
                raise ValueError(f"{self.id}: status {self.status} needs a reason")
        return self

    @property
    def own_p_value(self) -> float | None:
        """The p-value as the check gave it, before the budget of the whole audit."""
        return self.p_value if self.p_unadjusted is None else self.p_unadjusted

    def reason_text(self, lang: str = "en") -> str:
        """The reason or note in words, in ``en`` or ``zh``; "" where nothing is said."""
        return render(self.reason, lang)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, every field present, so that records are uniform.

        ``reason`` is in English words, for whoever opens the file; its codes in ``reason_codes``
        are what is read back.
        """
        return self.model_dump(mode="json")

    @model_validator(mode="before")
    @classmethod
    def _codes_alone(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or "reason_codes" not in given:
            return given
        kept = {k: v for k, v in given.items() if k != "reason_codes"}
        return {**kept, "reason": given["reason_codes"]}

    @model_serializer(mode="wrap")
    def _words_beside_codes(
        self, plain: SerializerFunctionWrapHandler, info: SerializationInfo
    ) -> dict[str, Any]:
        made: dict[str, Any] = plain(self)
        if info.mode == "json":
            made["reason_codes"], made["reason"] = made["reason"], self.reason_text()
        return made

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: Any, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        made = handler(core)
        properties = handler.resolve_ref_schema(made)["properties"]
        properties["reason_codes"] = properties["reason"]
        properties["reason"] = {"type": "string", "default": ""}
        return made


def is_known(group: Mapping[str, str]) -> bool:
    """Whether it is known of every feature to which group these people belong.

    >>> is_known({"sex": "F"}), is_known({"sex": "F", "race": "unknown"})
    (True, False)
    """
    return UNKNOWN not in group.values()


def group_name(group: Mapping[str, str]) -> str:
    """The group as people write it: ``race=black, sex=F``."""
    return ", ".join(f"{k}={v}" for k, v in group.items())


def finding_id(
    check: str,
    measure: str,
    *,
    group: Mapping[str, str] | None = None,
    between: tuple[str, ...] = (),
    column: str = "",
) -> str:
    """An id that depends on what was asked alone; parts are percent-encoded.

    >>> finding_id("fairness.group_rates", "selection_rate", group={"race": "Black"})
    'fairness.group_rates/selection_rate@race=Black'
    """
    parts = [f"{check}/{measure}"]
    if group:
        parts.append("@" + "&".join(f"{quote(k)}={quote(v)}" for k, v in sorted(group.items())))
    if between:
        parts.append("~" + "&".join(quote(b) for b in between))
    if column:
        parts.append("#" + quote(column))
    return "".join(parts)


def measure_of(finding_id: str) -> str:
    """The measure that an id names; empty for what is no id of a finding.

    >>> measure_of("fairness.group_rates/selection_rate@race=Black"), measure_of("x")
    ('selection_rate', '')
    """
    return re.split("[@~#]", finding_id.partition("/")[2], maxsplit=1)[0]
