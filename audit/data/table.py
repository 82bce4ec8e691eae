"""A table as it was read, and what a cell is: the text that labels and groups go by."""

from __future__ import annotations

import csv
import hashlib
import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.cells import number_in, plain
from evenhand.audit.data.written.declared import quoted_part
from evenhand.audit.errors import EvenhandError, InputError, nearest
from evenhand.audit.reason import Reason, Reasons, because
from evenhand.audit.words.phrases import as_is, phrase
from evenhand.audit.words.reasons import render

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Table:
    """A data file as read: ``frame`` in the file's row order, and its digest.

    ``notes`` say what was changed on the way in and what is odd about the cells.
    ``shapes`` tells the shape of the arrays whose bytes a column's cells hold (images), ``types``
    what each column was read as: number, category, text, boolean, date or bytes.
    """

    frame: pd.DataFrame
    source: str
    digest: str
    notes: Reasons = ()
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)

    @property
    def said(self) -> tuple[str, ...]:
        """The notes in words."""
        return tuple(render((note,)) for note in self.notes)

    def require(self, columns: Iterable[str], role: str) -> None:
        """Raises InputError, with near matches, unless every column is there."""
        for column in columns:
            if column not in self.frame.columns:
                with explained_by(self.notes):
                    raise InputError(
                        "{role} {column!r} is not a column of {source}",
                        remedy=as_is(self._meant(column)),
                        role=role,
                        column=column,
                        source=self.source,
                    )

    def _meant(self, column: str) -> str:
        """What to name instead of a column that is not there."""
        names = [str(c) for c in self.frame.columns]
        whole = [n for n in names if "," in n and column in map(str.strip, n.split(","))]
        if not whole:
            return nearest(column, names)
        return phrase(
            "a name with a comma is quoted, as in CSV: {whole}",
            whole=shlex.quote(quoted_part(whole[0])),
        )


# Notes that may explain an error about any column; others do where it is about theirs.
_EXPLAIN = frozenset(
    {
        "formulas",
        "holds-controls",
        "lines-above",
        "read-as-encoding",
        "sep-line",
        "sheet-chosen",
        "sheets",
    }
)


@contextmanager
def explained_by(notes: Iterable[Reason | str]) -> Iterator[None]:
    """An error that is raised within it carries the notes on reading that may explain it."""
    try:
        yield
    except EvenhandError as error:
        told = [n for n in notes if isinstance(n, Reason) and n not in error.notes]
        error.notes += tuple(
            n
            for n in told
            if n.code in _EXPLAIN
            or (column := n.parameters.get("column")) in error.about
            or repr(column) in error.message
        )
        raise


# Notes on what a reader did with rows and columns: they ask nothing of anybody.
DONE_BY_READERS = frozenset(
    {
        "blank-lines",
        "blank-rows",
        "cohort-of-rows",
        "column-repeated",
        "column-without-name",
        "grey-read-as-colour",
        "id-empty",
        "id-repeated",
        "line-ends-as-one",
        "name-holds-unseen",
        "names-look-alike",
        "not-asked-to-be-read-only",
        "rows-joined",
        "rows-joined-but",
        "rows-not-joined",
        "test-split-read",
        "would-be-formulas",
    }
)
_NUMBERED = "row of the file"


def numbered(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of a file with their places in it, from 0, as their index: what is filtered, sorted
    or drawn from them carries the places along."""
    import pandas as pd

    return frame.set_axis(pd.RangeIndex(len(frame), name=_NUMBERED), axis=0)


def numbers_of(frame: pd.DataFrame) -> Any:
    """The places in their file, from 1, of ``numbered`` rows, int of shape (n,); None of others."""
    return frame.index.to_numpy() + 1 if frame.index.name == _NUMBERED else None


def renumbered(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with an index from 0, unless it holds their places in a file."""
    return frame if frame.index.name == _NUMBERED else frame.reset_index(drop=True)


def merge_repeated(frame: pd.DataFrame, file: object) -> tuple[pd.DataFrame, Reasons]:
    """Keeps a column name that is repeated with identical cells once; refuses it otherwise."""
    names = [str(c) for c in frame.columns]
    first: dict[str, int] = {}
    notes: Reasons = ()
    for position, name in enumerate(names):
        if name not in first:
            first[name] = position
            continue
        if not frame.iloc[:, first[name]].equals(frame.iloc[:, position]):
            raise InputError(
                "column name {name!r} is repeated in {file} with cells that differ",
                remedy="rename columns {first} and {position}",
                name=name,
                file=file,
                first=first[name] + 1,
                position=position + 1,
            )
        notes += because(
            "column-repeated", column=repr(name), first=first[name] + 1, second=position + 1
        )
    merged = frame.iloc[:, list(first.values())].copy()
    merged.columns = list(first)
    return merged, notes


def csv_text(frame: pd.DataFrame) -> str:
    """The rows as CSV that every reader splits into the same cells.

    The writer leaves a lone carriage return bare, and readers end a row at it: where there is one,
    everything is quoted.
    """
    text: str = frame.to_csv(index=False)
    return frame.to_csv(index=False, quoting=csv.QUOTE_ALL) if "\r" in text else text


def as_text(value: Any) -> str:
    """One cell as the text that labels and groups are compared by: 1 and 1.0 are the same, "1".

    >>> as_text(1.0), as_text(1), as_text(True), as_text(" a")
    ('1', '1', 'true', ' a')
    """
    if isinstance(value, Decimal):
        value = plain(value)
    if isinstance(value, bytes):  # pixels: as a name they would be as long as the picture
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):  # numpy's own bool
        return "true" if value else "false"
    if isinstance(value, Real):
        try:
            number = float(value)
        except OverflowError:  # a whole number past 1e308: its own digits
            return str(value)
        if number.is_integer() and abs(number) < 2**53:
            return str(int(number))
    return str(value)


def texts(column: pd.Series[Any]) -> tuple[Any, Any]:
    """A column as an object array of texts and a boolean array that is True where it is missing."""
    import numpy as np
    import pandas as pd

    try:
        codes, uniques = pd.factorize(column)
    except TypeError:  # cells that are lists or records have no hash: they go by their text
        codes, uniques = pd.factorize(column.map(str, na_action="ignore"))
    names = np.array([as_text(u) for u in uniques] + [""], dtype=object)
    return names[codes], codes < 0


def match_label(text: str, labels: Iterable[str]) -> str | None:
    """The label that ``text`` means: the same text, or the same number ("1.0" for "1"), or the
    same truth value ("True" for "true"); None if there is none.

    >>> match_label("1.0", ["0", "1"]), match_label("True", ["false", "true"])
    ('1', 'true')
    """
    known = list(labels)
    if text in known:
        return text
    number = number_in(text)
    if number is None:
        lowered = text.lower()
        return lowered if lowered in ("true", "false") and lowered in known else None
    return next((k for k in known if number_in(k) == number), None)


def canonical_order(frame: pd.DataFrame, *, last: Iterable[str] = ()) -> Any:
    """Row positions in an order that depends on the rows' contents alone, not on their order.

    Columns in ``last`` (the sensitive features) only break ties, so that renaming groups does not
    reorder rows. Equal rows may come in any order among themselves: they are interchangeable.
    """
    import numpy as np
    import pandas as pd

    tail = sorted(set(last) & set(frame.columns))
    head = sorted(set(frame.columns) - set(tail))

    def row_hash(columns: list[str]) -> Any:
        if not columns:
            return np.zeros(len(frame), dtype=np.uint64)
        plain = pd.DataFrame({c: texts(frame[c])[0] for c in columns})
        return pd.util.hash_pandas_object(plain, index=False).to_numpy()

    return np.lexsort((row_hash(tail), row_hash(head)))
