"""Which look at growing data an audit is, asked of the register before its plan is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.asking.overlap import row_hashes
from evenhand.audit.case.secret import Secret
from evenhand.audit.register.looks import SIZE, RecordedLook, look_at, sketch_of
from evenhand.audit.subject.spec import SubjectSpec
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    from evenhand.audit.register.register import Entry

_PURPOSE = "row sketch"
_DIGITS = 16  # hexadecimal: 64 bits


def look_of(
    subject: Subject, spec: SubjectSpec, entries: Sequence[Entry], secret: Secret
) -> RecordedLook:
    """The look that an audit of ``subject`` is. Rows that stay on disk are read once more for it,
    and compared with other rows that stayed there. A cohort is no look: its rows were seen with its
    parent's, and its p-values have a budget of their own."""
    if spec.cohort is not None:
        return RecordedLook()
    model = subject.digests.get("model", "")
    if subject.is_streamed:
        return look_at(entries, _on_disk(spec, model, subject.target, secret))
    sketch = sketch_of(row_digests(subject, secret), model, subject.target)
    return look_at(entries, sketch)


def _on_disk(spec: SubjectSpec, model: str, target: str | None, secret: Secret) -> dict[str, Any]:
    from evenhand.audit.subject.tallying.tally import least_digests

    path = Path(str(spec.predictions or spec.data))
    rows, least = least_digests(path, spec.reading.encoding, _key(secret).hex(), SIZE)
    return {**sketch_of(least, model, target), "rows": rows, "on_disk": True}


def _key(secret: Secret) -> bytes:
    return bytes.fromhex(secret.mac(_PURPOSE, b"").partition(":")[2])


def row_digests(subject: Subject, secret: Secret) -> list[str]:
    """One digest a row, by the home's secret; of rows that are alike each has one of its own."""
    import hashlib

    import pandas as pd

    key = _key(secret)
    rows = pd.Series(row_hashes(subject.frame))
    place = rows.groupby(rows).cumcount()
    return [
        hashlib.blake2b(f"{row}-{n}".encode(), key=key).hexdigest()[:_DIGITS]
        for row, n in zip(rows, place, strict=True)
    ]
