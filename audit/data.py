"""Files -> one table, with typed errors. CSV, TSV, Parquet and JSON lines, told apart by content.

A table keeps every row and cell that the file has. What was changed on the way in (a repeated
column kept once) is in ``Table.notes``.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.canonical import digest_bytes
from audit.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd

# The texts that mean "no value". "None" is not among them: it is a value in real data (a housing
# type, an education level), and a value silently turned into a missing one loses people.
MISSING_TEXTS = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")


_LEADING_ZERO = re.compile(r"(?:^|[\s,;\"])-?0\d", re.MULTILINE)


@dataclass(frozen=True)
class Table:
    """A data file as read: ``frame`` in the file's row order, its digest, and notes on reading.

    ``shapes`` tells the shape of the arrays whose bytes a column's cells hold (images).
    """

    frame: pd.DataFrame
    source: str
    digest: str
    notes: tuple[str, ...] = ()
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def require(self, columns: Iterable[str], role: str) -> None:
        """Raises InputError, with near matches, unless every column is there."""
        for column in columns:
            if column not in self.frame.columns:
                raise InputError(
                    f"{role} {column!r} is not a column of {self.source}",
                    remedy=nearest(column, self.frame.columns),
                )


def read_table(path: str | Path) -> Table:
    """Reads a CSV (or TSV), Parquet or JSON lines file, or images (see ``audit.images``).

    The format is decided by content.

    Raises InputError for a missing, empty or malformed file, and for a column name that is
    repeated with cells that differ.
    """
    from audit.images import holds_images, read_images

    file = Path(path)
    if holds_images(file):
        return read_images(file)
    if file.is_dir():
        raise InputError(
            f"data {file} is a folder without IDX files or a metadata.csv",
            remedy="pass a CSV, Parquet or JSONL file, or a folder of images",
        )
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        siblings = (p.name for p in file.parent.glob("*")) if file.parent.is_dir() else ()
        raise InputError(f"no data file at {file}", remedy=nearest(file.name, siblings)) from None
    except OSError as error:
        raise InputError(
            f"cannot read {file}: {error.strerror}", remedy="check the rights on it"
        ) from error
    if not raw.strip():
        raise InputError(f"data file {file} is empty", remedy="pass a file with a header and rows")
    frame, notes = _parse(raw, file)
    if frame.shape[0] == 0:
        raise InputError(f"data file {file} has a header and no rows", remedy="add rows")
    return Table(frame, str(file), digest_bytes(raw), tuple(notes))


def table_of(frame: Any, source: str = "data frame") -> Table:
    """A table from a data frame in memory; its digest is that of its CSV text.

    ``frame`` is of pandas, or any that narwhals knows (Arrow tables, Polars frames, lazy ones too).
    Raises InputError for anything else.
    """
    import narwhals as nw
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        try:
            known = nw.from_native(frame)
        except TypeError:
            raise InputError(
                f"{type(frame).__name__} is no data frame",
                remedy="pass a pandas, Polars or Arrow table, or write a file",
            ) from None
        frame = (known.collect() if isinstance(known, nw.LazyFrame) else known).to_pandas()
    merged, notes = _merge_repeated(frame.reset_index(drop=True), Path(source))
    text = merged.to_csv(index=False).encode()
    return Table(merged, source, digest_bytes(text), tuple(notes))


def _parse(raw: bytes, file: Path) -> tuple[pd.DataFrame, list[str]]:
    if raw[:4] == b"PAR1":
        return _merge_repeated(_read_parquet(raw, file), file)
    text = _decode(raw, file)
    if text.lstrip().startswith("{"):
        return _merge_repeated(_read_json_lines(text, file), file)
    return _merge_repeated(_read_csv(text, file), file)


def _decode(raw: bytes, file: Path) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file} is not UTF-8 text: byte {error.start} is 0x{raw[error.start]:02x}",
            remedy="convert it, e.g. iconv -f latin1 -t utf-8, or pass Parquet",
        ) from None
    if "\0" in text:
        raise InputError(
            f"{file} holds binary data (a zero byte at character {text.index(chr(0))})",
            remedy="pass CSV, Parquet or JSON lines",
        )
    return text


def _read_parquet(raw: bytes, file: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # A plain file handle, not a path: a path would be opened as a partitioned data set.
        arrow = pq.ParquetFile(io.BytesIO(raw)).read()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(
            f"{file} is not a readable Parquet file: {error}", remedy="write it again"
        ) from error
    import pandas as pd

    columns = [arrow.column(i).to_pandas() for i in range(arrow.num_columns)]
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    frame.columns = pd.Index(arrow.column_names)
    return frame


def _read_json_lines(text: str, file: Path) -> pd.DataFrame:
    import pandas as pd

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [k for k, _ in items]
        if len(set(keys)) < len(keys):
            raise ValueError(f"key {max(keys, key=keys.count)!r} is repeated")
        return dict(items)

    records = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line, object_pairs_hook=pairs)
            if not isinstance(record, dict):
                raise ValueError("it is not an object")
            json.dumps(record, ensure_ascii=False).encode()  # half a surrogate pair is no text
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{file} line {number} is not a JSON record: {error}",
                remedy="write one flat JSON object a line",
            ) from None
        for key, value in record.items():
            if isinstance(value, (dict, list)):
                raise InputError(
                    f"{file} line {number}: {key!r} holds a nested value",
                    remedy="flatten it into columns of single values",
                )
        records.append(record)
    return pd.DataFrame.from_records(records)


def _read_csv(text: str, file: Path) -> pd.DataFrame:
    import pandas as pd

    delimiter = _delimiter(text)
    try:
        header = next(csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True))
    except csv.Error as error:
        raise InputError(f"{file} is not readable CSV: {error}", remedy="check it") from None
    try:
        with warnings.catch_warnings():
            # Rows longer than the header come as a warning and lose cells: that is an error here.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = _parse_csv(text, delimiter)
            if _LEADING_ZERO.search(text):
                _keep_codes(frame, _parse_csv(text, delimiter, dtype=str))
    except (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError) as error:
        raise InputError(
            f"{file} is not readable CSV: {' '.join(str(error).split())}",
            remedy="every row needs as many cells as the header; quote cells that hold commas",
        ) from None
    frame.columns = pd.Index([name.strip() for name in header])
    return frame


def _parse_csv(text: str, delimiter: str, dtype: Any = None) -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(
        io.StringIO(text),
        sep=delimiter,
        skipinitialspace=True,
        keep_default_na=False,
        na_values=list(MISSING_TEXTS),
        index_col=False,
        low_memory=False,
        dtype=dtype,
    )


def _keep_codes(frame: pd.DataFrame, raw: pd.DataFrame) -> None:
    """A column with a cell like 02139 holds codes (postcodes, counties): it stays text.

    Read as numbers, 02139 would lose its zero, and 01 and 1 would become one group.
    """
    import pandas as pd

    for column in frame.columns:
        if pd.api.types.is_numeric_dtype(frame[column]):
            cells = raw[column].dropna()
            if cells.str.fullmatch(r"-?0\d+").any():
                frame[column] = raw[column]


def _delimiter(text: str) -> str:
    first = text.lstrip().split("\n", 1)[0]
    return max(",\t;", key=first.count) if any(c in first for c in ",\t;") else ","


def _merge_repeated(frame: pd.DataFrame, file: Path) -> tuple[pd.DataFrame, list[str]]:
    """Keeps a column name that is repeated with identical cells once; refuses it otherwise."""
    names = [str(c) for c in frame.columns]
    first: dict[str, int] = {}
    notes: list[str] = []
    for position, name in enumerate(names):
        if name not in first:
            first[name] = position
            continue
        if not frame.iloc[:, first[name]].equals(frame.iloc[:, position]):
            raise InputError(
                f"column name {name!r} is repeated in {file} with cells that differ",
                remedy=f"rename columns {first[name] + 1} and {position + 1}",
            )
        notes.append(
            f"column {name!r} is repeated with identical cells "
            f"(columns {first[name] + 1} and {position + 1}): kept once"
        )
    merged = frame.iloc[:, list(first.values())].copy()
    merged.columns = list(first)
    return merged, notes


def as_text(value: Any) -> str:
    """One cell as the text that labels and groups are compared by: 1 and 1.0 are the same, "1".

    >>> as_text(1.0), as_text(1), as_text(True), as_text(" a")
    ('1', '1', 'true', ' a')
    """
    if isinstance(value, bytes):  # pixels: as a name they would be as long as the picture
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):  # numpy's own bool
        return "true" if value else "false"
    if isinstance(value, Real):
        number = float(value)
        if number.is_integer() and abs(number) < 2**53:
            return str(int(number))
    return str(value)


def texts(column: pd.Series[Any]) -> tuple[Any, Any]:
    """A column as an object array of texts and a boolean array that is True where it is missing."""
    import numpy as np
    import pandas as pd

    try:
        codes, uniques = pd.factorize(column)
    except TypeError:  # cells that are lists or records have no hash: they go by their text
        codes, uniques = pd.factorize(column.map(str, na_action="ignore"))
    names = np.array([as_text(u) for u in uniques] + [""], dtype=object)
    return names[codes], codes < 0


def match_label(given: str, labels: Iterable[str]) -> str | None:
    """The label that ``given`` means: the same text, or the same number ("1.0" for "1"), or the
    same truth value ("True" for "true"); None if there is none.

    >>> match_label("1.0", ["0", "1"]), match_label("True", ["false", "true"])
    ('1', 'true')
    """
    known = list(labels)
    if given in known:
        return given
    try:
        number = float(given)
    except ValueError:
        lowered = given.lower()
        return lowered if lowered in ("true", "false") and lowered in known else None
    return next((k for k in known if _number(k) == number), None)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def canonical_order(frame: pd.DataFrame, *, last: Iterable[str] = ()) -> Any:
    """Row positions in an order that depends on the rows' contents alone, not on their order.

    Columns in ``last`` (the sensitive features) only break ties, so that renaming groups does not
    reorder rows. Equal rows may come in any order among themselves: they are interchangeable.
    """
    import numpy as np
    import pandas as pd

    tail = sorted(set(last) & set(frame.columns))
    head = sorted(set(frame.columns) - set(tail))

    def row_hash(columns: list[str]) -> Any:
        if not columns:
            return np.zeros(len(frame), dtype=np.uint64)
        plain = pd.DataFrame({c: texts(frame[c])[0] for c in columns})
        return pd.util.hash_pandas_object(plain, index=False).to_numpy()

    return np.lexsort((row_hash(tail), row_hash(head)))
