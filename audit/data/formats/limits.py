"""How much of a stranger's data is read: sizes, expansion, names, time and memory.

A file may say that it holds a terabyte, or pack one into a kilobyte. What it announces is compared
with its size before it is unpacked, and the memory that reading may take is limited meanwhile.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from evenhand.audit.errors import InputError, LimitError
from evenhand.audit.files.within import MAX_RATIO, MIB, SECONDS, reading, size_of, too_slow
from evenhand.audit.reason import Reason, because

MAX_COLUMNS = 10_000
MAX_NAME = 1_000  # characters of a column's name
MAX_CELL = 16 * MIB  # characters of one cell
HARMLESS = 256 * MIB  # unpacked, whatever it takes on the disk


@dataclass(frozen=True)
class Limits:
    """What reading may take: ``seconds`` of a database's or a workbook's time, ``memory`` in bytes
    (None: a hundred times the file's size, and at least 0.75 GiB)."""

    seconds: float = SECONDS
    memory: int | None = None
    started: float = field(default_factory=time.monotonic)

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() - self.started > self.seconds

    def check_time(self, source: object) -> None:
        """Raises LimitError where the time is up."""
        if self.is_over:
            raise too_slow(source, self.seconds)


@contextmanager
def read_within(
    path: Path,
    limits: Limits,
    *,
    shown: object = None,
    known: tuple[type[Exception], ...] = (),
    grace: float = 0.0,
) -> Iterator[None]:
    """``evenhand.audit.files.within.reading`` for data at ``path``, by what was allowed for it.

    ``grace`` is for readers that keep the time themselves: the clock is only behind them.
    """
    for library in ("pandas", "pyarrow"):  # what they take is not the file's
        import_module(library)
    is_usual = limits.seconds == SECONDS and not grace
    seconds = None if is_usual else limits.seconds + grace
    with reading(size_of(path), shown or path, seconds=seconds, memory=limits.memory, known=known):
        yield


def check_expansion(announced: int, packed: int, source: object, limits: Limits) -> None:
    """Raises LimitError for a file that says that it unpacks to far more than it takes."""
    if announced > (limits.memory or max(HARMLESS, MAX_RATIO * packed)):
        raise LimitError(
            "{source} takes {packed:,} bytes and says that it unpacks to {announced:,}",
            remedy="over {max_ratio} times its size is not read: write it again, unpacked, "
            "or pass a larger --memory-limit",
            source=source,
            packed=packed,
            announced=announced,
            max_ratio=MAX_RATIO,
        )


def check_width(n_columns: int, source: object) -> None:
    """Raises LimitError for more columns than are read."""
    if n_columns > MAX_COLUMNS:
        raise LimitError(
            "{source} has {n_columns:,} columns, over {max_columns:,}",
            remedy="leave out the columns that neither the model nor the audit reads",
            source=source,
            n_columns=n_columns,
            max_columns=MAX_COLUMNS,
        )


def name_columns(names: Sequence[str], source: object) -> tuple[list[str], list[Reason]]:
    """Names as they are used from here on, and notes on what is odd about them.

    A column without a name is called by its place. Raises InputError for a name that is too long.
    """
    check_width(len(names), source)
    used: list[str] = []
    notes: list[Reason] = []
    for place, name in enumerate(names, start=1):
        if len(name) > MAX_NAME:
            raise InputError(
                "column {place} of {source} has a name of {n_name:,} characters, "
                "over {max_name:,}: {name!r}...",
                remedy="is the first line the header? Shorten the name",
                place=place,
                source=source,
                n_name=len(name),
                max_name=MAX_NAME,
                name=name[:40],
            )
        if not name and (called := f"column {place}") not in names:
            notes += because("column-without-name", place=place, name=repr(called))
            name = called
        used.append(name)
    return used, [*notes, *_odd_names(used)]


def _odd_names(names: Sequence[str]) -> Iterator[Reason]:
    seen: dict[str, str] = {}
    for name in names:
        if name.isascii() and name.isprintable():
            plain = name.strip().casefold()
        else:
            visible = (c for c in name if c.isprintable())
            plain = unicodedata.normalize("NFKC", "".join(visible)).strip().casefold()
            if not name.isprintable():
                yield from because("name-holds-unseen", column=repr(name))
        if plain in seen and seen[plain] != name:
            yield from because("names-look-alike", one=ascii(seen[plain]), other=ascii(name))
        seen.setdefault(plain, name)
