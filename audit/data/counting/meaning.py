"""What the distinct cells of a column mean, where its rows are never in memory together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.grouping import group_names
from evenhand.audit.data.table import texts
from evenhand.audit.data.types import read_cells
from evenhand.audit.data.written.bins import Bins
from evenhand.audit.data.written.declared import Reading

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Meaning:
    """What the distinct cells of a column mean: as a table in memory is read."""

    reading: Reading
    columns: tuple[str, ...]
    answers: tuple[str | None, ...]
    is_text: bool
    source: str
    bins: Mapping[str, Bins] = field(default_factory=dict)

    def column(self, values: Collection[Any], column: str) -> pd.Series[Any]:
        """Distinct cells as read; missing where they are, or mean it."""
        import pandas as pd

        known = self.reading.only((column,)).model_copy(update={"bins": {}})
        marks = {  # a mark of one column names it among all columns
            "missing": tuple(known.marks_missing(column, self.columns)),
            "unknown": (),
            "labels": known.labels_of(column, self.columns, is_answer=column in self.answers),
        }
        frame = pd.DataFrame({column: pd.Series(list(values), dtype=object)})
        plain = known.model_copy(update=marks)
        is_raw = self.is_text
        made = read_cells(frame, plain, self.source, answers=(column,), is_raw=is_raw)
        return made[column]

    def labels(self, values: Collection[Any], column: str) -> dict[Any, str | None]:
        """Each distinct cell of a column of labels as its text; None where it is missing."""
        distinct = list(dict.fromkeys(values))
        names, missing = texts(self.column(distinct, column))
        return {v: None if m else str(n) for v, n, m in zip(distinct, names, missing, strict=True)}

    def groups(self, values: Collection[Any], feature: str) -> dict[Any, tuple[str, bool]]:
        """Each distinct cell of a feature as the name of its group, and whether it is missing."""
        distinct = list(dict.fromkeys(values))
        column = self.column(distinct, feature)
        bins = self.bins.get(feature)
        names, _ = group_names(column, feature, self.reading, self.columns, bins)
        pairs = zip(distinct, names, column.isna(), strict=True)
        return {v: (str(n), bool(m)) for v, n, m in pairs}
