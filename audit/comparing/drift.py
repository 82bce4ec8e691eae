"""Do the models of two cases explain the same people alike? From the cases' own attributions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.artifacts.explanation import Attributions
from evenhand.audit.case.case import Case
from evenhand.audit.measure.attribution.drift import Drift, drift
from evenhand.audit.reason import Reasons, because, reasons_json
from evenhand.audit.words.reasons import render

if TYPE_CHECKING:
    import numpy as np


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
    one, other = (case.document(Attributions) for case in (a, b))
    if one is None or other is None:
        lacks = a if one is None else b
        why = because("no-attributions-kept", case=lacks.path.name)
        return ExplanationDrift(None, reason=why)
    why = _differ(a, b, one, other)
    if why:
        return ExplanationDrift(None, reason=why)
    columns = sorted(one.values)
    rows = _common(one, other)
    if not rows:
        return ExplanationDrift(None, reason=because("no-row-in-common"))
    first, second = (
        _table(kept, columns, [pair[i] for pair in rows]) for i, kept in enumerate((one, other))
    )
    found = drift(first, second, columns, (level,), top_k=top_k)
    made = {"method": (one.name, other.name), "baseline": (one.baseline, other.baseline)}
    note = tuple(
        because("made-otherwise", what=what, one=ours, other=theirs)[0]
        for what, (ours, theirs) in made.items()
        if ours != theirs
    )
    return ExplanationDrift(found, len(rows), one.unit, note)


def _differ(a: Case, b: Case, one: Attributions, other: Attributions) -> Reasons:
    """Why the two can't be compared; () where they can."""
    if a.subject.data_digest != b.subject.data_digest:
        return because("different-data")
    if one.kind != "tabular" or other.kind != "tabular":
        return because("kinds-not-tables", one=one.kind, other=other.kind)
    if sorted(one.values) != sorted(other.values):
        apart = sorted(set(one.values) ^ set(other.values))
        return because("columns-differ", names=apart[:5])
    same = {"unit": (one.unit, other.unit), "target": (one.target, other.target)}
    for what, (ours, theirs) in same.items():
        if ours != theirs:
            return because("made-otherwise", what=what, one=repr(ours), other=repr(theirs))
    return ()


def _common(one: Attributions, other: Attributions) -> list[tuple[int, int]]:
    """Positions in both of the rows that both kept, by their number in the data file."""
    known = {number: i for i, number in enumerate(other.rows.numbers) if number is not None}
    numbers = enumerate(one.rows.numbers)
    return [(i, known[number]) for i, number in numbers if number in known]


def _table(kept: Attributions, columns: list[str], rows: list[int]) -> np.ndarray:
    import numpy as np

    return np.array([[float(kept.values[c][i] or 0.0) for c in columns] for i in rows], dtype=float)
