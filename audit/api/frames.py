"""Data frames of this process -> an Arrow table that the readers of files take, column by column.

A frame knows more types than a file. What a file would hold as text is text here: intervals (of
``pandas.cut``), periods, durations, and cells of several types in one column, which a CSV file
would give as texts too. Nobody is asked about a column that nobody named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evenhand.audit.data.reading.read import known_frame
from evenhand.audit.data.table import as_text, merge_repeated
from evenhand.audit.errors import RowError

if TYPE_CHECKING:
    import pandas as pd

# Of pyarrow.types: what the readers of files take as it is, alone or as the values of categories.
_PLAIN = (
    "is_boolean",
    "is_integer",
    "is_floating",
    "is_decimal",
    "is_string",
    "is_large_string",
    "is_binary",
    "is_large_binary",
    "is_date",
    "is_timestamp",
    "is_null",
)


def as_arrow(data: Any) -> Any:
    """A pandas frame (its index is left out), or any that narwhals knows, as a ``pyarrow.Table``.

    Columns that are repeated with the same cells are kept once, as in files. Raises InputError for
    what is no frame, for repeated names whose cells differ, and for cells that no text is made of.
    """
    import pyarrow as pa

    columns = _columns(data)
    arrays = [_array(name, column) for name, column in columns]
    return pa.table(arrays, names=[name for name, _ in columns])


def _columns(data: Any) -> list[tuple[str, Any]]:
    """Names and columns: of pandas, or as Arrow has them."""
    import pandas as pd
    import pyarrow as pa

    if isinstance(data, pa.Table | pa.RecordBatch):
        names = [str(name) for name in data.schema.names]
        if len(set(names)) == len(names):
            return list(zip(names, data.columns, strict=True))
        data = pd.concat([c.to_pandas() for c in data.columns], axis=1).set_axis(names, axis=1)
    if isinstance(data, pd.DataFrame):
        data = data.set_axis([str(name) for name in data.columns], axis=1)
        if not data.columns.is_unique:
            data = merge_repeated(data.reset_index(drop=True), "the data frame")[0]
        return [(str(name), column) for name, column in data.items()]
    frame = known_frame(data, or_else="the path of a file")
    return [(name, _of_narwhals(frame[name])) for name in frame.columns]


def _of_narwhals(column: Any) -> Any:
    """The column as Arrow has it; one of Python objects as an object series of pandas."""
    import narwhals as nw
    import pandas as pd

    if column.dtype == nw.Object:
        return pd.Series(column.to_list(), dtype=object)
    return column.to_arrow()


def _array(name: str, column: Any) -> Any:
    import pandas as pd
    import pyarrow as pa

    if isinstance(column, pd.Series):
        column = _dense(column)
    try:
        made = column
        if isinstance(column, pd.Series):
            made = pa.Array.from_pandas(column)
        if _is_plain(made.type):
            return made
    except (
        pa.ArrowInvalid,
        pa.ArrowTypeError,
        pa.ArrowNotImplementedError,
        ValueError,
        OverflowError,
    ):
        pass  # cells that Arrow has no common type for
    cells = column if isinstance(column, pd.Series) else pd.Series(column.to_pylist(), dtype=object)
    return _texts(name, cells)


def _dense(column: pd.Series[Any]) -> pd.Series[Any]:
    """Sparse cells as themselves; categories that are no plain values as their texts."""
    import pandas as pd

    if isinstance(column.dtype, pd.SparseDtype):
        column = pd.Series(column.array.to_dense(), index=column.index)
    if isinstance(column.dtype, pd.CategoricalDtype):
        known = column.cat.categories
        if isinstance(known.dtype, pd.IntervalDtype | pd.PeriodDtype) or known.dtype == object:
            texts = pd.Series([as_text(value) for value in known], dtype=object)
            codes = column.cat.codes.to_numpy()
            return texts.reindex(codes).set_axis(column.index)
    return column


def _is_plain(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        return False
    return any(getattr(pa.types, name)(kind) for name in _PLAIN)


def _texts(name: str, cells: pd.Series[Any]) -> Any:
    """Each cell as its text, missing ones empty: what a CSV file would hold."""
    import pandas as pd
    import pyarrow as pa

    def is_missing(cell: Any) -> bool:
        return cell is None or (pd.api.types.is_scalar(cell) and bool(pd.isna(cell)))

    def text(cell: Any) -> str:
        return str(cell) if isinstance(cell, bool) else as_text(cell)

    texts = [None if is_missing(cell) else text(cell) for cell in cells]
    try:
        return pa.array(texts, pa.large_string())
    except (pa.ArrowInvalid, UnicodeError):
        wrong = next(i for i, text in enumerate(texts) if text is not None and not _is_utf8(text))
        raise RowError(
            "column {name!r} of the data frame holds, in {row}, a text that is no valid Unicode",
            wrong,
            remedy="correct the cell, or leave the column out",
            name=name,
        ) from None


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeError:
        return False
    return True
