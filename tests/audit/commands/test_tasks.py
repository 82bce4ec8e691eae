"""Tasks that the data can't be are refused with a reason."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evenhand.audit.cli import run


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--task", "regression", "--positive-label", "1"], "has no positive label"),
        (["--task", "multiclass", "--positive-label", "1"], "has no positive label"),
        (["--task", "generation"], "needs a model"),
        (["--task", "ranking"], "ranking"),
        (["--task", "regression", "--target", "g"], "which is no number"),
    ],
)
def test_wrong_tasks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    path = tmp_path / "rows.csv"
    pd.DataFrame({"y": [1.5, 2.5], "yhat": [1.0, 2.0], "g": ["a", "b"]}).to_csv(path, index=False)
    base = ["audit", "--predictions", str(path), "--predicted", "yhat"]
    if "--target" not in options:
        base += ["--target", "y"]
    assert run([*base, *options]) == 2
    assert words in capsys.readouterr().err
