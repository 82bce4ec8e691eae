"""A control group for a worker: made where it was handed over, left alone everywhere else.

The kernel's files are plain ones here: what is written where, and when nothing is.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from evenhand.audit.worker import memory_group
from evenhand.audit.worker.memory_group import MemoryGroup, arrange


def handed(
    place: Path, *, controllers: str = "cpu memory pids", procs: str = ""
) -> tuple[Path, Path]:
    """The files of a group that this process was started in, and what names it."""
    base = place / "cgroup" / "user.slice" / "run-7.scope"
    base.mkdir(parents=True)
    (base / "cgroup.controllers").write_text(controllers + "\n")
    (base / "cgroup.procs").write_text((procs or str(os.getpid())) + "\n")
    (base / "cgroup.subtree_control").write_text("")
    (place / "own").write_text("0::/user.slice/run-7.scope\n")
    return base, place / "own"


def test_a_worker_gets_a_group_with_its_limit(tmp_path: Path) -> None:
    base, own = handed(tmp_path)
    made = arrange(tmp_path / "cgroup", own)
    assert made.base == base
    assert (base / "evenhand-main" / "cgroup.procs").read_text() == str(os.getpid())
    assert (base / "cgroup.subtree_control").read_text() == "+memory"
    group = made.make(4711, 3 << 30)
    assert group is not None
    told = {f.name: f.read_text() for f in group.place.iterdir()}
    assert told == {
        "memory.max": str(3 << 30),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "cgroup.procs": "4711",
    }


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"procs": f"{os.getpid()}\n1"}, "others are in the control group"),
        ({"procs": "1"}, "others are in the control group"),
        ({"controllers": "cpu pids"}, "counts no memory"),
    ],
)
def test_a_group_that_is_not_ours_is_left_alone(
    tmp_path: Path, changes: dict[str, str], why: str
) -> None:
    base, own = handed(tmp_path, **changes)
    before = sorted(tmp_path.rglob("*"))
    made = arrange(tmp_path / "cgroup", own)
    assert made.base is None and why in made.why and made.make(1, 1) is None
    assert sorted(tmp_path.rglob("*")) == before
    assert (base / "cgroup.subtree_control").read_text() == ""


def test_the_first_version_and_no_groups_at_all(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("4:memory:/x\n0::/\n")
    assert "version 2" in arrange(tmp_path, own).why
    assert "no control groups" in arrange(tmp_path, tmp_path / "nothing").why


def test_a_group_that_cannot_be_divided_is_left_as_it_was(tmp_path: Path) -> None:
    base, own = handed(tmp_path)
    (base / "cgroup.subtree_control").unlink()
    (base / "cgroup.subtree_control").mkdir()  # writing to it fails
    made = arrange(tmp_path / "cgroup", own)
    assert made.base is None and "can't be divided" in made.why
    assert (base / "cgroup.procs").read_text() == str(os.getpid())  # moved back


def test_the_kernel_says_who_ran_out(tmp_path: Path) -> None:
    group = MemoryGroup(tmp_path)
    assert not group.ran_out()
    (tmp_path / "memory.events").write_text("low 0\nmax 12\noom 1\noom_kill 0\n")
    assert not group.ran_out()
    (tmp_path / "memory.events").write_text("max 12\noom 1\noom_kill 1\n")
    assert group.ran_out()


def test_nothing_is_arranged_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(memory_group, "_found", {})
    monkeypatch.setattr(
        memory_group, "arrange", lambda: asked.append(1) or memory_group.Groups(None, "no")
    )
    assert memory_group.groups() is memory_group.groups() and asked == [1]
