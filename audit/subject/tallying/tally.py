"""Counts straight from a file or a stream, in one pass, without holding the rows in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evenhand.audit.data.counting.meaning import Meaning
from evenhand.audit.data.counting.query import CountRequest, bins_on_disk, cell_text, query
from evenhand.audit.data.formats.decoding import way_out
from evenhand.audit.data.formats.limits import Limits, read_within
from evenhand.audit.data.grouping import UNKNOWN
from evenhand.audit.data.reading.rows_on_disk import as_utf8, connected, kind_of, open_source
from evenhand.audit.data.table import as_text, match_label
from evenhand.audit.data.written.bins import Bins
from evenhand.audit.data.written.declared import Reading
from evenhand.audit.errors import InputError, LimitError, nearest
from evenhand.audit.reason import Reasons
from evenhand.audit.subject.tallying.counts import BINARY, Counts
from evenhand.audit.words.phrases import as_is

_LOOKED_AT = 1 << 22  # bytes in which another encoding is looked for
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
    notes: Reasons = ()
    bins: Mapping[str, Bins] = field(default_factory=dict)


def count_file(path: str | Path, **named: Any) -> Counts:
    """The counts of ``tally_file``, which takes the same arguments."""
    return tally_file(path, **named).counts


def _require_columns(named: Iterable[str], columns: Sequence[str], file: Path) -> None:
    for column in named:
        if column not in columns:
            raise InputError(
                "{column!r} is not a column of {file}",
                remedy=nearest(column, columns),
                column=column,
                file=file,
            )


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
    reading: Reading | None = None,
    memory: str = _MEMORY,
    threads: int | None = None,
) -> Tally:
    """Binary counts of stored predictions in a file, by one DuckDB query.

    The rows are never in memory together: 100 million take the same memory as one million. Files
    are those of ``data.reading.rows_on_disk``. Texts, labels and missing values mean what
    they mean in ``evenhand.audit.data.reading.read``; rows without a true label are left out and
    counted in
    ``Counts.dropped``.

    Parameters
    ----------
    predicted        : column of predicted labels; or
    score, threshold : predicted positive = score >= threshold
    reading          : what is declared about the cells
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
    reading = reading or Reading()
    with connected() as database, as_utf8(file, reading.encoding) as rows:
        _limit(database, memory, 1 if weight else threads)
        source = open_source(database, rows)

        def fetch(sql: str) -> list[tuple[Any, ...]]:
            return _fetch(database, sql, file)

        columns = tuple(str(row[0]) for row in fetch(f"DESCRIBE FROM {source.relation}"))
        named = (c for c in (*features, target, predicted, score, weight) if c)
        _require_columns(named, columns, file)
        asked = CountRequest(
            features, target, predicted, score, threshold, weight, reading, columns
        )
        meaning = Meaning(reading, columns, (target, predicted), source.is_text, str(file))
        bins = bins_on_disk(source, asked, fetch, meaning.column)
        found = fetch(query(source, replace(asked, bins=bins), fetch))
    meaning = replace(meaning, bins=bins)
    return replace(
        _tally(_rows(found, asked, meaning), asked, positive_label), notes=source.notes, bins=bins
    )


def least_digests(path: Path, encoding: str | None, key: str, many: int) -> tuple[int, list[str]]:
    """How many rows a file has, and the smallest digests of their cells, made with ``key``; of
    rows that are alike one. In one pass, in little memory."""
    with connected() as database, as_utf8(path, encoding) as rows:
        _limit(database, _MEMORY, None)
        source = open_source(database, rows)
        described = _fetch(database, f"DESCRIBE FROM {source.relation}", path)
        cells = [f"coalesce({cell_text(str(c[0]))}, chr(30))" for c in sorted(described)]
        row = f"md5('{key}' || concat_ws(chr(31), {', '.join(cells)}))"
        # the names are quoted, and a key is hexadecimal
        least = f"SELECT {row} AS d FROM {source.relation} ORDER BY d LIMIT {int(many) * 8}"  # noqa: S608
        digests = sorted({str(found[0]) for found in _fetch(database, least, path)})
        counted = _fetch(database, f"SELECT count(*) FROM {source.relation}", path)  # noqa: S608
    return int(counted[0][0]), digests[:many]


def bins_in_file(
    path: Path, features: Sequence[str], target: str | None, reading: Reading
) -> dict[str, Bins]:
    """The bins of those features of a file that have them declared. Raises InputError."""
    if not any(f in reading.bins for f in features):
        return {}
    with connected() as database:
        database.execute(f"SET memory_limit = '{_MEMORY}'")
        source = open_source(database, path)

        def fetch(sql: str) -> list[tuple[Any, ...]]:
            return _fetch(database, sql, path)

        columns = tuple(str(row[0]) for row in fetch(f"DESCRIBE FROM {source.relation}"))
        asked = CountRequest(tuple(features), target, None, None, None, None, reading, columns)
        meaning = Meaning(reading, columns, (target,), source.is_text, str(path))
        return bins_on_disk(source, asked, fetch, meaning.column)


def _fetch(database: Any, query: str, file: Path) -> list[tuple[Any, ...]]:
    import duckdb

    try:
        with read_within(file, Limits(), known=(duckdb.Error,)):
            rows: list[tuple[Any, ...]] = database.execute(query).fetchall()
    except duckdb.OutOfMemoryException as error:
        raise LimitError(
            "counting the rows of {file} takes more memory than is set aside for it: {first}",
            remedy="name features of fewer values, or bins of them",
            file=file,
            first=str(error).strip().split("\n")[0],
        ) from None
    except duckdb.Error as error:
        first = str(error).strip().split("\n")[0]
        remedy = "check it"
        if "utf" in first.lower() or "unicode" in first.lower():
            with file.open("rb") as handle:
                remedy = way_out(handle.read(_LOOKED_AT))
        raise InputError(
            "cannot count the rows of {file}: {first}", remedy=as_is(remedy), file=file, first=first
        ) from error
    return rows


@dataclass(frozen=True)
class _Row:
    """One row of the query's answer: a group, a label, a prediction, and what was counted of it.

    ``missing`` says of which features the cell is empty; a label or prediction that is has None.
    """

    group: tuple[str, ...]
    missing: tuple[bool, ...]
    label: str | None
    predicted: Any
    n: int
    bad_scores: int
    bad_weights: int = 0
    weight: float = 0.0
    weight_squared: float = 0.0
    weight_fourth: float = 0.0


def _limit(database: Any, memory: str, threads: int | None) -> None:
    database.execute(f"SET memory_limit = '{memory}'")
    database.execute("SET preserve_insertion_order = false")
    database.execute("SET enable_progress_bar = false")
    if threads:
        database.execute(f"SET threads = {int(threads)}")


def _rows(
    counted: Sequence[tuple[Any, ...]], request: CountRequest, meaning: Meaning
) -> list[_Row]:
    """The query's answer, its cells as what they mean."""
    n = len(request.features)
    groups = []
    for i, feature in enumerate(request.features):
        values = [row[i] for row in counted]
        if feature in meaning.bins:  # by name already
            groups.append({v: (UNKNOWN if v is None else str(v), v is None) for v in values})
        else:
            groups.append(meaning.groups(values, feature))
    labels = predictions = None
    if request.target:
        labels = meaning.labels([row[n] for row in counted], request.target)
    if request.predicted:
        predictions = meaning.labels([row[n + 1] for row in counted], request.predicted)
    made = []
    for row in counted:
        cells = [known[row[i]] for i, known in enumerate(groups)]
        made.append(
            _Row(
                tuple(name for name, _ in cells),
                tuple(is_empty for _, is_empty in cells),
                "" if labels is None else labels[row[n]],
                row[n + 1] if predictions is None else predictions[row[n + 1]],
                *row[n + 2 :],
            )
        )
    return made


def _tally(rows: Sequence[_Row], asked: CountRequest, positive_label: Any) -> Tally:
    import numpy as np

    features, target, predicted = asked.features, asked.target, asked.predicted
    weight = asked.weight
    kept = [row for row in rows if row.label is not None]
    if not kept:
        raise InputError("no row has a true label", remedy="name another target, or none")
    _require_predictions(kept, predicted, asked.score)
    if weight and sum(row.bad_weights for row in kept):
        raise bad_weights(weight)
    labels = sorted({str(row.label) for row in kept}) if target else []
    answers = sorted({str(row.predicted) for row in kept}) if predicted else []
    positive = positive_of(labels, str(target), positive_label) if target else None
    chosen = positive_of(answers, str(predicted), positive_label) if predicted else None
    if target and positive is None:
        raise InputError(
            "positive label {positive_label!r} does not occur in target {target!r}",
            remedy="see --positive-label",
            positive_label=positive_label,
            target=target,
        )
    names = np.empty((len(kept), len(features)), dtype=object)
    for i in range(len(features)):
        names[:, i] = [row.group[i] for row in kept]
    height = 2 if target else 1
    table = np.zeros((len(kept), height, 2), dtype=np.int64)
    weights = np.zeros((3, len(kept), height, 2)) if weight else None
    for i, row in enumerate(kept):
        is_selected = row.predicted == chosen if predicted else bool(row.predicted)
        at = (int(row.label == positive) if target else 0, int(is_selected))
        table[(i, *at)] = row.n
        if weights is not None:
            weights[(slice(None), i, *at)] = row.weight, row.weight_squared, row.weight_fourth
    dropped = sum(row.n for row in rows if row.label is None)
    none = None if weights is None else weights[:, :0]
    empty = Counts(tuple(features), BINARY, names[:0], table[:0], none, dropped)
    counts = empty + Counts(tuple(features), BINARY, names, table, weights)
    missing = {f: sum(row.n for row in kept if row.missing[i]) for i, f in enumerate(features)}
    return Tally(counts, tuple(labels), tuple(answers), missing)


def bad_weights(name: str) -> InputError:
    """The error for weights that are no numbers of 0 or more."""
    return InputError(
        "weight column {name!r} has cells that are no number of 0 or more",
        remedy="fix them",
        name=name,
    )


def _require_predictions(rows: Sequence[_Row], predicted: str | None, score: str | None) -> None:
    for column, bad in (
        (score, sum(row.bad_scores for row in rows)),
        (predicted, sum(row.n for row in rows if row.predicted is None)),
    ):
        if column and bad:
            raise InputError(
                "column {column!r} has {bad} cells that are missing or not finite",
                remedy="a missing score is a person without an answer: fix it, or remove the row",
                column=column,
                bad=bad,
            )


def positive_of(labels: Sequence[str], column: str, positive_label: Any) -> str | None:
    """The positive one of the labels of a column; None where it does not occur.

    Raises InputError where more than one other occurs.
    """
    positive = match_label(as_text(positive_label), labels)
    if positive is None and len(labels) > 1:
        raise InputError(
            "positive label {positive_label!r} does not occur in column {column!r}",
            remedy=nearest(str(positive_label), labels),
            positive_label=positive_label,
            column=column,
        )
    others = [k for k in labels if k != positive]
    if len(others) > 1:
        raise InputError(
            "column {column!r} has more than one label beside the positive one: {others}",
            remedy="a binary task has two labels; see --positive-label",
            column=column,
            others=others[:5],
        )
    return positive
