"""An archive that is encrypted to a recipient is opened with their identity, and by nobody else."""

from __future__ import annotations

import json
from pathlib import Path

import pyrage
import pytest

from evenhand.audit.cli import run
from evenhand.audit.register.encrypted import VARIABLE
from tests.samples import write_sample_case


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Path]:
    """A recipient's public key, and the file of the private one, as age-keygen writes it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(VARIABLE, raising=False)
    own = pyrage.x25519.Identity.generate()
    (tmp_path / "key.txt").write_text(f"# public key: {own.to_public()}\n{own}\n")
    other = pyrage.x25519.Identity.generate()
    (tmp_path / "other.txt").write_text(f"{other}\n")
    write_sample_case(tmp_path / "case")
    return str(own.to_public()), tmp_path / "key.txt"


def test_it_is_read_with_the_identity_alone(
    pair: tuple[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipient, identity = pair
    assert run(["export", "case"]) == 0
    assert run(["export", "case", "--encrypt-to", recipient]) == 0
    raw = Path("case.zip.age").read_bytes()
    # another tool of the format gives back the very archive
    plain = pyrage.decrypt(raw, [pyrage.x25519.Identity.from_str(identity.read_text().split()[-1])])
    assert plain == Path("case.zip").read_bytes()
    assert b"loan-mlp" not in raw and b"loan-mlp" in plain
    for line in (["verify", "case.zip.age"], ["judge", "case.zip.age", "-p", "baseline"]):
        capsys.readouterr()
        assert run(line) == 2
        assert "no identity is named" in capsys.readouterr().err
        assert run([*line, "--identity", "other.txt"]) == 2
        assert "can't be opened" in capsys.readouterr().err
        assert run([*line, "--identity", str(identity)]) not in (2, 7, 70)
    monkeypatch.setenv(VARIABLE, str(identity))
    capsys.readouterr()
    assert run(["verify", "case.zip.age", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["intact"]


def test_a_changed_one_is_not_opened(
    pair: tuple[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    recipient, identity = pair
    assert run(["export", "case", "--encrypt-to", recipient]) == 0
    raw = bytearray(Path("case.zip.age").read_bytes())
    raw[-20] ^= 1
    Path("case.zip.age").write_bytes(raw)
    assert run(["verify", "case.zip.age", "--identity", str(identity)]) in (2, 7)
    assert "can't be opened" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["export", "case", "--encrypt-to", "age1nobody"], "is no recipient"),
        (["verify", "case.zip.age", "--identity", "absent"], "cannot read"),
        (["verify", "case.zip.age", "--identity", "case/plan.json"], "holds no identity"),
    ],
)
def test_what_is_no_key_is_refused(
    pair: tuple[str, Path], capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert run(["export", "case", "--encrypt-to", pair[0]]) == 0
    capsys.readouterr()
    assert run(arguments) == 2
    assert said in capsys.readouterr().err
