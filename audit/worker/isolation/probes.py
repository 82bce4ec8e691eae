"""Ways out, tried: what ``evenhand doctor`` and the tests run inside a locked worker.

Each probe attempts one thing that a hostile model would, and says whether it got through. None does
harm where it does: what it writes, it removes.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from evenhand.audit.worker.isolation.probes_calls import (
    BY_DESCRIPTOR,
    ENDED,
    KERNEL,
    OTHER_PROCESSES,
    heard,
)
from evenhand.audit.worker.isolation.probes_names import BY_NAME, BY_OTHER_MEANS


def run_probes(told: Mapping[str, Any], names: Iterable[str]) -> list[list[Any]]:
    """[name, whether it got through, what happened], for each. ``told``: parent (pid), secret (a
    file of the parent's), outside (a folder of the parent's), model (the copy)."""
    found = []
    for name in names:
        try:
            got = PROBES[name](told)
            found.append([name, got is not False, "" if got in (False, None) else str(got)[:100]])
        except (Exception, SystemExit) as error:
            found.append([name, False, f"{type(error).__name__}: {error}"[:200]])
    return found


def _write(place: Path) -> bool:
    place.write_text("x")
    place.unlink()
    return True


def _fork(told: Mapping[str, Any]) -> bool:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return True


def _run(told: Mapping[str, Any]) -> bool:
    return subprocess.run(["/bin/true"], check=False).returncode == 0


def _replace(told: Mapping[str, Any]) -> bool:
    try:  # of a program that is not there: it is refused before that is found out, or not at all
        os.execv("/nonexistent", ["/nonexistent"])  # noqa: S606
    except FileNotFoundError:
        return True


def _connect(told: Mapping[str, Any]) -> bool:
    with socket.socket() as made:
        made.settimeout(1)
        with suppress(ConnectionRefusedError):
            made.connect(("127.0.0.1", 9))
    return True


def _pair(told: Mapping[str, Any]) -> bool:
    for made in socket.socketpair():
        made.close()
    return True


def _bind_unix(told: Mapping[str, Any]) -> bool:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("\0evenhand-probe")
    return True


def _link_out(told: Mapping[str, Any]) -> bool:
    link = Path(tempfile.mkdtemp()) / "link"
    link.symlink_to(told["secret"])
    return bool(link.read_text())


def _hard_link(told: Mapping[str, Any]) -> bool:
    link = Path(tempfile.mkdtemp()) / "link"
    os.link(told["secret"], link)
    return bool(link.read_text())


def _take(told: Mapping[str, Any]) -> bool:
    mmap.mmap(-1, 1 << 40, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    return True


def _environment(told: Mapping[str, Any]) -> bool:
    return any("SECRET" in name for name in os.environ)


def _inherited(told: Mapping[str, Any]) -> Any:
    """Descriptors besides 0 to 3 that somebody else opened."""
    inherited = []
    for handle in range(4, 256):
        with suppress(OSError):
            os.fstat(handle)
            inherited.append(handle)
    return inherited or False


def _more_memory(told: Mapping[str, Any]) -> bool:
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY:
        return True
    resource.setrlimit(resource.RLIMIT_AS, (soft + (1 << 30), soft + (1 << 30)))
    return True


def _endless(told: Mapping[str, Any]) -> bool:
    import resource

    return resource.getrlimit(resource.RLIMIT_CPU)[1] == resource.RLIM_INFINITY


def _far(told: Mapping[str, Any]) -> bool:
    """One byte, far out: a file with a hole takes no room where nothing stops it."""
    with tempfile.TemporaryFile() as file:
        return os.pwrite(file.fileno(), b"x", 1 << 30) == 1


def _move_in(told: Mapping[str, Any]) -> bool:
    inside = Path(tempfile.mkdtemp()) / "moved"
    os.rename(told["movable"], inside)
    return inside.exists()


def _truncate(told: Mapping[str, Any]) -> bool:
    os.close(os.open(told["secret"], os.O_RDONLY | os.O_TRUNC))
    return True


def _listing(place: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda told: os.listdir(place) or "an empty folder"


def _signal(told: Mapping[str, Any]) -> bool:
    os.kill(int(told["parent"]), 0)
    return True


def _read(place: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda told: Path(place.format(**told)).read_bytes()[:20] or True


PROBES: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "read what the parent has open": _inherited,
    "read /etc/passwd": _read("/etc/passwd"),
    "list /": _listing("/"),
    "list the user's home": lambda told: os.listdir(told["home"]) or "an empty folder",
    "read a file beside the model": _read("{secret}"),
    "read the parent's environment": _read("/proc/{parent}/environ"),
    "read the parent's memory map": _read("/proc/{parent}/maps"),
    "list other processes": lambda told: [p for p in os.listdir("/proc") if p.isdigit()] or False,
    "write outside the scratch folder": lambda told: _write(Path(told["outside"]) / "probe"),
    "change the model": lambda told: open(told["model"], "ab").close(),
    "remove a file outside": lambda told: os.unlink(told["removable"]),
    "make a folder outside": lambda told: os.mkdir(Path(told["outside"]) / "made"),
    "move a file into the scratch folder": _move_in,
    "empty a file by opening it": _truncate,
    "empty a file by name": lambda told: os.truncate(told["secret"], 0),
    "change a file's rights": lambda told: os.chmod(told["secret"], 0o600),
    "change a file's times": lambda told: os.utime(told["secret"], (0, 0)),
    "follow a symbolic link out": _link_out,
    "make a hard link to a file outside": _hard_link,
    "make a device": lambda told: os.mkfifo(Path(tempfile.mkdtemp()) / "pipe"),
    "open a connection": _connect,
    "make a pair of sockets": _pair,
    "bind an abstract socket": _bind_unix,
    "start a process": _fork,
    "run a program": _run,
    "become a program": _replace,
    "run a shell": lambda told: os.system("true") == 0,  # noqa: S605
    "signal the parent": _signal,
    "signal every process": lambda told: os.kill(-1, 0),
    "get a handle on the parent": lambda told: heard(434, 434, int(told["parent"]), 0),
    "read the environment": _environment,
    "take 1 TiB": _take,
    "raise its own limits": _more_memory,
    "set up io_uring": lambda told: heard(425, 425, 4, ctypes.create_string_buffer(120)),
    "count performance events": lambda told: heard(
        298, 241, ctypes.create_string_buffer(128), 0, -1, -1, 0
    ),
    "share memory with others": lambda told: heard(29, 194, 0, 4096, 0o1600),
    "see that a file of a closed folder exists": lambda told: os.stat(told["secret"]),
    "see that a program is installed": lambda told: os.stat("/bin/sh"),
    "see a process by its number": lambda told: os.stat(f"/proc/{told['parent']}"),
    "see which program the parent is": lambda told: os.readlink(f"/proc/{told['parent']}/exe"),
    "list the control groups": _listing("/sys/fs/cgroup"),
    "read the mounts": _read("/proc/self/mountinfo"),
    "use the processor without end": _endless,
    "write a file past the size of its scratch folder": _far,
    **BY_DESCRIPTOR,
    **OTHER_PROCESSES,
    **KERNEL,
    **BY_NAME,
    **BY_OTHER_MEANS,
    # after the others, which would be tried as that one
    "become another user": lambda told: os.setuid(12345),
    **ENDED,
}
