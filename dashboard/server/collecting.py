"""Keeps garbage collection short.

Streamlit collects garbage after every run, and a full collection goes through all that is in
memory: with the libraries and a few cases that takes longer than the run, and nobody else is
served meanwhile. What is there to stay is therefore put aside (``gc.freeze``), and put aside anew
once collections take long again. What is let go while it is aside is still freed by its reference
count; cycles wait for the next time.
"""

from __future__ import annotations

import gc
import threading
import time
from typing import Any

_LONG_S = 0.03


class _Watch:
    """The processor time of full collections; ``settle`` acts where they have become long."""

    def __init__(self) -> None:
        self._began = 0.0
        self._took_s = 1.0  # so that the first run puts aside what was imported
        self._before_s = 0.0  # what the first collection after putting aside took
        self._lock = threading.Lock()

    def __call__(self, phase: str, info: dict[str, Any]) -> None:
        """What ``gc.callbacks`` calls."""
        if info["generation"] < 2:
            return
        if phase == "start":
            self._began = time.thread_time()
            return
        self._took_s = time.thread_time() - self._began
        self._before_s = self._before_s or self._took_s

    def settle(self) -> None:
        with self._lock:
            if self._took_s < max(_LONG_S, 2 * self._before_s):
                return
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            self._took_s = self._before_s = 0.0


_WATCH = _Watch()


def settle() -> None:
    """Puts aside what is in memory, if collecting garbage has become long. After each run."""
    if _WATCH not in gc.callbacks:
        gc.callbacks.append(_WATCH)
    _WATCH.settle()
