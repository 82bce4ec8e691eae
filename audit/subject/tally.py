"""Counts straight from a file or a stream, in one pass, without holding the rows in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.cells import MISSING_TEXTS, NUMBER_PATTERN, is_missing, plain, read_texts
from evenhand.audit.data.on_disk_engine import connected
from evenhand.audit.data.rows_on_disk import Source, kind_of, open_source
from evenhand.audit.data.table import as_text, match_label
from evenhand.audit.errors import InputError, nearest, rows_of_file
from evenhand.audit.finding import UNKNOWN
from evenhand.audit.subject.counts import BINARY, Counts, count_groups, require_answers

if TYPE_CHECKING:
    import numpy as np

_MEMORY = "160MB"  # DuckDB's own; it spills to disk beyond


@dataclass(frozen=True, eq=False)
class Tally:
    """What one pass over a file found.

    ``labels`` and ``predicted`` are the distinct labels as texts, sorted (none where the column
    was not named); ``missing`` the missing cells of each feature among the rows counted.
    """

    counts: Counts
    labels: tuple[str, ...] = ()
    predicted: tuple[str, ...] = ()
    missing: Mapping[str, int] = field(default_factory=dict)


def count_file(path: str | Path, **named: Any) -> Counts:
    """The counts of ``tally_file``, which takes the same arguments."""
    return tally_file(path, **named).counts


def tally_file(
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
) -> Tally:
    """Binary counts of stored predictions in a file, by one DuckDB query.

    The rows are never in memory together: 100 million take the same memory as one million. Files
    are those of ``evenhand.audit.data.rows_on_disk``. Texts, labels and missing values mean what
    they mean in ``evenhand.audit.data.reading``; rows without a true label are left out and
    counted in
    ``Counts.dropped``.

    Parameters
    ----------
    predicted        : column of predicted labels; or
    score, threshold : predicted positive = score >= threshold
    memory, threads  : DuckDB's limits; weights are added by one thread, in the file's order, so
                       that the same file gives the same sums

    Raises InputError for a missing file or column, labels that are not two, scores that are missing
    or not finite. Weighted sums depend on the order of addition in their last digits.
    """
    file = Path(path)
    kind_of(file)  # says that nothing is there before it asks how to read it
    if not predicted and (score is None or threshold is None):
        raise InputError("which predictions?", remedy="name predicted, or score and threshold")
    features = (*sensitive_features, *control_features)
    with connected() as database:
        database.execute(f"SET memory_limit = '{memory}'")
        database.execute("SET preserve_insertion_order = false")
        database.execute("SET enable_progress_bar = false")
        if weight or threads:
            database.execute(f"SET threads = {1 if weight else int(threads or 1)}")
        source = open_source(database, file)
        columns = [row[0] for row in _fetch(database, f"DESCRIBE FROM {source.relation}", file)]
        for column in (*features, *(c for c in (target, predicted, score, weight) if c)):
            if column not in columns:
                raise InputError(
                    f"{column!r} is not a column of {file}", remedy=nearest(column, columns)
                )
        query = _query(source, features, target, predicted, score, threshold, weight)
        found = _fetch(database, query, file)
    n = len(features)
    rows = [
        _Row(tuple(map(plain, row[:n])), *map(plain, row[n : n + 2]), *row[n + 2 :])
        for row in found
    ]
    return _tally(rows, features, target, predicted, score, positive_label, weight, source.is_text)


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
    predicted: str | Callable[[Any], np.ndarray],
    positive_label: Any = 1,
    weight: str | None = None,
) -> Counts:
    """The counts of ``tally_batches``, which takes the same arguments."""
    return tally_batches(
        batches,
        features=features,
        target=target,
        predicted=predicted,
        positive_label=positive_label,
        weight=weight,
    ).counts


def tally_batches(
    batches: Iterable[Any],
    *,
    features: Sequence[str],
    target: str | None,
    predicted: str | Callable[[Any], np.ndarray],
    positive_label: Any = 1,
    weight: str | None = None,
) -> Tally:
    """Binary counts of a stream of Arrow record batches (or tables), added up as they come.

    ``predicted`` is a column of labels, or a function that selects rows of a batch: bool (n,).
    Missing sensitive values are the group ``unknown``; rows without a true label are left out and
    counted. Raises InputError for an empty stream, a missing prediction, weights that are none, and
    labels that are not two.
    """
    import numpy as np
    import pyarrow.compute as pc

    positive, counts = as_text(positive_label), None
    labels: set[str] = set()
    answers: set[str] = set()
    missing = dict.fromkeys(features, 0)
    seen = 0
    for batch in batches:
        dropped, numbers = 0, np.arange(seen + 1, seen + batch.num_rows + 1)
        seen += batch.num_rows
        if target is not None:
            labelled = pc.invert(_without_value(batch.column(target)))
            dropped = len(labelled) - int(pc.sum(labelled).as_py() or 0)
            if dropped:
                batch, numbers = batch.filter(labelled), numbers[np.asarray(labelled)]
        actual = None if target is None else _is_label(batch.column(target), positive, labels)
        with rows_of_file(numbers):
            if callable(predicted):
                selected = predicted(batch)
            else:
                require_answers(np.asarray(_without_value(batch.column(predicted))), predicted)
                selected = _is_label(batch.column(predicted), positive, answers)
        columns = {f: _names(batch.column(f), f, missing) for f in features}
        weights = None if weight is None else _weights(batch.column(weight), weight)
        part = count_groups(columns, features, actual, selected, weights=weights)
        part = replace(part, dropped=dropped)
        counts = part if counts is None else counts + part
    if counts is None:
        raise InputError("the stream holds no batch", remedy="pass at least one")
    for column, known in ((target, labels), (predicted, answers)):
        if known:
            _positive(sorted(known), str(column), positive_label)
    return Tally(counts, tuple(sorted(labels)), tuple(sorted(answers)), missing)


def _weights(column: Any, name: str) -> np.ndarray:
    import numpy as np

    weights = np.asarray(column, dtype=float)
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise _bad_weights(name)
    return weights


def _bad_weights(name: str) -> InputError:
    return InputError(
        f"weight column {name!r} has cells that are no number of 0 or more", remedy="fix them"
    )


def _encoded(column: Any) -> tuple[np.ndarray, list[Any]]:
    """Codes of shape (n,), -1 where missing, and the values they stand for."""
    import numpy as np
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    codes = np.asarray(column.indices.fill_null(-1), dtype=np.int64)
    return codes, [plain(v) for v in column.dictionary.to_pylist()]


def _without_value(column: Any) -> Any:
    """Which cells of an Arrow column are missing, as an Arrow array of truth values."""
    import numpy as np
    import pyarrow as pa

    codes, values = _encoded(column)  # -1, the last of the list, is null
    return pa.array(np.array([*map(is_missing, values), True])[codes])


def _names(column: Any, feature: str, missing: dict[str, int]) -> np.ndarray:
    import numpy as np

    codes, values = _encoded(column)
    without = [i for i, v in enumerate(values) if is_missing(v)]
    missing[feature] += int((codes < 0).sum() + np.isin(codes, without).sum())
    names = [UNKNOWN if is_missing(v) else as_text(v) for v in values]
    return np.array([*names, UNKNOWN], dtype=object)[codes]


def _is_label(column: Any, given: str, found: set[str]) -> np.ndarray:
    import numpy as np

    codes, values = _encoded(column)
    found.update(as_text(v) for v in values)
    hits = [match_label(given, [as_text(v)]) is not None for v in values]
    return np.array([*hits, False])[codes]


def _query(
    source: Source,
    features: Sequence[str],
    target: str | None,
    predicted: str | None,
    score: str | None,
    threshold: float | None,
    weight: str | None,
) -> str:
    missing = ", ".join("'" + t + "'" for t in MISSING_TEXTS)

    def cell(column: str) -> str:
        name = '"' + column.replace('"', '""') + '"'
        if not source.is_text:
            return name
        return f"CASE WHEN ltrim({name}) IN ({missing}) THEN NULL ELSE ltrim({name}) END"

    def number(column: str) -> str:
        cast = f"TRY_CAST({cell(column)} AS DOUBLE)"
        if not source.is_text:
            return cast
        return f"CASE WHEN regexp_full_match({cell(column)}, '{NUMBER_PATTERN}') THEN {cast} END"

    chosen = [f"{cell(f)} AS f{i}" for i, f in enumerate(features)]
    chosen.append(f"{cell(target)} AS t" if target else "TRUE AS t")
    chosen.append(
        f"{cell(predicted)} AS p"
        if predicted
        else f"{number(str(score))} >= {float(threshold or 0)!r} AS p"
    )
    chosen.append("count(*)")
    finite = f"isfinite({number(score)})" if score else "TRUE"
    chosen.append(f"count(*) FILTER (NOT coalesce({finite}, FALSE))")
    if weight:
        w = number(weight)
        chosen.append(f"count(*) FILTER (NOT coalesce(isfinite({w}) AND {w} >= 0, FALSE))")
        chosen.append(f"fsum({w}), fsum({w} * {w})")
    # Every name in it is quoted, see cell() and open_source().
    return f"SELECT {', '.join(chosen)} FROM {source.relation} GROUP BY ALL"  # noqa: S608


@dataclass(frozen=True)
class _Row:
    """One row of the query's answer: a group, a label, a prediction, and what was counted of it."""

    group: tuple[Any, ...]
    label: Any
    predicted: Any
    n: int
    bad_scores: int
    bad_weights: int = 0
    weight: float = 0.0
    weight_squared: float = 0.0


def _tally(
    rows: Sequence[_Row],
    features: Sequence[str],
    target: str | None,
    predicted: str | None,
    score: str | None,
    positive_label: Any,
    weight: str | None,
    is_text: bool,
) -> Tally:
    import numpy as np

    kept = [row for row in rows if not is_missing(row.label)]
    if not kept:
        raise InputError("no row has a true label", remedy="name another target, or none")
    _require_predictions(kept, predicted, score)
    if weight and sum(row.bad_weights for row in kept):
        raise _bad_weights(weight)
    label = _texts([row.label for row in kept], is_text) if target else {}
    answer = _texts([row.predicted for row in kept], is_text) if predicted else {}
    labels, answers = sorted(set(label.values())), sorted(set(answer.values()))
    positive = _positive(labels, str(target), positive_label) if target else None
    chosen = _positive(answers, str(predicted), positive_label) if predicted else None
    if target and positive is None:
        raise InputError(
            f"positive label {positive_label!r} does not occur in target {target!r}",
            remedy="see --positive-label",
        )
    names = np.empty((len(kept), len(features)), dtype=object)
    for i in range(len(features)):
        text = _texts([row.group[i] for row in kept], is_text)
        names[:, i] = [text[row.group[i]] for row in kept]
    height = 2 if target else 1
    table = np.zeros((len(kept), height, 2), dtype=np.int64)
    weights = np.zeros((2, len(kept), height, 2)) if weight else None
    for i, row in enumerate(kept):
        is_selected = answer[row.predicted] == chosen if predicted else bool(row.predicted)
        at = (int(label[row.label] == positive) if target else 0, int(is_selected))
        table[(i, *at)] = row.n
        if weights is not None:
            weights[(0, i, *at)], weights[(1, i, *at)] = row.weight, row.weight_squared
    dropped = sum(row.n for row in rows if is_missing(row.label))
    none = None if weights is None else weights[:, :0]
    empty = Counts(tuple(features), BINARY, names[:0], table[:0], none, dropped)
    counts = empty + Counts(tuple(features), BINARY, names, table, weights)
    missing = {
        f: sum(row.n for row in kept if is_missing(row.group[i])) for i, f in enumerate(features)
    }
    return Tally(counts, tuple(labels), tuple(answers), missing)


def _require_predictions(rows: Sequence[_Row], predicted: str | None, score: str | None) -> None:
    for column, bad in (
        (score, sum(row.bad_scores for row in rows)),
        (predicted, sum(row.n for row in rows if is_missing(row.predicted))),
    ):
        if column and bad:
            raise InputError(
                f"column {column!r} has {bad} cells that are missing or not finite",
                remedy="a missing score is a person without an answer: fix it, or remove the row",
            )


def _positive(labels: Sequence[str], column: str, positive_label: Any) -> str | None:
    """The positive one of the labels of a column; None where it does not occur.

    Raises InputError where more than one other occurs.
    """
    positive = match_label(as_text(positive_label), labels)
    if positive is None and len(labels) > 1:
        raise InputError(
            f"positive label {positive_label!r} does not occur in column {column!r}",
            remedy=nearest(str(positive_label), labels),
        )
    others = [k for k in labels if k != positive]
    if len(others) > 1:
        raise InputError(
            f"column {column!r} has more than one label beside the positive one: {others[:5]}",
            remedy="a binary task has two labels; see --positive-label",
        )
    return positive


def _texts(values: Sequence[Any], is_text: bool) -> Mapping[Any, str]:
    """Each distinct value as the text that ``evenhand.audit.data.reading`` gives it: 1.0 and 1 are
    the same, "1".

    Cells of a CSV file are texts: a column of numbers alone is read as numbers, unless one has a
    leading zero (a postcode), a column of True and False alone as truth values.
    """
    distinct = {v for v in values if not is_missing(v)}
    meant = {v: as_text(v) for v in distinct}
    if is_text and distinct:
        meant = {v: as_text(c) for v, c in read_texts(distinct).items()}
    return {v: meant.get(v, UNKNOWN) for v in values}
