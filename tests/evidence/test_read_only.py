"""A home and a case on a file system that is mounted to be read alone, in a namespace."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from evenhand.audit.case.case import CaseWriter
from evenhand.audit.case.environment import Environment
from evenhand.audit.cli import run
from evenhand.audit.register.register import Register
from tests.samples import sample_findings, sample_plan

_NEW_USER, _NEW_MOUNTS = 0x10000000, 0x20000
_BIND, _REMOUNT, _READ_ONLY, _PRIVATE, _ALL = 4096, 32, 1, 1 << 18, 16384
NOT_PERMITTED = 98


def mounted(place: Path, then: Callable[[], int]) -> int:
    """What ``then`` gives in a child that sees ``place`` on a file system that can't be written;
    NOT_PERMITTED where this system lets nobody mount."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            code = then() if _mount(place) else NOT_PERMITTED
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _mount(place: Path) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(_NEW_USER | _NEW_MOUNTS) < 0:
        return False
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    name = os.fsencode(place)
    steps = [(None, b"/", _ALL | _PRIVATE), (name, name, _BIND)]
    steps.append((None, name, _REMOUNT | _BIND | _READ_ONLY))
    return all(
        libc.mount(source, target, None, ctypes.c_ulong(flags), None) == 0
        for source, target, flags in steps
    )


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a register, and a case beside it that it knows."""
    folder = tmp_path / "media"
    folder.mkdir()
    monkeypatch.setenv("EVENHAND_HOME", str(folder / "home"))
    with CaseWriter(folder / "case", sample_plan()) as writer:
        case = writer.seal(sample_findings(), Environment())
    Register().append("case", {"path": str(folder / "case"), "digest": case.digest})
    monkeypatch.chdir(folder)
    return folder


def test_a_register_on_a_read_only_mount_is_verified_judged_and_reported(
    place: Path, tmp_path: Path
) -> None:
    def there() -> int:
        with pytest.raises(OSError) as refused:
            (place / "home" / "x").write_text("x")
        assert refused.value.errno == errno.EROFS  # not for want of rights
        os.chdir(place)
        codes = [
            run(["verify", "case", "--register"]),
            run(["judge", "case", "-p", "baseline"]),
            run(["report", "case", "--format", "json", "-o", str(tmp_path / "report.json")]),
            run(["runs", "list"]),
        ]
        judged = codes.pop(1)
        return 0 if codes == [0, 0, 0] and judged in (1, 3, 4) else 97

    before = sorted(str(p) for p in place.rglob("*"))
    code = mounted(place, there)
    if code == NOT_PERMITTED:
        pytest.skip("this system lets nobody mount in a namespace of their own")
    assert code == 0
    assert sorted(str(p) for p in place.rglob("*")) == before
    assert (tmp_path / "report.json").is_file()


def test_what_has_to_be_entered_there_is_an_input_error(
    place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    line = ["sign-off", "case", "--by", "A", "--statement", "S", "-p", "baseline"]
    code = mounted(place, lambda: run(line))
    if code == NOT_PERMITTED:
        pytest.skip("this system lets nobody mount in a namespace of their own")
    assert code == 2, capfd.readouterr().err


def test_altered_evidence_is_found_there_too(place: Path) -> None:
    raw = (place / "case" / "findings.jsonl").read_bytes()
    (place / "case" / "findings.jsonl").write_bytes(raw.replace(b"0.", b"1.", 1))
    code = mounted(place, lambda: run(["verify", "case"]))
    if code == NOT_PERMITTED:
        pytest.skip("this system lets nobody mount in a namespace of their own")
    assert code == 7
