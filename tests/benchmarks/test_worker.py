"""What the worker costs: an audit of 100,000 rows, against the same audit scored in process."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.audit.people import people, skops_model

pytestmark = pytest.mark.bench

# One audit from the command line, as its own process: what it takes is measured from outside, from
# its start to its end. "here" scores in that process and starts no other.
AUDIT = """
import json, resource, sys
if sys.argv[1] == "here":
    from evenhand.audit import subject
    from evenhand.audit.worker import launcher, opening as door
    begun = lambda path, declared, rules=None: lambda: door.open_here(path, declared)
    subject.begin_opening, launcher.prepare = begun, lambda *names, modules=(): None
from evenhand.audit.cli import run
code = run(sys.argv[2:])
from evenhand.audit.worker.launcher import close
close()
used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
cpu = sum(u.ru_utime + u.ru_stime for u in used)
print(json.dumps({"code": code, "cpu": cpu}), file=sys.stderr)
"""


def findings(case: Path) -> list[dict[str, object]]:
    """Without the check that asks in fresh processes, which there are with a worker alone."""
    found = [json.loads(line) for line in (case / "findings.jsonl").read_text().splitlines()]
    return [f for f in found if f["check"] != "robustness.consistency"]


def test_the_worker_costs_at_most_a_tenth(tmp_path: Path) -> None:
    frame = people(100_000, seed=5)
    model = skops_model(tmp_path, frame.iloc[:5000])
    frame.to_csv(tmp_path / "rows.csv", index=False)
    options = [str(model), "--data", str(tmp_path / "rows.csv"), "--target", "y", "--quiet"]
    options += ["--positive-label", "1", "--sensitive-features", "race,sex", "--json"]
    took: dict[str, list[dict[str, float]]] = {"here": [], "worker": []}
    for attempt in range(3):  # in pairs, each first in turn: other work comes and goes
        for mode in sorted(took, reverse=attempt % 2 == 1):
            out = ["--out", str(tmp_path / f"{mode}{attempt}")]
            started = time.monotonic()
            done = subprocess.run(
                [sys.executable, "-c", AUDIT, mode, "audit", *options, *out],
                capture_output=True,
                text=True,
                env={**os.environ, "EVENHAND_HOME": str(tmp_path / f"home{mode}{attempt}")},
            )
            wall = time.monotonic() - started
            took[mode].append({**json.loads(done.stderr.splitlines()[-1]), "wall": wall})
            assert took[mode][-1]["code"] == 0, done.stderr[-1000:]
    middle = {
        kind: {mode: statistics.median(t[kind] for t in took[mode]) for mode in took}
        for kind in ("wall", "cpu")
    }
    for kind, of in middle.items():
        more = of["worker"] / of["here"] - 1
        print(f"{kind}: in process {of['here']:.1f} s, worker {of['worker']:.1f} s, {more:+.1%}")
    assert findings(tmp_path / "here0") == findings(tmp_path / "worker0")
    assert middle["wall"]["worker"] <= 1.10 * middle["wall"]["here"]
