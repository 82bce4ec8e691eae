"""One worker as the parent sees it: questions and answers, watched for time, memory and death."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from evenhand.audit.errors import (
    AlteredEvidenceError,
    EvenhandError,
    InputError,
    LimitError,
    RowError,
    UnsafeModelError,
)
from evenhand.audit.words.numbers import number
from evenhand.audit.words.phrases import as_is
from evenhand.audit.words.text import lines
from evenhand.audit.worker.frames import MAX_MESSAGE, BadFrame, Message, pack, unpack
from evenhand.audit.worker.isolation.levels import GIB, Isolation, IsolationLevel, Rules
from evenhand.audit.worker.isolation.lock import MAX_SCRATCH, resident_memory
from evenhand.audit.worker.isolation.own_root import MAX_FILES
from evenhand.audit.worker.launcher import launcher
from evenhand.audit.worker.memory_group import OWN_GROUP, groups

PULSE = 0.1  # seconds between two looks at a worker that is at work
MOST_THREADS = max(512, 8 * (os.cpu_count() or 1))
_KEPT_TEXT = 2000  # characters of what it printed, for error messages alone
_ERRORS: Mapping[str, type[EvenhandError]] = {
    e.__name__: e for e in (InputError, UnsafeModelError, LimitError, AlteredEvidenceError)
}
# That evidence was altered (exit 7) is a finding of ours: a stranger's code can't choose it.
_OF_ANYBODY = frozenset({"InputError", "UnsafeModelError", "LimitError"})
_MOST_SAID = 1 << 20  # bytes of an answer that isolation is told in


def escaped(text: object, *, most: int = _KEPT_TEXT) -> str:
    """Text from a worker as one may show it, at most ``most`` characters of it."""
    whole = str(text)
    return lines(whole[:most] + (" …" if len(whole) > most else ""))


class WorkerSession:
    """A worker for the model at ``model``, which may write into ``scratch``.

    ``elsewhere`` gives it another clock and environment (``evenhand.audit.worker.elsewhere``).
    """

    def __init__(
        self, name: str, model: Path, scratch: Path, rules: Rules, *, elsewhere: bool = False
    ) -> None:
        self._name = name
        self._rules = rules
        self._paths = (str(model), str(scratch))
        self._launcher = launcher()
        self._said = b""
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._said_from, said = os.pipe()
        os.set_blocking(self._said_from, False)
        task = {
            "model": str(model),
            "scratch": str(scratch),
            "memory_limit": rules.memory_limit,
            "at_most": rules.at_most.name,
            "elsewhere": elsewhere,
        }
        try:
            self.pid = self._launcher.fork(task, theirs.fileno(), said)
        except BaseException:
            self._channel.close()
            os.close(self._said_from)
            raise
        finally:
            theirs.close()
            os.close(said)
        # Before it opens anything. What it writes to its scratch folder counts as its memory.
        self._group = groups().make(self.pid, rules.memory_limit + MAX_SCRATCH)
        self._is_open = True
        self.runs_our_code = True  # False once it opens what runs a stranger's
        self.isolation = Isolation(IsolationLevel.L1)  # until it says
        self._owner = os.getpid()
        try:
            told = self._receive(time.monotonic() + 30, "lock itself", 30, _MOST_SAID)
            self.isolation = self._isolation(told.facts)
        except BaseException:
            self.close()
            raise

    def ask(
        self,
        what: str,
        facts: Mapping[str, Any],
        blobs: Mapping[str, bytes] | None = None,
        *,
        seconds: float,
        most: int = MAX_MESSAGE,
    ) -> Message:
        """The answer. ``what`` says in words what the worker is doing; ``most`` caps its bytes.

        Raises the error that the worker had, InputError where the model failed in a way of its own,
        LimitError (exit 6) past the time or the memory, UnsafeModelError where the worker died or
        sent what is no answer. After any but the worker's own error the session is closed.
        """
        if not self._is_open:
            raise UnsafeModelError(
                "{name}: its worker was ended", remedy="open it again", name=self._name
            )
        deadline = time.monotonic() + seconds
        self._signal(signal.SIGCONT)
        try:
            self._send(pack(Message(facts, blobs=blobs or {})), deadline, what, seconds)
            answer = self._receive(deadline, what, seconds, most)
        except BaseException:  # an interrupt too: an answer that nobody reads must not stay there
            self.close()
            raise
        self._signal(signal.SIGSTOP)  # it does nothing while nobody asks
        if "error" in answer.facts:
            raise self._error(answer.facts["error"], what)
        return answer

    @property
    def is_open(self) -> bool:
        """Whether the worker was not ended yet, by ``close`` or by a question that it failed."""
        return self._is_open

    def close(self) -> None:
        """Ends the worker with its whole group."""
        if not self._is_open or os.getpid() != self._owner:
            return
        self._is_open = False
        for end in (os.killpg, os.kill):
            with suppress(ProcessLookupError, PermissionError):
                end(self.pid, signal.SIGKILL)
        self._channel.close()
        os.close(self._said_from)
        if self._group is not None:
            self._launcher.ended(self.pid)
            self._group.remove()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, number)

    # --- the line

    def _send(self, pieces: list[bytes], deadline: float, what: str, seconds: float) -> None:
        self._channel.setblocking(False)
        for piece in pieces:
            left = memoryview(piece)
            while left:
                self._wait(selectors.EVENT_WRITE, deadline, what, seconds)
                try:
                    left = left[self._channel.send(left[: 1 << 20]) :]
                except BlockingIOError:
                    continue
                except OSError:
                    raise self._death(what) from None

    def _receive(
        self, deadline: float, what: str, seconds: float, most: int = MAX_MESSAGE
    ) -> Message:
        self._channel.setblocking(False)

        def exactly(n: int) -> bytearray:
            received, done = bytearray(n), 0
            while done < n:
                self._wait(selectors.EVENT_READ, deadline, what, seconds)
                try:
                    more = self._channel.recv_into(memoryview(received)[done:])
                except BlockingIOError:
                    continue
                except OSError:
                    more = 0
                if not more:
                    raise self._death(what)
                done += more
            return received

        try:
            return unpack(exactly, most=most)
        except BadFrame as error:
            raise UnsafeModelError(
                "{name}: its worker was asked to {what} and sent no answer: {error}",
                remedy="do not rely on this model",
                name=self._name,
                what=what,
                error=error,
            ) from None

    def _wait(self, event: int, deadline: float, what: str, seconds: float) -> None:
        """Returns when the channel is ready; looks at the worker's pulse in between."""
        with selectors.DefaultSelector() as chooser:
            chooser.register(self._channel, event, "channel")
            chooser.register(self._said_from, selectors.EVENT_READ, "said")
            while True:
                ready = {key.data for key, _ in chooser.select(PULSE)}
                if "said" in ready and not self._listen():
                    chooser.unregister(self._said_from)
                if "channel" in ready:
                    return
                self._take_pulse(deadline, what, seconds)

    def _listen(self) -> bool:
        """Keeps the end of what the model printed; False at its end."""
        try:
            piece = os.read(self._said_from, 1 << 16)
        except BlockingIOError:
            return True
        self._said = (self._said + piece)[-4 * _KEPT_TEXT :]
        return bool(piece)

    def _take_pulse(self, deadline: float, what: str, seconds: float) -> None:
        if time.monotonic() > deadline:
            raise LimitError(
                "{name} took over {seconds:g} s to {what}, and was ended",
                remedy="if the model is merely slow: --time-limit SECONDS",
                name=self._name,
                seconds=seconds,
                what=what,
            )
        if resident_memory(self.pid) > self._rules.memory_limit:
            raise self._too_large(what)
        state, threads = _state(self.pid)
        if state == "T":
            raise UnsafeModelError(
                "{name} stopped its own process when asked to {what}",
                remedy="do not rely on this model",
                name=self._name,
                what=what,
            )
        if threads > MOST_THREADS:
            raise LimitError(
                "{name} started {threads} threads when asked to {what}, over {most_threads}",
                remedy="do not rely on this model",
                name=self._name,
                threads=threads,
                what=what,
                most_threads=MOST_THREADS,
            )
        if not self.isolation.own_root and (size := _written(self._paths[1])) > MAX_SCRATCH:
            raise LimitError(
                "{name} wrote {size} bytes when asked to {what}, over {max_scratch}",
                remedy="do not rely on this model",
                name=self._name,
                size=size,
                what=what,
                max_scratch=MAX_SCRATCH,
            )

    def _isolation(self, facts: Mapping[str, Any]) -> Isolation:
        # Said before any model was opened, so by our own code.
        told = facts.get("isolation")
        if told is None:
            raise LimitError(
                "{name}: the libraries that open it take {held} GiB of "
                "memory, the limit is {memory_limit} GiB",
                remedy="raise it: --memory-limit GIB",
                name=self._name,
                held=number(facts["held"] / GIB),
                memory_limit=number(self._rules.memory_limit / GIB),
            )
        means = [*told["means"], *([] if self._group is None else [OWN_GROUP])]
        return Isolation(IsolationLevel[told["level"]], tuple(means), tuple(told["lacking"]))

    # --- how it ends

    def _too_large(self, what: str) -> LimitError:
        return LimitError(
            "{name} took over {memory_limit} GiB of memory to {what}, and was ended",
            remedy="if the model is merely large: --memory-limit GIB",
            name=self._name,
            memory_limit=number(self._rules.memory_limit / GIB),
            what=what,
        )

    def _death(self, what: str) -> EvenhandError:
        """What the worker's death means, once it has happened."""
        while self._listen() and self._said_is_waiting():
            pass
        with suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, signal.SIGKILL)  # it closed its line and lives: nothing to wait for
        status = self._launcher.ended(self.pid)
        said = escaped(self._said.decode("utf-8", "replace").strip()[-600:])
        killed = self._group is not None and self._group.ran_out()
        if killed or "bad_alloc" in said or ("alloc" in said and "memory" in said):
            return self._too_large(what)
        how = "ended by itself"
        if status is not None and os.WIFSIGNALED(status):
            how = f"died of {signal.Signals(os.WTERMSIG(status)).name}"
            if os.WTERMSIG(status) == signal.SIGSYS:
                how += " (it asked the system for what no model needs)"
        return UnsafeModelError(
            "{name}: the worker was asked to {what} and {how}{said}",
            remedy="a sound model does not end the process that opens it: do not rely on it, or "
            "audit its stored predictions: evenhand audit --predictions FILE",
            name=self._name,
            what=what,
            how=how,
            said=f"; it said: {said}" if said else "",
        )

    def _said_is_waiting(self) -> bool:
        with selectors.DefaultSelector() as chooser:
            chooser.register(self._said_from, selectors.EVENT_READ)
            return bool(chooser.select(0.05))

    def _shown(self, text: Any) -> str:
        """A worker's text as it is shown: people know the model by the name that they gave."""
        text = str(text)
        for path in self._paths:
            text = text.replace(path, self._name)
        return escaped(text)

    def _error(self, told: Any, what: str) -> EvenhandError:
        told = told if isinstance(told, dict) else {}
        kind = str(told.get("kind"))
        message = self._shown(told.get("message", ""))
        remedy = self._shown(told.get("remedy", ""))
        if kind == "RowError" and type(told.get("position")) is int:
            before, after = self._shown(told.get("before", "")), self._shown(told.get("after", ""))
            return RowError(
                "{before}{row}{after}",
                told["position"],
                remedy=as_is(remedy),
                before=before,
                after=after,
            )
        if kind in _ERRORS and (self.runs_our_code or kind in _OF_ANYBODY):
            return _ERRORS[kind](as_is(message), remedy=as_is(remedy))
        if kind == "MemoryError":
            return self._too_large(what)
        return InputError(
            "{name} failed when asked to {what}: {what_2}",
            remedy="see that the model answers such rows where it was made, then save it again",
            name=self._name,
            what=what,
            what_2=message,
        )


def _state(pid: int) -> tuple[str, int]:
    """R, S, D, T ... as the kernel has it, and threads; "", 0 where the system does not tell."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return told[0], int(told[17])
    except (OSError, IndexError, ValueError):
        return "", 0


def _written(folder: str) -> int:
    """Bytes on the disk below ``folder``; past MAX_FILES files, more than a worker may write."""
    size = files = 0
    left = [folder]
    while left:
        with suppress(OSError), os.scandir(left.pop()) as entries:
            for entry in entries:
                files += 1
                if files > MAX_FILES:
                    return MAX_SCRATCH + 1
                with suppress(OSError):
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    left.append(entry.path)
    return size
