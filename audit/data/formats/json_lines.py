"""JSON lines -> a data frame: one flat object a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.formats.limits import Limits, check_expansion, check_width, name_columns
from evenhand.audit.errors import InputError
from evenhand.audit.reason import Reason
from evenhand.audit.words.phrases import phrase

if TYPE_CHECKING:
    import pandas as pd

_MAX_NUMBER = 1 << 64  # larger whole numbers have no type in a table


def read_json_lines(text: str, source: object, limits: Limits) -> tuple[pd.DataFrame, list[Reason]]:
    """The records in the file's order; a key that a record lacks is a missing cell.

    Raises InputError, with the line, for what is no flat object of single values.
    """
    import pandas as pd

    records: list[dict[str, Any]] = []
    keys: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        records.append(_record(line, number, source))
        for key in records[-1]:
            keys.setdefault(key, len(keys))
        check_width(len(keys), source)
        # A new key on every line makes a table as wide as it is long.
        check_expansion(8 * len(records) * len(keys), len(text), source, limits)
    names, notes = name_columns(list(keys), source)
    frame = pd.DataFrame.from_records(records, columns=list(keys))
    frame.columns = pd.Index(names)
    return frame, notes


def _record(line: str, number: int, source: object) -> dict[str, Any]:
    try:
        record = json.loads(line, object_pairs_hook=_pairs)
        if not isinstance(record, dict):
            raise ValueError(phrase("it is not an object"))
        json.dumps(record, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise InputError(
            "{source} line {number} is not a JSON record: {error}",
            remedy="write one flat JSON object a line",
            source=source,
            number=number,
            error=_short(error),
        ) from None
    for key, value in record.items():
        if isinstance(value, dict | list):
            raise InputError(
                "{source} line {number}: {key!r} holds a nested value",
                remedy="flatten it into columns of single values",
                source=source,
                number=number,
                key=key,
            )
        if isinstance(value, int) and abs(value) >= _MAX_NUMBER:
            raise InputError(
                "{source} line {number}: {key!r} holds a whole number of {n_value} digits",
                remedy="is it a code? Write it as text, in quotes",
                source=source,
                number=number,
                key=key,
                n_value=len(str(abs(value))),
            )
    return record


def _short(error: Exception) -> str:
    text = str(error)
    return text if len(text) < 200 else text[:200] + "..."


def _pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [k for k, _ in items]
    if len(set(keys)) < len(keys):
        raise ValueError(phrase("key {keys!r} is repeated", keys=max(keys, key=keys.count)))
    return dict(items)
