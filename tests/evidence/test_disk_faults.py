"""The n-th write, flush or rename fails: nothing is half-written, and the disk is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from audit.case import unfinished, verify_case
from audit.register import Register
from tests.evidence.conftest import Forked
from tests.evidence.rows import audit_line, write_rows
from tests.evidence.test_resume import contents

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


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    write_rows(tmp_path)
    return tmp_path


def test_no_failing_write_leaves_half_a_case(forked: Forked, where: Path) -> None:
    failing(forked, where, stride=11)


@pytest.mark.slow
def test_not_one_failing_write_leaves_half_a_case(forked: Forked, where: Path) -> None:
    failing(forked, where, stride=1)
