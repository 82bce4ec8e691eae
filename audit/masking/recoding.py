"""What a level makes of the cells of a column, and the levels that cells suggest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.cells import is_number
from evenhand.audit.data.grouping import as_numbers, kind_of_column
from evenhand.audit.data.table import texts
from evenhand.audit.data.written.bins import bins_at, edge_text
from evenhand.audit.errors import InputError
from evenhand.audit.masking.plan import HIDDEN, OTHERS, BinLevel, GroupLevel, KeepLevel, Level

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_DATES = {"month": 7, "year": 4, "decade": 3}  # characters of an ISO date that are kept
_PARTS = (10, 5, 2)  # bins that a ladder of numbers has
_MOST_LEVELS = 6  # different cells of a text up to which a ladder has one step


def recoded(column: pd.Series[Any], level: Level) -> pd.Series[Any]:
    """The column with its cells at ``level``; missing cells stay missing, but where all is hidden.

    Raises InputError for a level that the cells don't fit: bins of texts, years of numbers.
    """
    import pandas as pd

    if level == "hide":
        return pd.Series(HIDDEN, index=column.index, dtype=object)
    made = pd.Series(_cells(column, level), index=column.index, dtype=object)
    return made.where(column.notna(), None)


def _cells(column: pd.Series[Any], level: Level) -> Any:
    import numpy as np

    if isinstance(level, BinLevel):
        bins = bins_at(str(column.name), level.bins)
        values = as_numbers(column, bins.kind, str(column.name), frozenset(), None)
        places = np.searchsorted(np.array(bins.at), np.nan_to_num(values), side="right")
        return np.array(bins.names, dtype=object)[places]
    if level in ("month", "year", "decade"):
        assert isinstance(level, str)
        return _dates(column, level)
    names = texts(column)[0]
    if isinstance(level, KeepLevel):
        return np.array([c[: level.keep] + "*" * len(c[level.keep :]) for c in names], dtype=object)
    assert isinstance(level, GroupLevel)
    by_value = {value: name for name, values in level.groups.items() for value in values}
    return np.array([by_value.get(c, OTHERS) for c in names], dtype=object)


def _dates(column: pd.Series[Any], unit: str) -> Any:
    """ISO dates cut off: 1985-04, 1985, 198*."""
    import numpy as np

    kind = kind_of_column(column, str(column.name), frozenset())
    if kind != "date":
        raise InputError(
            "{column!r} holds no dates: it has no {unit}",
            remedy="write its levels as bins, keep or groups; dates of another order are declared "
            "with --dates",
            column=str(column.name),
            unit=unit,
        )
    at = as_numbers(column, "date", str(column.name), frozenset(), None)
    days = [edge_text(v, "date")[: _DATES[unit]] if v == v else "" for v in at]
    star = "*" if unit == "decade" else ""
    return np.array([day + star for day in days], dtype=object)


def ladder(column: pd.Series[Any]) -> tuple[Level, ...]:
    """Levels that the cells suggest, each joining what the one before tells apart.

    Numbers: bins of 10, 5 and 2 parts at equal counts; dates: month, year, decade; digits of one
    length (post codes): their first characters; other texts: the most frequent half and quarter,
    all others together. Last of all hidden.
    """
    known = column.dropna()
    if known.empty or known.nunique() == 1:
        return ("hide",)
    if is_number(column):
        return (*_number_levels(known), "hide")
    names = [str(v) for v in known.unique()]
    if _are_dates(column):
        return ("month", "year", "decade", "hide")
    lengths = {len(name) for name in names}
    if len(lengths) == 1 and lengths != {1} and all(name.isalnum() for name in names):
        length = lengths.pop()
        if all(any(c.isdigit() for c in name) for name in names):
            kept = sorted({length * 2 // 3, length // 3} - {0, length}, reverse=True)
            return (*(KeepLevel(keep=k) for k in kept), "hide")
    if len(names) <= _MOST_LEVELS:
        return ("hide",)
    often = [str(v) for v in known.astype(str).value_counts().index]
    halves = [often[: len(often) // 2], often[: len(often) // 4]]
    return (*(GroupLevel(groups={v: (v,) for v in kept}) for kept in halves if kept), "hide")


def _number_levels(known: pd.Series[Any]) -> Sequence[Level]:
    """Each of the coarser ones has edges of the finest alone, so that levels nest."""
    import numpy as np

    values = np.sort(known.to_numpy(dtype=float))
    edges = sorted({float(values[len(values) * k // 10]) for k in range(1, 10)} - {values[0]})
    made: list[Level] = []
    for parts in _PARTS:
        edges = _spread(edges, parts - 1)
        level = BinLevel(bins=tuple(edge_text(edge, "number") for edge in edges)) if edges else None
        if level is not None and level not in made:
            made.append(level)
    return made


def _spread(edges: Sequence[float], n: int) -> list[float]:
    if len(edges) <= n:
        return list(edges)
    return [edges[(len(edges) - 1) * (2 * k + 1) // (2 * n)] for k in range(n)]


def _are_dates(column: pd.Series[Any]) -> bool:
    try:
        return kind_of_column(column, str(column.name), frozenset()) == "date"
    except InputError:
        return False


def codes_of(column: pd.Series[Any], levels: Sequence[Level]) -> list[np.ndarray]:
    """Each cell's value at level 0 (as it is), 1, ...: ints from 0, each of shape (n,).

    Raises InputError for a level that tells cells apart which the one before joins.
    """
    import numpy as np

    from evenhand.audit.measure.exposure.classes import level_codes

    made = [level_codes(column)]
    for place, level in enumerate(levels, start=1):
        codes = level_codes(recoded(column, level))
        pairs = np.unique(np.stack([made[-1], codes]), axis=1)
        if pairs.shape[1] > len(np.unique(made[-1])):
            raise InputError(
                "{column!r}: level {place} tells apart what level {before} joins",
                remedy="write levels from fine to coarse, the edges of each among those before it",
                column=str(column.name),
                place=place,
                before=place - 1,
            )
        made.append(codes)
    return made
