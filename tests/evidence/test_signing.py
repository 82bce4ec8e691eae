"""Signatures, the archive that a third party checks, and what is worked out again from it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import stat
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.case.case import Case, CaseWriter, read_case
from evenhand.audit.case.environment import Environment
from evenhand.audit.case.recompute import recompute
from evenhand.audit.case.signing import own_key, read_public_key, read_signing_key
from evenhand.audit.cli import run
from evenhand.audit.errors import AlteredEvidenceError, InputError
from evenhand.audit.register.archive import archive_bytes, read_archive, unpack
from evenhand.audit.register.register import Register
from tests.evidence.rows import audit_line, write_rows
from tests.samples import finding, sample_plan


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case from a real audit, with group rates, gaps and impact ratios."""
    folder = tmp_path_factory.mktemp("measured")
    write_rows(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("EVENHAND_HOME", str(folder / "home"))
        checks = "fairness.group_rates,fairness.gaps,fairness.four_fifths,performance.*"
        assert run(audit_line("case", checks=checks)) == 0
    return folder / "case"


@pytest.fixture
def case(measured: Path, tmp_path: Path) -> Case:
    shutil.copytree(measured, tmp_path / "case")
    return read_case(tmp_path / "case")


def signed(case: Case, home: Path) -> Path:
    assert run(["sign", str(case.path)]) == 0
    (envelope,) = case.path.parent.glob("case.*.dsse.json")
    return envelope


def test_a_signature_is_a_dsse_envelope_that_openssl_accepts(
    case: Case, own_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = signed(case, own_home)
    envelope = json.loads(place.read_bytes())
    payload = base64.b64decode(envelope["payload"])
    statement = json.loads(payload)
    # the subjects are the seal's own SHA-256 and what the plan says was audited
    seal = hashlib.sha256((case.path / "seal.json").read_bytes()).hexdigest()
    assert {"name": "case", "digest": {"sha256": seal}} in statement["subject"]
    assert {s["name"] for s in statement["subject"]} == {"case", "data"}
    # DSSE: the signature is over "DSSEv1", both lengths and both texts
    kind = b"application/vnd.in-toto+json"
    pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    (own_home / "pae").write_bytes(pae)
    (own_home / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    done = subprocess.run(
        [
            "openssl",
            "pkeyutl",
            "-verify",
            "-pubin",
            "-inkey",
            str(own_home / "keys/evenhand.pub"),
            "-rawin",
            "-in",
            str(own_home / "pae"),
            "-sigfile",
            str(own_home / "sig"),
        ],
        capture_output=True,
        text=True,
    )
    assert "Signature Verified Successfully" in done.stdout, done.stderr
    assert [e.kind for e in Register().snapshot()] == ["signature"]
    assert read_case(case.path).digest == case.digest  # the seal is untouched
    assert run(["verify", str(case.path), "--key", str(own_home / "keys/evenhand.pub")]) == 0
    assert "holds" in capsys.readouterr().out


def test_a_missing_wrong_or_moved_signature_is_caught(
    case: Case, own_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = own_key(tmp_path / "other")
    public = str(tmp_path / "other" / "evenhand.pub")
    assert run(["verify", str(case.path), "--key", public]) == 7  # not signed at all
    place = signed(case, own_home)
    assert run(["verify", str(case.path), "--key", public]) == 7  # signed by somebody else
    assert f"no signature of the key {other.public.id}" in capsys.readouterr().err
    with CaseWriter(tmp_path / "second", sample_plan()) as writer:
        second = writer.seal([finding("data.groups", "label_rate", 0.5)], Environment())
    place.rename(tmp_path / place.name.replace("case.", "second."))
    assert run(["verify", str(second.path)]) == 7
    assert "another case, model or data" in capsys.readouterr().err


def test_every_flipped_bit_of_a_signature_is_caught(case: Case, own_home: Path) -> None:
    place = signed(case, own_home)
    data = place.read_bytes()
    for at in range(0, len(data), 41):
        changed = bytearray(data)
        changed[at] ^= 1 << (at % 7)
        place.write_bytes(changed)
        assert run(["verify", str(case.path), "--key", str(own_home / "keys/evenhand.pub")]) == 7


def test_keys_that_are_none_are_refused(tmp_path: Path, own_home: Path) -> None:
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    (tmp_path / "text").write_text("hello")
    other = X25519PrivateKey.generate()
    (tmp_path / "other").write_bytes(
        other.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
    )
    for name, said in [("text", "no private key"), ("other", "not an Ed25519"), ("no", "No such")]:
        with pytest.raises(InputError, match=said):
            read_signing_key(tmp_path / name)
    with pytest.raises(InputError, match="no public key"):
        read_public_key(tmp_path / "text")


def test_an_archive_has_the_same_bytes_and_verifies_elsewhere(
    case: Case,
    own_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    signed(case, own_home)
    shutil.copytree(case.path, tmp_path / "moved" / "case")
    for envelope in tmp_path.glob("case.*.dsse.json"):
        shutil.copy(envelope, tmp_path / "moved")
    assert archive_bytes(case, {}) == archive_bytes(read_case(tmp_path / "moved" / "case"), {})
    assert run(["export", str(case.path), "-o", str(tmp_path / "handed-on.zip")]) == 0
    public = tmp_path / "their.pub"
    shutil.copy(own_home / "keys" / "evenhand.pub", public)
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "third-party"))
    capsys.readouterr()
    line = ["verify", str(tmp_path / "handed-on.zip"), "--recompute", "--key", str(public)]
    assert run([*line, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["digest"] == case.digest
    assert told["signatures"][0]["checked"] is True
    assert told["recomputed"]["numbers"] > 100
    assert told["recomputed"]["differing"] == []
    with zipfile.ZipFile(tmp_path / "handed-on.zip") as archive:
        assert archive.testzip() is None  # any zip tool reads it


def test_changed_archives_are_all_caught(case: Case, tmp_path: Path) -> None:
    data = archive_bytes(case, {})
    place = tmp_path / "x.zip"

    refusals: list[bytes] = []

    def refused(changed: bytes) -> bool:
        refusals.append(b"")
        place.write_bytes(changed)
        try:
            read_case(unpack(read_archive(place), tmp_path / str(len(refusals))))
        except (AlteredEvidenceError, InputError):
            return True
        return False

    assert not refused(data)
    central = data.rindex(b"PK\x01\x02")
    places = [*range(0, len(data), len(data) // 80), *range(central, len(data), 7)]
    assert [at for at in places if not refused(flipped(data, at))] == []
    cuts = [0, 1, 100, len(data) // 2, len(data) - 1]
    assert [n for n in cuts if not refused(data[:n])] == []
    assert refused(data + b"x")
    assert refused(b"x" + data)


def flipped(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1 << (at % 8)
    return bytes(changed)


def hostile(case: Case, change: str) -> bytes:
    """The archive of a case, with something in it that must never be unpacked."""
    made = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if change == "bomb" else zipfile.ZIP_STORED
    with zipfile.ZipFile(made, "w", method) as archive:
        for name in case.files:
            archive.writestr(f"case/{name}", (case.path / name).read_bytes())
        link = zipfile.ZipInfo("case/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        name = {
            "traversal": "case/../../evil",
            "absolute": "/evil",
            "backslash": "case\\evil",
            "duplicate": "case/plan.json",
            "stranger": "evil",
            "folder": "case/evil/",
            "bomb": "case/zeros",
        }.get(change, "case/evil")
        with pytest.warns(UserWarning, match="Duplicate") if change == "duplicate" else _nothing():
            archive.writestr(
                link if change == "link" else name, b"\0" * (10**7 if change == "bomb" else 9)
            )
    return made.getvalue()


def _nothing() -> Any:
    import contextlib

    return contextlib.nullcontext()


@pytest.mark.parametrize(
    "change",
    ["traversal", "absolute", "backslash", "duplicate", "stranger", "folder", "bomb", "link"],
)
def test_hostile_archives_are_refused_before_anything_is_unpacked(
    case: Case, tmp_path: Path, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "hostile" / "x.zip"
    place.parent.mkdir()
    place.write_bytes(hostile(case, change))
    assert run(["verify", str(place)]) in (2, 7)
    assert "bug" not in capsys.readouterr().err
    assert [p.name for p in place.parent.iterdir()] == ["x.zip"]
    assert not (tmp_path / "evil").exists()


def test_numbers_follow_from_the_counts_and_a_forged_one_does_not(case: Case) -> None:
    numbers = recompute(case)
    assert all(n.agrees for n in numbers)
    parts = {n.finding.partition("@")[0].partition("~")[0] for n in numbers}
    for measure in (
        "fairness.group_rates/selection_rate",
        "fairness.gaps/demographic_parity_difference",
        "fairness.gaps/equalized_odds_difference",
        "fairness.four_fifths/adverse_impact_ratio",
        "performance.classification/balanced_accuracy_score",
    ):
        assert measure in parts
    # by hand: the gap in selection rates is the larger k/n minus the smaller
    rates = [f for f in case.findings if f.measure == "selection_rate" and set(f.group) == {"sex"}]
    shares = sorted(
        f.counts["k"] / f.counts["n"] for f in rates if f.check == "fairness.group_rates"
    )
    (gap,) = [
        n.found
        for n in numbers
        if "demographic_parity_difference~" in n.finding and n.part == "value"
    ]
    assert gap == pytest.approx(shares[-1] - shares[0], abs=1e-12)


def test_a_case_sealed_over_a_forged_number_is_caught(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = [
        finding("fairness.group_rates", "selection_rate", 0.8, counts={"k": 30, "n": 60}, n=60),
        finding("data.quality", "missing_rate", 0.5, 0.3, 0.7, counts={"k": 30, "n": 60}, n=60),
    ]
    with CaseWriter(tmp_path / "case", sample_plan()) as writer:
        case = writer.seal(forged, Environment())
    assert run(["verify", str(case.path)]) == 0  # the seal is whole: it was made over the lie
    assert run(["verify", str(case.path), "--recompute"]) == 7
    said = capsys.readouterr().err
    assert "the case says 0.8, counts give 0.5" in said
    # the interval of 30 in 60 is 0.5 -+ 0.1285: the forged 0.3 to 0.7 is wider
    assert "0.95 interval, low: the case says 0.3, counts give 0.371" in said
