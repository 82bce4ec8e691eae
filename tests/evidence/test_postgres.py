"""The register on a real PostgreSQL server, which the test starts for itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.case.signing import own_public
from evenhand.audit.errors import AlteredEvidenceError
from evenhand.audit.register.register import Register
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
    raw(url, "DROP TABLE IF EXISTS evenhand_register, evenhand_voucher")


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
        theirs = own_public(own_home.parent / "another" / "keys")
    key = own_public(own_home / "keys")
    assert key is not None
    assert theirs is not None
    assert [e.vouched for e in Register(url).snapshot()] == ["mac", "", ""]
    assert "a key that is not known here" in Register(url).verify([key]).problems[0]
    assert Register(url).verify([key, theirs]).problems == ()
    (own_home / "keys" / "known").mkdir()
    (own_home / "keys" / "known" / "another.pub").write_bytes(theirs.pem())
    assert [e.vouched for e in Register(url).snapshot()] == ["mac", "signature", "signature"]
    found = Register(url).verify([key])
    assert found.problems == ()
    assert "under no checkpoint" in found.notes[0]
    Register(url).append("case", {"n": 3})
    assert Register(url).verify([key]).problems == ()


def test_an_entry_put_in_by_sql_is_not_judged_and_not_blessed(url: str, own_home: Path) -> None:
    import json

    from evenhand.audit.cli import run
    from tests.evidence.forging import entry_digest

    Register(url).append("case", {"n": 0})
    (first,) = Register(url).snapshot()
    body = {"item": "X"}
    digest = entry_digest(2, first.at, "attestation", body, first.digest)
    values = f"2, '{first.at}', 'attestation', '{json.dumps(body)}', '{first.digest}', '{digest}'"
    raw(url, f"INSERT INTO evenhand_register VALUES ({values})")
    assert [e.vouched for e in Register(url).snapshot()] == ["mac", ""]
    Register(url).append("case", {"n": 1})
    assert [e.vouched for e in Register(url).snapshot()] == ["mac", "", "mac"]
    key = own_public(own_home / "keys")
    assert key is not None
    assert "entry 2 (attestation)" in "; ".join(Register(url).verify([key]).problems)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENHAND_REGISTER", url)
        assert run(["verify", "--register"]) == 7
