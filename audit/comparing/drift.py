"""Do the models of two cases explain the same people alike? From the cases' own attributions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.case.case import Case
from evenhand.audit.errors import InputError
from evenhand.audit.measure.attribution.drift import Drift, drift
from evenhand.audit.reason import Reasons, because, reasons_json
from evenhand.audit.words.reasons import render

if TYPE_CHECKING:
    import numpy as np

ARTIFACT = "explanation.attribution.json"
SCHEMA = "evenhand-attributions/1"


@dataclass(frozen=True)
class ExplanationDrift:
    """How far case A's attributions are from case B's; or ``drift`` is None and ``reason`` says why
    they can't be compared. ``note`` names what differs in the way they were made."""

    drift: Drift | None
    n: int = 0
    unit: str = ""
    note: Reasons = ()
    reason: Reasons = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        found = self.drift.to_json() if self.drift else None
        told = {"n": self.n, "unit": self.unit, "note": render(self.note)}
        why = {"reason": render(self.reason), "reason_codes": reasons_json(self.reason)}
        return {**told, **why, "note_codes": reasons_json(self.note), "drift": found}


def explanation_drift(a: Case, b: Case, *, level: float = 0.95, top_k: int = 3) -> ExplanationDrift:
    """Compares the attributions that both cases kept of the same rows of the same data.

    Raises InputError for an artifact that is not what the audit writes.
    """
    for case in (a, b):
        if f"artifacts/{ARTIFACT}" not in case.files:
            why = because("no-attributions-kept", case=case.path.name)
            return ExplanationDrift(None, reason=why)
    one, other = (_read(case) for case in (a, b))
    why = _differ(a, b, one, other)
    if why:
        return ExplanationDrift(None, reason=why)
    columns = sorted(one["values"])
    rows = _common(one, other)
    if not rows:
        return ExplanationDrift(None, reason=because("no-row-in-common"))
    first, second = (
        _table(case, columns, [pair[i] for pair in rows]) for i, case in enumerate((one, other))
    )
    found = drift(first, second, columns, (level,), top_k=top_k)
    made = [w for w in ("name", "baseline") if one[w] != other[w]]
    told = {"name": "method", "baseline": "baseline"}
    note = tuple(
        because("made-otherwise", what=told[w], one=one[w], other=other[w])[0] for w in made
    )
    return ExplanationDrift(found, len(rows), str(one["unit"]), note)


def _read(case: Case) -> Mapping[str, Any]:
    found = case.artifact(ARTIFACT)
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise InputError(
            f"{case.path}/artifacts/{ARTIFACT} is not of schema {SCHEMA}",
            remedy="audit the model again with this version",
        )
    return found


def _differ(a: Case, b: Case, one: Mapping[str, Any], other: Mapping[str, Any]) -> Reasons:
    """Why the two can't be compared; () where they can."""
    if a.subject.data_digest != b.subject.data_digest:
        return because("different-data")
    if one["kind"] != "tabular" or other["kind"] != "tabular":
        return because("kinds-not-tables", one=one["kind"], other=other["kind"])
    if sorted(one["values"]) != sorted(other["values"]):
        apart = sorted(set(one["values"]) ^ set(other["values"]))
        return because("columns-differ", names=apart[:5])
    for what in ("unit", "target"):
        if one[what] != other[what]:
            ends = {"one": repr(one[what]), "other": repr(other[what])}
            return because("made-otherwise", what=what, one=ends["one"], other=ends["other"])
    return ()


def _common(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Positions in both of the rows that both kept, by their number in the data file."""
    known = {number: i for i, number in enumerate(other["rows"]["numbers"]) if number is not None}
    numbers = enumerate(one["rows"]["numbers"])
    return [(i, known[number]) for i, number in numbers if number in known]


def _table(found: Mapping[str, Any], columns: list[str], rows: list[int]) -> np.ndarray:
    import numpy as np

    return np.array(
        [[float(found["values"][c][i] or 0.0) for c in columns] for i in rows], dtype=float
    )
