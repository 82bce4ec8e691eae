"""Cases in the making: the folder beside a case's place, whose it is, and which was cut off."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from pathlib import Path

from evenhand.audit.case.secret import Secret
from evenhand.audit.errors import InputError
from evenhand.audit.files.disk import write_whole

RUN_FILE = "run.json"
RUN = "run of an audit"  # what the home's secret vouches for there
_PURPOSE = "sealed case"


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
            "{work} is being written by another process",
            remedy="wait until it has ended",
            work=work,
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


@dataclass(frozen=True)
class Sealed:
    """Cases that this home has sealed and not yet entered in the register.

    Between the two an audit can be cut off. ``folder`` (EVENHAND_HOME/sealed) then holds the case's
    digest with a MAC by the home's secret: a case that was edited and sealed anew in that place is
    not taken for the one that was audited.
    """

    folder: Path
    secret: Secret

    def note(self, digest: str) -> None:
        """Says that this home is about to put a case with this digest in its place."""
        write_whole(self._place(digest), self.secret.mac(_PURPOSE, digest.encode()).encode())

    def knows(self, digest: str) -> bool:
        """Whether this home sealed a case with this digest, and has not entered it."""
        try:
            said = self._place(digest).read_text("ascii")
        except (OSError, UnicodeDecodeError):
            return False
        return self.secret.accepts(said, _PURPOSE, digest.encode())

    def forget(self, digest: str) -> None:
        """Takes the note away: the register knows the case."""
        self._place(digest).unlink(missing_ok=True)

    def _place(self, digest: str) -> Path:
        return self.folder / digest.removeprefix("sha256:")
