"""Counts by group of stored predictions, in one pass, of a frame or a file of any size."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from evenhand.audit.api.options import ReadingOptions
from evenhand.audit.api.records import FINDING_COLUMNS, Records, cell, finding_row
from evenhand.audit.api.sources import rows_at
from evenhand.audit.data.table import csv_text
from evenhand.audit.data.written.declared import make_reading
from evenhand.audit.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from narwhals.typing import IntoFrame

    from evenhand.audit.finding import Finding
    from evenhand.audit.subject.tallying.counts import Counts

_SHOWN = 50


@dataclass(frozen=True, eq=False)
class Counted:
    """People by group, true label and prediction; ``control_features`` are the last features.

    Counts of parts of the data add up: ``count(january) + count(february)``.
    """

    counts: Counts
    control_features: tuple[str, ...] = ()
    min_group_size: int = 10
    level: float = 0.95

    @property
    def n(self) -> int:
        """Rows that were counted."""
        return self.counts.n

    def __add__(self, other: Counted) -> Counted:
        """The counts of both parts. Raises ValueError where they count other things."""
        added = self.counts + other.counts
        return Counted(added, self.control_features, self.min_group_size, self.level)

    def by(self, *features: str) -> Counted:
        """The same rows grouped by some of the features alone.

        Raises InputError for a feature that was not counted.
        """
        missing = [f for f in features if f not in self.counts.features]
        if missing:
            raise InputError(
                "{missing!r} was not counted",
                remedy="counted were: {features}",
                missing=missing[0],
                features=", ".join(self.counts.features),
            )
        control = tuple(f for f in self.control_features if f in features)
        return Counted(self.counts.by(features), control, self.min_group_size, self.level)

    @cached_property
    def findings(self) -> Records[Finding]:
        """Rates by group, gaps and their tests, as an audit measures them from the same counts."""
        from evenhand.audit.run.catalogue import checks

        options = {
            "control_features": self.control_features,
            "min_group_size": self.min_group_size,
        }
        found: list[Finding] = []
        for check in checks():
            measure = getattr(check.module, "from_counts", None)
            if measure is not None:
                taken = inspect.signature(measure).parameters
                own = {name: value for name, value in options.items() if name in taken}
                found += measure(self.counts, seed=0, levels=(self.level,), **own)
        return Records(tuple(found), FINDING_COLUMNS, finding_row)

    def to_arrow(self) -> pa.Table:
        """One row a group: its features, ``n``, and with labels tp, fp, fn, tn, else selected."""
        import pyarrow as pa

        cells = self.counts.cells()
        columns: dict[str, list[Any]] = {
            f: [c.group[f] for c in cells] for f in self.counts.features
        }
        columns["n"] = [c.n for c in cells]
        if self.counts.has_labels:
            for name in ("tp", "fp", "fn", "tn"):
                columns[name] = [getattr(c.confusion, name) for c in cells]
        else:
            columns["selected"] = [c.confusion.tp for c in cells]
        return pa.table(columns)

    def to_pandas(self) -> pd.DataFrame:
        """The same as a pandas data frame."""
        made: pd.DataFrame = self.to_arrow().to_pandas()
        return made

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The Arrow PyCapsule interface, through which other libraries read the table."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def save(self, path: str | PathLike[str]) -> Path:
        """Writes the table as Parquet or CSV, by the suffix. Raises InputError for others."""
        place = Path(path)
        if place.suffix not in (".parquet", ".csv"):
            raise InputError(
                "counts are not written to {place}",
                remedy="end in .parquet or .csv",
                place=place.name,
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.suffix == ".csv":
            place.write_text(csv_text(self.to_pandas()), "utf-8")
        else:
            import pyarrow.parquet as pq

            pq.write_table(self.to_arrow(), place)
        return place

    def __repr__(self) -> str:
        groups = len(self.counts.names)
        return f"<counts of {self.n} rows in {groups} groups of {', '.join(self.counts.features)}>"

    def _repr_html_(self) -> str:
        """The groups, the largest first."""
        rows = sorted(self.to_arrow().to_pylist(), key=lambda r: -int(r["n"]))
        heads = "".join(f"<th>{cell(name)}</th>" for name in (rows[0] if rows else {}))
        body = "".join(
            f"<tr>{''.join(f'<td>{cell(v)}</td>' for v in row.values())}</tr>"
            for row in rows[:_SHOWN]
        )
        left = f"<p>and {len(rows) - _SHOWN} smaller groups</p>" if rows[_SHOWN:] else ""
        dropped = self.counts.dropped
        note = f"<p>{dropped} rows without a true label were left out</p>" if dropped else ""
        return f"<table><tr>{heads}</tr>{body}</table>{left}{note}"


def count(
    data: IntoFrame | str | PathLike[str],
    *,
    sensitive_features: str | Sequence[str],
    control_features: str | Sequence[str] = (),
    target: str | None = None,
    predicted: str | None = None,
    score: str | None = None,
    threshold: float | None = None,
    positive_label: Any = 1,
    weight: str | None = None,
    min_group_size: int = 10,
    level: float = 0.95,
    **reading: Unpack[ReadingOptions],
) -> Counted:
    """Counts the rows of a binary task by group, true label and prediction, in one pass.

    Parameters
    ----------
    data                               : a pandas, Polars or Arrow frame, or the path of a CSV,
                                         Parquet or Arrow file or a folder of Parquet files, which
                                         is never loaded as a whole: 100 million rows take 200 MB
    sensitive_features                 : columns whose groups are compared
    control_features                   : columns within whose levels groups are compared
    target                             : column of true labels, if there is one
    predicted, or score and threshold  : what the model decided
    positive_label                     : the label that counts as positive
    weight                             : column of row weights
    min_group_size, level              : of the findings, as in an audit
    reading                            : how cells are read, as in subject.yaml

    Raises InputError for a missing column, or labels that are not two.

    >>> import evenhand
    >>> counted = evenhand.count(
    ...     ROWS, sensitive_features="sex", target="repaid", predicted="approved"
    ... )
    >>> counted.to_pandas()[["sex", "n"]].values.tolist()
    [['f', 200], ['m', 200]]
    """
    from evenhand.audit.files.leftovers import own_folder
    from evenhand.audit.subject.tallying.tally import count_file

    sensitive = _names(sensitive_features)
    control = _names(control_features)
    with own_folder() as folder:
        counts = count_file(
            rows_at(data, folder, "rows"),
            sensitive_features=sensitive,
            control_features=control,
            target=target,
            predicted=predicted,
            score=score,
            threshold=threshold,
            positive_label=positive_label,
            weight=weight,
            reading=make_reading(reading, "the call"),
        )
    return Counted(counts, control, min_group_size, level)


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)
