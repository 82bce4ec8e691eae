"""A small process that ends every worker when the warmed process is gone, however it went.

The kernel does so too (PR_SET_PDEATHSIG); this one holds where that was lost. It knows workers by
pidfd, which no later process can inherit as it can a number.
"""

from __future__ import annotations

import os
import select
import signal
import socket
from contextlib import suppress


class Guard:
    """Started by the warmed process before it imports anything large; Linux alone."""

    def __init__(self) -> None:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                _watch(theirs)
            finally:
                os._exit(0)
        theirs.close()

    def add(self, worker: int) -> None:
        """Has it end the child with the number ``worker``, should this process be gone."""
        handle = os.pidfd_open(worker)
        try:
            socket.send_fds(self._line, [b"w"], [handle])
        except OSError:  # somebody ended it; the kernel still does what it does
            return
        finally:
            os.close(handle)

    def let_go(self) -> None:
        """In a worker, at once: while it holds a copy of the line, nobody sees its parent end."""
        self._line.close()

    def close(self) -> None:
        """Ends it, and with it whatever worker it knows."""
        self._line.close()
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def make_guard() -> Guard | None:
    """A guard where the system has pidfds."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return None
    return Guard()


def _watch(line: socket.socket) -> None:
    os.setsid()  # what the family is sent is not for it
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    for low, high in ((0, line.fileno()), (line.fileno() + 1, 1 << 16)):
        os.closerange(low, high)  # the parent's line too: it must not look open because of this
    workers: list[int] = []
    while True:
        said, handles, _, _ = socket.recv_fds(line, 1, 4)
        if not said:
            break
        workers = [*_living(workers), *handles]
    for worker in workers:
        with suppress(ProcessLookupError, PermissionError):
            signal.pidfd_send_signal(worker, signal.SIGKILL)


def _living(workers: list[int]) -> list[int]:
    """Those that have not ended; the handles of the others are closed."""
    asked = select.poll()
    for worker in workers:
        asked.register(worker, select.POLLIN)
    ended = {handle for handle, _ in asked.poll(0)}
    for handle in ended:
        os.close(handle)
    return [w for w in workers if w not in ended]
