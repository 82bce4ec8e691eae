"""Rows on their way into the worker: a data frame as an Arrow stream, and back, cell for cell.

Columns of one type go as Arrow has them. Columns of Python objects keep each cell's own type (text,
number, truth value, missing in any of its four ways), since an encoder may tell None from NaN.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_ALL_ALIKE = {"string": "text", "bytes": "bytes"}


def to_bytes(frame: pd.DataFrame) -> bytes:
    """The frame as bytes. Raises InputError for a cell of a type that no data file gives."""
    import pyarrow as pa

    frame = frame.reset_index(drop=True)
    kinds: list[list[str]] = []
    columns: dict[str, Any] = {}
    for position, (name, column) in enumerate(frame.items()):
        kind, key = _kind(column), str(position)
        kinds.append([str(name), kind])
        if kind == "numbers":
            columns[key] = pa.array(column.to_numpy())
        elif kind == "cells":
            tags, texts = _cells(column, str(name))
            columns[f"{key}.tags"], columns[key] = pa.array(tags), pa.array(texts, pa.large_utf8())
        elif kind != "plain":
            columns[key] = pa.array(
                column.array, pa.large_utf8() if kind == "text" else pa.large_binary()
            )
    plain = [i for i, (_, kind) in enumerate(kinds) if kind == "plain"]
    # How pandas has such columns is told by pandas' own notes.
    others = frame.iloc[:, plain].set_axis([str(i) for i in plain], axis=1)
    table = pa.Table.from_pandas(others, preserve_index=False) if plain else pa.table({})
    notes = {**(table.schema.metadata or {})}
    table = pa.table({**dict(zip(table.column_names, table.columns, strict=True)), **columns})
    notes[b"layout"] = json.dumps({"columns": kinds, "rows": len(frame)}).encode()
    table = table.replace_schema_metadata(notes)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def from_bytes(data: bytes) -> pd.DataFrame:
    """The frame that ``to_bytes`` was given, its rows numbered from 0."""
    import pandas as pd
    import pyarrow as pa

    table = pa.ipc.open_stream(pa.py_buffer(data)).read_all()
    layout = json.loads(table.schema.metadata[b"layout"])
    plain = [str(i) for i, (_, kind) in enumerate(layout["columns"]) if kind == "plain"]
    others = table.select(plain).to_pandas() if plain else {}
    columns: dict[int, Any] = {}
    for position, (_, kind) in enumerate(layout["columns"]):
        key = str(position)
        if kind == "numbers":
            columns[position] = table[key].to_numpy()
        elif kind == "plain":
            columns[position] = others[key]
        else:
            cells = table[key].to_pylist()
            if kind == "cells":
                tags = table[f"{key}.tags"].to_pylist()
                cells = [_READ[tag](text) for tag, text in zip(tags, cells, strict=True)]
            columns[position] = pd.Series(cells, dtype=object)
    made = pd.DataFrame(columns, index=range(layout["rows"]))
    return made.set_axis([name for name, _ in layout["columns"]], axis=1)


def _kind(column: pd.Series[Any]) -> str:
    """How a column goes: numbers as NumPy has them; objects of one type; cells each of its own; and
    plain, whatever else pandas and Arrow both know."""
    import numpy as np
    import pandas as pd

    if column.dtype == object:
        return _ALL_ALIKE.get(pd.api.types.infer_dtype(column, skipna=False), "cells")
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf" and dtype.itemsize <= 8:
        return "numbers"
    return "plain"


def _cells(column: pd.Series[Any], name: str) -> tuple[np.ndarray, list[str]]:
    import numpy as np

    written = [_write(cell, name) for cell in column.array]
    tags = np.array([tag for tag, _ in written], dtype="uint8")
    return tags, [text for _, text in written]


def _write(cell: Any, name: str) -> tuple[int, str]:
    """A cell's tag (a position in _READ) and its text."""
    import numpy as np
    import pandas as pd

    if isinstance(cell, np.generic):
        cell = cell.item()
    if cell is None:
        return 0, ""
    if cell is pd.NA or cell is pd.NaT:
        return (1, "") if cell is pd.NA else (2, "")
    # The order matters: a truth value is an int to Python, a time stamp a date.
    for kind, tag, text in _WRITE:
        if isinstance(cell, kind):
            return tag, text(cell)
    if isinstance(cell, np.ndarray):
        return 11, json.dumps([str(cell.dtype), cell.tolist()])
    raise InputError(
        "column {name!r} holds a {type}, which no model is given",
        remedy="leave the column out, or write its cells as text",
        name=name,
        type=type(cell).__name__,
    )


def _missing(which: str) -> Any:
    import pandas as pd

    return getattr(pd, which)


def _array(text: str) -> Any:
    import numpy as np

    kind, values = json.loads(text)
    return np.array(values, dtype=kind)


def _timestamp(text: str) -> Any:
    import pandas as pd

    return pd.Timestamp(text)


_WRITE: tuple[tuple[type | tuple[type, ...], int, Any], ...] = (
    (str, 3, str),
    (bool, 4, lambda v: "1" if v else ""),
    (int, 5, str),
    (float, 6, float.hex),
    (bytes, 7, lambda v: v.decode("latin-1")),
    (Decimal, 8, str),
    (datetime, 9, lambda v: v.isoformat()),
    (date, 10, lambda v: v.isoformat()),
    ((list, dict), 12, json.dumps),
)
_READ: tuple[Any, ...] = (
    lambda text: None,
    lambda text: _missing("NA"),
    lambda text: _missing("NaT"),
    str,
    bool,
    int,
    float.fromhex,
    lambda text: text.encode("latin-1"),
    Decimal,
    _timestamp,
    date.fromisoformat,
    _array,
    json.loads,
)
