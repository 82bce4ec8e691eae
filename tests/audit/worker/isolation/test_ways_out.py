"""Every way out, tried as root and as an ordinary user, with each version of Landlock."""

from __future__ import annotations

import os
from typing import Any

import pytest

from evenhand.audit.worker.escape import must_be_stopped
from evenhand.audit.worker.isolation import landlock, seccomp
from evenhand.audit.worker.isolation.levels import Isolation, Level
from evenhand.audit.worker.isolation.probes import PROBES
from evenhand.audit.worker.isolation.probes_calls import ENDED
from tests.audit.worker.isolation import locked

pytestmark = pytest.mark.skipif(
    not (landlock.abi() and seccomp.supported()), reason="code is opened at L3 alone"
)
NOBODY = 65534
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
USERS = (None, NOBODY) if IS_ROOT else (None,)
QUIET = [name for name in PROBES if name not in ENDED]


@pytest.fixture(scope="module")
def attempts() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """(job, what came of it): a kernel with Landlock 3 to 7, as far as this one goes."""
    versions = range(3, min(landlock.abi(), 7) + 1)
    jobs = [
        {"do": "probes", "names": QUIET, "user": user, "abi": version}
        for user in USERS
        for version in versions
    ]
    return list(zip(jobs, locked.run(jobs), strict=True))


def test_no_way_out_on_any_landlock_as_any_user(attempts: Any) -> None:
    assert len(QUIET) > 85 + 40  # the listed ways and forty others
    for job, done in attempts:
        isolation = Isolation(Level[done["level"]], tuple(done["means"]), tuple(done["lacking"]))
        assert isolation.level is Level.L3, done
        assert f"Landlock version {job['abi']}" in isolation.means
        must = must_be_stopped(isolation)
        through = {name: why for name, got, why in done["found"] if got and name in must}
        assert not through, (job["user"], job["abi"])
        assert len(done["found"]) == len(QUIET)


def test_ways_that_end_the_worker_end_it() -> None:
    jobs = [{"do": "probes", "names": [n], "user": u} for n in ENDED for u in USERS]
    for job, done in zip(jobs, locked.run(jobs), strict=True):
        assert done["signal"] == 31 and "found" not in done, job  # SIGSYS


def test_the_probes_do_get_through_where_nothing_stops_them() -> None:
    """A probe that nothing can pass shows nothing: unlocked, nearly all of them are heard."""
    done = locked.run([{"do": "probes", "names": QUIET, "level": "L1"}])[0]
    stopped = {name for name, got, _ in done["found"] if not got}
    assert len(stopped) < 40, stopped
