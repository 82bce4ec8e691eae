"""What a date looks like: 2026-01-31, or written otherwise, where day and month may change places.

Dates as ISO 8601 writes them are dates wherever they come. Others are read by one list of formats,
which DuckDB reads too: 31.01.2026, 1/31/2026, 2026/01/31, 20260131, 31 Jan 2026, 2026年1月31日.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

DateOrder = Literal["dmy", "mdy"]
ORDERS: tuple[DateOrder, ...] = ("dmy", "mdy")
_YEAR, _TWO = "[12][0-9]{3}", "[0-9]{1,2}"
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_LONG = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_FIRST = 50  # texts that are tried before all of them are
# The time of a day may follow, as a pattern and as the format that reads it.
_TIMES = (
    ("", ""),
    ("[ T][0-9]{1,2}:[0-9]{2}", " %H:%M"),
    ("[ T][0-9]{1,2}:[0-9]{2}:[0-9]{2}", " %H:%M:%S"),
)


@dataclass(frozen=True)
class Format:
    """One way to write dates: the pattern of its texts and the format that reads them, the same for
    pandas and DuckDB. ``order`` is None where day and month can't be taken for each other."""

    pattern: str
    format: str
    order: DateOrder | None


def _formats() -> tuple[Format, ...]:
    made = []
    for time, clock in _TIMES:
        for sign in "./-":
            both = rf"{_TWO}[{sign}]{_TWO}[{sign}]{_YEAR}{time}"
            made.append(Format(both, f"%d{sign}%m{sign}%Y{clock}", "dmy"))
            made.append(Format(both, f"%m{sign}%d{sign}%Y{clock}", "mdy"))
            years = rf"{_YEAR}[{sign}]{_TWO}[{sign}]{_TWO}{time}"
            made.append(Format(years, f"%Y{sign}%m{sign}%d{clock}", None))
        for month, name in ((_MONTH, "%b"), (_LONG, "%B")):
            for sign in (" ", "-"):
                day_first = rf"{_TWO}{sign}{month}{sign}{_YEAR}{time}"
                made.append(Format(day_first, f"%d{sign}{name}{sign}%Y{clock}", None))
            month_first = rf"{month} {_TWO}, {_YEAR}{time}"
            made.append(Format(month_first, f"{name} %d, %Y{clock}", None))
    made.append(Format(rf"{_YEAR}年{_TWO}月{_TWO}日", "%Y年%m月%d日", None))
    made.append(Format(rf"{_YEAR}(?:0[1-9]|1[0-2])[0-3][0-9]", "%Y%m%d", None))
    return tuple(made)


FORMATS = _formats()


def formats_of(order: DateOrder | None) -> tuple[Format, ...]:
    """The formats that hold where day and month come in this order (None: those without one)."""
    return tuple(f for f in FORMATS if f.order in (None, order))


def dates_in(cells: pd.Series[Any], order: DateOrder | None) -> pd.Series[Any]:
    """Texts as moments without a zone; missing where a text is no date by this order."""
    import pandas as pd

    texts = cells.astype("str").str.strip()
    found = pd.to_datetime(texts, errors="coerce", format="ISO8601", utc=True).dt.tz_localize(None)
    for one in formats_of(order):
        fits = found.isna() & texts.str.fullmatch(one.pattern).fillna(False).astype(bool)
        if fits.any():
            written = texts[fits].str.replace(r"(?<=\d)T(?=\d)", " ", regex=True)
            read = pd.to_datetime(written, errors="coerce", format=one.format)
            found = found.astype("datetime64[us]")
            found[fits] = read.astype("datetime64[us]")
    return found.where(cells.notna())


def orders_of(cells: Iterable[str]) -> tuple[DateOrder | None, ...]:
    """The orders of day and month by which all distinct texts are dates: none, where they are no
    dates; (None,), where no order is needed; both, where it has to be declared.

    >>> orders_of(["31.01.2026", "1.2.2026"]), orders_of(["3/4/2026"]), orders_of(["2026-01-31"])
    (('dmy',), ('dmy', 'mdy'), (None,))
    >>> orders_of(["x"])
    ()
    """
    import pandas as pd

    known = pd.Series(list(cells), dtype=object)
    if not len(known) or (len(known) > _FIRST and not orders_of(known[:_FIRST])):
        return ()
    if dates_in(known, None).notna().all():
        return (None,)
    return tuple(order for order in ORDERS if dates_in(known, order).notna().all())


def likely_orders(cells: Iterable[str]) -> tuple[DateOrder | None, ...]:
    """The order by which most of the texts are dates, where some are none; () without any."""
    import pandas as pd

    known = pd.Series(list(cells), dtype=object)
    orders: tuple[DateOrder | None, ...] = (None, *ORDERS)
    found = {order: int(dates_in(known, order).notna().sum()) for order in orders}
    best = max(found, key=lambda order: found[order])
    return (best,) if found[best] else ()
