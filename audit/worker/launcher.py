"""The parent's side of the warmed process: started at the first model, ended with this process."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from evenhand.audit.errors import UnsafeModelError
from evenhand.audit.worker.line import receive, send
from evenhand.audit.worker.memory_group import groups

# What every worker needs to read rows and write answers.
_ALWAYS = (
    "numpy",
    "pandas",
    "pyarrow",
    "evenhand.audit.worker.serving",
    "evenhand.audit.worker.rows",
)
# The environment of whoever starts an audit holds secrets. These names hold none, and numbers
# depend on them (how many threads add up, which libraries are found).
_KEPT = (
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_MAX_THREADS"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TZ"),
)
_MOST_NAMES = 100  # of a folder, to guess what it is
_START = (
    "import sys, json\n"
    "sys.path[:] = json.loads(sys.argv[2])\n"
    "from evenhand.audit.worker.zygote import main\n"
    "main(int(sys.argv[1]))\n"
)


class Launcher:
    """One warmed process. Requests are answered one at a time; any thread may ask."""

    def __init__(self) -> None:
        if not hasattr(os, "fork"):
            raise UnsafeModelError(
                "{platform} cannot fork: a model cannot be isolated here at all",
                remedy="audit on Linux or macOS (WSL 2, a container), or audit stored predictions",
                platform=sys.platform,
            )
        self._lock = threading.Lock()
        groups()  # while this process is alone in its control group
        own, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        path = [p for p in sys.path if os.path.isabs(p)]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-B", "-c", _START, str(other.fileno()), json.dumps(path)],
                pass_fds=(other.fileno(),),
                env=_environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=None if os.environ.get("EVENHAND_WORKER_STDERR") else subprocess.DEVNULL,
            )
        finally:
            other.close()
        self._line = own
        self.pid = self._process.pid
        self._waiting = 0
        self.warm(_ALWAYS, wait=False)

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def warm(
        self,
        modules: Iterable[str] = (),
        *,
        model_format: str = "",
        beside: Iterable[str] = (),
        wait: bool = True,
    ) -> None:
        """Has it import ``modules``, what a format needs, and what formats want ``beside`` files of
        such names; without ``wait`` it does so while we go on."""
        request = {
            "do": "warm",
            "modules": list(modules),
            "format": model_format,
            "beside": list(beside),
        }
        if wait:
            self._ask(request)
            return
        with self._lock:
            self._write(request)
            self._waiting += 1

    def fork(self, task: Mapping[str, Any], channel: int, said: int) -> int:
        """A new worker that talks through ``channel`` and prints into ``said``; its pid."""
        return int(self._ask({"do": "fork", "task": dict(task)}, (channel, said))["pid"])

    def ended(self, pid: int) -> int | None:
        """How a worker ended (as ``os.waitpid`` says it); None while it runs."""
        status = self._ask({"do": "ended", "pid": pid})["status"]
        return None if status is None else int(status)

    def peak_memory(self) -> int:
        """The most that a worker held which has ended by now, its libraries included, in bytes."""
        return int(self._ask({"do": "peak"})["bytes"])

    def close(self) -> None:
        """Hangs up: it ends, and every worker with it."""
        self._line.close()
        try:
            # In the middle of imports it would not notice for seconds; its workers die with it.
            self._process.wait(timeout=0 if self._waiting else 2)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def _ask(self, request: Mapping[str, Any], handles: tuple[int, ...] = ()) -> dict[str, Any]:
        with self._lock:
            while self._waiting:
                self._read()
                self._waiting -= 1
            self._write(request, handles)
            return self._read()

    def _write(self, request: Mapping[str, Any], handles: tuple[int, ...] = ()) -> None:
        try:
            send(self._line, request, handles)
        except OSError:
            raise self._lost() from None

    def _read(self) -> dict[str, Any]:
        try:
            answer, _ = receive(self._line)
        except OSError:
            answer = None
        if answer is None:
            raise self._lost()
        return answer

    def _lost(self) -> UnsafeModelError:
        code = self._process.poll()
        return UnsafeModelError(
            "the process that opens models could not be started, or ended (status {code})",
            remedy="run `evenhand doctor`; EVENHAND_WORKER_STDERR=1 shows what it says",
            code=code,
        )


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, **_SET}


_SET = {
    "LANG": "C.UTF-8",
    "PATH": os.defpath,
    "HOME": "/nonexistent",
    # A driver for an accelerator is a large way out of a sandbox: models are opened without one.
    "CUDA_VISIBLE_DEVICES": "",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    # Every thread would set address space aside for itself, which counts as memory here.
    "MALLOC_ARENA_MAX": "2",
}

_launchers: dict[int, Launcher] = {}


def launcher() -> Launcher:
    """The warmed process of this process, started where there is none."""
    found = _launchers.get(os.getpid())
    if found is None or not found.is_alive:
        _launchers.clear()  # those of a parent that we were forked from are not ours to end
        found = _launchers[os.getpid()] = Launcher()
    return found


def prepare(*names: str, modules: Iterable[str] = ()) -> None:
    """Starts the warmed process in the background, before a model is opened: it imports ``modules``
    and what models in files of such ``names`` usually need."""
    launcher().warm(modules, beside=names, wait=False)


def names_at(model: str | Path) -> tuple[str, ...]:
    """The names at a model's place, which tell what it may be; nothing of it is read."""
    path = Path(model)
    with suppress(OSError):
        if path.is_dir():
            return tuple(sorted(os.listdir(path))[:_MOST_NAMES])
    return (path.name,)


@atexit.register
def close() -> None:
    """Ends the warmed process of this process, if there is one."""
    found = _launchers.pop(os.getpid(), None)
    if found is not None:
        found.close()
