"""A root folder of its own, by namespaces: names outside are not there, and what is there can't be
written but for a scratch folder of limited size.

Landlock and seccomp hold without it: it needs namespaces of users, which some systems keep from
ordinary users, and containers from everybody. See user_namespaces(7) and mount_namespaces(7).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_NEWNS, _NEWUSER = 0x20000, 0x10000000
_NEW_OTHERS = (0x40000000, 0x08000000, 0x04000000, 0x02000000)  # network, IPC, names, cgroups
_NOSUID, _NODEV, _NOEXEC, _BIND, _REC, _PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_DETACH = 2
_MOUNT_SETATTR = 442
_READ_ONLY, _ATTR_NODEV = 1 | 2, 4  # and no set-uid programs
_PIVOT_ROOT = {"x86_64": 155}.get(platform.machine(), 41)
_DEVICES = ("/dev/null", "/dev/urandom", "/dev/random")
MAX_FILES = 10_000  # in the scratch folder


class _Attributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]


def enter(readable: Iterable[Path], scratch: Path, *, size: int) -> None:
    """Moves this process, which has one thread, to a root folder that holds ``readable`` (read
    alone) and an empty ``scratch`` (at most ``size`` bytes in memory) under the names they have.

    Raises OSError where the system does not allow it; nothing that matters has changed then.
    """
    named = [p for p in readable if os.path.exists(p)]
    # A name that leads through a link, and the place itself: libraries ask for both.
    places = _outermost([*named, *(Path(os.path.realpath(p)) for p in named)])
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    with suppress(OSError):
        os.setgroups([])  # root alone may, and not once it is in a namespace of its own
    try:
        _checked(libc.unshare(_NEWUSER | _NEWNS))
    except OSError:
        if libc.unshare(_NEWNS) < 0:  # root needs no namespace of users
            number = ctypes.get_errno()
            # The kernel says "no space left" where an administrator allows none.
            said = "no namespaces are left" if number == errno.ENOSPC else os.strerror(number)
            raise OSError(number, said) from None
    else:
        _map(user, group)
    for each in _NEW_OTHERS:
        libc.unshare(each)  # seccomp denies what they would keep apart, where they can't be had
    _mount(libc, None, Path("/"), None, _REC | _PRIVATE)
    _mount(libc, "tmpfs", scratch, "tmpfs", _NOSUID | _NODEV | _NOEXEC, "size=1m,mode=0755")
    try:
        _furnish(libc, scratch, places)
        inside = _below(scratch, scratch)
        inside.mkdir(parents=True, exist_ok=True)
        _set(libc, scratch, _READ_ONLY)
        options = f"size={size},nr_inodes={MAX_FILES},mode=0700"
        _mount(libc, "tmpfs", inside, "tmpfs", _NOSUID | _NODEV | _NOEXEC, options)
        os.chdir(scratch)
        _checked(libc.syscall(_PIVOT_ROOT, b".", b"."))
    except OSError:
        libc.umount2(os.fsencode(scratch), _DETACH)
        os.chdir(scratch)
        raise
    _checked(libc.umount2(b".", _DETACH))  # the old root, which lies on the new one
    os.chdir(scratch)


def _outermost(places: Iterable[Path]) -> list[Path]:
    """Each once, without those that lie in another one."""
    found: list[Path] = []
    for place in sorted(set(places), key=lambda p: len(p.parts)):
        if not any(place.is_relative_to(other) for other in found):
            found.append(place)
    return found


def _furnish(libc: ctypes.CDLL, root: Path, places: Iterable[Path]) -> None:
    """Binds each place below ``root`` under its own name, to be read alone."""
    for place in places:
        target = _below(root, place)
        if os.path.isdir(place):
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        _mount(libc, os.fspath(place), target, None, _BIND | _REC)
        # Devices stay devices where they are asked for, and nowhere else.
        _set(libc, target, _READ_ONLY | (0 if str(place) in _DEVICES else _ATTR_NODEV))


def _below(root: Path, place: Path) -> Path:
    return root / place.relative_to("/")


def _set(libc: ctypes.CDLL, place: Path, attributes: int) -> None:
    """mount_setattr(2) of a mount and all below it."""
    asked = _Attributes(set=attributes)
    recursive, here = ctypes.c_uint(0x8000), ctypes.c_long(-100)
    _checked(
        libc.syscall(
            _MOUNT_SETATTR,
            here,
            os.fsencode(place),
            recursive,
            ctypes.byref(asked),
            ctypes.c_size_t(ctypes.sizeof(asked)),
        )
    )


def _map(user: int, group: int) -> None:
    """This user and group alone are known in the new namespace, by the numbers that they have."""
    with suppress(FileNotFoundError):
        Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _mount(
    libc: ctypes.CDLL,
    source: str | None,
    target: Path,
    kind: str | None,
    flags: int,
    data: str = "",
) -> None:
    _checked(
        libc.mount(
            source.encode() if source else None,
            os.fsencode(target),
            kind.encode() if kind else None,
            ctypes.c_ulong(flags),
            data.encode() if data else None,
        )
    )


def _checked(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
