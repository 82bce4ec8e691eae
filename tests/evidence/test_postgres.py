"""The register on a real PostgreSQL server, which the test starts for itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.case.register import Register
from evenhand.audit.case.signing import own_public
from evenhand.audit.errors import AlteredEvidenceError
from tests.evidence.register_checks import check_register, killed_on, shared


@pytest.fixture
def url(server: str) -> Iterator[str]:
    """An empty register."""
    yield server
    drop(server)


def raw(url: str, sql: str) -> Any:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        result = connection.exec_driver_sql(sql)
        return result.fetchall() if result.returns_rows else None


def drop(url: str) -> None:
    raw(url, "DROP TABLE IF EXISTS evenhand_register")


def test_entries_chain_and_the_database_refuses_edits(url: str, own_home: Path) -> None:
    from sqlalchemy.exc import DatabaseError

    register = Register(url)
    for n in range(4):
        register.append("case", {"n": n, "text": "héllo 中 \u2028", "x": 0.1})
    assert [e.body["n"] for e in Register(url).snapshot()] == [0, 1, 2, 3]
    for sql in (
        "UPDATE evenhand_register SET at = 'x'",
        "DELETE FROM evenhand_register",
        "TRUNCATE evenhand_register",
        "INSERT INTO evenhand_register VALUES (9, 'x', 'case', '{}', 'p', 'd')",
    ):
        with pytest.raises(DatabaseError, match="append-only"):
            raw(url, sql)


def test_edits_and_truncation_are_caught(url: str, own_home: Path) -> None:
    register = Register(url)
    for n in range(4):
        register.append("case", {"n": n})
    raw(url, "ALTER TABLE evenhand_register DISABLE TRIGGER ALL")
    raw(url, "DELETE FROM evenhand_register WHERE seq = 4")
    with pytest.raises(AlteredEvidenceError, match="cut off"):
        Register(url).snapshot()
    raw(url, "UPDATE evenhand_register SET body = '{}' WHERE seq = 2")
    with pytest.raises(AlteredEvidenceError, match=r"entry 2 \(case\) was changed"):
        Register(url).snapshot()


def test_32_writers_get_their_share(url: str, own_home: Path) -> None:
    shared(own_home, url, 32, 6)


def test_kills_lose_nothing(url: str, own_home: Path) -> None:
    told = killed_on(own_home, url, 25)
    check_register(Register(url), own_home, told)


def test_another_machines_entries_are_no_gap(url: str, own_home: Path) -> None:
    Register(url).append("case", {"n": 0})
    with pytest.MonkeyPatch.context() as elsewhere:
        elsewhere.setenv("EVENHAND_HOME", str(own_home.parent / "another"))
        Register(url).append("case", {"n": 1})
        Register(url).append("case", {"n": 2})
    key = own_public(own_home / "keys")
    assert key is not None
    found = Register(url).verify([key])
    assert found.problems == ()
    assert "under no checkpoint" in found.notes[0]
    Register(url).append("case", {"n": 3})
    assert Register(url).verify([key]).problems == ()
