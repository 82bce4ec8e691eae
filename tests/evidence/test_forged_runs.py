"""Cases, kept answers and notes of a run that somebody without the key put there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evenhand.audit.case.case import CaseWriter, read_case
from evenhand.audit.case.work import unfinished
from evenhand.audit.cli import run
from evenhand.audit.register.register import Register
from tests.evidence.contents import contents
from tests.evidence.forging import edit_json, forge, poison
from tests.evidence.rows import audit_line

CHECKS = "data.groups,fairness.gaps,performance.classification"


@pytest.fixture(autouse=True)
def here(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(where)


def line(out: str, *more: str, cached: bool = False) -> list[str]:
    made = audit_line(out, *more, checks=CHECKS)
    return [a for a in made if not (cached and a == "--no-cache")]


def cases_entered() -> list[str]:
    return [str(e.body["digest"]) for e in Register().snapshot() if e.kind == "case"]


def cut_off_after(finished: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The work of an audit that was interrupted after so many checks."""
    from evenhand.audit.run import run as running

    real, seen = running.run_check, []

    def interrupted(check, *arguments, **named):  # type: ignore[no-untyped-def]
        seen.append(check.id)
        if len(seen) > finished:
            raise KeyboardInterrupt
        return real(check, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(running, "run_check", interrupted)
        assert run(line("case")) == 130
    (work,) = unfinished(Path(), "case")
    return work


def test_an_edited_and_resealed_case_is_not_entered_by_resume(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(line("case")) == 0
    honest = cases_entered()
    forge(Path("case"))
    assert run(line("case", "--resume")) == 7
    assert "not known to have been sealed by this home" in capsys.readouterr().err
    assert cases_entered() == honest


def test_a_case_edited_between_sealing_and_register_is_not_entered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Register.append

    def cut(self, kind, body):  # type: ignore[no-untyped-def]
        if kind == "case":
            raise KeyboardInterrupt
        return real(self, kind, body)

    with monkeypatch.context() as patch:
        patch.setattr(Register, "append", cut)
        assert run(line("case")) == 130
    shutil.copytree("case", "honest")
    forge(Path("case"))
    assert run(line("case", "--resume")) == 7
    assert cases_entered() == []
    shutil.rmtree("case")
    shutil.move("honest", "case")
    assert run(line("case", "--resume")) == 0
    assert cases_entered() == [read_case(Path("case")).digest]
    assert not list((Path("home") / "sealed").iterdir())


def test_a_case_that_was_never_measured_is_not_entered(where: Path) -> None:
    assert run(line("case")) == 0
    made = read_case(Path("case"))
    shutil.move("case", "old")
    with CaseWriter(Path("case"), made.plan) as writer:
        writer.seal(made.findings[:1], made.environment)
    assert run(line("case", "--resume")) == 7
    assert len(cases_entered()) == 1


@pytest.mark.parametrize("first_line", [False, True])
def test_a_poisoned_cache_is_not_taken_and_said(
    capsys: pytest.CaptureFixture[str], first_line: bool
) -> None:
    assert run(line("honest", cached=True)) == 0
    kept = sorted(Path("home/cache").glob("*/*.json"))
    assert len(kept) == 3
    for path in kept:
        poison(path, first_line=first_line)
    capsys.readouterr()
    assert run(line("again", cached=True)) == 0
    said = capsys.readouterr().err
    assert contents(Path("again")) == contents(Path("honest"))
    for check in CHECKS.split(","):
        assert f"an answer of {check} that was kept in" in said
    environment = read_case(Path("again")).environment
    assert environment.not_taken == tuple(CHECKS.split(","))
    assert environment.from_cache == ()
    assert run(line("third", cached=True)) == 0  # what was measured again took its place
    assert read_case(Path("third")).environment.from_cache == tuple(CHECKS.split(","))


def test_a_cache_of_another_home_or_under_another_key_is_not_taken() -> None:
    assert run(line("honest", cached=True)) == 0
    kept = sorted(Path("home/cache").glob("*/*.json"))
    texts = [path.read_bytes() for path in kept]
    for path, text in zip(kept, [*texts[1:], texts[0]], strict=True):
        path.write_bytes(text)  # whole files of this home, under names of others
    assert run(line("swapped", cached=True)) == 0
    assert read_case(Path("swapped")).environment.from_cache == ()
    assert contents(Path("swapped")) == contents(Path("honest"))
    (Path("home/keys/evenhand.secret")).unlink()  # as if the cache had come from elsewhere
    assert run(line("elsewhere", cached=True)) == 0
    assert read_case(Path("elsewhere")).environment.from_cache == ()
    assert contents(Path("elsewhere")) == contents(Path("honest"))


@pytest.mark.parametrize("first_line", [False, True])
def test_a_poisoned_answer_of_work_that_was_cut_off_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], first_line: bool
) -> None:
    assert run(line("honest")) == 0
    work = cut_off_after(2, monkeypatch)
    for path in work.glob("finished/*/*.json"):
        poison(path, first_line=first_line)
    assert run(line("case", "--resume")) == 0
    assert "is not taken" in capsys.readouterr().err
    assert contents(Path("case")) == contents(Path("honest"))
    assert read_case(Path("case")).environment.resumed == ()


def test_what_a_run_was_announced_as_cannot_be_edited(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line("first")) == 0
    work = cut_off_after(2, monkeypatch)
    before = (work / "run.json").read_bytes()
    assert json.loads(before)["announced"]["in_all"] == 2
    edit_json(work / "run.json", lambda body: body["announced"].update(number=1, in_all=1))
    assert run(line("case", "--resume")) == 7
    assert "not as this home wrote it" in capsys.readouterr().err
    (work / "run.json").write_bytes(before)
    assert run(line("case", "--resume")) == 0


def test_the_secret_is_its_owners_alone_and_a_damaged_one_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(line("case")) == 0
    place = Path("home/keys/evenhand.secret")
    assert place.stat().st_mode & 0o777 == 0o600
    place.write_text("no hexadecimal")
    assert run(line("again")) == 2
    assert "holds no secret of this home" in capsys.readouterr().err


def test_with_the_secret_a_forger_is_not_found() -> None:
    """What docs/evidence.md says can't be found: whoever reads the home's key is the home."""
    from evenhand.audit.case.finished import SCHEMA
    from evenhand.audit.case.secret import own_secret

    assert run(line("honest", cached=True)) == 0
    secret = own_secret(Path("home/keys"))
    for path in Path("home/cache").glob("*/*.json"):
        poison(path, first_line=True)
        _, _, text = path.read_bytes().partition(b"\n")
        path.write_bytes(secret.mac(SCHEMA, text).encode() + b"\n" + text)
    assert run(line("forged", cached=True)) == 0
    assert read_case(Path("forged")).environment.from_cache == tuple(CHECKS.split(","))
