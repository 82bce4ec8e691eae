"""A case handed on: on a machine that knows neither register nor secret it is judged the same."""

from __future__ import annotations

import base64
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.case.signing import own_key
from evenhand.audit.cli import run
from evenhand.audit.register.archive import _zip
from evenhand.audit.register.register import Register
from tests.policies.build import attestation_item, pack_data
from tests.samples import write_sample_case

BY = ["--by", "Ada", "--role", "owner", "--statement", "seen and checked"]


@pytest.fixture
def sender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A case with an attestation that leans on a file, and one that says no."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    items = [attestation_item("A-1", evidence_required=["plan"]), attestation_item("A-2")]
    items.append(attestation_item("A-3"))
    (tmp_path / "house.yaml").write_text(json.dumps(pack_data(*items)))
    (tmp_path / "plan.pdf").write_bytes(b"a plan")
    case = tmp_path / "case"
    write_sample_case(case)
    line = ["attest", str(case), "-p", "house.yaml", *BY]
    assert run([*line, "A-1", "--answer", "met", "--evidence", "plan=plan.pdf"]) == 0
    assert run([*line, "A-2", "--answer", "not-met"]) == 0
    return case


def judged(capsys: pytest.CaptureFixture[str], case: Path) -> tuple[int, list[tuple[str, ...]]]:
    """The exit code, and item, status and reason of each verdict by the house pack."""
    capsys.readouterr()
    code = run(["judge", str(case), "-p", "house.yaml", "--json"])
    told = json.loads(capsys.readouterr().out)
    return code, [(v["item"], v["status"], v["because"]["en"]) for v in told["verdicts"]]


def exported(case: Path, out: str) -> Path:
    assert run(["export", str(case), "-p", "house.yaml", "-o", out]) == 0
    return Path(out).resolve()


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """Goes to a machine that has nothing of the sender's but what it was sent."""

    def go() -> Path:
        there = tmp_path / "there"
        there.mkdir(exist_ok=True)
        shutil.copy(tmp_path / "house.yaml", there)
        monkeypatch.chdir(there)
        monkeypatch.setenv("EVENHAND_HOME", str(there / "home"))
        return there

    return go


def test_the_recipient_sees_what_the_sender_saw(
    sender: Path,
    elsewhere: Callable[[], Path],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    here = judged(capsys, sender)
    assert {status for _, status, _ in here[1]} == {"attested", "fail", "needs-attestation"}
    archive = exported(sender, "handed-on.zip")
    key = own_key(tmp_path / "home" / "keys").public.id
    there = elsewhere()
    assert judged(capsys, archive) == here
    # what can't be known here is said: whose key it is
    assert run(["verify", str(archive)]) == 0
    said = capsys.readouterr().out
    assert f"key {key} is not known here" in said and "2 entries" in said
    # with the key it is known, and nothing more has to be said
    public = tmp_path / "home" / "keys" / "evenhand.pub"
    (there / "home" / "keys" / "known").mkdir(parents=True, exist_ok=True)
    shutil.copy(public, there / "home" / "keys" / "known" / "ada.pub")
    assert run(["verify", str(archive), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["handed_over"]
    assert told["unknown_keys"] == [] and len(told["evidence"]) == 1
    assert run(["report", str(archive), "-p", "house.yaml", "-f", "markdown"]) in (0, 1)
    assert "seen and checked" in capsys.readouterr().out


def test_before_and_after_the_sign_off_archives_differ(
    sender: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = exported(sender, "before.zip").read_bytes()
    assert exported(sender, "again.zip").read_bytes() == before
    line = ["sign-off", str(sender), "-p", "house.yaml", "--by", "Eve", "--role", "owner"]
    line += ["--statement", "we live with it", "--accept", "house-rules:A-2", "--accept", "A-3"]
    assert run(line) == 0, capsys.readouterr()
    after = exported(sender, "after.zip")
    assert after.read_bytes() != before
    with zipfile.ZipFile(after) as archive:
        kinds = [json.loads(r)["kind"] for r in archive.read("register.jsonl").splitlines()]
    assert kinds == ["attestation", "attestation", "sign-off"]


def test_what_concerns_other_models_stays_at_home(sender: Path) -> None:
    elsewhere = {"to": "model", "digest": "sha256:" + "5" * 64}
    body = {**Register().snapshot()[0].body, "binds": elsewhere, "item": "A-3"}
    Register().append("attestation", body)
    with zipfile.ZipFile(exported(sender, "x.zip")) as archive:
        lines = archive.read("register.jsonl").splitlines()
    assert len(lines) == 2 and b"5" * 64 not in b"".join(lines)


def files_of(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def left_out(files: dict[str, bytes]) -> None:
    """Takes away the attestation that says no."""
    files["register.jsonl"] = files["register.jsonl"].splitlines(keepends=True)[0]


def reworded(files: dict[str, bytes]) -> None:
    files["register.jsonl"] = files["register.jsonl"].replace(b'"not-met"', b'"met"')


def other_evidence(files: dict[str, bytes]) -> None:
    (name,) = (n for n in files if n.startswith("evidence/"))
    files[name] = b"another plan"


def without_evidence(files: dict[str, bytes]) -> None:
    (name,) = (n for n in files if n.startswith("evidence/"))
    del files[name]


def without_statement(files: dict[str, bytes]) -> None:
    del files["handover.json"]


def signed_by_nobody(files: dict[str, bytes]) -> None:
    rows = [json.loads(row) for row in files["register.jsonl"].splitlines()]
    rows[0]["signature"] = base64.b64encode(b"x" * 64).decode()
    files["register.jsonl"] = b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def of_another_case(files: dict[str, bytes]) -> None:
    envelope = json.loads(files["handover.json"])
    payload = json.loads(base64.b64decode(envelope["payload"]))
    payload["case"] = "sha256:" + "0" * 64
    envelope["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()
    files["handover.json"] = json.dumps(envelope).encode()


@pytest.mark.parametrize(
    "change",
    [
        left_out,
        reworded,
        other_evidence,
        without_evidence,
        without_statement,
        signed_by_nobody,
        of_another_case,
    ],
)
def test_a_changed_hand_over_is_found(
    sender: Path,
    elsewhere: Callable[[], Path],
    capsys: pytest.CaptureFixture[str],
    change: Callable[[dict[str, bytes]], None],
) -> None:
    files = files_of(exported(sender, "x.zip"))
    change(files)
    changed = elsewhere() / "changed.zip"
    changed.write_bytes(_zip(files))
    for command in (["verify", str(changed)], ["judge", str(changed), "-p", "house.yaml"]):
        capsys.readouterr()
        assert run(command) == 7
        assert "was altered" in capsys.readouterr().err


def test_signed_anew_it_names_the_key_that_did(
    sender: Path, elsewhere: Callable[[], Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Who leaves an entry out can sign the rest with a key of their own: it is not the sender's."""
    from evenhand.audit.register.handover import _message

    files = files_of(exported(sender, "x.zip"))
    left_out(files)
    envelope: Any = json.loads(files["handover.json"])
    stated = json.loads(base64.b64decode(envelope["payload"]))
    stated["entries"] = stated["entries"][:1]
    forger = own_key(tmp_path / "forger")
    payload = json.dumps(stated, sort_keys=True, separators=(",", ":")).encode()
    envelope |= {"payload": base64.b64encode(payload).decode(), "key": forger.public.id}
    envelope["signature"] = forger.sign(_message(payload))
    files["handover.json"] = json.dumps(envelope).encode()
    files[f"keys/{forger.public.id.removeprefix('sha256:')}.pub"] = forger.public.pem()
    changed = elsewhere() / "changed.zip"
    changed.write_bytes(_zip(files))
    assert run(["verify", str(changed)]) == 0
    assert f"key {forger.public.id} is not known here" in capsys.readouterr().out
    # who asks for the sender's key is not taken in
    public = tmp_path / "home" / "keys" / "evenhand.pub"
    assert run(["verify", str(changed), "--key", str(public)]) == 7


def test_an_archive_is_read_and_not_written_to(
    sender: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = exported(sender, "x.zip")
    for command in (["sign"], ["export"]):
        assert run([*command, str(archive)]) == 2
        assert "from its folder" in capsys.readouterr().err
