"""Cells of a sensitive or control feature -> names of groups: bins, and who is of no known one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.cells import is_number
from evenhand.audit.data.table import as_text, texts
from evenhand.audit.data.types import is_marked
from evenhand.audit.data.written.bins import Bins, Kind, edges_of, quantile_edges, ranks
from evenhand.audit.data.written.dates import ORDERS, DateOrder, dates_in, orders_of
from evenhand.audit.data.written.declared import QUANTILES, Reading, option
from evenhand.audit.data.written.numbers import disguise, plain_number
from evenhand.audit.errors import InputError
from evenhand.audit.reason import Reasons, because
from evenhand.audit.words.phrases import as_is, phrase

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

UNKNOWN = "unknown"  # as in findings: the group of rows whose sensitive value is missing
MANY_VALUES = 20  # different numbers or dates of a feature from which on bins are asked for


def group_names(
    column: pd.Series[Any],
    feature: str,
    reading: Reading,
    columns: Collection[str],
    bins: Bins | None,
) -> tuple[np.ndarray, np.ndarray]:
    """The group of each cell of a feature, and which of them are of no known group: both (n,).

    Missing cells, those that are declared unknown, and "unknown" however it is spelt are one group.
    """
    import numpy as np

    marks = reading.marks_unknown(feature, columns)
    if bins is not None:
        values = as_numbers(column, bins.kind, feature, marks, reading.dates)
        missing = np.isnan(values)
        names = np.array([*bins.names, UNKNOWN], dtype=object)
        places = np.searchsorted(np.array(bins.at), np.where(missing, 0, values), side="right")
        return names[np.where(missing, len(names) - 1, places)], missing
    names, missing = texts(column)
    unknown = [n for n in set(names[~missing]) if is_unknown(n, marks)]
    missing = missing | np.isin(names, unknown) if unknown else missing
    names[missing] = UNKNOWN
    return names, missing


def is_unknown(name: str, marks: Collection[str] = ()) -> bool:
    """Whether a group's name says that nobody knows the group.

    >>> is_unknown("Unknown "), is_unknown("Not disclosed"), is_unknown("U", {"U"})
    (True, False, True)
    """
    return name.strip().casefold() == UNKNOWN or is_marked(name, marks)


def bins_of(frame: pd.DataFrame, features: Collection[str], reading: Reading) -> dict[str, Bins]:
    """The bins of those features that have them declared, quantiles worked out.

    Raises InputError for columns that are neither numbers nor dates, and for edges that are none.
    """
    import numpy as np

    bins = {}
    for feature in features:
        declared = reading.bins.get(feature)
        if declared is None:
            continue
        marks = reading.marks_unknown(feature, frame.columns)
        kind = kind_of_column(frame[feature], feature, marks, reading.dates)
        if isinstance(declared, tuple):
            bins[feature] = edges_of(feature, declared, kind)
            continue
        values = as_numbers(frame[feature], kind, feature, marks, reading.dates)
        known = np.sort(values[~np.isnan(values)])
        at = [float(known[rank]) for rank in ranks(declared, len(known))]
        lowest = float(known[0]) if len(known) else None
        bins[feature] = quantile_edges(feature, declared, kind, at, lowest)
    return bins


def grouping_of(frame: pd.DataFrame, features: Collection[str], reading: Reading) -> Reading:
    """What of a reading names the groups of these features, as a model can keep it that decides by
    them: marks of unknown groups, and bins with the edges that quantiles are here."""
    bins = bins_of(frame, features, reading)
    edges = {feature: found.edges for feature, found in bins.items()}
    return Reading(unknown=reading.unknown, bins=edges)


def kind_of_column(
    column: pd.Series[Any], feature: str, marks: Collection[str], order: DateOrder | None = None
) -> Kind:
    """Whether a column holds numbers or dates, by the declared ``order`` of day and month.

    Raises InputError for any other, and for dates whose order has to be declared.
    """
    import pandas as pd

    if is_number(column):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return "date"
    known = [str(v) for v in column.dropna().unique() if not is_unknown(str(v), marks)]
    numbers = pd.to_numeric(pd.Series(known, dtype=object), errors="coerce")
    if known and numbers.notna().all():
        return "number"
    orders = orders_of(known)
    if orders and (order is None or order in orders or orders == (None,)):
        _require_order(feature, known, orders, order)
        return "date"
    raise _neither(feature, known)


def _require_order(
    feature: str, known: Sequence[str], orders: Sequence[DateOrder | None], order: DateOrder | None
) -> None:
    if order is None and len(orders) > 1:
        raise InputError(
            "bins are declared for {feature!r}, which holds dates such as {shown!r}: the day may "
            "come before the month, or the month before the day",
            remedy="say which comes first: --dates dmy or --dates mdy",
            feature=feature,
            shown=known[0],
        )


def _neither(feature: str, known: Sequence[str]) -> InputError:
    """The error for a column that is neither of numbers nor of dates: the cells in the way, where
    they are few, may mean no value."""
    import pandas as pd

    cells = pd.Series(known, dtype=object)
    is_date = pd.concat([dates_in(cells, o).notna() for o in ORDERS], axis=1).any(axis=1)
    clothes = disguise(known, least=0.5)
    is_number = pd.to_numeric(cells, errors="coerce").notna()
    is_number |= cells.isin(clothes.of if clothes else ())
    kind = "date" if is_date.sum() > is_number.sum() else "number"
    is_value = is_date if kind == "date" else is_number
    odd = list(cells[~is_value])
    way_out = phrase("leave its --bins out")
    if odd and len(odd) <= 3 and len(odd) < len(known):
        way_out = phrase(
            "leave its --bins out; do they mean no value? Declare {option}",
            option=option("missing", *(f"{feature}:{text}" for text in odd)),
        )
    elif known and is_value.mean() > 0.5:
        way_out = phrase(
            "leave its --bins out; or declare what it holds: {option}, with --decimal and "
            "--missing where its cells ask for them",
            option=option("types", f"{feature}={kind}"),
        )
    return InputError(
        "bins are declared for {feature!r}, which holds {shown}: neither numbers nor dates",
        remedy=as_is(way_out),
        feature=feature,
        shown=repr((odd or known)[0][:40]) if known else "nothing",
    )


def as_numbers(
    column: pd.Series[Any],
    kind: Kind,
    feature: str,
    marks: Collection[str],
    order: DateOrder | None = None,
) -> np.ndarray:
    """A column as floats, shape (n,), dates as microseconds since 1970; nan where missing or of no
    known group. ``order`` of day and month is declared, or else told by the cells."""
    import numpy as np
    import pandas as pd

    if kind == "number" and is_number(column):
        values = column.to_numpy(dtype=float, na_value=np.nan)
        return np.where(np.isin(values, _marked_numbers(marks)), np.nan, values)
    hidden = [v for v in column.dropna().unique() if is_unknown(str(v), marks)]
    known = column.mask(column.isin(hidden)) if hidden else column
    if kind == "number":
        numbers = pd.to_numeric(known.astype(object), errors="coerce")
        return numbers.to_numpy(dtype=float, na_value=np.nan)
    if not pd.api.types.is_datetime64_any_dtype(known.dtype):
        known = known.map(str, na_action="ignore").astype(object)
        orders = orders_of(known.dropna().unique())
        known = dates_in(known, order or (orders[0] if orders else None))
    dates = pd.to_datetime(known, errors="coerce", utc=True)
    elapsed = dates - pd.Timestamp("1970-01-01", tz="UTC")
    return np.asarray(elapsed / pd.Timedelta(microseconds=1), dtype=float)


def _marked_numbers(marks: Collection[str]) -> list[float]:
    return [n for mark in marks if (n := plain_number(mark)) is not None]


def asks_for_bins(
    frame: pd.DataFrame, features: Collection[str], bins: Mapping[str, Bins]
) -> Reasons:
    """A note for each feature of many numbers or dates, each of which is a group by itself."""
    import pandas as pd

    said: Reasons = ()
    for feature in features:
        column = frame[feature]
        if feature in bins or column.nunique() <= MANY_VALUES:
            continue
        is_date = pd.api.types.is_datetime64_any_dtype(column.dtype)
        if not (is_number(column) or is_date):
            cells = column.dropna().astype(str)
            orders = orders_of(cells.unique())
            if not orders:
                continue
            column, is_date = dates_in(cells, orders[0]), True
        kind: Kind = "date" if is_date else "number"
        said += many_values(feature, int(column.nunique()), kind, column.median())
    return said


def many_values(feature: str, n: int, kind: Kind, middle: Any) -> Reasons:
    """The note on a feature of ``n`` different numbers or dates; ``middle`` is an edge to show."""
    edge = str(middle)[:10] if kind == "date" else as_text(round(float(middle), 2))
    asked = f"{option('bins', f'{feature}={QUANTILES}4')} ({option('bins', f'{feature}={edge}')})"
    return because("many-values", feature=feature, n=n, kind=kind, option=asked)
