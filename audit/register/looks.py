"""Which look at growing data an audit is: told by sketches of rows that the register keeps.

A sketch holds the smallest of the rows' digests, made with the home's secret: nobody without it can
tell whether a row is in one. Of two sketches that hold the smallest digests of their tables, those
below the lower of the two largest ends are samples of the same rows by the same rule, so that the
share they have in common is the share of the rows (Broder 1997, bottom-k).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evenhand.audit.register.register import Entry

SIZE = 512  # digests of a sketch: of a table fifty times larger ten of them can still be compared
SHARED = 0.5  # of the smaller table's rows: from here on it is the same data, grown or thinned out
KEY = "sketch"  # of a plan's entry


@dataclass(frozen=True)
class RecordedLook:
    """Which look it is, from 1, and what the register keeps so that later ones are told."""

    number: int = 1
    sketch: Mapping[str, Any] = field(default_factory=dict)


def sketch_of(digests: Iterable[str], model: str, target: str | None) -> dict[str, Any]:
    """The sketch of a table by its rows' digests (hexadecimal, of equal length), of one model
    ("" for stored predictions, whose rows say which they are)."""
    ordered = sorted(set(digests))
    return {"model": model, "target": target, "rows": len(ordered), "least": ordered[:SIZE]}


def look_at(entries: Sequence[Entry], sketch: Mapping[str, Any]) -> RecordedLook:
    """Which look at these rows this is, after those on the register.

    Every other table counts once that shares half of the smaller one's rows or more, with the same
    model and target. The same rows again, in any order, are the same look.
    """
    seen: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for entry in entries:
        known = entry.body.get(KEY)
        if entry.kind == "plan" and isinstance(known, Mapping) and _same_question(known, sketch):
            rows = (str(known.get("rows")), *_least(known))
            if rows == (str(sketch["rows"]), *_least(sketch)):
                number = int(known.get("look", 1))
                return RecordedLook(number, {**sketch, "look": number})
            if shared(known, sketch) >= SHARED:
                seen[rows] = known
    number = 1 + len(seen)
    return RecordedLook(number, {**sketch, "look": number})


def shared(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """The share of the smaller table's rows that the other has, as the sketches tell it."""
    least, others = _least(one), _least(other)
    if not least or not others:
        return 0.0
    # below this both sketches are complete
    ends = [s[-1] for s, whole in ((least, one), (others, other)) if whole["rows"] > len(s)]
    known, theirs = (
        {d for d in digests if not ends or d <= min(ends)} for digests in (least, others)
    )
    fewest = min(len(known), len(theirs))
    return len(known & theirs) / fewest if fewest else 0.0


def _least(sketch: Mapping[str, Any]) -> list[str]:
    found = sketch.get("least")
    return [str(d) for d in found] if isinstance(found, list | tuple) else []


def _same_question(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(part) == other.get(part) for part in ("model", "target", "on_disk"))
