"""Starts two processes by torchrun, hears what they say, and leaves none of them behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent.parent
_START = ("-m", "torch.distributed.run", "--nproc-per-node", "2")
_MEET = ("--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0")
PATIENCE = 480  # seconds: two cores may be shared by much other work


class Run:
    """Two processes under torchrun; ``said`` are the lines of their standard error so far."""

    def __init__(self, home: Path, *command: str) -> None:
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, *_START, *_MEET, *command],
            cwd=ROOT,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "GLOO_SOCKET_IFNAME": "lo",
                "EVENHAND_HOME": str(home),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._is_heard = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._is_heard:
                self.said.append(line)
                self._is_heard.notify_all()
        with self._is_heard:
            self._is_heard.notify_all()

    def wait_for(self, words: str) -> None:
        """Returns once a line holds ``words``."""
        with self._is_heard:
            heard = self._is_heard.wait_for(
                lambda: any(words in line for line in self.said) or not self._reader.is_alive(),
                timeout=PATIENCE,
            )
        assert heard and any(words in line for line in self.said), "".join(self.said)[-4000:]

    def end(self) -> int:
        """Waits for the end; returns the exit code."""
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def kill(self) -> None:
        """SIGKILL for torchrun and both processes, which are sessions of their own."""
        try:
            family = [psutil.Process(self.process.pid)]
            family += family[0].children(recursive=True)
        except psutil.NoSuchProcess:
            return
        for member in family:
            try:
                member.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(family[1:], timeout=60)
        self.process.wait(60)


@contextmanager
def torchrun(home: Path, *command: str) -> Iterator[Run]:
    """Two processes that run ``command``; whatever happens, they are gone afterwards."""
    run = Run(home, *command)
    try:
        yield run
    finally:
        run.kill()
        run._reader.join(60)
        if run.process.stderr is not None:
            run.process.stderr.close()
