"""One warm process that forks command lines, for all tests of this folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.evidence.postgres import server  # noqa: F401 - a fixture
from tests.evidence.rows import write_rows

Forked = Callable[..., dict[str, Any]]


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with rows to audit and a home of its own; in memory where that can be, since these
    tests flush files many thousand times."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as folder:
        place = Path(folder)
        monkeypatch.setenv("EVENHAND_HOME", str(place / "home"))
        write_rows(place)
        yield place


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forked]:
    """Runs a command line in a forked child; see ``tests/evidence/forked.py``."""
    answer = tmp_path_factory.mktemp("forked") / "answer.json"
    warm = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("forked.py")), str(answer)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert warm.stdin is not None
    assert warm.stdout is not None
    reads, writes = warm.stdout, warm.stdin

    def run(argv: list[str], cwd: Path, **order: Any) -> dict[str, Any]:
        order = {
            "argv": argv,
            "cwd": str(cwd),
            "env": {"EVENHAND_HOME": str(cwd / "home")},
            **order,
        }
        writes.write(json.dumps(order) + "\n")
        writes.flush()
        told: dict[str, Any] = json.loads(reads.readline())
        return told

    yield run
    writes.close()
    warm.wait(timeout=30)
    reads.close()
