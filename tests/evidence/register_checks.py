"""Writers of a register that are killed, and what has to hold of it afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from evenhand.audit.case.signing import own_public
from evenhand.audit.register.register import Register, chain_problems

ROOT = Path(__file__).parents[2]


def writers(home: Path, url: str, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("writers.py")), url, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "EVENHAND_HOME": str(home), "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def check_register(register: Register, home: Path, told: dict[str, Any]) -> None:
    """No fork, nothing lost, and every checkpoint agrees."""
    entries = register.snapshot()
    assert chain_problems(entries) == []
    digests = {e.seq: e.digest for e in entries}
    lost = [a for a in told["acknowledged"] if digests.get(a[0]) != a[1]]
    assert lost == []
    key = own_public(home / "keys")
    assert key is not None
    assert register.verify([key]).problems == ()


def killed_on(home: Path, url: str, kills: int) -> dict[str, Any]:
    told = writers(home, url, "kill", str(kills))
    assert (
        len(told["acknowledged"]) >= kills
    )  # one and a half each: they did write before they were killed
    return told


def shared(home: Path, url: str, count: int, seconds: float) -> None:
    told = writers(home, url, "share", str(count), str(seconds))
    assert told["codes"] == [0] * count
    shares = Counter(a[2] for a in told["acknowledged"])
    assert len(shares) == count
    assert max(shares.values()) < 5 * min(shares.values()), shares
    check_register(Register(url), home, told)
