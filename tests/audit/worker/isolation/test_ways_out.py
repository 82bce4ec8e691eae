"""Every way out, tried as root and as an ordinary user, with each version of Landlock."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.worker.escape import must_be_stopped
from evenhand.audit.worker.isolation import landlock, seccomp
from evenhand.audit.worker.isolation.levels import Isolation, IsolationLevel
from evenhand.audit.worker.isolation.probes import PROBES
from evenhand.audit.worker.isolation.probes_calls import ENDED
from tests.audit.worker.isolation import locked

pytestmark = pytest.mark.skipif(
    not (landlock.abi() and seccomp.supported()), reason="code is opened at L3 alone"
)
NOBODY = 65534


def may_be(user: int) -> bool:
    """Whether this process can become ``user``: root, where that number is known."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    ranges = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    return any(int(first) <= user < int(first) + int(n) for first, _, n in ranges)


USERS = (None, NOBODY) if may_be(NOBODY) else (None,)
QUIET = [name for name in PROBES if name not in ENDED]


@pytest.fixture(scope="module")
def attempts() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """(job, what came of it): a kernel with Landlock 3 to 7, as far as this one goes."""
    versions = range(3, min(landlock.abi(), 7) + 1)
    jobs = [
        {"do": "probes", "names": QUIET, "user": user, "abi": version, "root": root}
        for user in USERS
        for version in versions
        for root in (True, False)
    ]
    return list(zip(jobs, locked.run(jobs), strict=True))


def test_no_way_out_on_any_landlock_as_any_user(attempts: Any) -> None:
    assert len(QUIET) > 85 + 40 + 40  # the listed ways, and twice forty others
    for job, done in attempts:
        isolation = Isolation(
            IsolationLevel[done["level"]], tuple(done["means"]), tuple(done["lacking"])
        )
        assert isolation.level is IsolationLevel.L3, done
        assert f"Landlock version {job['abi']}" in isolation.means
        if not job["root"]:
            assert not isolation.own_root and "no root folder of its own" in str(isolation)
        must = must_be_stopped(isolation)
        through = {name: why for name, got, why in done["found"] if got and name in must}
        assert not through, job
        assert len(done["found"]) == len(QUIET)


def test_l2_stops_what_it_says_as_any_user() -> None:
    jobs = [{"do": "probes", "names": QUIET, "level": "L2", "user": user} for user in USERS]
    for job, done in zip(jobs, locked.run(jobs), strict=True):
        isolation = Isolation(IsolationLevel[done["level"]], tuple(done["means"]))
        assert isolation.level is IsolationLevel.L2, done
        must = must_be_stopped(isolation)
        assert len(must) > 130
        through = {name: why for name, got, why in done["found"] if got and name in must}
        assert not through, job


def test_ways_that_end_the_worker_end_it() -> None:
    jobs = [{"do": "probes", "names": [n], "user": u} for n in ENDED for u in USERS]
    for job, done in zip(jobs, locked.run(jobs), strict=True):
        assert done["signal"] == 31 and "found" not in done, job  # SIGSYS


def test_the_probes_do_get_through_where_nothing_stops_them() -> None:
    """A probe that nothing can pass shows nothing: unlocked, nearly all of them are heard. Heard is
    all that they are: a machine that was left without its name starts no several processes."""
    before = os.uname()
    done = locked.run([{"do": "probes", "names": QUIET, "level": "L1"}])[0]
    assert os.uname() == before
    stopped = {name for name, got, _ in done["found"] if not got}
    assert len(stopped) < 25, stopped  # of about 190: those that limits stop at every level


def has_own_root() -> bool:
    return bool(locked.run([{"do": "thread"}])[0]["own_root"])


@pytest.mark.parametrize("how", ["keep", "unlink"])
def test_the_scratch_folder_has_a_size(how: str) -> None:
    """Files that have lost their names count too."""
    if not has_own_root():
        pytest.skip("this system has no namespaces for it")
    jobs = [{"do": "fill", "how": how, "size": 8 << 20, "user": user} for user in USERS]
    for done in locked.run(jobs):
        # a folder takes a page or so of the 8 MiB
        assert 7 << 20 <= done["found"] <= 8 << 20


GUARDED = """
import os, signal, time
from evenhand.audit.worker.guard import make_guard
guard = make_guard()
worker = os.fork()
if worker == 0:
    guard.let_go()
    os.setsid()
    time.sleep(60)
    os._exit(0)
guard.add(worker)
print(worker, guard.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_guard_ends_workers_whose_parent_was_killed() -> None:
    """Without the kernel's own signal: the worker here never asked for it."""
    # the worker holds the pipe too, and sleeps for longer than this
    done = subprocess.run(
        [sys.executable, "-c", GUARDED], capture_output=True, text=True, timeout=30
    )
    deadline = time.monotonic() + 10
    left = [int(pid) for pid in done.stdout.split()]
    assert len(left) == 2, done.stderr
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = [pid for pid in left if is_alive(pid)]
    assert not left


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
