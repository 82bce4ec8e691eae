"""How far an explanation is, for whoever listens in the process in which the model lives."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Called with (what is done, how far, of how much); fractions of the whole work, never going back.
Listener = Callable[[str, float, float], None]
_listener: ContextVar[Listener | None] = ContextVar("evenhand_attribution_progress", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Calls ``listener`` for whatever is explained inside the block."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def report(what: str, done: float, total: float) -> None:
    """Tells the listener, if there is one."""
    listener = _listener.get()
    if listener is not None:
        listener(what, done, total)


def at_most_every(seconds: float, listener: Listener) -> Listener:
    """The same listener, called when that long has passed since it was called last."""
    last = time.monotonic()

    def heard(what: str, done: float, total: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= seconds:
            last = now
            listener(what, done, total)

    return heard
