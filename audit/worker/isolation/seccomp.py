"""seccomp by ctypes: the system calls that scoring needs, with harmless arguments, and no other.

What is not in ``calls`` is denied, so that a call that a kernel gains tomorrow is denied too. Where
a call is needed and some of its arguments are a way out, the arguments are looked at here. Pointers
cannot be looked into: names of files are Landlock's affair.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from evenhand.audit.worker.isolation.calls import ALLOWED, FATAL, FIRST_NEW, JUDGED

# A thread, as the C libraries make one (glibc; musl adds a flag that means nothing).
_THREAD = (0x3D0F00, 0x7D0F00)
# F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC: no locks and leases on files that
# others use, no owner and signal (it would be another process), no larger pipes, no notices.
_FCNTL = (0, 1, 2, 3, 4, 1030)
# TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX: "is this a terminal?", not file flags.
_IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
# PR_SET_NAME, PR_GET_NAME, PR_CAPBSET_READ, PR_SET_VMA (a name for memory): not PR_SET_PDEATHSIG.
_PRCTL = (15, 16, 23, 0x53564D41)
_ARCH_PRCTL = tuple(range(0x1021, 0x1026))  # asking for the registers of AMX
# Advice on memory of its own: not to merge it with equal memory of others (which tells what they
# hold), to poison it, or to page out what others use too.
_MADVISE = (0, 1, 2, 3, 4, 8, 10, 11, 14, 15, 16, 17, 102, 103)
_HUGETLB = 0x40000  # pages that others have set aside
_SHARED = 0x21  # MAP_SHARED and MAP_ANONYMOUS: memory that no limit of a process counts
_ASYNC, _TMPFILE = 0o20000, 0o20000000
_SET_ID = 0o6000  # S_ISUID and S_ISGID
_PIPE = ~(0o2000000 | 0o4000) & 0xFFFFFFFF  # all but O_CLOEXEC and O_NONBLOCK

_LOAD, _EQ, _GE, _SET, _AND, _RET = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1), "arm64": (0xC00000B7, 1)}


@dataclass(frozen=True)
class _Jump:
    """One instruction: ``code``, operand ``k``, and how far to jump where true and where false."""

    code: int
    k: int
    true: int = 0
    false: int = 0


_YES, _NO = _Jump(_RET, _ALLOW), _Jump(_RET, _ERRNO | errno.EPERM)
_NO_SUCH_CALL, _END = _Jump(_RET, _ERRNO | errno.ENOSYS), _Jump(_RET, _KILL_PROCESS)


def supported() -> bool:
    """Whether there is a table of system calls for this machine."""
    return os.name == "posix" and platform.system() == "Linux" and _machine() in _ARCHITECTURES


def _machine() -> str:
    # A 32-bit Python on a 64-bit kernel makes calls of another table.
    return platform.machine() if struct.calcsize("P") == 8 else "32 bits"


def allowed_numbers(machine: str) -> dict[int, str]:
    """Number -> name of each call that a worker may make, with some arguments at least."""
    _, column = _ARCHITECTURES[machine]
    rows = ((row[column], name) for name, row in {**ALLOWED, **JUDGED}.items())
    return {number: name for number, name in rows if number is not None}


def program(pid: int, machine: str = "") -> list[_Jump]:
    """The filter for ``machine`` (this one unless named) and the process ``pid``."""
    arch, column = _ARCHITECTURES[machine or _machine()]
    # The entry of 32-bit programs has another table, and so has x32 above this bit.
    lines = [_Jump(_LOAD, _ARCH), _Jump(_EQ, arch, true=1), _END, _Jump(_LOAD, _NUMBER)]
    if column == 0:
        lines += [_Jump(_GE, 0x40000000, false=1), _END]
    for name, body in _judgements(pid).items():
        lines += _when(JUDGED[name][column], body)
    for table, answer in ((ALLOWED, _YES), (FATAL, _END)):
        for row in table.values():
            lines += _when(row[column], [answer])
    return [*lines, _Jump(_GE, FIRST_NEW, false=1), _NO_SUCH_CALL, _NO]


def _judgements(pid: int) -> dict[str, list[_Jump]]:
    """For each call of ``calls.JUDGED``: instructions that look at its arguments, and answer."""
    opening = {"open": 1, "openat": 2}  # where the flags are
    return {
        "mmap": [
            *_without(3, _HUGETLB),
            *(_argument(3), _Jump(_AND, _SHARED), _Jump(_EQ, _SHARED, false=1), _NO, _YES),
        ],
        "madvise": _one_of(2, _MADVISE),
        **{name: _opening(position) for name, position in opening.items()},
        # Another clone is another process.
        "clone": _one_of(0, _THREAD),
        "fcntl": [
            *(_argument(1), _Jump(_EQ, 4, false=4)),  # F_SETFL: without signals for what arrives
            *(*_without(2, _ASYNC), _YES),
            *_one_of(1, _FCNTL),
        ],
        "ioctl": _one_of(1, _IOCTL),
        "pipe2": [*_without(1, _PIPE), _YES],  # nor one for notices of the kernel
        "prctl": _one_of(0, _PRCTL),
        "arch_prctl": _one_of(0, _ARCH_PRCTL),
        "kill": _one_of(0, (pid,)),
        "tgkill": _one_of(0, (pid,)),
        # C libraries ask for each thread by its number, and do without where there is no such call.
        "sched_getaffinity": _one_of(0, (0, pid), otherwise=_NO_SUCH_CALL),
        # Its own limits may be read, not set: the pointer to new ones has to be null.
        "prlimit64": [
            *(_argument(2), _Jump(_EQ, 0, true=1), _NO),
            *(_argument(2, high=True), _Jump(_EQ, 0, true=1), _NO),
            *_one_of(0, (0, pid)),
        ],
    }


def _opening(position: int) -> list[_Jump]:
    """Opening a file, by flags: not for reading with O_TRUNC, which empties it and which old
    Landlocks take for reading; not without a name, where nobody sees what it takes; not with
    signals; and none is made that runs as its owner (the mode says nothing where none is made)."""
    return [
        *_without(position, _ASYNC | _TMPFILE),
        *(_argument(position), _Jump(_SET, os.O_CREAT, false=3)),
        *_without(position + 1, _SET_ID),
        *(_argument(position), _Jump(_AND, os.O_TRUNC | os.O_ACCMODE)),
        *(_Jump(_EQ, os.O_TRUNC | os.O_RDONLY, false=1), _NO, _YES),
    ]


def _one_of(position: int, values: Iterable[int], *, otherwise: _Jump = _NO) -> list[_Jump]:
    """Answers yes where the argument's low half is one of ``values``, and ``otherwise`` if not."""
    known = tuple(values)
    asked = [_Jump(_EQ, v, true=len(known) - i) for i, v in enumerate(known)]
    return [_argument(position), *asked, otherwise, _YES]


def _without(position: int, bits: int) -> list[_Jump]:
    """Answers no where the argument has one of these bits, and goes on otherwise."""
    return [_argument(position), _Jump(_SET, bits, false=1), _NO]


def _argument(position: int, *, high: bool = False) -> _Jump:
    """Loads one half of a system call's argument (little-endian machines)."""
    return _Jump(_LOAD, _ARGUMENTS + 8 * position + 4 * high)


def _when(number: int | None, body: list[_Jump]) -> list[_Jump]:
    """``body``, which answers on every path, where the call is ``number``."""
    return [] if number is None else [_Jump(_EQ, number, false=len(body)), *body]


class _Filter(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_uint16),
        ("jt", ctypes.c_uint8),
        ("jf", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    ]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Filter))]


def install() -> None:
    """Filters this thread and all it will start, for good. NO_NEW_PRIVS must be set.

    Raises OSError where the kernel refuses or the machine has no table.
    """
    if not supported():
        raise OSError(errno.ENOSYS, f"no table of system calls for {platform.machine()}")
    lines = program(os.getpid())
    array = (_Filter * len(lines))(*(_Filter(i.code, i.true, i.false, i.k) for i in lines))
    filtered = _Program(len(lines), array)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(22, 2, ctypes.byref(filtered), 0, 0) != 0:  # PR_SET_SECCOMP, MODE_FILTER
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")
