"""Findings, verdicts and comparisons as a sequence that is a data frame too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from evenhand.audit.words.numbers import number
from evenhand.audit.words.reasons import render
from evenhand.audit.words.text import visible

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from evenhand.audit.comparing.compare import Paired
    from evenhand.audit.finding import Finding, Interval
    from evenhand.policies.verdict import Verdict

T = TypeVar("T")
Column = type[str] | type[float] | type[int] | type[bool]
_SHOWN = 20  # rows that a notebook shows

_INTERVAL: dict[str, Column] = {"low": float, "high": float, "level": float}
FINDING_COLUMNS: dict[str, Column] = {
    "id": str,
    "check": str,
    "measure": str,
    "status": str,
    "value": float,
    **_INTERVAL,
    "n": int,
    "unit": str,
    "group": str,
    "between": str,
    "column": str,
    "p_value": float,
    "p_unadjusted": float,
    "p_covers": int,
    "reason": str,
    "method": str,
    "seed": int,
    "reproducible": bool,
}
VERDICT_COLUMNS: dict[str, Column] = {
    "pack": str,
    "pack_version": str,
    "item": str,
    "title": str,
    "status": str,
    "underlying": str,
    "severity": str,
    "obligation": str,
    "because": str,
    "fix": str,
    "value": float,
    **_INTERVAL,
    "comparator": str,
    "threshold": float,
    "rows_needed": int,
    "findings": str,
}
PAIRED_COLUMNS: dict[str, Column] = {
    "measure": str,
    "group": str,
    "n": int,
    "a": float,
    "b": float,
    "difference": float,
    **_INTERVAL,
    "p_value": float,
    "p_adjusted": float,
    "outcome": str,
    "reason": str,
}


@dataclass(frozen=True, eq=False)
class Records(Generic[T]):
    """A sequence of records, of which each is also a row of a table.

    Indexing and iterating give the records themselves, with all that they hold. As a table
    (``to_pandas``, ``to_arrow``, or any library that reads Arrow streams: ``polars.DataFrame(x)``,
    ``duckdb.sql("from x")``) each is a row of plain cells: an interval is its ``low``, ``high`` and
    ``level``; a group is a text such as ``race=black, sex=F``; names are joined by commas; texts in
    several languages are those of ``lang``. What is not known is null, never zero.
    """

    records: tuple[T, ...]
    columns: Mapping[str, Column]
    row: Callable[[T, str], Mapping[str, Any]]
    lang: str = "en"

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Records[T]: ...
    def __getitem__(self, index: int | slice) -> T | Records[T]:
        if isinstance(index, slice):
            return Records(self.records[index], self.columns, self.row, self.lang)
        return self.records[index]

    def __iter__(self) -> Iterator[T]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def __repr__(self) -> str:
        return f"<{len(self)} records: {', '.join(self.columns)}>"

    def to_arrow(self) -> pa.Table:
        """The records as an Arrow table, one row each, with the same types whatever it holds."""
        import pyarrow as pa

        types = {str: pa.string(), float: pa.float64(), int: pa.int64(), bool: pa.bool_()}
        schema = pa.schema([(name, types[kind]) for name, kind in self.columns.items()])
        rows = [dict(self.row(record, self.lang)) for record in self.records]
        return pa.Table.from_pylist(rows, schema=schema)

    def to_pandas(self) -> pd.DataFrame:
        """The records as a pandas data frame; numbers that are not known are NaN or NA."""
        import pandas as pd

        dtypes = {"int64": pd.Int64Dtype(), "bool": pd.BooleanDtype()}
        made: pd.DataFrame = self.to_arrow().to_pandas(
            types_mapper=lambda kind: dtypes.get(str(kind))
        )
        return made

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The Arrow PyCapsule interface, through which other libraries read the table."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def _repr_html_(self) -> str:
        """The first rows, and how many there are."""
        rows = self.to_arrow().slice(0, _SHOWN).to_pylist()
        used = [c for c in self.columns if any(row[c] not in (None, "") for row in rows)]
        head = "".join(f"<th>{escape(c)}</th>" for c in used)
        body = "".join(
            f"<tr>{''.join(f'<td>{cell(row[c])}</td>' for c in used)}</tr>" for row in rows
        )
        more = len(self) - len(rows)
        left = f"<p>and {more} more: to_pandas(), to_arrow()</p>" if more else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{left}"


def cell(value: object) -> str:
    """A cell of an HTML table: escaped, and what is not printable shown."""
    if value is None:
        return "–"
    return escape(number(value) if isinstance(value, float) else visible(value))


def finding_row(finding: Finding, lang: str) -> dict[str, Any]:
    """A finding as one row of ``FINDING_COLUMNS``."""
    plain = {name: getattr(finding, name, None) for name in FINDING_COLUMNS}
    return {
        **plain,
        **_interval(finding.interval),
        "group": group_text(finding.group),
        "reason": render(finding.reason, lang),
        "between": ", ".join(finding.between),
    }


def verdict_row(verdict: Verdict, lang: str) -> dict[str, Any]:
    """A verdict as one row of ``VERDICT_COLUMNS``, its texts in ``lang`` (else in English)."""
    plain = {name: getattr(verdict, name, None) for name in VERDICT_COLUMNS}
    texts = {name: text_in(getattr(verdict, name), lang) for name in ("title", "because", "fix")}
    found = ", ".join(verdict.findings)
    return {**plain, **_interval(verdict.interval), **texts, "findings": found}


def paired_row(result: Paired, lang: str) -> dict[str, Any]:
    """One group's comparison as one row of ``PAIRED_COLUMNS``."""
    plain = {name: getattr(result, name, None) for name in PAIRED_COLUMNS}
    told = {"group": group_text(result.group), "reason": render(result.reason, lang)}
    return {**plain, **_interval(result.interval), **told}


def _interval(interval: Interval | None) -> dict[str, float | None]:
    return {name: getattr(interval, name, None) for name in _INTERVAL}


def group_text(group: Mapping[str, str]) -> str:
    """``race=black, sex=F``; empty for all rows."""
    return ", ".join(f"{k}={v}" for k, v in group.items())


def text_in(texts: Mapping[str, str], lang: str) -> str:
    """The text in a language, else in English, else empty."""
    return texts.get(lang) or texts.get("en") or ""
