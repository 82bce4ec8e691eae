"""The SQL that counts the rows of a file: cells mean in it what they mean in memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evenhand.audit.data.cells import MISSING_TEXTS
from evenhand.audit.data.grouping import UNKNOWN, is_unknown, kind_of_column
from evenhand.audit.data.reading.rows_on_disk import RowSource
from evenhand.audit.data.written.bins import Bins, edges_of, quantile_edges, ranks
from evenhand.audit.data.written.dates import DateOrder, formats_of, orders_of
from evenhand.audit.data.written.declared import Reading, option
from evenhand.audit.data.written.numbers import NUMBER_PATTERN, THOUSANDS, signed_pattern
from evenhand.audit.errors import InputError

Fetch = Callable[[str], list[tuple[Any, ...]]]
_LOOKED_AT = 1_000  # different values of a column that tell what kind it is of


@dataclass(frozen=True)
class CountRequest:
    """What is counted: by which features and labels, of which predictions; with which bins."""

    features: tuple[str, ...]
    target: str | None
    predicted: str | None
    score: str | None
    threshold: float | None
    weight: str | None
    reading: Reading
    columns: tuple[str, ...]
    bins: Mapping[str, Bins] = field(default_factory=dict)


def query(source: RowSource, request: CountRequest, fetch: Fetch) -> str:
    """One row for each group, label and prediction, with how many rows of the file it is."""
    chosen = [
        f"{_feature(source, request, f, fetch)} AS f{i}" for i, f in enumerate(request.features)
    ]
    chosen.append(f"{cell(source, request.target)} AS t" if request.target else "TRUE AS t")
    score = _number(source, request, str(request.score), fetch) if request.score else ""
    chosen.append(
        f"{cell(source, request.predicted)} AS p"
        if request.predicted
        else f"{score} >= {float(request.threshold or 0)!r} AS p"
    )
    chosen.append("count(*)")
    finite = f"isfinite({score})" if score else "TRUE"
    chosen.append(f"count(*) FILTER (NOT coalesce({finite}, FALSE))")
    if request.weight:
        w = _number(source, request, request.weight, fetch)
        chosen.append(f"count(*) FILTER (NOT coalesce(isfinite({w}) AND {w} >= 0, FALSE))")
        chosen.append(f"fsum({w}), fsum({w} * {w}), fsum({w} * {w} * {w} * {w})")
    # Every name in it is quoted, see cell() and open_source().
    return f"SELECT {', '.join(chosen)} FROM {source.relation} GROUP BY ALL"  # noqa: S608


def cell(source: RowSource, column: str | None) -> str:
    """A cell as SQL: of a text file null where it means no value by itself."""
    name = '"' + str(column).replace('"', '""') + '"'
    if not source.is_text:
        return name
    missing = ", ".join(map(_text, MISSING_TEXTS))
    return f"CASE WHEN ltrim({name}) IN ({missing}) THEN NULL ELSE ltrim({name}) END"


def cell_text(column: str) -> str:
    """A cell's text as SQL, as it stands in the file."""
    return 'CAST("' + column.replace('"', '""') + '" AS VARCHAR)'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _number(source: RowSource, request: CountRequest, column: str, fetch: Fetch) -> str:
    """A cell as a number; null where it is none, or marked as missing."""
    own = cell(source, column)
    made = _parsed(source, request, own, own, fetch)
    marks = request.reading.marks_missing(column, request.columns)
    return f"CASE WHEN {_marked(own, made, marks)} THEN NULL ELSE {made} END" if marks else made


def _parsed(source: RowSource, request: CountRequest, own: str, every: str, fetch: Fetch) -> str:
    """A cell as a number. By the declared decimal sign where it is that of ``every`` cell."""
    plain = f"TRY_CAST({own} AS DOUBLE)"
    if not source.is_text:
        return plain
    sign = request.reading.decimal
    if sign is not None:
        pattern = _text(signed_pattern(sign))
        all_are = f"SELECT bool_and(regexp_full_match({every}, {pattern})) FROM {source.relation}"  # noqa: S608
        if fetch(all_are)[0][0]:
            bare = own
            for thousands in THOUSANDS[sign]:
                bare = f"replace({bare}, {_text(thousands)}, '')"
            return f"TRY_CAST(replace({bare}, {_text(sign)}, '.') AS DOUBLE)"
    return f"CASE WHEN regexp_full_match({own}, '{NUMBER_PATTERN}') THEN {plain} END"


def _marked(own: str, number: str, marks: Collection[str]) -> str:
    """Whether a cell is one of these texts, or the same number as one."""
    texts = ", ".join(_text(m) for m in sorted(marks))
    numbers = ", ".join(f"TRY_CAST({_text(m)} AS DOUBLE)" for m in sorted(marks))
    same = f"trim(CAST({own} AS VARCHAR)) IN ({texts}) OR {number} IN ({numbers})"
    return f"coalesce({same}, FALSE)"


def _feature(source: RowSource, request: CountRequest, feature: str, fetch: Fetch) -> str:
    """A feature's cell, or the name of its bin."""
    bins = request.bins.get(feature)
    own = cell(source, feature)
    if bins is None:
        return own
    value = _value(source, request, feature, bins.kind, fetch)
    cases = " ".join(
        f"WHEN {value} < {edge!r} THEN {_text(name)}"
        for edge, name in zip(bins.at, bins.names, strict=False)
    )
    return f"CASE WHEN {value} IS NULL THEN NULL {cases} ELSE {_text(bins.names[-1])} END"


def _value(source: RowSource, request: CountRequest, column: str, kind: str, fetch: Fetch) -> str:
    """A cell as the number that bins compare; null where it is missing or of no known group."""
    own, reading = cell(source, column), request.reading
    marks = reading.marks_missing(column, request.columns) | reading.marks_unknown(
        column, request.columns
    )
    text = f"trim(CAST({own} AS VARCHAR))"
    is_hidden = f"{text} IN ({', '.join(map(_text, sorted({*marks, UNKNOWN})))})"
    is_hidden += f" OR lower({text}) = {_text(UNKNOWN)}"
    shown = f"CASE WHEN {is_hidden} THEN NULL ELSE {own} END"
    if kind == "date":
        some = _some(source, cell(source, column), fetch)
        return f"epoch_us({_moment(shown, some, reading.dates)})::DOUBLE"
    made = _parsed(source, request, shown, shown, fetch)
    return f"CASE WHEN {_marked(own, made, marks)} THEN NULL ELSE {made} END" if marks else made


def _some(source: RowSource, own: str, fetch: Fetch) -> list[Any]:
    """Different cells of a column, as many as tell what kind it is of."""
    rows = fetch(
        f"SELECT DISTINCT {own} FROM {source.relation} WHERE {own} IS NOT NULL "  # noqa: S608
        f"LIMIT {_LOOKED_AT}"
    )
    return [row[0] for row in rows]


def _moment(own: str, some: Sequence[Any], declared: DateOrder | None) -> str:
    """A cell as a moment, in the ways to write dates that ``some`` of them have."""
    plain = f"TRY_CAST({own} AS TIMESTAMP)"
    texts = {str(v).strip() for v in some}
    order = declared or next(iter(orders_of(t for t in texts if not is_unknown(t))), None)
    text = f"trim(CAST({own} AS VARCHAR))"
    ways = [
        f"CASE WHEN regexp_full_match({text}, {_text(way.pattern)}) "
        f"THEN try_strptime(replace({text}, 'T', ' '), {_text(way.format)}) END"
        for way in formats_of(order)
        if any(re.fullmatch(way.pattern, t) for t in texts)
    ]
    return f"coalesce({', '.join([plain, *ways])})" if ways else plain


def require_read(
    source: RowSource, request: CountRequest, feature: str, bins: Bins, fetch: Fetch
) -> None:
    """Raises InputError where a cell is no number or no date though the first different ones are:
    it would be of no known group in silence."""
    own = cell(source, feature)
    value = _value(source, request, feature, bins.kind, fetch)
    marks = request.reading.marks_missing(feature, request.columns)
    marks |= request.reading.marks_unknown(feature, request.columns)
    rows = fetch(
        f"SELECT {own}, count(*) FROM {source.relation} WHERE {own} IS NOT NULL "  # noqa: S608
        f"AND ({value}) IS NULL GROUP BY ALL LIMIT {_LOOKED_AT}"
    )
    lost = [(str(v), n) for v, n in rows if v == v and not is_unknown(str(v), marks)]
    if lost:
        raise InputError(
            "bins are declared for {feature!r}, which holds {shown!r}: no {kind} ({n} such rows)",
            remedy="do they mean no value? Declare {option}",
            feature=feature,
            shown=lost[0][0][:40],
            kind=bins.kind,
            n=sum(n for _, n in lost),
            option=option("missing", *(f"{feature}:{text}" for text, _ in lost[:3])),
        )


def bins_on_disk(
    source: RowSource,
    request: CountRequest,
    fetch: Fetch,
    meant: Callable[[Collection[Any], str], Any],
) -> dict[str, Bins]:
    """The bins of features, quantiles worked out over the labelled rows.

    ``meant`` reads distinct values of a column as a table in memory would.
    """
    bins = {}
    for feature in request.features:
        declared = request.reading.bins.get(feature)
        if declared is None:
            continue
        own = cell(source, feature)
        marks = request.reading.marks_unknown(feature, request.columns)
        column = meant(_some(source, own, fetch), feature)
        kind = kind_of_column(column, feature, marks, request.reading.dates)
        if isinstance(declared, tuple):
            bins[feature] = edges_of(feature, declared, kind)
            require_read(source, request, feature, bins[feature], fetch)
            continue
        value = _value(source, request, feature, kind, fetch)
        known = f"SELECT {value} AS v FROM {source.relation} WHERE ({value}) IS NOT NULL"  # noqa: S608
        if request.target is not None:
            label = cell(source, request.target)
            none = request.reading.marks_missing(request.target, request.columns)
            known += f" AND {label} IS NOT NULL"
            if none:
                known += f" AND NOT {_marked(label, f'TRY_CAST({label} AS DOUBLE)', none)}"
        n, lowest = fetch(f"SELECT count(*), min(v) FROM ({known})")[0]  # noqa: S608
        places = ", ".join(str(rank + 1) for rank in ranks(declared, int(n))) or "0"
        ranked = f"SELECT v, row_number() OVER (ORDER BY v) AS r FROM ({known})"  # noqa: S608
        rows = fetch(f"SELECT v FROM ({ranked}) WHERE r IN ({places})")  # noqa: S608
        at = [float(row[0]) for row in rows]
        low = None if lowest is None else float(lowest)
        bins[feature] = quantile_edges(feature, declared, kind, at, low)
        require_read(source, request, feature, bins[feature], fetch)
    return bins
