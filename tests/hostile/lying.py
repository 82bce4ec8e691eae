"""A worker whose answers are not the model's: an honest one in a thread, and a lie on its line."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import numpy as np

from evenhand.audit.worker import launcher as launching
from evenhand.audit.worker import opening, session
from evenhand.audit.worker.frames import Message, pack, unpack
from evenhand.audit.worker.serving import _answered, _Worker

# What is asked ("load", "predict_proba", "attribute" ...) and the honest answer -> what is sent.
Lie = Callable[[str, Message], Message | bytes]


class LyingLauncher:
    """Stands in for the warmed process: its workers are threads of this one."""

    def __init__(self, lie: Lie) -> None:
        self._lie = lie
        self._sleepers: list[subprocess.Popen[bytes]] = []

    def warm(self, *_: Any, **__: Any) -> None:
        """Everything is here already."""

    def fork(self, task: Mapping[str, Any], channel: int, said: int) -> int:
        """A worker in a thread; the process is one that the session may stop and end."""
        line = socket.socket(fileno=os.dup(channel))
        threading.Thread(target=self._serve, args=(dict(task), line), daemon=True).start()
        sleeper = subprocess.Popen(["sleep", "60"], start_new_session=True, close_fds=True)
        self._sleepers.append(sleeper)
        return sleeper.pid

    def ended(self, pid: int) -> int | None:
        """Nobody knows how."""
        return None

    def close(self) -> None:
        """Ends the processes that stood in for workers."""
        for sleeper in self._sleepers:
            sleeper.kill()
            sleeper.wait()

    def _serve(self, task: dict[str, Any], line: socket.socket) -> None:
        honest = _Worker(task)

        def exactly(n: int) -> bytes:
            data = b""
            while len(data) < n:
                data += line.recv(n - len(data)) or self._hung_up()
            return data

        isolation = {"level": "L3", "means": [], "lacking": []}
        with suppress(EOFError, OSError), line:
            line.sendall(b"".join(pack(Message({"held": 1, "isolation": isolation}))))
            while True:
                question = unpack(exactly)
                asked = question.facts.get("operation", question.facts["do"])
                raw = b"".join(_answered(honest.answer, question))
                told = self._lie(asked, unpack(_from(raw)))
                line.sendall(told if isinstance(told, bytes) else b"".join(pack(told)))

    def _hung_up(self) -> bytes:
        raise EOFError


def _from(raw: bytes) -> Callable[[int], bytes]:
    left = memoryview(raw)

    def read(n: int) -> bytes:
        nonlocal left
        data, left = bytes(left[:n]), left[n:]
        return data

    return read


@contextmanager
def lying(monkeypatch: Any, lie: Lie) -> Iterator[None]:
    """Within it, workers answer as ``lie`` says."""
    false = LyingLauncher(lie)
    with monkeypatch.context() as patch:
        patch.setattr(session, "launcher", lambda: false)
        patch.setattr(opening, "launcher", lambda: false)
        patch.setattr(launching, "prepare", lambda *_, **__: None)
        try:
            yield
        finally:
            false.close()


def raw_header(facts: str, arrays: str = "[]", data: bytes = b"") -> bytes:
    """A message whose header nobody's JSON would write."""
    header = f'{{"facts": {facts}, "arrays": {arrays}, "blobs": []}}'.encode()
    return session_start(len(header) + len(data), len(header)) + header + data


def session_start(length: int, header: int) -> bytes:
    """The first bytes of a message."""
    from evenhand.audit.worker.frames import _MAGIC, _START

    return _START.pack(_MAGIC, length, header)


def told(asked: str, **changed: Any) -> Lie:
    """The honest answer to ``asked`` with other facts."""

    def lie(what: str, honest: Message) -> Message:
        if what != asked:
            return honest
        facts = dict(honest.facts)
        part = facts.get("facts", facts)
        for name, value in changed.items():
            part[name] = value
        return replace(honest, facts={**facts, **({"facts": part} if "facts" in facts else part)})

    return lie


def unsendable(asked: str, name: str, value: str) -> Lie:
    """The same with one fact as JSON text that ``json`` would not write."""

    def lie(what: str, honest: Message) -> Message | bytes:
        if what != asked:
            return honest
        facts = json.dumps({**honest.facts, name: "\0here"})
        return raw_header(facts.replace('"\\u0000here"', value))

    return lie


def numbers(asked: str, change: Callable[[np.ndarray], Any], name: str = "0") -> Lie:
    """The honest answer with another array."""

    def lie(what: str, honest: Message) -> Message:
        if what != asked:
            return honest
        arrays = {**honest.arrays, name: np.asarray(change(honest.arrays[name]))}
        return replace(honest, arrays=arrays)

    return lie


def sent(asked: str, raw: bytes) -> Lie:
    """These bytes in place of an answer."""
    return lambda what, honest: raw if what == asked else honest


def failed(asked: str, **error: Any) -> Lie:
    """An error in place of an answer."""
    return lambda what, honest: Message({"error": error}) if what == asked else honest
