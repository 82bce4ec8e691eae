"""Entries and checkpoints that somebody without the key put into a register, or took out of it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.case.signing import own_public
from evenhand.audit.cli import run
from evenhand.audit.errors import AlteredEvidenceError
from evenhand.audit.register.register import Register
from tests.evidence.forging import insert
from tests.policies.build import attestation, make_case, make_pack


@pytest.fixture
def register(own_home: Path) -> Register:
    made = Register()
    for n in range(3):
        made.append("plan", {"n": n})
    return made


def stated(**changes: Any) -> dict[str, Any]:
    return attestation(**changes)[1]


def problems(register: Register, home: Path) -> str:
    key = own_public(home / "keys")
    assert key is not None
    return "; ".join(register.verify([key]).problems)


def take_away(home: Path, sql: str) -> None:
    database = sqlite3.connect(home / "register.sqlite")
    triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    for (name,) in database.execute(triggers).fetchall():
        database.execute(f"DROP TRIGGER {name}")
    database.execute(sql)
    database.commit()
    database.close()


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("pending", [False, True])
def test_an_entry_put_in_by_sql_is_not_blessed_by_the_next_append(
    register: Register, own_home: Path, sealed: bool, pending: bool
) -> None:
    seq = insert(own_home, "attestation", stated(), sealed=sealed)
    if pending:  # as if a writer of this home had been killed while it wrote that entry
        (own_home / "register.pending").write_text(str(seq))
    assert [e.vouched for e in register.snapshot()] == ["mac", "mac", "mac", ""]
    assert f"entry {seq} (attestation)" in problems(register, own_home)
    assert run(["verify", "--register"]) == 7
    register.append("plan", {"n": "on top"})
    assert [e.vouched for e in register.snapshot()] == ["mac", "mac", "mac", "", "mac"]
    assert f"entry {seq} (attestation)" in problems(register, own_home)
    assert run(["verify", "--register"]) == 7


def test_a_voucher_of_another_entry_vouches_for_none(register: Register, own_home: Path) -> None:
    database = sqlite3.connect(own_home / "register.sqlite")
    first = database.execute("SELECT mac, key, signature FROM evenhand_voucher").fetchone()
    database.close()
    insert(own_home, "attestation", stated())
    digest = register.entries()[-1].digest
    database = sqlite3.connect(own_home / "register.sqlite")
    database.execute("INSERT INTO evenhand_voucher VALUES (?,?,?,?)", (digest, *first))
    database.commit()
    database.close()
    assert register.entries()[-1].vouched == ""


def test_a_signature_alone_serves_where_the_secret_is_not_known(
    register: Register, own_home: Path
) -> None:
    (own_home / "keys" / "evenhand.secret").unlink()
    assert {e.vouched for e in Register().snapshot()} == {"signature"}
    shutil.move(own_home / "keys" / "evenhand.pub", own_home / "theirs.pub")
    assert {e.vouched for e in Register().snapshot()} == {""}
    (own_home / "keys" / "known").mkdir()
    shutil.copy(own_home / "theirs.pub", own_home / "keys" / "known")
    assert {e.vouched for e in Register().snapshot()} == {"signature"}


def test_what_an_older_version_entered_is_to_be_attested_again(
    register: Register, own_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register.append("attestation", stated())
    take_away(own_home, "DROP TABLE evenhand_voucher")  # what the register was before
    assert {e.vouched for e in register.snapshot()} == {""}
    assert run(["verify", "--register"]) == 0
    assert "attest again" in capsys.readouterr().out
    register.append("plan", {"n": "new"})
    assert [e.vouched for e in register.snapshot()] == ["", "", "", "", "mac"]
    assert run(["verify", "--register"]) == 0


def test_the_judge_hears_only_what_is_vouched_for() -> None:
    from datetime import date

    from evenhand.policies.judge import judge
    from tests.policies.build import attestation_item, entries

    pack = make_pack(attestation_item())
    heard = entries(attestation())
    unheard = tuple(type(e)(e.seq, e.at, e.kind, e.body, "", "") for e in heard)
    day = date(2026, 11, 22)
    (verdict,) = judge(make_case(), pack, heard, as_of=day)
    assert verdict.status == "attested"
    (verdict,) = judge(make_case(), pack, unheard, as_of=day)
    assert verdict.status == "needs-attestation"
    assert "entry 1): attest again" in verdict.because["en"]
    (verdict,) = judge(make_case(), pack, (*heard, *unheard), as_of=day)
    assert verdict.status == "attested"  # nor does it take away what was said before


def test_a_rolled_back_database_is_caught_by_checkpoints_gone_or_not(
    register: Register, own_home: Path
) -> None:
    take_away(own_home, "DELETE FROM evenhand_register WHERE seq > 2")
    with pytest.raises(AlteredEvidenceError, match="cut off"):
        register.snapshot()
    (own_home / "register.checkpoints").unlink()
    with pytest.raises(AlteredEvidenceError, match="its checkpoints are gone"):
        Register().snapshot()
    with pytest.raises(AlteredEvidenceError, match="checkpoints"):
        Register().append("plan", {"n": "on top"})
    assert run(["verify", "--register"]) == 7


def test_the_first_checkpoint_is_of_one_entry_or_goes_on_from_a_named_line(
    register: Register, own_home: Path
) -> None:
    place = own_home / "register.checkpoints"
    lines = place.read_bytes().splitlines(keepends=True)
    place.write_bytes(b"".join(lines[1:]))
    assert "line 1 is of 2 entries, and goes on from no line known" in problems(register, own_home)
    named = own_home / "kept-elsewhere"
    named.write_bytes(lines[0])
    key = own_public(own_home / "keys")
    assert key is not None
    told = "; ".join(register.verify([key], [named]).problems)
    assert "goes on from no line known" not in told


def test_both_cut_to_the_same_length_is_found_by_the_second_place_alone(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/evidence.md: without a copy out of reach nothing is left that knows better."""
    copy = own_home.parent / "elsewhere" / "checkpoints"
    monkeypatch.setenv("EVENHAND_CHECKPOINTS", str(copy))
    register = Register()
    for n in range(4):
        register.append("plan", {"n": n})
    take_away(own_home, "DELETE FROM evenhand_register WHERE seq > 2")
    take_away(own_home, "DELETE FROM evenhand_voucher WHERE rowid > 2")
    place = own_home / "register.checkpoints"
    place.write_bytes(b"".join(place.read_bytes().splitlines(keepends=True)[:2]))
    with pytest.raises(AlteredEvidenceError, match="cut off"):
        Register().snapshot()  # judging looks at the second place too
    with pytest.raises(AlteredEvidenceError, match="cut off"):
        Register().append("plan", {"n": "on top"})
    monkeypatch.delenv("EVENHAND_CHECKPOINTS")
    assert len(Register().snapshot()) == 2  # not findable
    assert run(["verify", "--register"]) == 0


def test_a_clock_that_goes_back_is_noted(
    register: Register, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import UTC, datetime

    from evenhand.audit.register import register as module

    class Back(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(2020, 1, 1, tzinfo=UTC)

    monkeypatch.setattr(module, "datetime", Back)
    register.append("plan", {"n": "late"})
    key = own_public(own_home / "keys")
    assert key is not None
    state = register.verify([key])
    assert state.problems == ()
    assert "entry 4 is of 2020-01-01" in state.notes[0]
    assert "clock went back" in state.notes[0]


def test_a_register_on_read_only_media_is_read_and_verified(
    register: Register, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    before = sorted(p.name for p in own_home.rglob("*"))
    real = os.access
    monkeypatch.setattr(os, "access", lambda p, mode: mode != os.W_OK and real(p, mode))
    assert len(Register().snapshot()) == 3
    assert run(["verify", "--register", "--json"]) == 0
    assert sorted(p.name for p in own_home.rglob("*")) == before


def test_entries_say_who_vouches_in_json(register: Register) -> None:
    made = register.append("plan", {"n": 9})
    assert json.loads(json.dumps(made.voucher.signature))
    assert made == register.snapshot()[-1]
