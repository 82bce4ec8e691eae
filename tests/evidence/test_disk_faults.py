"""The n-th write, flush or rename fails: nothing is half-written, and the disk is named.

Every n of what an audit puts on the disk (plan, checks, case, entries, checkpoints, key, signature)
with made-up findings; some n of a real audit, and all of them where ``slow`` tests are asked for.
"""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from evenhand.audit.case.case import verify_case
from evenhand.audit.case.work import unfinished
from evenhand.audit.register.register import Register
from tests.evidence.conftest import Forked
from tests.evidence.contents import contents
from tests.evidence.rows import audit_line

CHECKS = "data.groups,performance.classification"


def failing(forked: Forked, where: Path, stride: int) -> None:
    line = audit_line("case", checks=CHECKS)
    told = forked(line, where)
    whole, operations = contents(where / "case"), told["operations"]
    assert operations > 30
    for n in range(1, operations + 1, stride):
        for left in (where / "case", where / "home", *where.glob(".case.partial-*")):
            shutil.rmtree(left, ignore_errors=True)
        told = forked(line, where, fail_at=n)
        place = where / "case"
        if told["code"] == 0:
            continue  # what failed was not needed: a ticket in line, the removal of a folder
        assert told["code"] == 2, (n, told)
        assert "No space left on device" in told["err"], (n, told)
        assert not place.exists() or verify_case(place) == [], n
        for kept in where.rglob("*.new"):
            raise AssertionError(f"{kept} was left by operation {n}")
        can = place.exists() or bool(unfinished(where, "case"))
        again = forked([*line, *(["--resume"] if can else [])], where)
        assert again["code"] == 0, (n, told, again)
        assert contents(place) == whole, n
        Register(f"sqlite:///{where / 'home' / 'register.sqlite'}").snapshot()


def clear(where: Path) -> None:
    for left in (where / "case", where / "home", *where.glob(".case.partial-*")):
        shutil.rmtree(left, ignore_errors=True)
    for signed in where.glob("case.*.dsse.json"):
        signed.unlink()


def check_kept(where: Path) -> None:
    """The case and the register as an undisturbed run leaves them."""
    kinds = [e.kind for e in Register(f"sqlite:///{where / 'home' / 'register.sqlite'}").snapshot()]
    assert kinds.count("case") == 1
    assert len(list(where.glob("case.*.dsse.json"))) == 1


@pytest.mark.parametrize("trouble", ["fail_at", "die_at"])
def test_every_single_write_may_fail_or_be_the_last(
    forked: Forked, where: Path, trouble: str
) -> None:
    operations = forked([], where)["operations"]
    whole = contents(where / "case")
    check_kept(where)
    assert operations > 50
    for n in range(1, operations + 1):
        clear(where)
        told = forked([], where, **{trouble: n})
        if trouble == "die_at":
            assert told["code"] == -signal.SIGKILL, (n, told)
        elif told["code"] != 0:  # else what failed was not needed
            assert "No space left on device" in told["err"], (n, told)
            assert not [*where.rglob("*.new")], n
        assert not (where / "case").exists() or verify_case(where / "case") == [], n
        again = forked([], where)
        assert again["code"] == 0, (n, told, again)
        assert contents(where / "case") == whole, n
        check_kept(where)


def test_no_failing_write_leaves_half_a_case(forked: Forked, where: Path) -> None:
    failing(forked, where, stride=37)


@pytest.mark.slow
def test_not_one_failing_write_leaves_half_a_case(forked: Forked, where: Path) -> None:
    failing(forked, where, stride=1)
