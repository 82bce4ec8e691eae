"""Ways out by names of files, by what is open already, and by limits: tried with allowed calls.

Most of these calls a worker may make with other names; which names is Landlock's affair, and a root
folder of its own has none of them. See ``probes`` for what a probe is.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
import socket
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from evenhand.audit.worker.isolation.probes_calls import heard

Told = Mapping[str, Any]


def _opened(place: str, flags: int = os.O_RDONLY) -> Callable[[Told], Any]:
    """Opens a file by name; nothing is read or written."""

    def probe(told: Told) -> bool:
        os.close(os.open(place.format(**told), flags | os.O_NOCTTY | os.O_NONBLOCK))
        return True

    return probe


def _listed(place: str) -> Callable[[Told], Any]:
    return lambda told: os.listdir(place.format(**told)) or "an empty folder"


def _by_descriptor_name(folder: str) -> Callable[[Told], Any]:
    """Opens the model to write, by the name that a descriptor for reading has."""

    def probe(told: Told) -> bool:
        handle = os.open(told["model"], os.O_RDONLY)
        try:
            os.close(os.open(f"{folder}/{handle}", os.O_RDWR))
        finally:
            os.close(handle)
        return True

    return probe


def _by_dots(told: Told) -> bool:
    """The secret by a path that goes up from the working folder."""
    return bool(Path(os.path.relpath(told["secret"], os.getcwd())).read_bytes())


def _appended(place: str) -> Callable[[Told], Any]:
    return lambda told: open(place, "ab").close()


def _put(folder: str) -> Callable[[Told], Any]:
    """Makes a file in a folder, and removes it."""

    def probe(told: Told) -> bool:
        place = Path(folder.format(**told)) / f"evenhand-probe-{os.getpid()}"
        os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        place.unlink()
        return True

    return probe


def _over_the_model(told: Told) -> bool:
    mine = Path(tempfile.mkdtemp()) / "mine"
    mine.write_text("x")
    os.replace(mine, told["model"])
    return True


def _exchange(told: Told) -> bool:
    """renameat2 with RENAME_EXCHANGE: a file of its own against one outside, and back."""
    mine = Path(tempfile.mkdtemp()) / "mine"
    mine.write_text("mine")
    names = (os.fsencode(mine), os.fsencode(told["secret"]))
    heard(316, 276, -100, names[0], -100, names[1], 2)
    if mine.read_bytes() == b"mine":
        return False
    heard(316, 276, -100, names[0], -100, names[1], 2)
    return True


def _set_user(told: Told) -> bool:
    """A program that runs as whoever owns it: made so, not changed to it."""
    place = Path(tempfile.mkdtemp()) / "program"
    os.close(os.open(place, os.O_WRONLY | os.O_CREAT, 0o6755))
    found = place.stat().st_mode
    place.unlink()
    return bool(found & (stat.S_ISUID | stat.S_ISGID))


def _wide(told: Told) -> bool:
    """A file of 1 TiB that takes no room: its size alone is over the limit."""
    with tempfile.TemporaryFile() as file:
        os.ftruncate(file.fileno(), 1 << 40)
        return os.fstat(file.fileno()).st_size == 1 << 40


def _many_files(told: Told) -> bool:
    """More files open at once than a worker may have."""
    kept = []
    try:
        for _ in range(1000):
            kept.append(os.open(told["model"], os.O_RDONLY))
    finally:
        for handle in kept:
            os.close(handle)
    return True


def _raised(name: str) -> Callable[[Told], Any]:
    """A limit set higher, by one unit where it has an end."""

    def probe(told: Told) -> bool:
        kind = getattr(resource, f"RLIMIT_{name}")
        soft, hard = resource.getrlimit(kind)
        if hard == resource.RLIM_INFINITY:
            return True
        resource.setrlimit(kind, (soft + 1, hard + 1))
        return True

    return probe


def _held(told: Told) -> bool:
    """Memory that can't be paged out."""
    mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x2000).close()
    return True


def _family(family: int, kind: int = socket.SOCK_DGRAM) -> Callable[[Told], Any]:
    """A socket of a family; that the kernel lacks it is as good a sign as one."""
    return lambda told: heard(41, 198, family, kind, 0)


def _old_fork(told: Told) -> bool:
    """fork itself, which C libraries make a clone of."""
    before = os.getpid()
    heard(57, None)
    if os.getpid() != before:
        os._exit(0)
    return True


_LIBRARY = Path(os.__file__)
# By names: Landlock alone stops them, or a root folder of its own.
BY_NAME: dict[str, Callable[[Told], Any]] = {
    "go out by its own root's name": _opened("/proc/self/root/etc/passwd"),
    "go out by its own folder's name": _opened("/proc/self/cwd/../../../../../../etc/passwd"),
    "go up from its folder": _by_dots,
    "go out by the parent's root": _opened("/proc/{parent}/root/etc/passwd"),
    "go out by what the parent has open": _listed("/proc/{parent}/fd"),
    "open the model to write by its descriptor": _by_descriptor_name("/proc/self/fd"),
    "open the model to write by its device name": _by_descriptor_name("/dev/fd"),
    "write its own memory by name": _opened("/proc/self/mem", os.O_RDWR),
    "write the parent's memory by name": _opened("/proc/{parent}/mem", os.O_RDWR),
    "read what it was started with": _opened("/proc/self/environ"),
    "read the kernel's symbols": _opened("/proc/kallsyms"),
    "read the kernel's settings": _opened("/proc/sys/kernel/hostname"),
    "write the kernel's settings": _opened("/proc/sys/kernel/core_pattern", os.O_WRONLY),
    "pull the kernel's levers": _opened("/proc/sysrq-trigger", os.O_WRONLY),
    "save the parent from the kernel's choice": _opened("/proc/{parent}/oom_score_adj", os.O_RDWR),
    "read who is connected": _opened("/proc/self/net/tcp"),
    "list network cards": _listed("/sys/class/net"),
    "read the machine's name": _opened("/etc/hostname"),
    "read names of machines": _opened("/etc/hosts"),
    "read passwords": _opened("/etc/shadow"),
    "list devices": _listed("/dev"),
    "open a terminal of its own": _opened("/dev/ptmx", os.O_RDWR),
    "open everybody's memory": _listed("/dev/shm"),  # noqa: S108
    "put a file into everybody's memory": _put("/dev/shm"),  # noqa: S108
    "put a file into the system's folder": _put("/var/tmp"),  # noqa: S108
    "put a file beside the model": _put("{outside}/.."),
    "list what runs": _listed("/run"),
    "list logs": _listed("/var"),
    "change an installed library": _appended(str(_LIBRARY)),
    "put a module beside the libraries": _put(str(_LIBRARY.parent)),
    "put a program into the path": _put("/usr/local/bin"),
    "put a file of its own in the model's place": _over_the_model,
    "exchange a file of its own for another": _exchange,
}
# By other means, which a filter and limits stop.
BY_OTHER_MEANS: dict[str, Callable[[Told], Any]] = {
    "make a program that runs as its owner": _set_user,
    "make a file of 1 TiB": _wide,
    "open a thousand files": _many_files,
    "raise the limit on open files": _raised("NOFILE"),
    "raise the limit on sizes of files": _raised("FSIZE"),
    "raise the limit on processor time": _raised("CPU"),
    "leave a memory dump": lambda told: bool(resource.getrlimit(resource.RLIMIT_CORE)[1]),
    "hold memory that can't be paged out": _held,
    "print to the parent's terminal": lambda told: any(map(os.isatty, (0, 1, 2))),
    "run a program by descriptor": lambda told: heard(322, 281, -1, b"", None, None, 0x1000),
    "start a process as old programs do": _old_fork,
    "leave its folder": lambda told: os.chdir("/"),
    "leave its folder by descriptor": lambda told: heard(81, 50, -1),
    "hasten itself": lambda told: heard(141, 140, 0, 0, -1),
    "run before all others": lambda told: heard(144, 119, 0, 1, ctypes.create_string_buffer(4)),
    # one character from nowhere: looked at, and never taken (of no length, it would be the name)
    "name the machine": lambda told: heard(170, 161, None, 1),
    "correct the clock": lambda told: heard(159, 171, ctypes.create_string_buffer(256)),
    "be woken by a signal": lambda told: heard(38, 103, 0, None, None),
    "send packets": _family(2),
    "send packets of the next kind": _family(10),
    "talk to the kernel by socket": _family(16, socket.SOCK_RAW),
    "read raw packets": _family(17, socket.SOCK_RAW),
    "use the kernel's ciphers": _family(38),
    "talk to the host of a virtual machine": _family(40),
}
