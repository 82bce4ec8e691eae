"""Parquet, Arrow and Feather files -> a data frame, after a look at what they say they hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.formats.limits import Limits, check_expansion, name_columns
from evenhand.audit.data.written.arrow_messages import announced_bytes, announced_in_file
from evenhand.audit.errors import InputError
from evenhand.audit.reason import Reason

if TYPE_CHECKING:
    import pandas as pd

PARQUET, ARROW, OLD_FEATHER = b"PAR1", b"ARROW1", b"FEA1"
ARROW_STREAM = b"\xff\xff\xff\xff"  # how its first message begins
# The types of cells that a table of people can hold; others have no text to compare groups by.
_ODD = ("is_union", "is_run_end_encoded", "is_map")


def read_parquet(raw: bytes, source: object, limits: Limits) -> tuple[pd.DataFrame, list[Reason]]:
    """All rows of a Parquet file. Raises InputError for a broken one, LimitError for a bomb."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def read() -> Any:
        # A plain file handle, not a path: a path would be opened as a partitioned data set.
        file = pq.ParquetFile(pa.BufferReader(raw))
        about = file.metadata
        packed = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
        cells = 8 * about.num_rows * about.num_columns
        check_expansion(max(packed, cells), len(raw), source, limits)
        name_columns([str(n) for n in file.schema_arrow.names], source)
        _check_types(file.schema_arrow, source)
        repeated = [
            about.schema.column(i).path
            for i in range(about.num_columns)
            if about.schema.column(i).physical_type in ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")
        ]
        # One long text, a million times: as a dictionary it is read once, and measured.
        compact = pq.ParquetFile(pa.BufferReader(raw), read_dictionary=repeated)
        return compact.read(use_threads=False, use_pandas_metadata=False), file.schema_arrow

    return _frame(read, "Parquet", raw, source, limits)


def read_arrow(raw: bytes, source: object, limits: Limits) -> tuple[pd.DataFrame, list[Reason]]:
    """All rows of an Arrow (Feather) file, found by its footer.

    Raises InputError for a broken one, LimitError for a bomb.
    """
    import pyarrow as pa

    def read() -> Any:
        if not raw.endswith(ARROW):
            raise InputError(
                "{source} ends without Arrow's mark: it was cut off",
                remedy="write it again",
                source=source,
            )
        check_expansion(announced_in_file(memoryview(raw)), len(raw), source, limits)
        with pa.ipc.open_file(pa.BufferReader(raw)) as file:
            name_columns([str(n) for n in file.schema.names], source)
            _check_types(file.schema, source)
            return file.read_all(), None

    return _frame(read, "Arrow", raw, source, limits)


def read_arrow_stream(
    raw: bytes, source: object, limits: Limits
) -> tuple[pd.DataFrame, list[Reason]]:
    """All rows of an Arrow stream that was written to a file. Raises as ``read_arrow`` does."""
    import pyarrow as pa

    def read() -> Any:
        check_expansion(announced_bytes(memoryview(raw)), len(raw), source, limits)
        with pa.ipc.open_stream(pa.py_buffer(raw)) as stream:
            name_columns([str(n) for n in stream.schema.names], source)
            _check_types(stream.schema, source)
            return stream.read_all(), None

    return _frame(read, "Arrow stream", raw, source, limits)


def _frame(
    read: Callable[[], Any], kind: str, raw: bytes, source: object, limits: Limits
) -> tuple[pd.DataFrame, list[Reason]]:
    import pandas as pd
    import pyarrow as pa

    try:
        table, schema = read()
        table.validate(full=True)  # texts that are no UTF-8 would be found out far from here
        announced = sum(_dense_bytes(table.column(i)) for i in range(table.num_columns))
        check_expansion(announced, len(raw), source, limits)
        if schema is not None and table.schema.types != schema.types:
            table = table.cast(pa.schema([*schema]))
        columns = [table.column(i).to_pandas() for i in range(table.num_columns)]
    except MemoryError:
        raise
    except (
        pa.ArrowException,
        OSError,
        ValueError,
        TypeError,
        OverflowError,
        KeyError,
        IndexError,
    ) as error:
        first = " ".join(str(error).split())[:300]
        raise InputError(
            "{source} is not a readable {kind} file: {first}",
            remedy="write it again",
            source=source,
            kind=kind,
            first=first,
        ) from error
    names, notes = name_columns([str(n) for n in table.column_names], source)
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    frame.columns = pd.Index(names)
    return frame, notes


def _check_types(schema: Any, source: object) -> None:
    import pyarrow as pa

    for field in schema:
        odd = isinstance(field.type, pa.BaseExtensionType) or any(
            getattr(pa.types, name)(field.type) for name in _ODD
        )
        if odd:
            raise InputError(
                "column {field!r} of {source} is of the type {type}",
                remedy="write it as numbers, texts, truth values or dates",
                field=field.name,
                source=source,
                type=str(field.type)[:80],
            )


def _dense_bytes(column: Any) -> int:
    """What a column takes once every row has its own copy of its value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type):
        return max(int(column.nbytes), 8 * len(column))
    total = 8 * len(column)
    for chunk in column.chunks:
        values = chunk.dictionary
        if pa.types.is_dictionary(values.type) or not _has_length(values.type):
            continue
        lengths = pc.cast(pc.binary_length(values), pa.int64())
        total += int(pc.sum(pc.take(lengths, chunk.indices)).as_py() or 0)
    return total


def _has_length(kind: Any) -> bool:
    import pyarrow as pa

    names = ("is_string", "is_large_string", "is_binary", "is_large_binary")
    return any(getattr(pa.types, name)(kind) for name in names)
