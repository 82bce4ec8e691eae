"""Which columns of a table hold direct identifiers: told by their cells, else by their names.

The verdict is on a column, not on a cell: one number that looks like a telephone's is chance, a
column of them is not. No cell is ever returned.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.cells import is_number
from evenhand.audit.measure.exposure.patterns import PATTERNS

if TYPE_CHECKING:
    import pandas as pd

MOST_CELLS = 5000  # different cells of a column that are looked at
_SHARE = 0.5  # of the cells that were looked at, for a column that is of one kind
_FEWEST = 30  # cells: chance finds a pattern in fewer, unless all have it
_FEWEST_OF_EVERY = 20  # cells of a kind that chance finds often (cards)
_FEWEST_NAMES = 10  # different texts in a column that is told by its name alone
_SHORTEST = 7  # characters of any direct identifier
_WHOLE_NUMBERS = (10**9, 10**19)  # numbers that a telephone, a card or a resident can have


@dataclass(frozen=True)
class ExposedColumn:
    """A column that names people: the kind, how many of its ``n`` known cells do (``n_cells``;
    where only some different cells were looked at, their share of all), and how it was told:
    ``cells`` are of the kind, ``texts`` hold one of it somewhere, or the column is ``named`` so."""

    column: str
    kind: str
    told_by: str
    n: int
    n_cells: int


def exposed_columns(frame: pd.DataFrame) -> tuple[ExposedColumn, ...]:
    """The columns of ``frame`` that hold direct identifiers, in its order.

    A column is of a kind where at least half of its cells are, and there are at least 30 of them or
    all are; of cards, where all of at least 20 are. A column of longer texts holds a kind where any
    of its cells has one with an unmistakable form. A column of at least ten different texts that no
    pattern fits is told by its name: names and addresses of people have no pattern.

    >>> import pandas as pd
    >>> one, = exposed_columns(pd.DataFrame({"to": [f"p{i}@x.org" for i in range(40)]}))
    >>> one.kind, one.told_by, one.n_cells, one.n
    ('email', 'cells', 40, 40)
    """
    return tuple(
        found
        for place, name in enumerate(frame.columns)
        if (found := _exposed(str(name), frame.iloc[:, place])) is not None
    )


def _exposed(name: str, column: pd.Series[Any]) -> ExposedColumn | None:
    known = column.dropna()
    if known.empty:
        return None
    times = _texts(column, known)
    if times is None:
        return None
    return (
        _by_cells(name, times, len(known))
        or _by_texts(name, times, len(known))
        or _by_name(name, times, len(known))
    )


def _texts(column: pd.Series[Any], known: pd.Series[Any]) -> Counter[str] | None:
    """Different cells as texts, and how often each occurs: at most ``MOST_CELLS``, as a stride
    through all of them in their order. None for a column that can't hold an identifier."""
    import pandas as pd

    if pd.api.types.is_bool_dtype(known.dtype) or pd.api.types.is_datetime64_any_dtype(known.dtype):
        return None
    if is_number(column):
        low, high = _WHOLE_NUMBERS
        if not ((known >= low) & (known < high)).mean() >= _SHARE or (known % 1 != 0).any():
            return None
    try:
        counted = known.astype(object).value_counts(sort=False)
    except TypeError:  # cells without a hash: lists, records
        return None
    counted = counted.iloc[:: -(-len(counted) // MOST_CELLS)]
    texts: Counter[str] = Counter()
    for cell, times in counted.items():
        if isinstance(cell, str):
            texts[cell.strip()] += int(times)
        elif is_number(column):
            texts[str(int(cell))] += int(times)  # type: ignore[call-overload]
    return texts or None


def _by_cells(name: str, times: Counter[str], n: int) -> ExposedColumn | None:
    looked_at = times.total()
    for pattern in PATTERNS:
        hits = sum(k for text, k in times.items() if pattern.whole(text))
        if pattern.every:
            is_so = hits == looked_at >= _FEWEST_OF_EVERY
        else:
            is_so = hits >= max(1, _SHARE * looked_at) and hits >= min(_FEWEST, looked_at)
        if is_so:
            return ExposedColumn(name, pattern.kind, "cells", n, round(n * hits / looked_at))
    return None


def _by_texts(name: str, times: Counter[str], n: int) -> ExposedColumn | None:
    looked_at = times.total()
    longer = {text: k for text, k in times.items() if len(text) > _SHORTEST and " " in text}
    for pattern in PATTERNS:
        hits = sum(k for text, k in longer.items() if pattern.is_in(text))
        if hits:
            return ExposedColumn(
                name, pattern.kind, "texts", n, max(1, round(n * hits / looked_at))
            )
    return None


def _by_name(name: str, times: Counter[str], n: int) -> ExposedColumn | None:
    if len(times) < _FEWEST_NAMES:
        return None
    kind = next(_kinds_of(name), None)
    return None if kind is None else ExposedColumn(name, kind, "name", n, n)


def _kinds_of(name: str) -> Iterator[str]:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    yield from (kind for kind, pattern in _NAMES if pattern.search(words))


def _named(english: str, chinese: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|[\W_])(?:{english})(?:$|[\W_])|{chinese}")


# What columns are called that hold what no pattern tells.
_NAMES = (
    (
        "person-name",
        _named(
            "(?:first|last|full|middle|given|family|maiden|sur|fore|user|person|patient|customer|"
            "applicant|employee|student|candidate)[\\W_]?names?|surnames?|forenames?|names?",
            "姓名|名字|患者名|客户名",
        ),
    ),
    ("address", _named("(?:home|street|postal|mailing)[\\W_]?address|address|street", "地址|住址")),
    ("email", _named("e[\\W_]?mails?", "邮箱|电子邮件")),
    ("phone", _named("(?:tele)?phone|mobile|cell[\\W_]?phone|fax", "手机|电话")),
    (
        "official-number",
        _named(
            "ssn|social[\\W_]security(?:[\\W_](?:no|number))?|passport(?:[\\W_](?:no|number))?|"
            "national[\\W_]id|id[\\W_]card|driver'?s?[\\W_]licen[cs]e|tax[\\W_]id",
            "身份证|护照|社保",
        ),
    ),
)
