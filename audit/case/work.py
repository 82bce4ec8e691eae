"""Cases in the making: the folder beside a case's place, whose it is, and which was cut off."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from evenhand.audit.errors import InputError

RUN_FILE = "run.json"
RUN = "run of an audit"  # what the home's secret vouches for there


def lock_work(work: Path) -> int:
    """Locks a case in the making for this process; the kernel unlocks it when the process ends.

    Returns the open folder, to be closed. Raises InputError where another process works on it.
    """
    handle = os.open(work, os.O_RDONLY)
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise InputError(
            f"{work} is being written by another process", remedy="wait until it has ended"
        ) from error
    except (ImportError, OSError):
        pass  # no locks here (Windows, some network file systems): the name has the process in it
    return handle


def unfinished(folder: Path, name: str = "*", *, empty: bool = False) -> list[Path]:
    """Cases in the making whose process has ended: ``.<name>.partial-*``, newest last.

    ``empty``: also those that were cut off so early that there is nothing to go on with.
    """
    found = []
    for work in folder.glob(f".{glob.escape(name) if name != '*' else name}.partial-*"):
        run = work / RUN_FILE
        if not (run.is_file() or empty):
            continue
        try:
            os.close(lock_work(work))
            found.append(((run if run.is_file() else work).stat().st_mtime_ns, work))
        except (InputError, OSError):
            continue  # somebody works on it, or has just finished it
    return [work for _, work in sorted(found)]
