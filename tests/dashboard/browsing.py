"""Starting the dashboard for a real browser, and waiting for its pages."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dashboard import launch

ROOT = Path(launch.__file__).resolve().parents[1]


@contextmanager
def served(home: Path, arguments: Sequence[str] = (), *, port: int | None = None) -> Iterator[str]:
    """The address of a dashboard over EVENHAND_HOME=``home``, started as a user starts it."""
    chosen = port or launch.free_port(0)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "audit", "dashboard", "--no-browser", f"--port={chosen}"),
            *arguments,
        ],
        cwd=ROOT,
        env={**os.environ, "EVENHAND_HOME": str(home), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert f":{chosen}" in line, line
        yield f"http://127.0.0.1:{chosen}"
    finally:
        process.terminate()
        process.wait(60)
        if process.stdout:
            process.stdout.close()
