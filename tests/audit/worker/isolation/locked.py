"""Processes that lock themselves as a worker does, for tests: run as a program, told in JSON.

A job is {"do": "probes", "walk", "thread" or "fill", "user": None or a number, "abi": the most of
Landlock that is used, "root": whether a root folder of its own can be had, "names": of probes,
"numbers" and "arguments" of calls, "size" of the scratch folder}. The answer is a list of {"level",
"means", "lacking", "own_root", "found", "signal", "code"}. Everything is imported as the user who
starts it, since the libraries may be readable by that one alone.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

BEYOND = (*range(600), 1000, 4095, 65535, 1 << 24, 0x3FFFFFFF)


def run(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Does each job in a process of its own, forked from one that has one thread."""
    done = subprocess.run(
        [sys.executable, "-m", __name__, json.dumps(jobs)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def _main(jobs: list[dict[str, Any]]) -> None:
    import resource  # noqa: F401 - before it is locked
    import threading  # noqa: F401

    from evenhand.audit.worker.isolation import lock, probes  # noqa: F401

    list(lock.readable())
    with tempfile.TemporaryDirectory(prefix="evenhand-locked-") as name:
        os.chmod(name, 0o755)
        print(json.dumps([_one(job, Path(name) / str(i)) for i, job in enumerate(jobs)]))


def _one(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    for part in ("", "scratch", "outside"):
        (folder / part).mkdir()
    for part in ("secret", "removable", "movable", "model"):
        (folder / part).write_text("x")
    if job.get("user") is not None:  # the user's own: no right of others is in play
        for place in (folder, *folder.iterdir()):
            os.chown(place, job["user"], job["user"])
    told = {n: str(folder / n) for n in ("secret", "removable", "movable", "outside", "model")}
    told |= {"parent": os.getpid(), "home": "/root"}
    reading, writing = os.pipe()
    parent, pid = os.getpid(), os.fork()
    if pid == 0:
        code = 99
        try:
            os.dup2(writing, 3)
            for handle in (0, 1, 2):  # as a worker's lead nowhere
                os.dup2(os.open(os.devnull, os.O_RDWR), handle)
            os.closerange(4, 256)
            _locked(job, folder, told, parent)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with open(reading, "rb") as line:
        said = [json.loads(each) for each in line]
    status = os.waitpid(pid, 0)[1]
    found = {k: v for each in said for k, v in each.items()}
    ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    return {**found, "signal": ended, "code": os.WEXITSTATUS(status)}


def _locked(job: dict[str, Any], folder: Path, told: dict[str, Any], parent: int) -> None:
    from evenhand.audit.worker.isolation import landlock, lock, own_root, probes
    from evenhand.audit.worker.isolation.levels import IsolationLevel

    lock.leave_family(parent)
    if job.get("user") is not None:
        os.setgroups([])
        os.setgid(job["user"])
        os.setuid(job["user"])
        ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # dumpable, as a process is that was never root
    os.environ.clear()
    if job.get("abi") is not None:
        real = landlock.abi()
        landlock.abi = lambda: min(real, job["abi"])
    if not job.get("root", True):
        own_root.enter = _no_namespaces
    lock.MAX_SCRATCH = job.get("size", lock.MAX_SCRATCH)
    isolation = lock.lock(
        folder / "scratch",
        folder / "model",
        memory=1 << 30,
        at_most=IsolationLevel[job.get("level", "L3")],
    )
    _say({**isolation.to_json(), "own_root": isolation.own_root})
    if job["do"] == "probes":
        _say({"found": probes.run_probes(told, job["names"])})
    elif job["do"] == "walk":
        _say({"found": [_try(number, job["arguments"]) for number in job["numbers"]]})
    elif job["do"] == "fill":
        _say({"found": _fill(job["how"])})
    elif job["do"] == "thread":
        import threading

        ran: list[int] = []
        thread = threading.Thread(target=lambda: ran.append(_own_stack()))
        thread.start()
        thread.join()
        _say({"found": ran})


def _no_namespaces(*_: object, size: int) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def _fill(how: str) -> int:
    """Bytes that fit into the scratch folder, in files of 1 MiB that keep their names or lose them
    at once, up to 64 of them."""
    written, kept = 0, []
    for number in range(64):
        try:
            handle = os.open(f"{number}", os.O_WRONLY | os.O_CREAT)
            kept.append(handle)
            if how == "unlink":
                os.unlink(f"{number}")
            written += os.write(handle, bytes(1 << 20))
        except OSError:
            break
    return written


def _own_stack() -> int:
    """What a thread is told about its stack, as runtimes ask: 0 where all went well."""
    libc = ctypes.CDLL(None)
    libc.pthread_self.restype = ctypes.c_void_p
    room = ctypes.create_string_buffer(256)
    return int(libc.pthread_getattr_np(ctypes.c_void_p(libc.pthread_self()), room))


def _say(told: dict[str, Any]) -> None:
    os.write(3, json.dumps(told).encode() + b"\n")


def _try(number: int, arguments: dict[str, list[int]]) -> list[int]:
    """[number, 0 or the error] of one call, with arguments that nothing can be done with."""
    given = arguments.get(str(number), [-1] * 6)
    pid = os.getpid()
    libc = ctypes.CDLL(None, use_errno=True)
    ctypes.set_errno(0)
    words = [ctypes.c_long(pid if a == "own" else a) for a in given]  # type: ignore[comparison-overlap]
    result = libc.syscall(ctypes.c_long(number), *words)
    return [number, ctypes.get_errno() if result == -1 else 0]


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]))
