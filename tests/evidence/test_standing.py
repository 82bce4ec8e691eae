"""A case that was edited and sealed anew, against the register: every command says so."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import evenhand.audit.commands as commands
from evenhand.audit.case.case import read_case
from evenhand.audit.cli import run
from evenhand.audit.errors import AlteredEvidenceError
from tests.evidence.forging import edit_json, forge, reseal
from tests.evidence.rows import audit_line, write_rows

CHECKS = "data.groups,fairness.group_rates,fairness.gaps,performance.classification"
READERS: dict[str, list[str]] = {
    "judge": ["judge", "CASE", "-p", "baseline"],
    "report": ["report", "CASE", "-f", "json"],
    "report evidence": ["report", "CASE", "-f", "evidence", "-o", "out.zip"],
    "sign": ["sign", "CASE"],
    "export": ["export", "CASE", "-o", "out.zip"],
    "explain": ["explain", "CASE", "--row", "1"],
    "compare": ["compare", "CASE", "other"],
    "compare the other way": ["compare", "other", "CASE"],
    "judge against": ["judge", "other", "-p", "baseline", "--compare-to", "CASE"],
    "judge a baseline": ["judge", "other", "-p", "baseline", "--baseline", "CASE"],
    "sign-off": [
        "sign-off",
        "CASE",
        "-p",
        "baseline",
        "--by",
        "a",
        "--role",
        "b",
        "--statement",
        "c",
    ],
    "verify": ["verify", "CASE"],
}


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("standing")
    write_rows(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("EVENHAND_HOME", str(folder / "home"))
        for out in ("case", "other"):
            assert run(audit_line(out, checks=CHECKS)) == 0
    return folder


@pytest.fixture
def here(audited: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The two audited cases, taken back to what they were after each test."""
    monkeypatch.chdir(audited)
    monkeypatch.setenv("EVENHAND_HOME", str(audited / "home"))
    shutil.rmtree(audited / "kept", ignore_errors=True)
    shutil.copytree(audited / "case", audited / "kept")
    yield audited
    for left in ("case", "moved"):
        shutil.rmtree(audited / left, ignore_errors=True)
    for signature in (*audited.glob("case.*"), *audited.glob("moved.*")):
        signature.unlink()
    shutil.move(audited / "kept", audited / "case")


def said(reader: str, case: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    capsys.readouterr()
    code = run([case if a == "CASE" else a for a in READERS[reader]])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("reader", READERS)
def test_a_forged_case_in_its_place_is_exit_7(
    here: Path, reader: str, capsys: pytest.CaptureFixture[str]
) -> None:
    forge(here / "case")
    code, _, err = said(reader, "case", capsys)
    assert code == 7
    assert "the register knows this case with another seal" in err


@pytest.mark.parametrize("reader", READERS)
def test_a_forged_case_moved_elsewhere_is_known_by_its_run(
    here: Path, reader: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.move("case", "moved")
    forge(here / "moved")
    code, _, err = said(reader, "moved", capsys)
    assert code == 7
    assert "the case of its run 1 with another seal" in err


@pytest.mark.parametrize("reader", [r for r in READERS if r not in ("verify", "explain")])
def test_a_forged_case_without_its_run_is_said_to_be_unknown(
    here: Path, reader: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.move("case", "moved")
    edit_json(here / "moved" / "environment.json", lambda body: body.pop("run"))
    forge(here / "moved")
    code, _, err = said(reader, "moved", capsys)
    assert code != 7
    assert err.startswith("note: case moved is not in this register")


def test_the_json_forms_carry_how_a_case_stands(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [READERS["judge"], READERS["sign"], READERS["export"], READERS["verify"]]
    for line in lines:
        capsys.readouterr()
        run([*("case" if a == "CASE" else a for a in line), "--json"])
        assert json.loads(capsys.readouterr().out)["standing"]["state"] == "registered", line
    run(["compare", "case", "other", "--json"])
    told = json.loads(capsys.readouterr().out)["standing"]
    assert [told["a"]["state"], told["b"]["state"]] == ["registered", "registered"]
    run(["report", "case", "-f", "json"])
    assert json.loads(capsys.readouterr().out)["standing"] == "registered"


def test_an_honest_case_that_was_moved_or_comes_from_elsewhere_is_no_alarm(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.move("case", "moved")
    assert said("verify", "moved", capsys)[0] == 0
    # another home whose first run was of the same plan: entry 1 there is another entry
    monkeypatch.setenv("EVENHAND_HOME", str(here / "colleague"))
    assert run(audit_line("theirs", checks=CHECKS)) == 0
    monkeypatch.setenv("EVENHAND_HOME", str(here / "home"))
    code, out, _ = said("verify", "theirs", capsys)
    assert code == 0
    assert "but not in this register" in out
    html = here / "page.html"
    assert run(["report", "theirs", "-o", str(html)]) == 0
    assert "not in the register that was read" in html.read_text("utf-8")
    shutil.rmtree("theirs")


def test_python_readers_hold_a_case_against_the_register_too(here: Path) -> None:
    import evenhand

    forge(here / "case")
    for reader in (
        lambda: evenhand.judge("case", "baseline"),
        lambda: evenhand.load_case("case"),
        lambda: evenhand.compare("case", "other"),
        lambda: evenhand.report("case"),
    ):
        with pytest.raises(AlteredEvidenceError, match="another seal"):
            reader()


def test_no_command_reads_a_case_past_the_register() -> None:
    """The law: commands open a case by ``shared.opened``, and ``verify`` alone reads it itself."""
    files = Path(str(commands.__file__)).parent.rglob("*.py")
    readers = [p.name for p in files if "read_case(" in p.read_text("utf-8")]
    assert readers == ["verify.py"]


def test_a_pack_that_bears_a_shipped_name_and_version_is_named_by_digest(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from evenhand.policies.pack import PACKS, load_pack

    shipped = load_pack("baseline")
    altered = here / "baseline.yaml"
    text = (PACKS / "baseline.yaml").read_text("utf-8")
    altered.write_text(text + "\n# the same items, and nobody knows\n", encoding="utf-8")
    other = load_pack(str(altered))
    assert (other.id, other.version) == (shipped.id, shipped.version)
    for command in ("judge", "sign", "report"):
        capsys.readouterr()
        run([command, "case", "-p", str(altered)])
        err = capsys.readouterr().err
        assert f"baseline {shipped.version} ({other.digest}) is not the one that is shipped" in err
        assert shipped.digest in err, command
    run(["judge", "case", "-p", str(altered), "--json"])
    (told,) = json.loads(capsys.readouterr().out)["packs"]
    assert (told["digest"], told["shipped"]) == (other.digest, shipped.digest)
    (envelope,) = here.glob("case.*.dsse.json")
    payload = json.loads(base64.b64decode(json.loads(envelope.read_bytes())["payload"]))
    assert payload["predicate"]["judged_by"] == [told]
    run(["judge", "case", "-p", "baseline"])
    assert "is not the one that is shipped" not in capsys.readouterr().err


def test_an_altered_pack_in_a_case_sealed_anew_is_found_by_the_register(here: Path) -> None:
    (here / "case" / "findings.jsonl").write_bytes(b"")
    reseal(here / "case")
    assert read_case(here / "case").findings == ()  # the seal alone holds
    assert run(["verify", "case"]) == 7
