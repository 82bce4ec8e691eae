"""Every way of ``ways.py`` is found, with exit code 7; what is not findable is shown to be so.

One small case and one register with an entry of every kind are made once; each way changes a copy.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from evenhand.audit.cli import run
from evenhand.audit.register.register import Register
from tests.evidence import ways
from tests.evidence.forging import insert
from tests.evidence.ways import Way
from tests.policies.build import attestation_item, check, item, pack_data
from tests.samples import sample_findings, sample_plan

BY = ["--by", "Ada", "--role", "owner", "--statement", "seen"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case with a pack, and a register with an entry of each kind about it."""
    from evenhand.audit.case.case import CaseWriter
    from evenhand.audit.case.environment import Environment

    root = tmp_path_factory.mktemp("ways")
    pack = json.dumps(pack_data(item(check=check(threshold=0.95)), attestation_item())).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("EVENHAND_HOME", str(root / "home"))
        with CaseWriter(root / "case", sample_plan()) as writer:
            writer.add_pack("house.yaml", pack)
            case = writer.seal(sample_findings(), Environment(evenhand="0.1.0"))
        register = Register()
        register.append("plan", {"plan": "sha256:" + "1" * 64})
        register.append("case", {"path": str(root / "case"), "digest": case.digest})
        (root / "house.yaml").write_bytes(pack)
        assert run(["attest", "case", "A-1", "--answer", "met", *BY]) == 0
        waive = ["--reason", "r", "--owner", "Ada", "--approved-by", "Bo", "--compensating", "c"]
        day = ["--expires", "2027-01-31"]
        assert run(["waive", "case", "X-1", *waive, *day]) == 0
        state = {"case": case.digest, "facts": {}, "by": "Ada", "signed_at": "2026-11-30T00:00:00Z"}
        register.append("fact", state)
        accept = ["--accept", "X-1"]
        assert run(["sign-off", "case", "--by", "Eve", "--statement", "fine", *accept]) == 0
        assert run(["sign", "case"]) == 0
    shutil.copytree(root, root.with_name("kept"))
    return root


@pytest.fixture
def here(made: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder as it was made, whatever was done to it before."""
    monkeypatch.chdir(made)
    monkeypatch.setenv("EVENHAND_HOME", str(made / "home"))
    yield made
    for part in made.iterdir():
        shutil.rmtree(part) if part.is_dir() and not part.is_symlink() else part.unlink()
    shutil.copytree(made.with_name("kept"), made, dirs_exist_ok=True)


def test_nothing_was_done_and_nothing_is_found(here: Path) -> None:
    assert run(["verify", "case", "--register"]) == 0
    assert run(["judge", "case"]) in (0, 1, 3, 4)


def test_they_are_sixty() -> None:
    """With those that tests of their own show (docs/evidence.md names them) they are more."""
    names = [w.name for w in (*ways.CASE, *ways.REGISTER)]
    assert len(set(names)) == len(names) >= 60


@pytest.mark.parametrize("way", ways.CASE, ids=lambda w: w.name)
def test_a_forged_case_is_found(here: Path, way: Way, capsys: pytest.CaptureFixture[str]) -> None:
    way.change(here)
    for command in ("verify", "judge", "export"):
        capsys.readouterr()
        assert run([command, "case"]) == 7, command
        assert way.words in capsys.readouterr().err, command


@pytest.mark.parametrize("way", ways.REGISTER, ids=lambda w: w.name)
def test_a_forged_register_is_found(
    here: Path, way: Way, capsys: pytest.CaptureFixture[str]
) -> None:
    way.change(here)
    capsys.readouterr()
    assert run(["verify", "--register"]) == 7
    assert way.words in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["attestation", "waiver"])
def test_what_nobody_vouches_for_answers_nothing(
    here: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Vouchers alone are taken away: the register reads as one of an older version, and what
    people stated there is stated again."""
    ways._sql(
        f"DELETE FROM evenhand_voucher WHERE digest IN "
        f"(SELECT digest FROM evenhand_register WHERE kind = '{kind}')"
    )(here)
    run(["judge", "case", "--json"])
    told = {v["item"]: v for v in json.loads(capsys.readouterr().out)["verdicts"]}
    if kind == "attestation":
        assert told["A-1"]["reason_code"] == "attestation-unvouched"
    else:
        assert told["X-1"]["status"] != "waived"
        assert "waive again" in told["X-1"]["because"]["en"]
    assert run(["verify", "--register"]) == 7
    assert "vouched for by nobody" in capsys.readouterr().err


def test_a_forged_second_place_is_found(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = here / "second" / "checkpoints"
    copy.parent.mkdir()
    raw = (here / "home" / "register.checkpoints").read_bytes()
    monkeypatch.setenv("EVENHAND_CHECKPOINTS", str(copy))
    lines = raw.splitlines(keepends=True)
    found: dict[str, bytes | None] = {
        "whole": raw,
        "gone": None,
        "edited": raw.replace(b'"count":3', b'"count":4'),
        "reordered": b"".join([lines[1], lines[0], *lines[2:]]),
        "of another home": b"".join(lines[:2]) + b"{}\n",
    }
    for name, content in found.items():
        copy.unlink(missing_ok=True)
        if content is not None:
            copy.write_bytes(content)
        assert (run(["verify", "--register"]) == 7) == (name != "whole"), name


def test_with_the_private_key_a_forger_is_not_found(here: Path) -> None:
    """docs/evidence.md: who has keys/evenhand.pem is the home, for whoever knows its public key."""
    from evenhand.audit.register.checkpoints import Checkpoints
    from evenhand.audit.register.vouching import make_voucher

    home = here / "home"
    seq = insert(home, "attestation", ways.STATED[0][1])
    digest = Register().entries()[-1].digest
    voucher = make_voucher(home / "keys", digest)
    ways._sql(
        f"INSERT INTO evenhand_voucher VALUES ('{digest}', '', '{voucher.key}', "
        f"'{voucher.signature}')"
    )(here)
    Checkpoints(home / "register.checkpoints", home / "keys").add(seq, digest)
    assert Register().snapshot()[-1].vouched == "signature"
    assert run(["verify", "--register"]) == 0


def test_a_read_only_folder_is_judged_and_verified(here: Path) -> None:
    """By somebody who may not write there: in a child that gave its rights up."""
    place = Path("/tmp") / f"evenhand-ro-{os.getpid()}"
    shutil.copytree(here, place)
    try:
        for folder, folders, files in os.walk(place):
            for name in (*folders, *files):
                os.chmod(os.path.join(folder, name), 0o555 if name in folders else 0o444)
            os.chmod(folder, 0o555)
        before = sorted(str(p) for p in place.rglob("*"))
        codes = [_as_nobody(place, ["verify", "--register"]), _as_nobody(place, ["judge", "case"])]
        assert codes[0] == 0 and codes[1] in (1, 3, 4, 0)
        assert sorted(str(p) for p in place.rglob("*")) == before
    finally:
        for folder, _, _ in os.walk(place):
            os.chmod(folder, 0o755)
        shutil.rmtree(place)


def _as_nobody(place: Path, arguments: list[str]) -> int:
    child = os.fork()
    if child == 0:
        code = 99
        try:
            os.chdir(place)
            os.environ["EVENHAND_HOME"] = str(place / "home")
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            code = run(arguments)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
