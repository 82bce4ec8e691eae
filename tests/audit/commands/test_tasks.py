"""Tasks that the data can't be are refused with a reason; each task's summary shows its gaps."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.cli import run
from evenhand.audit.models.predictor import Task


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


@pytest.mark.parametrize("task", [t for t in get_args(Task) if t != "generation"])
def test_the_summary_shows_the_gaps_of_every_feature_that_was_named(
    task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    n, classes = 200, {"binary": [0, 1], "multiclass": ["lo", "mid", "hi"]}.get(task)
    y = rng.choice(classes, n) if classes else rng.normal(50, 10, n)
    answers = np.where(rng.random(n) < 0.7, y, rng.permutation(y))
    features = {"sex": rng.choice(["F", "M"], n), "region": rng.choice(["n", "s"], n)}
    pd.DataFrame({**features, "y": y, "p": answers}).to_csv(tmp_path / "rows.csv", index=False)
    options = ["--positive-label", "1"] if task == "binary" else []
    base = ["audit", "--predictions", str(tmp_path / "rows.csv"), "--target", "y"]
    base += ["--predicted", "p", "--sensitive-features", "sex,region", "--task", task]
    checks = ["--checks", "fairness.*,performance.*,privacy.*"]
    assert run([*base, *options, *checks, "--out", str(tmp_path / "case"), "--quiet"]) == 0
    shown = capsys.readouterr().out
    lines = shown.splitlines()
    for feature in features:
        gaps = [line for line in lines if f"Gap by {feature}" in line]
        assert gaps and all("(" in line for line in gaps), shown  # with their intervals
    assert "not applicable" not in shown  # what does not apply is in the report
