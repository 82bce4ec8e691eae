"""Every bomb through the real command line: under 1.25 GiB, 30 seconds, and never a bug of ours.

They take minutes: `make fuzz` runs all of them, a plain run the law that every reader has one.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.fuzz.changes import ASKED
from tests.hostile.bombs import BOMBS
from tests.hostile.processes import on_this_machine, run

GIB = 1 << 30


@pytest.mark.skipif(not ASKED, reason="make fuzz runs them")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_takes_no_more_than_is_promised(name: str, tmp_path: Path) -> None:
    ended = run(BOMBS[name](tmp_path), tmp_path)
    shutil.rmtree(tmp_path, ignore_errors=True)
    print(f"{name}: {ended.exit}, {ended.seconds:.1f} s, {ended.largest / GIB:.2f} GiB")
    assert ended.exit in (0, 1, 2, 3, 4, 5, 6, 7), ended.said[-2000:]
    assert "Traceback" not in ended.said, ended.said[-2000:]
    assert ended.largest <= 1.25 * GIB, ended.largest / GIB
    assert ended.seconds <= on_this_machine(30), ended.seconds
