"""Folders in TMPDIR: a living process' stay, a killed one's are named and removed by doctor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from evenhand.audit.files import leftovers

CODE = """
import time
from evenhand.audit.files.leftovers import make_folder
folder = make_folder()
(folder / "secrets.toml").write_text("x" * 1000)
print(folder, flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _own_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_a_killed_process_leaves_a_folder_that_doctor_removes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    process = subprocess.Popen([sys.executable, "-c", CODE], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    place = Path(process.stdout.readline().strip())
    process.stdout.close()
    mine = leftovers.make_folder()
    assert place.parent == tmp_path
    assert leftovers.leftovers() == []
    process.send_signal(signal.SIGKILL)
    process.wait()
    (found,) = leftovers.leftovers()
    assert (found.place, found.size) == (place, 1000)
    from evenhand.audit.commands import doctor

    told = doctor._leftovers()
    assert told.state == "note" and place.name in told.detail and "removed" in told.detail
    assert not place.exists() and mine.exists()
    assert doctor._leftovers().detail == "nothing"
    leftovers.remove_folder(mine)
    assert not mine.exists()


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "else-1").mkdir()
    (tmp_path / "evenhand-file").write_text("x")
    (tmp_path / "evenhand-link").symlink_to(tmp_path / "else-1")
    young, old = tmp_path / "evenhand-young", tmp_path / "evenhand-old"
    young.mkdir()
    old.mkdir()
    month_ago = time.time() - 30 * 86400
    os.utime(old, (month_ago, month_ago))
    assert [left.place for left in leftovers.leftovers()] == [old]
