"""Memory of a worker held by the kernel: a control group of its own, where one can be made.

A process may where it was started in a group that was handed to it, with the memory controller and
nobody else in it (``systemd-run --user --scope -p Delegate=yes evenhand ...``, many containers).
Elsewhere limits of the process and the parent's look at it hold. See cgroups(7), version 2.
"""

from __future__ import annotations

import atexit
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
OWN_GROUP = "a control group of its own"
_OURS = "evenhand-main"  # where this process goes: a group with children holds no processes


@dataclass(frozen=True)
class Groups:
    """Where groups of workers are made; ``why`` there are none where ``base`` is None."""

    base: Path | None
    why: str = ""

    def make(self, worker: int, limit: int) -> MemoryGroup | None:
        """A group with at most ``limit`` bytes that ``worker`` is in; None where it can't be."""
        if self.base is None:
            return None
        place = self.base / f"evenhand-worker-{worker}"
        try:
            place.mkdir()
            (place / "memory.max").write_text(str(limit))
            with suppress(OSError):  # a kernel without swap has no such file
                (place / "memory.swap.max").write_text("0")
            (place / "memory.oom.group").write_text("1")
            (place / "cgroup.procs").write_text(str(worker))
        except OSError:
            with suppress(OSError):
                place.rmdir()
            return None
        return MemoryGroup(place)


@dataclass(frozen=True)
class MemoryGroup:
    """One worker's group."""

    place: Path

    def ran_out(self) -> bool:
        """Whether the kernel ended somebody in it for want of memory."""
        try:
            lines = (self.place / "memory.events").read_text().splitlines()
        except OSError:
            return False
        counts = dict(line.split(maxsplit=1) for line in lines if " " in line)
        return counts.get("oom_kill", "0") != "0"

    def remove(self) -> None:
        """Removes it, once nobody is in it."""
        with suppress(OSError):
            self.place.rmdir()


_found: dict[int, Groups] = {}


def groups() -> Groups:
    """Where this process may make groups; found out, and arranged, once."""
    if os.getpid() not in _found:
        _found.clear()
        _found[os.getpid()] = made = arrange()
        if made.base is not None:
            atexit.register(_leave, made.base)
    return _found[os.getpid()]


def arrange(root: Path = ROOT, own: Path = OWN) -> Groups:
    """Moves this process into a group below its own, and has the kernel count memory beside it.

    Nothing has changed where ``base`` is None.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return Groups(None, "this system has no control groups")
    named = [line[3:] for line in lines if line.startswith("0::")]
    if not named or any(":memory:" in line for line in lines):
        return Groups(None, "memory is not counted by control groups of version 2 here")
    base = root / named[0].lstrip("/")
    try:
        if "memory" not in (base / "cgroup.controllers").read_text().split():
            return Groups(None, "the group that this was started in counts no memory")
        if (base / "cgroup.procs").read_text().split() != [str(os.getpid())]:
            return Groups(None, "others are in the control group that this was started in")
        ours = base / _OURS
        ours.mkdir(exist_ok=True)
    except OSError as error:
        return Groups(None, f"the control group was not handed to this process: {error.strerror}")
    try:
        (ours / "cgroup.procs").write_text(str(os.getpid()))
        (base / "cgroup.subtree_control").write_text("+memory")
    except OSError as error:
        _leave(base)
        return Groups(None, f"the control group can't be divided: {error.strerror}")
    return Groups(base)


def _leave(base: Path) -> None:
    """Back to where it was, as far as that is still possible."""
    with suppress(OSError):
        (base / "cgroup.subtree_control").write_text("-memory")
    with suppress(OSError):
        (base / "cgroup.procs").write_text(str(os.getpid()))
    with suppress(OSError):
        (base / _OURS).rmdir()
