"""A plain text file -> one table with the column ``text``: a line a row, or a passage a row.

Tables of texts (CSV, Parquet, JSON lines) are read by ``evenhand.audit.data.reading.read``.
"""

from __future__ import annotations

from pathlib import Path

from evenhand.audit.data.formats.decoding import decode
from evenhand.audit.data.formats.limits import Limits, read_within
from evenhand.audit.data.table import Table
from evenhand.audit.errors import InputError, nearest
from evenhand.audit.files.canonical import digest_bytes
from evenhand.audit.reason import Reasons, because

COLUMN = "text"
_TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".json"})


def is_plain_text(path: str | Path) -> bool:
    """Whether a path names a text file rather than a table: by its name, for both are text."""
    return Path(path).suffix.lower() not in _TABLE_SUFFIXES


def read_texts(path: str | Path, *, encoding: str = "utf-8", passage: int | None = None) -> Table:
    """Reads a text file as rows of the column ``text``.

    With ``passage`` the rows are consecutive passages of that many characters, without overlap
    (the last may be shorter), line ends included; without, they are its lines that are not blank.
    Line ends of any kind count as one character.

    Raises InputError for a file that is missing, a folder, empty, binary, or not in ``encoding``.
    """
    file = Path(path)
    with read_within(file, Limits()):
        return _read_texts(file, encoding, passage)


def _read_texts(file: Path, encoding: str, passage: int | None) -> Table:
    import pandas as pd

    raw = _bytes(file)
    text, _ = decode(raw, file, encoding)
    notes: Reasons = ()
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        notes += because("line-ends-as-one")
    if not text.strip():
        raise InputError(
            "text file {file} is empty", remedy="pass a file with text in it", file=file
        )
    if passage is None:
        lines = text.split("\n")
        rows = [line for line in lines if line.strip()]
        blank = len(lines) - len(rows) - (not lines[-1])
        notes += because("blank-lines", n=blank) if blank else ()
    else:
        if passage < 1:
            raise InputError(
                "passage={passage} must be 1 or more", remedy="use e.g. 64", passage=passage
            )
        rows = [text[i : i + passage] for i in range(0, len(text), passage)]
    frame = pd.DataFrame({COLUMN: pd.Series(rows, dtype=object)})
    return Table(frame, str(file), digest_bytes(raw), notes)


def _bytes(file: Path) -> bytes:
    if file.is_dir():
        raise InputError("{file} is a folder", remedy="pass a text file", file=file)
    try:
        return file.read_bytes()
    except FileNotFoundError:
        siblings = (p.name for p in file.parent.glob("*")) if file.parent.is_dir() else ()
        raise InputError(
            "no text file at {file}", remedy=nearest(file.name, siblings), file=file
        ) from None
    except OSError as error:
        raise InputError(
            "cannot read {file}: {strerror}",
            remedy="check the rights on it",
            file=file,
            strerror=error.strerror,
        ) from error
