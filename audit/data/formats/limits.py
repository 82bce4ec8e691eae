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
from pathlib import Path

from evenhand.audit.errors import InputError, LimitError
from evenhand.audit.reason import Reason, because
from evenhand.audit.words.numbers import number

MIB, GIB = 1 << 20, 1 << 30
MAX_COLUMNS = 10_000
MAX_NAME = 1_000  # characters of a column's name
MAX_CELL = 16 * MIB  # characters of one cell
MAX_RATIO = 100  # what is unpacked, by what lies on the disk ...
HARMLESS = 256 * MIB  # ... unless it is less than this, which harms nobody
LEAST_MEMORY = 5 * GIB // 4
SECONDS = 25.0
_FEWER = "write it as Parquet and count its rows on disk with --stream; or audit a sample of them"


@dataclass(frozen=True)
class Limits:
    """What reading may take: ``seconds`` of a database's or a workbook's time, ``memory`` in bytes
    (None: a hundred times the file's size, and at least 1.25 GiB)."""

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


def too_slow(source: object, seconds: float) -> LimitError:
    """The error for a source that was not read in time."""
    return LimitError(
        "{source} could not be read in {seconds:g} seconds",
        remedy="pass a longer --time-limit, or audit fewer rows",
        source=source,
        seconds=seconds,
    )


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


@contextmanager
def limited_memory(size: int, source: object, limits: Limits) -> Iterator[None]:
    """Within it, this process can't take more memory than a file of ``size`` bytes may need.

    Raises LimitError where it would. It does nothing where the system has no such limit.
    """
    allowed = limits.memory or max(LEAST_MEMORY, MAX_RATIO * size)
    before = _limit(allowed)
    try:
        yield
    except MemoryError:
        raise LimitError(
            "reading {source} takes more than {allowed} GiB of memory",
            remedy="pass a larger --memory-limit; {fewer}",
            source=source,
            allowed=number(allowed / GIB),
            fewer=_FEWER,
        ) from None
    finally:
        if before is not None:
            _restore(before)


def _limit(allowed: int) -> tuple[int, int] | None:
    """Lowers the limit on this process's data to what it has now and ``allowed``."""
    try:
        import resource

        taken = _data_bytes()
        before = resource.getrlimit(resource.RLIMIT_DATA)
        if taken is None:
            return None
        most = taken + allowed
        if before[0] != resource.RLIM_INFINITY and before[0] <= most:
            return None
        resource.setrlimit(resource.RLIMIT_DATA, (most, before[1]))
    except (ImportError, OSError, ValueError):  # a system without it: the other caps remain
        return None
    return before


def _restore(before: tuple[int, int]) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, before)


def _data_bytes() -> int | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:")]
    return found[0] if found else None
