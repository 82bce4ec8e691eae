"""The warmed process: it imports libraries once and forks a worker for each model.

Started with nothing of the parent's: no environment but a few harmless names, no descriptor but its
line to the parent. It opens no model itself and never runs what forks of it run.
"""

from __future__ import annotations

import gc
import importlib
import os
import resource
import signal
import socket
import sys
import time
import warnings
from contextlib import suppress
from fnmatch import fnmatch
from importlib.metadata import entry_points
from typing import Any

from evenhand.audit.worker.guard import make_guard
from evenhand.audit.worker.line import receive, send

_UNIT = 1 if sys.platform == "darwin" else 1024  # of a process' peak memory


def main(descriptor: int) -> None:
    """Answers the parent until it hangs up, then ends every worker and itself."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL)
    line = socket.socket(fileno=descriptor)
    own = _Zygote()
    try:
        while True:
            request, handles = receive(line)
            if request is None:
                return
            send(line, own.answer(request, handles, line))
    except (BrokenPipeError, ConnectionResetError):
        return
    finally:
        own.end_all()


def _count_processors() -> None:
    """scikit-learn asks another program (lscpu) once and keeps the answer; a worker can't ask."""
    with suppress(ImportError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

        _openmp_effective_n_threads()


def modules_of(model_format: str, beside: list[str]) -> list[str]:
    """What the format of that NAME imports, and what it wants beside files of such names; what any
    format wants where there is no NAME.

    A name is a guess at what will be needed: the format itself is decided by content, in a worker.
    """
    # Formats and networks of other packages: a worker finds only what is loaded by then.
    from evenhand.audit.models.catalogue import format_named, formats

    known = list(formats())
    names = sorted({e.value.split(".")[0] for e in entry_points(group="evenhand.architectures")})
    if model_format:
        known = [format_named(model_format)]
        names += getattr(known[0], "PRELOAD", ())
    for each in known:
        for pattern, modules in getattr(each, "BESIDE", {}).items():
            if any(fnmatch(name, pattern) for name in beside):
                names += modules
    return names


class _Zygote:
    def __init__(self) -> None:
        self._children: set[int] = set()
        self._ends: dict[int, int] = {}  # pid -> how it ended, until somebody asks
        self._warmed: set[str] = set()
        self._counted = False
        self._guard = make_guard()

    def answer(
        self, request: dict[str, Any], handles: list[int], line: socket.socket
    ) -> dict[str, Any]:
        """What was asked for, done."""
        for pid in tuple(self._children):
            self._reap(pid)
        if request["do"] == "warm":
            return self._warm(request)
        if request["do"] == "fork":
            return {"pid": self._fork(request["task"], handles, line)}
        if request["do"] == "ended":
            return {"status": self._ended(int(request["pid"]))}
        if request["do"] == "peak":
            return {"bytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * _UNIT}
        raise ValueError(f"no such request: {request['do']!r}")

    def _warm(self, request: dict[str, Any]) -> dict[str, Any]:
        """Imports what a format needs; what is missing is said, and found out again by its load."""
        failed = {}
        names = list(request.get("modules", ()))
        try:
            names += modules_of(request.get("format", ""), request.get("beside", ()))
        except Exception as error:
            failed["formats"] = f"{type(error).__name__}: {error}"
        for name in names:
            if name in self._warmed:
                continue
            try:
                importlib.import_module(name)
                self._warmed.add(name)
            except Exception as error:  # a library that cannot be imported fails in its own way
                failed[name] = f"{type(error).__name__}: {error}"
        if "sklearn" in self._warmed and not self._counted:
            self._counted = True
            _count_processors()
        gc.collect()
        gc.freeze()  # the pages of what is loaded stay shared
        return {"failed": failed}

    def _fork(self, task: dict[str, Any], handles: list[int], line: socket.socket) -> int:
        parent = os.getpid()
        pid = os.fork()
        if pid:
            self._children.add(pid)
            if self._guard is not None:
                self._guard.add(pid)
            for handle in handles:
                os.close(handle)
            return pid
        code = 70
        try:
            line.close()
            if self._guard is not None:
                self._guard.let_go()
            from evenhand.audit.worker.serving import serve

            serve(task, channel=handles[0], said=handles[1], parent=parent)
            code = 0
        finally:
            os._exit(code)

    def _ended(self, pid: int) -> int | None:
        """How a worker ended, as waitpid says; None while it runs, or where it isn't ours."""
        for _ in range(100):
            self._reap(pid)
            if pid not in self._children:
                break
            time.sleep(0.01)
        return self._ends.pop(pid, None)

    def _reap(self, pid: int) -> None:
        if pid not in self._children:
            return
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            self._children.discard(pid)
            self._ends[pid] = status

    def end_all(self) -> None:
        """Ends every worker with its group, and the guard."""
        for pid in self._children:
            for end in (os.killpg, os.kill):
                with suppress(ProcessLookupError, PermissionError):
                    end(pid, signal.SIGKILL)
        for pid in self._children:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)
        if self._guard is not None:
            self._guard.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
