"""Which columns name a row rather than describe it: keys, e-mail addresses, names, numbers given
one after the other.

Such a column tells nothing that holds for other rows, and tells everything about its own: it fits
any answer, it is a perfect and meaningless stand-in, and a list of its values is a list of people.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.cells import is_number

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 20  # different values; fewer name nobody
_SHARE = 0.5  # of the known cells: a value for every two rows or fewer
_NAMED = re.compile(r"(?:^|[_\W])(?:id|key|uuid|guid|nr|no|number|index|ssn)$", re.IGNORECASE)
_CAMEL = re.compile(r"[a-z](?:Id|ID|Key|Number|Nr|No)$")


@dataclass(frozen=True)
class Identifier:
    """A column that names rows: its known cells, how many values these have, and how many of the
    values occur once."""

    column: str
    n: int
    n_values: int
    n_once: int

    def __str__(self) -> str:
        return f"{self.column}: {self.n_values} values, {self.n_once} of them once"


def identifier(column: pd.Series[Any]) -> Identifier | None:
    """How the column names rows; None where it describes them.

    Texts do where there is a value for every two known cells or fewer; dates as texts are. Whole
    numbers do where no two are equal and they were given one after the other (their range is at
    most twice their number), or the column is called so (``id``, ``customer_id``, ``rowNumber``).
    Other numbers measure something, however rarely two are equal.

    >>> import pandas as pd
    >>> str(identifier(pd.Series([f"p{i}@x.org" for i in range(30)], name="email")))
    'email: 30 values, 30 of them once'
    >>> identifier(pd.Series([i % 7 for i in range(30)], name="day"))
    """
    import pandas as pd

    known = column.dropna()
    if isinstance(column.dtype, pd.CategoricalDtype):
        known = known.astype(object)
    if len(known) < FEWEST or pd.api.types.is_bool_dtype(known.dtype):
        return None
    if is_number(column):
        return _numbered(column, known)
    try:
        times = known.value_counts()
    except TypeError:  # cells without a hash: lists, records
        return None
    if any(isinstance(value, bytes) for value in times.index[:1]):  # pixels
        return None
    if len(times) < FEWEST or len(times) < _SHARE * len(known):
        return None
    return Identifier(str(column.name), len(known), len(times), int((times == 1).sum()))


def identifiers(frame: pd.DataFrame) -> tuple[Identifier, ...]:
    """Those among the columns of ``frame``, in its order."""
    found = (identifier(frame[name]) for name in frame.columns)
    return tuple(each for each in found if each is not None)


def _numbered(column: pd.Series[Any], known: pd.Series[Any]) -> Identifier | None:
    numbers = known.to_numpy(dtype=float)
    if (numbers != numbers.round()).any() or not known.is_unique:
        return None
    name, n = str(column.name), len(known)
    in_turn = float(numbers.max() - numbers.min()) < 2 * n
    named = bool(_NAMED.search(name) or _CAMEL.search(name))
    return Identifier(name, n, n, n) if named or in_turn else None


_PERSON = re.compile(
    r"(?:^|[_\W])(?:person|patient|customer|client|user|applicant|member|employee|student|subject|"
    r"candidate|individual|household|account)(?:$|[_\W]?(?:id|key|uuid|guid|nr|no|number|name)$)",
    re.IGNORECASE,
)
_ROWS_A_PERSON = 100  # on average at most: beyond it a column tells branches apart, not persons


def repeated_person(column: pd.Series[Any]) -> tuple[int, int] | None:
    """How many values and known cells a column has that looks like it tells persons apart of whom
    some have several rows: it is called so (``patient``, ``customer_id``), and has at least ten
    values, some of them more than once. None for any other column.

    >>> import pandas as pd
    >>> repeated_person(pd.Series([f"p{i % 12}" for i in range(30)], name="patient_id"))
    (12, 30)
    >>> repeated_person(pd.Series(range(30), name="patient_id"))
    """
    name = str(column.name)
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    if not _PERSON.search(snake):
        return None
    known = column.dropna()
    try:
        values = int(known.nunique())
    except TypeError:  # cells without a hash: lists, records
        return None
    if not 10 <= values < len(known) or len(known) > _ROWS_A_PERSON * values:
        return None
    return values, len(known)
