"""The real command line, ``python -m evenhand``, as a process that is measured with its
children."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_LOOK = 0.25  # seconds between two looks at what the processes hold


@dataclass(frozen=True)
class Ended:
    """``exit``: negative for a signal. ``largest``: the most memory that any one of its processes
    held, ``together``: the most that all of them held, shared pages counted once; both in bytes, as
    often as it was looked (what wait4 tells begins with the memory of whoever started it)."""

    exit: int
    seconds: float
    largest: int
    together: int
    said: str


def on_this_machine(seconds: float) -> float:
    """As many seconds of a machine that others leave alone: more where more than its cores are
    asked for (the load of the last minute)."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def run(arguments: Sequence[str], folder: Path, *, patience: float = 300) -> Ended:
    """Runs one command line in ``folder``; past ``patience`` (seconds) it is killed."""
    with tempfile.TemporaryFile() as said:
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "evenhand", *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**os.environ, "EVENHAND_HOME": str(folder / "home")},
        )
        ended, seen = threading.Event(), [0, 0]
        looking = threading.Thread(target=_look, args=(process.pid, ended, seen), daemon=True)
        killing = threading.Timer(patience, process.kill)
        looking.start()
        killing.start()
        process.wait()
        seconds = time.monotonic() - started
        killing.cancel()
        ended.set()
        looking.join()
        said.seek(0)
        text = said.read().decode("utf-8", "backslashreplace")
    return Ended(process.returncode, seconds, seen[0], seen[1], text)


def _look(number: int, ended: threading.Event, seen: list[int]) -> None:
    while not ended.wait(_LOOK):
        family = _family(number)
        seen[0] = max(seen[0], *(_told(n, "status", "VmHWM:") for n in family))
        seen[1] = max(seen[1], sum(_told(n, "smaps_rollup", "Pss:") for n in family))


def _family(number: int) -> list[int]:
    """A process and all its descendants that are there now."""
    found, new = [number], [number]
    while new:
        place = Path("/proc") / str(new.pop())
        try:
            tasks = [p.read_text() for p in place.glob("task/*/children")]
        except OSError:
            continue  # it has ended meanwhile
        children = [int(n) for text in tasks for n in text.split()]
        found += children
        new += children
    return found


def _told(number: int, file: str, line: str) -> int:
    """A line of what the kernel tells of a process, in bytes; 0 where it has ended. VmHWM is the
    most that it held so far, Pss what it holds, each shared page divided among those who share."""
    try:
        lines = Path(f"/proc/{number}/{file}").read_text().splitlines()
    except OSError:
        return 0
    return next((int(x.split()[1]) * 1024 for x in lines if x.startswith(line)), 0)
