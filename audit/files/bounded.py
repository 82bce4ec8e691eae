"""Files of a case, read no further than a case's own are long."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evenhand.audit.errors import AlteredEvidenceError, LimitError
from evenhand.audit.files.within import LEAST_MEMORY, reading

MOST_JSON = 64 << 20  # of one JSON file, which may take twelve times as much in memory


def read_json(file: Path) -> Any:
    """The JSON of a file. Raises ValueError for what is none, and as ``require_readable`` does."""
    try:
        text = read_text(file)
        with reading(len(text), file, memory=LEAST_MEMORY, known=(ValueError, RecursionError)):
            return json.loads(text)
    except RecursionError:
        raise ValueError(f"{file.name} nests too deeply to be read") from None


def read_text(file: Path, most: int = MOST_JSON) -> str:
    """The text of a file. Raises UnicodeDecodeError, and as ``require_readable`` does."""
    require_readable(file, most)
    return file.read_text("utf-8")


def require_writable(name: str, size: int, most: int = MOST_JSON) -> None:
    """Raises LimitError for a file of ``size`` bytes that could not be read again."""
    if size > most:
        raise LimitError(
            "{name} would have {size:,} bytes, over the {most:,} that are read again",
            remedy="name features of fewer values (bins), fewer features or --checks, or leave "
            "keep_people out of the checks' options",
            name=name,
            size=size,
            most=most,
        )


def require_readable(file: Path, most: int = MOST_JSON) -> None:
    """Raises AlteredEvidenceError for what is no plain file, LimitError for more than ``most``
    bytes: before any is read."""
    if not file.is_file():  # a device, which never ends, says that it has 0 bytes
        raise AlteredEvidenceError(
            "{file} is no plain file",
            remedy="restore the case from a copy, or audit again",
            file=file,
        )
    size = file.stat().st_size
    if size > most:
        raise LimitError(
            "{file} has {size:,} bytes, over {most:,}",
            remedy="is it a case? audit again",
            file=file,
            size=size,
            most=most,
        )
