"""The register under kill -9, a full disk, many writers, and whoever cuts it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evenhand.audit.case.signing import own_public
from evenhand.audit.errors import AlteredEvidenceError, InputError
from evenhand.audit.register.register import Register
from tests.evidence.register_checks import ROOT, check_register, killed_on, shared


def sqlite_url(home: Path) -> str:
    return f"sqlite:///{home / 'register.sqlite'}"


def killed(home: Path, kills: int) -> None:
    told = killed_on(home, sqlite_url(home), kills)
    register = Register(sqlite_url(home))
    check_register(register, home, told)
    with sqlite3.connect(home / "register.sqlite") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
    register.append("waiver", {"after": "all"})  # nobody is left standing in line


def test_200_kills_lose_nothing(own_home: Path) -> None:
    killed(own_home, 200)


@pytest.mark.slow
def test_1000_kills_lose_nothing(own_home: Path) -> None:
    killed(own_home, 1000)


def test_8_writers_get_their_share(own_home: Path) -> None:
    shared(own_home, sqlite_url(own_home), 8, 5)


@pytest.mark.slow
def test_8_writers_get_their_share_for_20_s(own_home: Path) -> None:
    shared(own_home, sqlite_url(own_home), 8, 20)


FULL = """
import json, resource, signal, sys
from evenhand.audit.register.register import Register
from evenhand.audit.errors import InputError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
register = Register(sys.argv[1])
register.append("waiver", {"n": -1})
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
done = []
try:
    for n in range(200):
        entry = register.append("waiver", {"n": n, "text": "x" * 300})
        done.append([entry.seq, entry.digest])
except InputError as error:
    print(json.dumps([done, str(error)]))
"""


@pytest.mark.parametrize("limit", [1000, 8192, 24_000, 40_960, 65_536])
def test_a_full_disk_is_named_and_leaves_the_register_whole(own_home: Path, limit: int) -> None:
    url = sqlite_url(own_home)
    done = subprocess.run(
        [sys.executable, "-c", FULL, url, str(limit)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    acknowledged, said = json.loads(done.stdout)
    assert "disk" in said, said
    register = Register(url)
    digests = {e.seq: e.digest for e in register.snapshot()}
    assert [a for a in acknowledged if digests.get(a[0]) != a[1]] == []
    register.append("waiver", {"n": "after"})  # and goes on once there is room
    key = own_public(own_home / "keys")
    assert key is not None
    assert register.verify([key]).problems == ()


@pytest.fixture
def six(own_home: Path) -> Register:
    register = Register(sqlite_url(own_home))
    for n in range(6):
        register.append("waiver", {"n": n})
    return register


def state(register: Register, home: Path, *copies: Path) -> tuple[str, ...]:
    key = own_public(home / "keys")
    assert key is not None
    return register.verify([key], copies).problems


def cut(home: Path, sql: str) -> None:
    """What somebody with the file can do: the triggers go first."""
    database = sqlite3.connect(home / "register.sqlite")
    for (name,) in database.execute(
        "SELECT name FROM sqlite_master WHERE type='trigger'"
    ).fetchall():
        database.execute(f"DROP TRIGGER {name}")
    database.execute(sql)
    database.commit()
    database.close()


def test_an_untouched_register_verifies(six: Register, own_home: Path) -> None:
    found = six.verify([own_public(own_home / "keys")])  # type: ignore[list-item]
    assert (found.problems, found.notes, found.checkpoints) == ((), (), 6)


@pytest.mark.parametrize("kept", [0, 1, 4, 5])
def test_a_register_cut_off_at_the_end_is_caught(six: Register, own_home: Path, kept: int) -> None:
    cut(own_home, f"DELETE FROM evenhand_register WHERE seq > {kept}")
    again = Register(six.url)
    with pytest.raises(AlteredEvidenceError, match="cut off"):
        again.snapshot()
    with pytest.raises(AlteredEvidenceError, match="cut off"):
        again.append("waiver", {"n": "on top"})
    assert f"the last {6 - kept} of the register are gone" in "; ".join(state(again, own_home))


def test_a_register_that_was_deleted_or_replaced_is_caught(six: Register, own_home: Path) -> None:
    for path in own_home.glob("register.sqlite*"):
        path.unlink()
    with pytest.raises(AlteredEvidenceError, match="cut off"):
        Register(six.url).snapshot()
    other = own_home.parent / "other"
    made = Register(f"sqlite:///{other / 'register.sqlite'}")
    for n in range(6):
        made.append("waiver", {"n": n, "other": True})
    shutil.copy(other / "register.sqlite", own_home / "register.sqlite")
    with pytest.raises(AlteredEvidenceError, match="not the one that was signed"):
        Register(six.url).snapshot()


CHANGES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "first line gone": lambda lines: lines[1:],
    "middle line gone": lambda lines: [*lines[:2], *lines[3:]],
    "last line gone": lambda lines: lines[:-1],
    "three last lines gone": lambda lines: lines[:-3],
    "all lines gone": lambda lines: [],
    "two lines swapped": lambda lines: [lines[1], lines[0], *lines[2:]],
    "a line twice": lambda lines: [*lines, lines[-1]],
    "last line cut": lambda lines: [*lines[:-1], lines[-1][:-9]],
    "newline gone": lambda lines: [*lines[:-1], lines[-1][:-1]],
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_checkpoints_are_caught(six: Register, own_home: Path, change: str) -> None:
    place = own_home / "register.checkpoints"
    lines = place.read_bytes().splitlines(keepends=True)
    place.write_bytes(b"".join(CHANGES[change](lines)))
    assert state(six, own_home), change
    if not change.startswith(("all", "last line cut", "newline")):
        six.append("waiver", {"n": 7})  # writing on does not hide it
        assert state(six, own_home), change


def test_every_flipped_bit_of_checkpoints_is_caught(six: Register, own_home: Path) -> None:
    place = own_home / "register.checkpoints"
    data = place.read_bytes()
    for at in range(0, len(data), 5):
        changed = bytearray(data)
        changed[at] ^= 1 << (at % 8)
        place.write_bytes(changed)
        assert state(six, own_home), at
    place.unlink()
    assert "no checkpoints" in state(six, own_home)[0]


def test_flipped_bits_of_the_database_are_caught(six: Register, own_home: Path) -> None:
    """A bit that no entry is stored in (free space of a page) changes nothing that is read."""
    database = own_home / "register.sqlite"
    entries = six.entries()
    data = database.read_bytes()
    texts = [e.digest.encode() for e in entries] + [b'{"n": 3}', entries[2].at.encode(), b"waiver"]
    for text in texts:
        at = data.index(text)
        for bit in (0, 3, 6):
            changed = bytearray(data)
            changed[at + len(text) // 2] ^= 1 << bit
            database.write_bytes(changed)
            try:
                problems = state(Register(six.url), own_home)
            except (InputError, AlteredEvidenceError):
                continue  # no database any more, or no JSON: said
            assert problems, (text, bit)
    database.write_bytes(data)
    assert state(Register(six.url), own_home) == ()


def test_a_second_file_of_checkpoints_catches_whoever_cut_both(
    own_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from evenhand.audit.cli import run

    copy = own_home.parent / "elsewhere" / "checkpoints"
    register = Register(sqlite_url(own_home))
    register.append("waiver", {"n": 0})  # before the second place was named
    monkeypatch.setenv("EVENHAND_CHECKPOINTS", str(copy))
    for n in range(1, 5):
        register.append("waiver", {"n": n})
    assert run(["verify", "--register"]) == 0
    cut(own_home, "DELETE FROM evenhand_register WHERE seq > 3")
    place = own_home / "register.checkpoints"
    place.write_bytes(b"".join(place.read_bytes().splitlines(keepends=True)[:3]))
    monkeypatch.delenv("EVENHAND_CHECKPOINTS")
    assert state(Register(register.url), own_home) == ()  # from inside, nothing is wrong
    monkeypatch.setenv("EVENHAND_CHECKPOINTS", str(copy))
    assert run(["verify", "--register"]) == 7
    assert "the last 2 of the register are gone" in capsys.readouterr().err


def test_the_database_refuses_what_would_replace_an_entry(six: Register, own_home: Path) -> None:
    database = sqlite3.connect(own_home / "register.sqlite")
    insert = "INSERT OR REPLACE INTO evenhand_register VALUES (?,?,?,?,?,?)"
    row = database.execute("SELECT * FROM evenhand_register WHERE seq = 3").fetchone()
    for values in [row, (9, *row[1:]), (7, *row[1:]), (7, *row[1:4], "new", row[5])]:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            database.execute(insert, values)
    database.close()


def test_a_writer_killed_before_it_signed_is_no_alteration(six: Register, own_home: Path) -> None:
    """As if entry 6 had been written and its process killed: the intent is there, the line not."""
    place = own_home / "register.checkpoints"
    lines = place.read_bytes().splitlines(keepends=True)
    place.write_bytes(b"".join(lines[:5]) + lines[5][:100])
    (own_home / "register.pending").write_text("6")
    place.write_bytes(b"".join(lines[:5]))
    key = own_public(own_home / "keys")
    assert key is not None
    assert six.verify([key]).problems == ()
    assert "under no checkpoint" in six.verify([key]).notes[0]
    six.append("waiver", {"n": 7})
    assert [json.loads(x)["late"] for x in place.read_bytes().splitlines()][5:] == [True, False]
    assert six.verify([key]).problems == ()


def test_a_private_key_is_its_owners_alone(six: Register, own_home: Path) -> None:
    assert (own_home / "keys" / "evenhand.pem").stat().st_mode & 0o777 == 0o600
    assert (own_home / "keys").stat().st_mode & 0o777 == 0o700
