"""Locks the process that is about to open a model: as far as this machine can, and says how far."""

from __future__ import annotations

import ctypes
import os
import signal
import site
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from evenhand.audit.worker.isolation import landlock, own_root, seccomp
from evenhand.audit.worker.isolation.levels import GIB, OWN_ROOT, Isolation, IsolationLevel

MAX_SCRATCH = GIB  # what it may write into its scratch folder, in all
MAX_OPEN_FILES = 256
# Processor time of a worker: far more than an audit's questions take, which have limits of time of
# their own, and an end for one that works on when nobody asks.
MAX_CPU_SECONDS = 24 * 3600
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
_SYSTEM = (
    *("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib", "/usr/share/zoneinfo"),
    *("/etc/ld.so.cache", "/etc/localtime", "/dev/null", "/dev/urandom", "/dev/random"),
    *("/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu"),
    # How many processors a container may use, for those who count them; nothing else of groups.
    *("/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us",
)


def leave_family(parent: int) -> None:
    """A session of its own, which dies with ``parent``; so nothing it is sent reaches others."""
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)


def lock(scratch: Path, model: Path, *, memory: int, at_most: IsolationLevel) -> Isolation:
    """Locks this process, which has one thread, and moves it into ``scratch``.

    ``memory`` (bytes) is what it may take from now on. Works as root and as an ordinary user. What
    can't be had is named in the result, never skipped in silence.
    """
    os.umask(0o077)
    os.chdir(scratch)
    for name in ("HOME", "TMPDIR", "MPLCONFIGDIR", "XDG_CACHE_HOME", "TORCH_HOME", "HF_HOME"):
        os.environ[name] = str(scratch)
    tempfile.tempdir = str(scratch)
    means, lacking = _limits(memory)
    if at_most < IsolationLevel.L2:
        return Isolation(
            IsolationLevel.L1, tuple(means), (*lacking, f"no more than {at_most.name} asked")
        )
    if sys.platform != "linux":
        return Isolation(
            IsolationLevel.L1, tuple(means), (*lacking, f"{sys.platform} has no seccomp")
        )
    if (threads := len(os.listdir("/proc/self/task"))) > 1:  # a lock holds for one thread alone
        return Isolation(
            IsolationLevel.L1, tuple(means), (*lacking, f"{threads} threads ran before it")
        )
    own = False
    if at_most >= IsolationLevel.L3:  # first, since it takes rights to get there
        try:
            own_root.enter([*readable(), model], scratch, size=MAX_SCRATCH)
            own = True
        except OSError as error:
            lacking.append(f"no root folder of its own: {error.strerror}")
    lacking += _give_up_rights()
    version = 0
    if at_most >= IsolationLevel.L3:
        try:
            version = landlock.restrict([*readable(), model], [scratch])
            means.insert(0, f"Landlock version {version}")
            means += [OWN_ROOT] if own else []
        except OSError as error:
            lacking.append(f"no Landlock: {error.strerror}")
    else:
        lacking.append(f"no more than {at_most.name} asked")
    try:
        seccomp.install()
        means.insert(1 if version else 0, "seccomp")
    except OSError as error:
        lacking.append(f"no seccomp: {error.strerror}")
        return Isolation(IsolationLevel.L1, tuple(means), tuple(lacking))
    return Isolation(
        IsolationLevel.L3 if version else IsolationLevel.L2, tuple(means), tuple(lacking)
    )


def readable() -> Iterator[Path]:
    """What libraries are read from: system folders, this Python's, and packages that are loaded.

    A folder of ``sys.path`` that holds no libraries alone (the one that a command was started in)
    isn't among them: there are people's data.
    """
    yield from map(Path, _SYSTEM)
    for name in ("stdlib", "platstdlib", "purelib", "platlib"):
        yield Path(sysconfig.get_path(name))
    yield from (Path(p) / "lib" for p in {sys.prefix, sys.base_prefix, sys.exec_prefix})
    for entry in (*sys.path, *site.getsitepackages()):
        if Path(entry).name in ("site-packages", "dist-packages"):
            yield Path(entry)
    for name, module in list(sys.modules.items()):
        for place in map(Path, getattr(module, "__path__", None) or () if "." not in name else ()):
            yield place
            if name == "evenhand":  # where it is worked on, its folders are links
                yield from (p.resolve() for p in place.iterdir() if p.is_symlink())


def _limits(memory: int) -> tuple[list[str], list[str]]:
    try:
        import resource
    except ImportError:
        return [], ["this system has no limits for processes"]
    lacking = []
    wanted = {
        "CORE": 0,
        "CPU": MAX_CPU_SECONDS * (os.cpu_count() or 1),
        "FSIZE": MAX_SCRATCH,
        "NOFILE": MAX_OPEN_FILES,
        "MEMLOCK": 0,
        # Linux has no limit on resident memory. What a process can fill, its data, has one; it
        # leaves out memory that is shared, which the filter denies, and files, which the scratch
        # folder limits. Of address space the libraries have mapped far more than they use.
        "DATA": (_pages(os.getpid(), 5) or 64 * GIB) + memory,
        "AS": _address_space() + memory,
    }
    for name, limit in wanted.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is None:
            continue
        _, hard = resource.getrlimit(kind)
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        try:
            resource.setrlimit(kind, (limit, limit))
        except (ValueError, OSError) as error:
            lacking.append(f"no limit on {name}: {error}")
    return ["limits"], lacking


def resident_memory(pid: int) -> int:
    """Bytes that a process holds in memory, 0 where the system does not tell."""
    return _pages(pid, 1) or 0


def _address_space() -> int:
    return _pages(os.getpid(), 0) or 64 * GIB  # not Linux: the parent watches the memory


def _pages(pid: int, position: int) -> int | None:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[position])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def _give_up_rights() -> list[str]:
    """No rights by set-uid programs, no core or ptrace by others, and root without its powers."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    lacking = []
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        lacking.append("NO_NEW_PRIVS cannot be set")
    with suppress(OSError):
        os.setgroups([])  # root alone may
    for capability in range(64):
        if libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    if libc.capset(header, (ctypes.c_uint32 * 6)()) != 0 and os.geteuid() == 0:
        lacking.append("the powers of root cannot be given up")
    return lacking
