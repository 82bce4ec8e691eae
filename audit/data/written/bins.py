"""Numbers and dates -> groups between edges: [18, 25) holds 18 and not 25."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from evenhand.audit.data.written.declared import QUANTILES, option
from evenhand.audit.data.written.numbers import plain_number
from evenhand.audit.errors import InputError
from evenhand.audit.words.phrases import as_is, phrase

Kind = Literal["number", "date"]


@dataclass(frozen=True)
class Bins:
    """Groups of one column: below the first edge, between each two, from the last one on.

    ``edges`` ascend strictly, as texts; ``at`` are the same as numbers: of dates, microseconds
    since 1970.
    """

    kind: Kind
    edges: tuple[str, ...]
    at: tuple[float, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """One name a group, from the lowest.

        >>> edges_of("age", ["18", "40"], "number").names
        ('< 18', '[18, 40)', '≥ 40')
        """
        between = zip(self.edges, self.edges[1:], strict=False)
        return (
            f"< {self.edges[0]}",
            *(f"[{low}, {high})" for low, high in between),
            f"≥ {self.edges[-1]}",
        )

    def group_of(self, value: float) -> str:
        """The name of the group that a value lies in; dates as microseconds since 1970."""
        return self.names[sum(edge <= value for edge in self.at)]


def edges_of(column: str, declared: Sequence[str], kind: Kind) -> Bins:
    """Bins with these edges. Raises InputError for edges that are none or do not ascend."""
    at = [_edge(column, text, kind) for text in declared]
    for before, after, text in zip(at, at[1:], declared[1:], strict=False):
        if not before < after:
            raise InputError(
                "bins of {column!r}: edge {text} is not above the one before it",
                remedy="write the edges from the lowest to the highest, e.g. age=18,25,40",
                column=column,
                text=text,
            )
    return Bins(kind, tuple(declared), tuple(at))


def bins_at(column: str, declared: Sequence[str]) -> Bins:
    """Bins with these edges, of numbers where all edges are. Raises InputError as ``edges_of``."""
    is_number = all(plain_number(edge) is not None for edge in declared)
    return edges_of(column, declared, "number" if is_number else "date")


def quantile_edges(
    column: str, declared: str, kind: Kind, at: Iterable[float], lowest: float | None
) -> Bins:
    """Bins of about equal size: with N of them, edge k is the value of rank floor(n k / N) + 1
    among the n sorted values (equal ones stay together).

    ``at`` are the values at ``ranks``, ``lowest`` is the least of all. Raises InputError where they
    are so few or so equal that nothing lies between.

    >>> quantile_edges("x", "quantiles:2", "number", [3], 1).names  # of 1, 2, 3, 4
    ('< 3', '≥ 3')
    """
    found = sorted(set(at) - {lowest})
    if not found:
        raise InputError(
            "bins of {column!r}: its values are too few or too equal for {declared}",
            remedy="declare edges instead, e.g. age=18,25,40",
            column=column,
            declared=declared,
        )
    return Bins(kind, tuple(edge_text(v, kind) for v in found), tuple(found))


def ranks(declared: str, n: int) -> list[int]:
    """The places, from 0, of the edges among n sorted values."""
    count = int(declared.removeprefix(QUANTILES))
    return [n * k // count for k in range(1, count)] if n else []


def edge_text(value: float, kind: Kind) -> str:
    """A value as the text of an edge."""
    if kind == "date":
        moment = datetime.fromtimestamp(value / 1e6, UTC).replace(tzinfo=None)
        is_day = moment.time() == datetime.min.time()
        return moment.date().isoformat() if is_day else moment.isoformat()
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(value)


def _edge(column: str, text: str, kind: Kind) -> float:
    if kind == "number":
        number = plain_number(text)
        if number is None or not math.isfinite(number):
            written = phrase("write edges as numbers: --bins {column}=18,25.5,40", column=column)
            dated = phrase(
                "write edges as numbers: --bins {column}=18,25.5,40; where it holds dates, declare "
                "{option}",
                column=column,
                option=option("types", f"{column}=date"),
            )
            raise InputError(
                "bins of {column!r}, which holds numbers: {text!r} is no number",
                remedy=as_is(written) if _moment(text) is None else as_is(dated),
                column=column,
                text=text,
            )
        return number
    moment = _moment(text)
    if moment is None:
        raise InputError(
            "bins of {column!r}: {text!r} is no date",
            remedy="write edges as dates: --bins {column}=1970-01-01,1990-01-01",
            column=column,
            text=text,
        )
    return microseconds(moment)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def microseconds(moment: datetime) -> float:
    """Since 1970; a moment without a zone is taken as of UTC."""
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (zoned - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e6
