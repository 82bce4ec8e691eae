"""Ways out by system calls, tried with arguments that do no harm where the kernel takes them.

Most ask for what is already so, or for what can't be: "no such file system" is as good a sign as
success that a call was heard. Not heard is what is answered "not permitted" or "no such call".
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import platform
from collections.abc import Callable, Mapping
from typing import Any

Told = Mapping[str, Any]
_DENIED = (errno.EPERM, errno.ENOSYS, errno.EACCES)
_EMPTY_PATH = 0x1000
_HERE = -100  # AT_FDCWD


def heard(x86: int | None, arm: int | None, *arguments: Any) -> bool:
    """Whether the kernel took a call for one to be looked at; raises OSError where it did not."""
    number = x86 if platform.machine() == "x86_64" else arm
    if number is None:
        raise OSError(errno.ENOSYS, "no such call on this machine")
    libc = ctypes.CDLL(None, use_errno=True)
    given = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    if libc.syscall(ctypes.c_long(number), *given) < 0 and ctypes.get_errno() in _DENIED:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return True


def _call(x86: int | None, arm: int | None, *arguments: Any) -> Callable[[Told], Any]:
    return lambda told: heard(x86, arm, *arguments)


def _on_model(x86: int | None, arm: int | None, *rest: Any) -> Callable[[Told], Any]:
    """The call with a descriptor of the model, opened for reading, and then ``rest``."""

    def probe(told: Told) -> bool:
        handle = os.open(told["model"], os.O_RDONLY)
        try:
            return heard(x86, arm, handle, *rest)
        finally:
            os.close(handle)

    return probe


def _on_parent(x86: int, arm: int, *arguments: Any) -> Callable[[Told], Any]:
    """The call with the parent's pid where ``arguments`` say "parent"."""
    return lambda told: heard(
        x86, arm, *(int(told["parent"]) if a == "parent" else a for a in arguments)
    )


def _affinity(told: Told) -> bool:
    mask = ctypes.create_string_buffer(128)
    heard(204, 123, int(told["parent"]), 128, mask)
    return heard(203, 122, int(told["parent"]), 128, mask)


def _slow(told: Told) -> bool:
    """Sets the priority that the parent has already."""
    parent, now = int(told["parent"]), ctypes.CDLL(None).getpriority(0, int(told["parent"]))
    return heard(141, 140, 0, parent, now)


def _merge(told: Told) -> bool:
    page = ctypes.create_string_buffer(8 * mmap.PAGESIZE)
    start = (ctypes.addressof(page) // mmap.PAGESIZE + 1) * mmap.PAGESIZE
    return heard(28, 233, start, mmap.PAGESIZE, 12)


def _more_pipe(told: Told) -> bool:
    one, other = os.pipe()
    try:
        return heard(72, 25, one, 1031, 1 << 20)
    finally:
        os.close(one)
        os.close(other)


def _machine_code(*code: int) -> Callable[[Told], Any]:
    """Runs bytes as a function: the entries of the kernel that a C library never takes."""

    def probe(told: Told) -> bool:
        if platform.machine() != "x86_64":
            raise OSError(errno.ENOSYS, "no such entry on this machine")
        rights = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
        own = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        page = mmap.mmap(-1, mmap.PAGESIZE, flags=own, prot=rights)
        page.write(bytes(code))
        start = ctypes.addressof(ctypes.c_char.from_buffer(page))
        return bool(ctypes.CFUNCTYPE(ctypes.c_int)(start)() > 0)

    return probe


_TIMES = (ctypes.c_long * 4)(0, 0x3FFFFFFE, 0, 0x3FFFFFFE)  # UTIME_OMIT twice: nothing changes
_ROOM = ctypes.create_string_buffer(4096)
_LINK = (ctypes.c_long * 2)(0, 0)

# name -> the attempt. By descriptor first: what Landlock and a filter of names don't see.
BY_DESCRIPTOR: dict[str, Callable[[Told], Any]] = {
    "change rights by descriptor": _on_model(91, 52, 0o600),
    "change the owner by descriptor": _on_model(93, 55, -1, -1),
    "set an attribute by descriptor": _on_model(190, 7, b"user.evenhand", b"x", 1, 0),
    "remove an attribute by descriptor": _on_model(199, 16, b"user.evenhand"),
    "read attributes by descriptor": _on_model(196, 13, None, 0),
    "change times by descriptor": _on_model(280, 88, None, _TIMES, 0),
    "change times by descriptor and empty name": _on_model(280, 88, b"", _TIMES, _EMPTY_PATH),
    "change rights by descriptor and empty name": _on_model(452, 452, b"", 0o600, _EMPTY_PATH),
    "change the owner by descriptor and empty name": _on_model(260, 54, b"", -1, -1, _EMPTY_PATH),
    "set an attribute by descriptor and empty name": _on_model(463, 463, b"", _EMPTY_PATH, None, 0),
    "change file attributes by empty name": _on_model(469, 469, b"", None, 0, _EMPTY_PATH),
    "change flags of a file by ioctl": _on_model(16, 29, 0x40086602, None),
    "read flags of a file by ioctl": _on_model(16, 29, 0x80086601, _ROOM),
    "lock a file that others use": _on_model(73, 32, 1 | 4),
    "lock a part of a file": _on_model(72, 25, 6, _ROOM),
    "lease a file": _on_model(72, 25, 1024, 0),
    "be told of changes in a folder": _on_model(72, 25, 1026, 0),
    "set whom a file signals": _on_model(72, 25, 8, 0),
    "set whom a file signals, by group": _on_model(72, 25, 15, _LINK),
    "set the signal of a file": _on_model(72, 25, 10, 0),
    "hint how long a file lives": _on_model(72, 25, 1036, _LINK),
    "ask for signals of a file": _on_model(72, 25, 4, 0o20000),
    "give a file another name by descriptor": _on_model(265, 37, b"", _HERE, b"n", _EMPTY_PATH),
    "ask for a file's handle": _on_model(303, 264, b"", _ROOM, _ROOM, _EMPTY_PATH),
    "see how full a disk is": _on_model(138, 44, _ROOM),
    "write a disk out": _on_model(306, 267),
}
OTHER_PROCESSES: dict[str, Callable[[Told], Any]] = {
    "slow the parent": _slow,
    "read the parent's priority": _on_parent(140, 141, 0, "parent"),
    "pin the parent to a processor": _affinity,
    "see the parent's processors": _on_parent(204, 123, "parent", 128, _ROOM),
    "schedule the parent": _on_parent(144, 119, "parent", 0, None),
    "schedule the parent, the newer way": _on_parent(314, 274, "parent", None, 0),
    "see how the parent is scheduled": _on_parent(145, 120, "parent"),
    "slow the parent's disk": _on_parent(251, 30, 1, "parent", 7 << 13),
    "read the parent's limits": _on_parent(302, 261, "parent", 7, None, _ROOM),
    "find the parent's group": _on_parent(121, 155, "parent"),
    "find the parent's session": _on_parent(124, 156, "parent"),
    "signal a thread of the parent": _on_parent(234, 131, "parent", "parent", 0),
    "signal a thread by number": _on_parent(200, 130, "parent", 0),
    "queue a signal for the parent": _on_parent(129, 138, "parent", 0, _ROOM),
    "signal its own group": _call(62, 129, 0, 0),
    "move the parent's memory": _on_parent(256, 238, "parent", 0, None, None),
    "compare itself with the parent": _on_parent(312, 272, "parent", "parent", 0, 0, 0),
    "advise the parent's memory": _call(440, 440, -1, None, 0, 0, 0),
    "find the parent's locks": _on_parent(274, 100, "parent", _ROOM, _ROOM),
    "outlive its parent": _call(157, 167, 1, 0, 0, 0, 0),
    "be traced by anybody": _call(157, 167, 0x59616D61, -1, 0, 0, 0),
    "show its memory to others": _call(157, 167, 4, 1, 0, 0, 0),
    "adopt orphans": _call(157, 167, 36, 0, 0, 0, 0),
    "wait for other processes": _call(61, 260, -1, None, 1, None),
    "ask who is at the other end": _call(55, 209, 3, 1, 17, _ROOM, _LINK),
    "send a descriptor": _call(46, 211, 3, None, 0),
    "start a process that shares memory": _call(56, 220, 0x4800, None, None, None, None),
    "start a thread in other namespaces": _call(56, 220, 0x7D0F00 | 0x20000, None, None),
    "start a process the newest way": _call(435, 435, _ROOM, 1),
}
KERNEL: dict[str, Callable[[Told], Any]] = {
    "watch a folder": _call(294, 26, 0),
    "watch a file system": _call(300, 262, 0, 0),
    "make a file in memory": _call(319, 279, b"evenhand", 1),
    "make a secret file in memory": _call(447, 447, 0),
    "merge memory with equal memory of others": _merge,
    "take huge pages": _call(9, 222, 0, 2 << 20, 3, 0x40022, -1, 0),
    "take memory that nobody counts": _call(9, 222, 0, 4096, 3, 0x21, -1, 0),
    "lock memory": _call(149, 228, 0, 0),
    "make a pipe larger": _more_pipe,
    "make a pipe for the kernel's notices": _call(293, 59, _LINK, 0o200),
    "open a file without a name": lambda told: heard(
        257, 56, _HERE, told["outside"].encode(), 0o20200002, 0o600
    ),
    "open a file the newest way": _call(437, 437, _HERE, b".", _ROOM, 24),
    "move pages between pipes": _call(278, 75, -1, None, 0, 0),
    "splice files": _call(275, 76, -1, None, -1, None, 0, 0),
    "interrupt every processor": _call(324, 283, 0, 0, 0),
    "change its personality": _call(135, 92, 0xFFFFFFFF),
    "read the kernel's messages": _call(103, 116, 10, None, 0),
    "read quotas": _call(179, 60, 0x800004 << 8, None, 0, None),
    "set the clock": _call(227, 112, 0, None),
    "write all disks out": _call(306, 267, -1),
    "make a queue of messages": _call(240, 180, None, 0, 0, None),
    "make a set of semaphores": _call(64, 190, 0, -1, 0),
    "make a timer that signals": _call(222, 107, 1, None, _ROOM),
    "list mounts": _call(458, 458, None, None, 0, 0),
    "read about mounts": _call(457, 457, None, None, 0, 0),
    "see what others cache": _call(451, 451, -1, None, None, 0),
    "see what others read": _call(27, 232, 0, 0, None),
    "make keys of memory": _call(330, 289, 0, 0),
    "set memory policies": _call(238, 237, 0, None, 0),
    "filter its own calls": _call(317, 277, 1, 0, None),
    "restrict itself": _call(444, 444, None, 0, 0),
    "set up asynchronous reading": _call(206, 0, 0, _ROOM),
    "type into the terminal": _call(16, 29, 0, 0x5412, _ROOM),
    "set its own namespaces by clone": _call(56, 220, 0x10000200, None, None),
}
# Each of these ends the worker; so each is tried in a worker of its own. Where a kernel would take
# the call, the arguments are such that it can do nothing.
ENDED: dict[str, Callable[[Told], Any]] = {
    "trace the parent": _on_parent(101, 117, 0x4206, "parent", 0, -1),
    "read the parent's memory": _on_parent(310, 270, "parent", None, 0, None, 0, 0),
    "write the parent's memory": _on_parent(311, 271, "parent", None, 0, None, 0, 0),
    "take a descriptor of another": _call(438, 438, -1, -1, 0),
    "mount a file system": _call(165, 40, None, None, None, 0, None),
    "mount by descriptor": _call(430, 430, b"evenhand-none", 0),
    "leave its namespaces": _call(272, 97, 0x1),
    "enter other namespaces": _call(308, 268, -1, 0),
    "change the root folder": _call(161, 51, None),
    "open a file by handle": _call(304, 265, -1, None, 0),
    "load a BPF program": _call(321, 280, 5, None, 0),
    "handle page faults": _call(323, 282, -1),
    "load a part of the kernel": _call(313, 273, -1, None, 0),
    "read the keyring": _call(250, 219, -1, 0, 0),
    "call as a program of 32 bits": _machine_code(0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3),
    "call as a program of x32": _machine_code(0xB8, 39, 0, 0, 0x40, 0x0F, 0x05, 0xC3),
}
