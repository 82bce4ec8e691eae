"""The one limit that every reader of strangers' bytes keeps to: memory, time, errors with types.

A file may say that it holds a terabyte, or take a reader for ever. Readers compare what is
announced with what lies on the disk; what none of them foresaw ends here. Whatever opens a
stranger's file stands inside ``reading``: a law of the tests lists them, with a bomb for each.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from evenhand.audit.errors import EvenhandError, InputError, LimitError, MissingNeed
from evenhand.audit.words.numbers import number

MIB, GIB = 1 << 20, 1 << 30
MAX_RATIO = 100  # what is read may take this many times what lies on the disk ...
LEAST_MEMORY = 3 * GIB // 4  # ... and this much in any case: with the libraries, under 1.25 GiB
SECONDS = 20.0  # with a start of a few seconds on a busy machine, under half a minute
LEAST_SPEED = 4 * MIB  # bytes a second: a larger file gets more time
_FEWER = "write it as Parquet and count its rows on disk with --stream; or audit a sample of them"


# What a worker says of itself: its own limits, which can't be lifted again, hold for all it reads.
_kept_elsewhere: list[bool] = []


def limited_already() -> None:
    """From here on this process keeps to limits that were set for it from outside: ``reading``
    sets none, and types errors as before."""
    _kept_elsewhere.append(True)


class _TimeIsUp(BaseException):
    """From the clock to the ``reading`` that set it; nothing in between takes it for its own."""


def too_slow(source: object, seconds: float) -> LimitError:
    """The error for a source that was not read in time."""
    return LimitError(
        "{source} could not be read in {seconds:g} seconds",
        remedy="pass a longer --time-limit, or audit fewer rows",
        source=source,
        seconds=seconds,
    )


@contextmanager
def reading(
    size: int,
    source: object,
    *,
    seconds: float | None = None,
    memory: int | None = None,
    known: tuple[type[Exception], ...] = (),
) -> Iterator[None]:
    """Within it, this process takes no more memory and time than a file of ``size`` bytes may need.

    ``memory`` (bytes) and ``seconds`` are what somebody allowed; by default a hundred times the
    size and at least 0.75 GiB, and 20 seconds or a second for each 4 MiB. One inside another has no
    clock of its own, and never more memory.

    Raises LimitError past either, and InputError for whatever else a reader's library raises: no
    bytes of a stranger's are a bug of ours. (EVENHAND_TRACEBACK=1 lets it through as it is, and
    what is ``known`` passes always, to whoever has words for it.)
    Memory is limited on Linux, time in the main thread of systems with alarms.
    """
    allowed = memory or max(LEAST_MEMORY, MAX_RATIO * size)
    patience = seconds or max(SECONDS, size / LEAST_SPEED)
    before = _limit(allowed)
    rang: list[int] = []
    passing: tuple[type[Exception], ...] = (EvenhandError, MissingNeed, *known)
    try:
        with _clock(patience, rang):
            yield
    except _TimeIsUp:
        if not rang:  # another one's, around this
            raise
        raise too_slow(source, patience) from None
    except MemoryError:
        raise LimitError(
            "reading {source} takes more than {allowed} GiB of memory",
            remedy="pass a larger --memory-limit; {fewer}",
            source=source,
            allowed=number(allowed / GIB),
            fewer=_FEWER,
        ) from None
    except passing:
        raise
    except Exception as error:
        if rang:  # a library made an error of its own of it
            raise too_slow(source, patience) from None
        if os.environ.get("EVENHAND_TRACEBACK"):
            raise
        raise InputError(
            "{source} could not be read: {error}",
            remedy="is it damaged? Write it again; where it is sound, please report this with what "
            "EVENHAND_TRACEBACK=1 shows",
            source=source,
            error=" ".join(f"{type(error).__name__}: {error}".split())[:300],
        ) from error
    finally:
        if before is not None:
            _restore(before)


def size_of(path: Path) -> int:
    """Bytes of a file, or of the files in a folder: what a reader of it starts from."""
    try:
        if path.is_dir():
            return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
        return path.stat().st_size
    except (OSError, ValueError):  # whoever opens it says so in its own words
        return 0


@contextmanager
def _clock(seconds: float, rang: list[int]) -> Iterator[None]:
    """Raises _TimeIsUp inside when the time is up; whoever had set an alarm finds it again."""
    is_main = threading.current_thread() is threading.main_thread()
    can_ring = hasattr(signal, "setitimer") and is_main and not _kept_elsewhere
    other = signal.getsignal(signal.SIGALRM) if can_ring else None
    if not can_ring or isinstance(other, _Ring):
        yield
        return
    left, started = signal.getitimer(signal.ITIMER_REAL)[0], time.monotonic()
    signal.signal(signal.SIGALRM, _Ring(rang))
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # and again, where a library took it
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, other if other is not None else signal.SIG_DFL)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left - (time.monotonic() - started)))


class _Ring:
    def __init__(self, rang: list[int]) -> None:
        self._rang = rang

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self._rang.append(number)
        raise _TimeIsUp


def _limit(allowed: int) -> tuple[int, int] | None:
    """Lowers the limit on this process's data to what it has now and ``allowed``."""
    if _kept_elsewhere:
        return None
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
    found: list[Any] = [line.split() for line in lines if line.startswith("VmData:")]
    return int(found[0][1]) * 1024 if found else None
