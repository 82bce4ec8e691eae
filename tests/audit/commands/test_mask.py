"""evenhand mask, as typed."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from evenhand.audit.cli import run


def rows(folder: Path) -> Path:
    frame = pd.DataFrame({"age": [20, 21, 30, 31] * 10, "sex": ["F", "M"] * 20})
    frame["card"] = [f"4{i:014d}0" for i in range(40)]
    frame.to_csv(folder / "d.csv", index=False)
    return folder / "d.csv"


def test_options_alone_make_a_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    out = tmp_path / "out"
    typed = ["mask", str(rows(tmp_path)), "--quasi-identifiers", "age,sex", "--k", "15"]
    typed += ["--drop", "card", "-o", str(out)]
    assert run([*typed, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["before"]["k_anonymity"], record["after"]["k_anonymity"]) == (10, 20)
    written = pd.read_csv(out / "masked.csv")
    assert list(written.columns) == ["age", "sex"]
    assert written.groupby(["age", "sex"]).size().min() == 20
    # the plan that was written is one
    assert run(["mask", str(rows(tmp_path)), "--plan", str(out / "mask.yaml")]) == 0
    printed = capsys.readouterr()
    assert "nothing was written" in printed.err
    assert "k-anonymity" in printed.out
    assert run(typed) == 2  # never written over


def test_without_quasi_identifiers_it_asks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["mask", str(rows(tmp_path))]) == 2
    assert "--quasi-identifiers age,zip,sex" in capsys.readouterr().err
