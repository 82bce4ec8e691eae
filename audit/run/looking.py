"""Which look at growing data an audit is, asked of the register before its plan is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evenhand.audit.asking.overlap import row_hashes
from evenhand.audit.case.secret import Secret
from evenhand.audit.register.looks import RecordedLook, look_at, sketch_of
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    from evenhand.audit.register.register import Entry

_PURPOSE = "row sketch"
_DIGITS = 16  # hexadecimal: 64 bits


def look_of(subject: Subject, entries: Sequence[Entry], secret: Secret) -> RecordedLook:
    """The look that an audit of ``subject`` is. Rows that stay on disk are not told apart: theirs
    is always the first."""
    if subject.is_streamed:
        return RecordedLook()
    model = subject.digests.get("model", "")
    sketch = sketch_of(row_digests(subject, secret), model, subject.target)
    return look_at(entries, sketch)


def row_digests(subject: Subject, secret: Secret) -> list[str]:
    """One digest a row, by the home's secret; of rows that are alike each has one of its own."""
    import hashlib

    import pandas as pd

    key = bytes.fromhex(secret.mac(_PURPOSE, b"").partition(":")[2])
    rows = pd.Series(row_hashes(subject.frame))
    place = rows.groupby(rows).cumcount()
    return [
        hashlib.blake2b(f"{row}-{n}".encode(), key=key).hexdigest()[:_DIGITS]
        for row, n in zip(rows, place, strict=True)
    ]
