"""A regression model from the command line, against least squares written out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.cli import run


def regression_model(folder: Path, frame: pd.DataFrame) -> Path:
    import skops.io
    from sklearn.linear_model import LinearRegression

    path = folder / "regression.skops"
    skops.io.dump(LinearRegression().fit(frame[["a", "b"]], frame["price"]), path)
    return path


def houses(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n)})
    frame["price"] = 3 * frame["a"] - frame["b"] + rng.normal(size=n)
    frame["area"] = rng.choice(["north", "south"], n)
    return frame


def test_a_regression_model_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, test = houses(200, 1), houses(150, 2)
    model = regression_model(tmp_path, train)
    train.to_csv(tmp_path / "train.csv", index=False)
    test.to_csv(tmp_path / "test.csv", index=False)
    options = [
        "--data",
        str(tmp_path / "test.csv"),
        "--target",
        "price",
        "--sensitive-features",
        "area",
    ]
    options += ["--training-data", str(tmp_path / "train.csv"), "--json", "--quiet"]
    assert run(["audit", str(model), *options]) == 0
    found = {f["id"]: f for f in json.loads(capsys.readouterr().out)["findings"]}
    # least squares of the training rows, written out with numpy
    x = np.column_stack([np.ones(200), train["a"], train["b"]])
    weights = np.linalg.lstsq(x, train["price"], rcond=None)[0]
    predicted = weights[0] + test[["a", "b"]].to_numpy() @ weights[1:]
    error = predicted - test["price"].to_numpy()
    overall = found["performance.regression/mean_absolute_error"]
    assert overall["value"] == pytest.approx(np.abs(error).mean(), abs=1e-9)
    north = found["performance.regression/mean_error@area=north"]
    assert north["value"] == pytest.approx(error[test["area"] == "north"].mean(), abs=1e-9)
    gap = found["performance.generalisation/loss_generalisation_gap"]
    on_train = train["price"] - (weights[0] + train[["a", "b"]].to_numpy() @ weights[1:])
    assert gap["value"] == pytest.approx((error**2).mean() - (on_train**2).mean(), abs=1e-9)
    assert gap["interval"]["low"] < gap["value"] < gap["interval"]["high"]
    share = found["performance.generalisation/relative_loss_generalisation_gap"]
    spread = float(test["price"].var(ddof=0))
    assert share["value"] == pytest.approx(gap["value"] / spread)
    assert share["interval"]["high"] == pytest.approx(gap["interval"]["high"] / spread)
    assert found["data.groups/group_count@area=north"]["value"] == (test["area"] == "north").sum()
    assert not [f for f in found.values() if f["status"] == "error"]
    assert not [i for i in found if i.startswith("fairness.gaps")], "not asked of this task"
    assert run(["audit", str(model), *options, "--checks", "fairness.gaps"]) == 0
    (*_, last) = json.loads(capsys.readouterr().out)["findings"]
    assert (last["status"], last["reason"]) == ("not_applicable", "not asked of a regression task")
