"""Counts straight from a file or a stream, in one pass, without holding the rows in memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.counts import BINARY, Counts, count_groups
from audit.data import MISSING_TEXTS, as_text, match_label
from audit.errors import InputError, nearest

if TYPE_CHECKING:
    import numpy as np

UNKNOWN = "unknown"  # the group of rows whose sensitive value is missing
_MEMORY = "160MB"  # DuckDB's own; it spills to disk beyond


def count_file(
    path: str | Path,
    *,
    sensitive_features: Sequence[str],
    control_features: Sequence[str] = (),
    target: str | None = None,
    predicted: str | None = None,
    score: str | None = None,
    threshold: float | None = None,
    positive_label: Any = 1,
    weight: str | None = None,
    memory: str = _MEMORY,
    threads: int | None = None,
) -> Counts:
    """Binary counts of stored predictions in a Parquet or CSV (TSV) file, by one DuckDB query.

    The rows are never in memory together: 100 million take the same memory as one million. Texts,
    labels and missing values mean what they mean in ``audit.data``; rows without a true label are
    left out and counted in ``Counts.dropped``.

    Parameters
    ----------
    predicted        : column of predicted labels; or
    score, threshold : predicted positive = score >= threshold
    memory, threads  : DuckDB's limits

    Raises InputError for a missing file or column, labels that are not two, scores that are missing
    or not finite. Weighted sums depend on the order of addition in their last digits.
    """
    import duckdb

    file = Path(path)
    if not file.is_file():
        raise InputError(f"no data file at {file}", remedy="pass a Parquet or CSV file")
    if not predicted and (score is None or threshold is None):
        raise InputError("which predictions?", remedy="name predicted, or score and threshold")
    features = (*sensitive_features, *control_features)
    with duckdb.connect(":memory:") as database:
        database.execute(f"SET memory_limit = '{memory}'")
        database.execute("SET preserve_insertion_order = false")
        database.execute("SET enable_progress_bar = false")
        if threads:
            database.execute(f"SET threads = {int(threads)}")
        source, is_text = _source(file)
        columns = [row[0] for row in _fetch(database, f"DESCRIBE FROM {source}", file)]
        wanted = (*features, *(c for c in (target, predicted or score, weight) if c))
        for column in wanted:
            if column not in columns:
                raise InputError(
                    f"{column!r} is not a column of {file}", remedy=nearest(column, columns)
                )
        query = _query(source, features, target, predicted, score, threshold, weight, is_text)
        found = _fetch(database, query, file)
    rows = [(tuple(row[: len(features)]), *row[len(features) :]) for row in found]
    where = predicted or score
    return _counts(
        rows, features, target, str(where), bool(predicted), positive_label, weight, is_text
    )


def _fetch(database: Any, query: str, file: Path) -> list[tuple[Any, ...]]:
    import duckdb

    try:
        rows: list[tuple[Any, ...]] = database.execute(query).fetchall()
    except duckdb.Error as error:
        first = str(error).strip().split("\n")[0]
        raise InputError(f"cannot count the rows of {file}: {first}", remedy="check it") from error
    return rows


def count_batches(
    batches: Iterable[Any],
    *,
    features: Sequence[str],
    target: str | None,
    predicted: str,
    positive_label: Any = 1,
    weight: str | None = None,
) -> Counts:
    """Binary counts of a stream of Arrow record batches (or tables), added up as they come.

    Missing sensitive values are the group ``unknown``; rows without a true label are left out and
    counted. A value that is not the positive label is the negative one: pass data whose labels are
    known to be two. Raises InputError for an empty stream or a missing prediction.
    """
    import numpy as np
    import pyarrow.compute as pc

    given, counts = as_text(positive_label), None
    for batch in batches:
        dropped = 0
        if target is not None:
            labelled = pc.is_valid(batch.column(target))
            dropped = len(labelled) - int(pc.sum(labelled).as_py() or 0)
            batch = batch.filter(labelled) if dropped else batch
        if batch.column(predicted).null_count:
            raise InputError(f"predicted column {predicted!r} has empty cells", remedy="fill them")
        columns = {f: _names(batch.column(f)) for f in features}
        actual = None if target is None else _is_label(batch.column(target), given)
        weights = None if weight is None else np.asarray(batch.column(weight), dtype=float)
        selected = _is_label(batch.column(predicted), given)
        part = count_groups(columns, features, actual, selected, weights=weights)
        part = Counts(part.features, BINARY, part.names, part.table, part.weights, dropped)
        counts = part if counts is None else counts + part
    if counts is None:
        raise InputError("the stream holds no batch", remedy="pass at least one")
    return counts


def _encoded(column: Any) -> tuple[np.ndarray, list[Any]]:
    """Codes of shape (n,), -1 where missing, and the values they stand for."""
    import numpy as np
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    codes = np.asarray(column.indices.fill_null(-1), dtype=np.int64)
    return codes, column.dictionary.to_pylist()


def _names(column: Any) -> np.ndarray:
    import numpy as np

    codes, values = _encoded(column)
    names = [UNKNOWN if _is_missing(v) else as_text(v) for v in values]
    return np.array([*names, UNKNOWN], dtype=object)[codes]


def _is_label(column: Any, given: str) -> np.ndarray:
    import numpy as np

    codes, values = _encoded(column)
    hits = [match_label(given, [as_text(v)]) is not None for v in values]
    return np.array([*hits, False])[codes]


def _is_missing(value: Any) -> bool:
    return value is None or value != value


def _source(file: Path) -> tuple[str, bool]:
    """DuckDB's table function for the file, and whether its cells are texts (CSV)."""
    name = "".join(f"[{c}]" if c in "*?[" else c for c in str(file.resolve()))
    literal = "'" + name.replace("'", "''") + "'"
    with file.open("rb") as handle:
        start = handle.read(1 << 16)
    if start[:4] == b"PAR1":
        return f"read_parquet({literal})", False
    first = start.decode("utf-8-sig", "replace").lstrip()
    if not first or first.startswith("{"):
        raise InputError(f"{file} is neither Parquet nor CSV", remedy="write it as Parquet")
    line = first.split("\n", 1)[0]
    delimiter = max(",\t;", key=line.count)
    options = f"delim = '{delimiter}', header = true, quote = '\"', auto_detect = false"
    return f"read_csv({literal}, {options}, columns = {_columns(line, delimiter)})", True


def _columns(line: str, delimiter: str) -> str:
    names = next(
        csv.reader(io.StringIO(line.strip("\r")), delimiter=delimiter, skipinitialspace=True)
    )
    quoted = ["'" + name.strip().replace("'", "''") + "': 'VARCHAR'" for name in names]
    return "{" + ", ".join(quoted) + "}"


def _query(
    source: str,
    features: Sequence[str],
    target: str | None,
    predicted: str | None,
    score: str | None,
    threshold: float | None,
    weight: str | None,
    is_text: bool,
) -> str:
    missing = ", ".join("'" + t + "'" for t in MISSING_TEXTS)

    def cell(column: str) -> str:
        name = '"' + column.replace('"', '""') + '"'
        if not is_text:
            return name
        return f"CASE WHEN ltrim({name}) IN ({missing}) THEN NULL ELSE ltrim({name}) END"

    chosen = [f"{cell(f)} AS f{i}" for i, f in enumerate(features)]
    chosen.append(f"{cell(target)} AS t" if target else "TRUE AS t")
    if predicted:
        chosen.append(f"{cell(predicted)} AS p")
    else:
        number = f"TRY_CAST({cell(str(score))} AS DOUBLE)"
        chosen.append(
            f"CASE WHEN isfinite({number}) THEN {number} >= {float(threshold or 0)!r} END AS p"
        )
    chosen.append("count(*)")
    if weight:
        number = f"TRY_CAST({cell(weight)} AS DOUBLE)"
        chosen.append(f"fsum({number}), fsum({number} * {number})")
        chosen.append(
            f"count(*) FILTER (NOT coalesce(isfinite({number}) AND {number} >= 0, FALSE))"
        )
    # Every name in it is quoted, see cell() and _source().
    return f"SELECT {', '.join(chosen)} FROM {source} GROUP BY ALL"  # noqa: S608


def _counts(
    rows: Sequence[tuple[Any, ...]],
    features: Sequence[str],
    target: str | None,
    where: str,
    are_labels: bool,
    positive_label: Any,
    weight: str | None,
    is_text: bool,
) -> Counts:
    """Counts from the query's rows: (group values, true label, prediction, rows, weights ...)."""
    import numpy as np

    dropped = sum(row[3] for row in rows if row[1] is None)
    kept = [row for row in rows if row[1] is not None]
    if not kept:
        raise InputError("no row has a true label", remedy="name another target, or none")
    bad = sum(row[3] for row in kept if row[2] is None)
    if bad:
        raise InputError(
            f"column {where!r} has {bad} cells that are missing or not finite",
            remedy="a missing score is a person without an answer: fix it, or remove the row",
        )
    if weight and sum(row[6] for row in kept):
        raise InputError(
            f"weight column {weight!r} has cells that are no number of 0 or more", remedy="fix them"
        )
    labels = _meaning([r[1] for r in kept], target, positive_label, is_text)
    if target and not any(labels):
        raise InputError(
            f"positive label {positive_label!r} does not occur in target {target!r}",
            remedy="see --positive-label",
        )
    selected = [bool(r[2]) for r in kept]
    if are_labels:
        selected = _meaning([r[2] for r in kept], where, positive_label, is_text)
    names = np.empty((len(kept), len(features)), dtype=object)
    for i in range(len(features)):
        text = _texts([r[0][i] for r in kept], is_text)
        names[:, i] = [text[r[0][i]] for r in kept]
    height = 2 if target else 1
    table = np.zeros((len(kept), height, 2), dtype=np.int64)
    weights = np.zeros((2, len(kept), height, 2)) if weight else None
    for i, row in enumerate(kept):
        at = (int(labels[i]) if target else 0, int(selected[i]))
        table[(i, *at)] = row[3]
        if weights is not None:
            weights[(0, i, *at)], weights[(1, i, *at)] = row[4], row[5]
    empty = Counts(tuple(features), BINARY, names[:0], table[:0], _none(weights), dropped)
    return empty + Counts(tuple(features), BINARY, names, table, weights)


def _none(weights: np.ndarray | None) -> np.ndarray | None:
    return None if weights is None else weights[:, :0]


def _meaning(
    values: Sequence[Any], column: str | None, positive_label: Any, is_text: bool
) -> list[bool]:
    """Which values are the positive label; at most one other label may occur."""
    if column is None:
        return [False] * len(values)
    text = _texts(values, is_text)
    known = sorted(set(text.values()))
    positive = match_label(as_text(positive_label), known)
    others = [k for k in known if k != positive]
    if len(others) > 1:
        raise InputError(
            f"column {column!r} has more than one label beside the positive one: {others[:5]}",
            remedy="a binary task has two labels; see --positive-label",
        )
    return [text[v] == positive for v in values]


def _texts(values: Sequence[Any], is_text: bool) -> Mapping[Any, str]:
    """Each distinct value as the text that ``audit.data`` gives it: 1.0 and 1 are the same, "1".

    Cells of a CSV file are texts: a column of numbers alone is read as numbers, unless one has a
    leading zero (a postcode), a column of True and False alone as truth values.
    """
    distinct = {v for v in values if not _is_missing(v)}
    meant = {v: as_text(v) for v in distinct}
    if is_text and distinct:
        meant = {v: as_text(c) for v, c in _as_read(distinct).items()}
    return {v: meant.get(v, UNKNOWN) for v in values}


def _as_read(cells: Iterable[str]) -> Mapping[str, Any]:
    known = list(cells)
    if {c.lower() for c in known} <= {"true", "false"} and all(c in _TRUTH for c in known):
        return {c: c.lower() == "true" for c in known}
    numbers = {}
    for cell in known:
        digits = cell.strip().removeprefix("-")
        if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
            return {c: c for c in known}
        try:
            numbers[cell] = float(cell)
        except ValueError:
            return {c: c for c in known}
    return numbers


_TRUTH = ("True", "TRUE", "true", "False", "FALSE", "false")
