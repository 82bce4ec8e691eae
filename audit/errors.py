"""What can go wrong: each error carries its exit code and its remedy.

Exit codes are the contract with continuous integration; the table is in the README.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from evenhand.audit.reason import Reasons, sentences
from evenhand.audit.words.phrases import Phrase, current_language, in_language, phrase, worded
from evenhand.audit.words.reasons import render

OK = 0
FAILED = 1
BAD_INPUT = 2
INCONCLUSIVE = 3
ATTESTATIONS_PENDING = 4
UNSAFE_MODEL = 5
LIMIT_REACHED = 6
EVIDENCE_ALTERED = 7
OUR_BUG = 70
INTERRUPTED = 130

# Where several hold, the first in this order is what the process returns.
_PRECEDENCE = (
    OUR_BUG,
    INTERRUPTED,
    EVIDENCE_ALTERED,
    BAD_INPUT,
    UNSAFE_MODEL,
    LIMIT_REACHED,
    FAILED,
    INCONCLUSIVE,
    ATTESTATIONS_PENDING,
    OK,
)


def worst_exit_code(codes: Iterable[int]) -> int:
    """The exit code that wins where several hold; 0 for none.

    >>> worst_exit_code([0, 4, 3])
    3
    """
    return min(codes, key=_PRECEDENCE.index, default=OK)


class EvenhandError(Exception):
    """Base of every error a user can cause or meet. ``remedy`` says what to do next.

    ``message`` and ``remedy`` are templates of ``fields``, written out where the error is raised
    (a law of the tests holds them against the table of Chinese phrases), or phrases already.

    >>> InputError("data file {file} is empty", file="a.csv", remedy="add rows").message
    'data file a.csv is empty'
    """

    exit_code = OUR_BUG

    def __init__(self, message: str, *, remedy: str = "", **fields: Any) -> None:
        self.message = worded(message, fields)
        self.remedy = worded(remedy, fields)
        super().__init__(self.message)
        self.notes: Reasons = ()  # what was noticed before, and may explain it
        self.about: tuple[str, ...] = ()  # columns that it is about, beside those it names

    def __str__(self) -> str:
        return self.said()

    def said(self, lang: str = "") -> str:
        """Message, notes and remedy, each on a line, in ``lang`` (default: the one spoken)."""
        lang = lang or current_language()
        noted = [f"\n  note: {render((note,), lang)}" for note in self.notes]
        remedy = f"\n  -> {in_language(self.remedy, lang)}" if self.remedy else ""
        return "".join((in_language(self.message, lang), *noted, remedy))


class InputError(EvenhandError):
    """A bad command, subject, data file, model path, pack or attestation."""

    exit_code = BAD_INPUT


class Numbers(Protocol):
    """Whole numbers by their place: a list, a range, an array."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: int, /) -> Any: ...


class RowError(InputError):
    """An input error about one row of those at hand: ``{row}`` in the message is "row 7".

    Whoever finds the fault knows the row's place among the rows that it was given, ``position``
    from 0; whoever put those rows into that order knows their places in the file, and says so
    (``rows_from``, ``rows_of_file``). Until then the message names the place that is known.

    >>> error = RowError("the cell in {row} is empty", 6)
    >>> error.of_file([11, 12, 13, 14, 15, 16, 138]).message
    'the cell in row 138 is empty'
    """

    def __init__(self, message: str, position: int, *, remedy: str = "", **fields: Any) -> None:
        self.position, self.is_of_file = int(position), False
        self._template, self._fields, self._remedy = message, fields, remedy
        super().__init__(
            message, remedy=remedy, row=phrase("row {row}", row=self.position + 1), **fields
        )

    def moved(self, by: int) -> RowError:
        """The same of rows that begin ``by`` places earlier."""
        return self._at(self.position + by)

    def of_file(self, numbers: Numbers) -> RowError:
        """The same with the row's number in its file; a number that is known stays."""
        if self.is_of_file or not 0 <= self.position < len(numbers):
            return self
        named = self._at(int(numbers[self.position]) - 1)
        named.is_of_file = True
        return named

    def around(self) -> tuple[str, str]:
        """What the message says before and after the row."""
        apart = Phrase(self._template, {**self._fields, "row": "\0"})
        before, _, after = apart.partition("\0")
        return before, after

    def _at(self, position: int) -> RowError:
        return RowError(self._template, position, remedy=self._remedy, **self._fields)


@contextmanager
def rows_from(start: int) -> Iterator[None]:
    """What is asked inside is asked of a batch that begins at row ``start``, from 0."""
    try:
        yield
    except RowError as error:
        raise (error if error.is_of_file else error.moved(start)) from error.__cause__


@contextmanager
def rows_of_file(numbers: Numbers | None) -> Iterator[None]:
    """What is asked inside is asked of rows with these numbers in their file, from 1.

    None where they are not known. Every order, filter, sample and batch of rows stands inside one
    of these or of ``rows_from``, so that messages name the rows that people can look up.
    """
    try:
        yield
    except RowError as error:
        raise (error if numbers is None else error.of_file(numbers)) from error.__cause__


class UnsafeModelError(EvenhandError):
    """A model that cannot be opened without running what a stranger wrote."""

    exit_code = UNSAFE_MODEL


class LimitError(EvenhandError):
    """A time or memory limit was reached."""

    exit_code = LIMIT_REACHED


class AlteredEvidenceError(EvenhandError):
    """A case or the register differs from what was sealed."""

    exit_code = EVIDENCE_ALTERED


class InterruptedRunError(EvenhandError):
    """The user interrupted something that can be resumed; the remedy says how."""

    exit_code = INTERRUPTED


class MissingNeed(Exception):  # noqa: N818 - it is a signal to the runner, not an error
    """Raised by a check whose question does not apply to this subject (with the reason: a text of
    a third party is quoted)."""

    def __init__(self, reason: Reasons | str) -> None:
        super().__init__(reason)
        self.reason = sentences(reason)

    def __str__(self) -> str:
        return render(self.reason)


class RowsOnDisk(MissingNeed):
    """Raised where a check asks for rows that were counted on disk and never loaded."""


_LONGEST = 160  # characters of a name that is offered


def _seen(name: str) -> str:
    """A name, in quotes where its ends could not be seen otherwise, and cut where it is long."""
    name = name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…"
    return name if name == name.strip() and name.isprintable() and name else repr(name)


def nearest(name: str, known: Iterable[str], *, shown: int = 3) -> Phrase:
    """A remedy that names the known names nearest to ``name``, or all of a short list.

    >>> nearest("approv", ["approve", "race"])
    'did you mean: approve?'
    >>> nearest("Yes", ["Yes "])
    "did you mean: 'Yes '?"
    """
    names = sorted({str(k) for k in known})
    close = difflib.get_close_matches(name, names, n=shown, cutoff=0.6)
    if not close:
        lowered = {n.lower(): n for n in names}
        close = [lowered[c] for c in difflib.get_close_matches(name.lower(), lowered, n=shown)]
    if close:
        return phrase("did you mean: {names}?", names=", ".join(map(_seen, close)))
    listed = ", ".join(map(_seen, names[:30]))
    if len(names) > 30:
        return phrase("known: {names}, … ({n} in all)", names=listed, n=len(names))
    if names:
        return phrase("known: {names}", names=listed)
    return phrase("there are none to choose from")
