"""Turns estimates into findings of one check, so that every check writes them the same way."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evenhand.audit.artifacts.kinds import as_document
from evenhand.audit.finding import Finding, Status, finding_id
from evenhand.audit.measure.uncertainty.estimate import Estimate
from evenhand.audit.reason import Reasons, sentences


@dataclass(frozen=True)
class Artifact:
    """Data too long for findings, such as a curve: plain JSON, kept as ``artifacts/<name>``.

    A check yields it beside its findings, and these name it in ``artifacts``.
    """

    name: str
    value: Any


class Recorder:
    """Writes the findings of the check whose module is ``module`` (pass ``__name__``)."""

    def __init__(self, module: str, seed: int) -> None:
        self.check = module.removeprefix("evenhand.audit.checks.")
        self.seed = seed

    def stream(self, measure: str) -> tuple[int, int]:
        """The seed of one measure's random draws: its own, whatever else is measured."""
        return (self.seed, zlib.crc32(f"{self.check}/{measure}".encode()))

    def artifact(self, value: Any, *, part: str = "") -> Artifact:
        """``value`` (plain JSON) as this check's artifact; ``part`` tells several apart.

        Raises ValueError for one of a known kind that has not the kind's shape.
        """
        name = f"{self.check}{'-' if part else ''}{part}.json"
        if value is not None:
            as_document(name, value)
        return Artifact(name, value)

    def write(
        self,
        measure: str,
        estimate: Estimate,
        *,
        unit: str = "rate",
        group: Mapping[str, str] | None = None,
        between: tuple[str, ...] = (),
        column: str = "",
        note: Reasons | str = (),
        artifacts: tuple[str, ...] = (),
        random: bool = False,
        p_value: float | None = None,
        p_covers: int = 1,
    ) -> Finding:
        """A measured finding, or an undefined one where the estimate has no value.

        ``note`` is said after the estimate's own reason; a text is quoted.
        """
        measured = estimate.value is not None
        return Finding(
            id=finding_id(self.check, measure, group=group, between=between, column=column),
            check=self.check,
            measure=measure,
            status="measured" if measured else "undefined",
            value=float(estimate.value) if estimate.value is not None else None,
            interval=estimate.interval if measured else None,
            other_intervals=estimate.intervals[1:] if measured else (),
            n=estimate.n,
            unit=unit,
            group=dict(group or {}),
            between=between,
            column=column,
            counts={k: int(v) for k, v in estimate.counts.items()},
            reason=sentences(estimate.reason) + sentences(note),
            p_value=p_value,
            p_covers=p_covers,
            method=estimate.method,
            seed=self.seed if random else None,
            artifacts=artifacts,
        )

    def plain(self, measure: str, value: float, *, n: int, unit: str, **fields: Any) -> Finding:
        """A counted value that has no sampling error, such as a number of rows."""
        method = fields.pop("method", "count")
        return self.write(measure, Estimate(float(value), n, method=method), unit=unit, **fields)

    def without_value(
        self,
        measure: str,
        status: Status,
        reason: Reasons | str,
        *,
        n: int = 0,
        column: str = "",
    ) -> Finding:
        """A finding that says why there is no number; a text is quoted."""
        return Finding(
            id=finding_id(self.check, measure, column=column),
            check=self.check,
            measure=measure,
            status=status,
            n=n,
            column=column,
            reason=sentences(reason),
        )
