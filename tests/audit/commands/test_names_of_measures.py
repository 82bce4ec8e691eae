"""No table of the terminal calls a measure by its identifier."""

from __future__ import annotations

from pathlib import Path

import pytest

from evenhand.audit.case.case import Case, CaseWriter
from evenhand.audit.case.environment import Environment
from evenhand.audit.cli import run
from evenhand.audit.commands.parts.tables import headline_table, show
from evenhand.audit.reason import because
from evenhand.audit.words.measures import measure_name
from tests.audit.comparing.pairs import case_of
from tests.identifiers import one_of_each, raw
from tests.samples import sample_plan


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed, in one line: a table folds long names."""
    return " ".join(capsys.readouterr().out.split())


@pytest.fixture
def every(tmp_path: Path) -> Case:
    with CaseWriter(tmp_path / "case", sample_plan()) as writer:
        return writer.seal(one_of_each(), Environment())


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))


def test_the_headlines_say_names(every: Case, capsys: pytest.CaptureFixture[str]) -> None:
    show(headline_table(every.findings))
    said = printed(capsys)
    assert measure_name("demographic_parity_difference") in said
    assert raw([said]) == set()


def test_a_comparison_says_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new, old = case_of(tmp_path, "new"), case_of(tmp_path, "old")
    capsys.readouterr()
    run(["compare", str(new.path), str(old.path)])
    said = printed(capsys)
    assert "True positive rate" in said and raw([said]) == set()


@pytest.mark.parametrize("status", ["not_applicable", "skipped", "error", "undefined"])
@pytest.mark.parametrize("pack", ["baseline", "eu-ai-act-high-risk", "us-nyc-ll144"])
def test_verdicts_say_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], status: str, pack: str
) -> None:
    """Of a case in which nothing has a number, and of one in which nothing was measured."""
    blank = {"status": status, "value": None, "interval": None, "reason": because("no-rows")}
    for name, findings in (("blank", one_of_each()), ("none", [])):
        with CaseWriter(tmp_path / name, sample_plan()) as writer:
            case = writer.seal([f.model_copy(update=blank) for f in findings], Environment())
        run(["judge", str(case.path), "--policy", pack])
        said = printed(capsys)
        assert pack in said and raw([said]) == set()


def test_the_list_of_checks_says_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["checks", "list"]) == 0
    said = printed(capsys)
    assert measure_name("log_loss") in said and raw([said]) == set()
