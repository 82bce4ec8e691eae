"""What training answers: an object to keep, to show in a notebook, and to audit."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest

import evenhand
from evenhand.audit.cli import run
from evenhand.audit.errors import InputError
from evenhand.trainers.result import TrainResult


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENHAND_HOME", str(tmp_path_factory.mktemp("home")))
        made = evenhand.train({"data": "loanapp", "model": "logistic"})
        again = evenhand.train({"data": "loanapp", "model": "logistic"})
    assert made.model != again.model  # a place is never taken twice
    return made


def test_without_a_place_the_model_lies_in_the_home(trained: TrainResult) -> None:
    assert trained.model.parent.name == "models"
    assert trained.model.name.startswith("loanapp-logistic-")
    assert (trained.model / "model.skops").is_file()
    with pytest.raises(InputError, match="which run goes on"):
        evenhand.train({"data": "loanapp", "model": "logistic"}, resume=True)


def test_it_is_kept_as_a_folder_and_as_one_file(trained: TrainResult, tmp_path: Path) -> None:
    copy = trained.save(tmp_path / "kept" / "model")
    files = {p.relative_to(copy): p.read_bytes() for p in copy.rglob("*") if p.is_file()}
    own = {p.relative_to(trained.model): p.read_bytes() for p in trained.model.rglob("*")}
    assert files == own
    with zipfile.ZipFile(trained.save(tmp_path / "model.zip")) as archive:
        assert {Path(n): archive.read(n) for n in archive.namelist()} == own
    with pytest.raises(InputError, match="exists already"):
        trained.save(copy)


def test_a_notebook_shows_how_good_it_is_and_what_to_do_next(trained: TrainResult) -> None:
    page = trained._repr_html_()
    assert f"test accuracy: {trained.test_accuracy:.3f} on {trained.n_test} held-out rows" in page
    assert str(trained.model) in page
    assert "evenhand.audit_model(trained.model, trained.held_out, target=" in page
    assert not re.search(r"<(script|img|style)", page)
    assert "loanapp-logistic" in repr(trained)


def test_what_it_says_of_its_audit_is_an_audit(
    trained: TrainResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    audited = evenhand.audit_model(
        trained.model, checks=["performance.classification"], **trained.audit_options()
    )
    accuracy = next(f for f in audited.findings if f.measure == "accuracy_score")
    assert accuracy.value == pytest.approx(trained.test_accuracy)
    assert accuracy.n == trained.n_test


def test_the_command_needs_no_place_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    assert run(["train", "tabular", "--data", "loanapp", "--model", "logistic", "--quiet"]) == 0
    printed = capsys.readouterr().out
    (made,) = (tmp_path / "home" / "models").iterdir()
    assert f"model: {made}" in printed
    follows = printed.split("Next: ")[1].split()
    assert follows[:3] == ["evenhand", "audit", str(made)]
    assert "--sensitive-features" in follows
