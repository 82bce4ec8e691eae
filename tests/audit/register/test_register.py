"""The register: append-only, chained, safe for concurrent writers."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evenhand.audit.errors import AlteredEvidenceError, InputError
from evenhand.audit.register.register import GENESIS, Register, chain_problems


@pytest.fixture
def register(tmp_path: Path) -> Register:
    return Register(f"sqlite:///{tmp_path / 'r.sqlite'}")


def raw(register: Register) -> sqlite3.Connection:
    """The database without its triggers: what somebody with the file can do."""
    connection = sqlite3.connect(register.url.removeprefix("sqlite:///"))
    for action in ("update", "delete"):
        connection.execute(f"DROP TRIGGER evenhand_register_no_{action}")
    return connection


def test_entries_chain_from_the_first(register: Register) -> None:
    first = register.append("case", {"name": "a"})
    second = register.append("attestation", {"item": "X", "text": "héllo 中"})
    assert (first.seq, first.previous) == (1, GENESIS)
    assert (second.seq, second.previous) == (2, first.digest)
    assert register.snapshot() == (first, second)


def test_an_absent_register_is_empty_and_reading_makes_no_file(tmp_path: Path) -> None:
    register = Register(f"sqlite:///{tmp_path / 'none' / 'r.sqlite'}")
    assert register.snapshot() == ()
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "statement", ["UPDATE evenhand_register SET at = 'x'", "DELETE FROM evenhand_register"]
)
def test_the_database_refuses_edits(register: Register, statement: str) -> None:
    register.append("case", {})
    connection = sqlite3.connect(register.url.removeprefix("sqlite:///"))
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        (
            "UPDATE evenhand_register SET body = '{\"n\": 9}' WHERE seq = 2",
            "entry 2 (case) was changed",
        ),
        ("UPDATE evenhand_register SET at = '2020' WHERE seq = 1", "entry 1 (case) was changed"),
        ("DELETE FROM evenhand_register WHERE seq = 2", "entry 2 is missing"),
        ("DELETE FROM evenhand_register WHERE seq = 1", "does not follow"),
    ],
)
def test_tampering_breaks_the_chain(register: Register, tampering: str, said: str) -> None:
    for n in range(3):
        register.append("case", {"n": n})
    connection = raw(register)
    connection.execute(tampering)
    connection.commit()
    connection.close()
    assert said in "; ".join(chain_problems(register.entries()))
    with pytest.raises(AlteredEvidenceError, match="register"):
        register.snapshot()


def test_concurrent_writers_never_fork(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'r.sqlite'}"

    def write(writer: int) -> None:
        mine = Register(url)
        for n in range(10):
            mine.append("case", {"writer": writer, "n": n})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    entries = Register(url).snapshot()
    assert len(entries) == 40
    assert {(e.body["writer"], e.body["n"]) for e in entries} == {
        (w, n) for w in range(4) for n in range(10)
    }


def test_unusable_registers_say_why(tmp_path: Path) -> None:
    (tmp_path / "not-a-db").write_text("hello " * 100)
    with pytest.raises(InputError, match="not a database"):
        Register(f"sqlite:///{tmp_path / 'not-a-db'}").snapshot()
    with pytest.raises(InputError, match="not a database URL"):
        Register("no-url").snapshot()
    with pytest.raises(InputError) as caught:
        Register("postgresql+psycopg://me:secret@127.0.0.1:1/x").snapshot()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["a%20b", "what?x=1", "n#1", "two words", "new\nline"])
def test_a_home_lies_where_its_name_says(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a URL "%20" would be a blank, and "?" would end the path: the database lay elsewhere."""
    place = tmp_path / name
    monkeypatch.setenv("EVENHAND_HOME", str(place))
    Register().append("case", {"case": "sha256:" + "0" * 64, "path": "x"})
    assert (place / "register.sqlite").is_file()
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert len(Register().entries()) == 1
