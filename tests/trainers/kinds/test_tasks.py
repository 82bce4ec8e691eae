"""The tasks of tables, each against an independent library or numbers worked out here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file
from sklearn.linear_model import LinearRegression, LogisticRegression

from evenhand.audit.data.reading.read import read_table
from evenhand.audit.errors import InputError
from evenhand.audit.worker.opening import open_here
from evenhand.trainers import train
from evenhand.trainers.folder import reading as model_folder


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 rows of a linear rule with noise; prices lie around 250,000."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "area": rng.normal(90, 20, 300).round(1),
            "age": rng.integers(0, 80, 300),
            "region": rng.choice(["a", "b"], 300),
        }
    )
    noise = rng.normal(0, 5000, 300)
    region = np.where(frame["region"] == "b", 30_000, 0)
    frame["price"] = (3000 * frame["area"] - 500 * frame["age"] + region + noise).round()
    path = tmp_path_factory.mktemp("prices") / "prices.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def flowers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 rows of three classes, whose centres lie on a triangle."""
    rng = np.random.default_rng(6)
    kind = np.repeat([0, 1, 2], 200)
    centres = np.array([[0, 0], [2.5, 0], [0, 2.5]])
    points = centres[kind] + rng.normal(0, 1, (600, 2))
    frame = pd.DataFrame({"x": points[:, 0], "y": points[:, 1]})
    frame["kind"] = np.array(["iris", "lily", "rose"])[kind]
    path = tmp_path_factory.mktemp("flowers") / "flowers.csv"
    frame.to_csv(path, index=False)
    return path


def regression(prices: Path, **changes: object) -> dict[str, object]:
    return {
        "data": str(prices),
        "task": "regression",
        "target": "price",
        "model": "linear",
        "epochs": 80,
        "weight_decay": 0.0,
        "learning_rate": 0.03,
        "schedule": "cosine",
        **changes,
    }


def inputs_of(rows: pd.DataFrame) -> np.ndarray:
    return np.column_stack([rows["area"], rows["age"], rows["region"] == "b"])


def test_a_linear_model_finds_least_squares(prices: Path, tmp_path: Path) -> None:
    result = train(regression(prices), out=tmp_path / "model")
    everything, test = read_table(prices).frame, read_table(result.held_out).frame
    rest = everything.merge(test, how="left", indicator=True)
    fit = rest[rest["_merge"] == "left_only"]
    oracle = LinearRegression().fit(inputs_of(fit), fit["price"])
    opened = model_folder.load(result.model)
    values = opened.predict_values(test)
    assert values.shape == (len(test),) and opened.task == "regression" and opened.classes == ()
    # the noise of the rule is 5,000: the two fits lie within a tenth of that of each other
    assert np.abs(values - oracle.predict(inputs_of(test))).max() < 500
    rmse = float(np.sqrt(np.mean((values - test["price"]) ** 2)))
    assert result.test["rmse"] == pytest.approx(rmse, rel=1e-9) and 3500 < rmse < 6500
    assert result.test["r2"] > 0.97 and result.test_accuracy is None


def test_values_are_in_the_unit_of_the_target(prices: Path, tmp_path: Path) -> None:
    result = train(regression(prices), out=tmp_path / "model")
    stated = json.loads((result.model / "model.json").read_text())
    train_rows = stated["target_scale"]
    assert 200_000 < train_rows["mean"] < 300_000 and 40_000 < train_rows["scale"] < 80_000
    # by hand: the stored layer on the encoded inputs, times the scale, plus the mean
    weights = load_file(result.model / "weights.safetensors")
    rows = read_table(prices).frame.head(5)
    opened = model_folder.load(result.model)
    encoded = opened.gradients.encode(rows).astype(float)
    standardised = encoded @ weights["0.weight"][0].astype(float) + weights["0.bias"][0]
    by_hand = standardised * train_rows["scale"] + train_rows["mean"]
    np.testing.assert_allclose(opened.predict_values(rows), by_hand, rtol=1e-6)
    module = opened.gradients.module
    outputs = module(torch.from_numpy(opened.gradients.encode(rows))).detach().numpy()
    np.testing.assert_allclose(outputs[:, 0], by_hand, rtol=1e-6)


@pytest.mark.parametrize("model", ["mlp", "gradient-boosting", "random-forest"])
def test_other_regressors_beat_the_mean(prices: Path, tmp_path: Path, model: str) -> None:
    recipe = regression(prices, model=model)
    if model != "mlp":
        dials = ("epochs", "weight_decay", "learning_rate", "schedule")
        recipe = {k: v for k, v in recipe.items() if k not in dials}
    result = train(recipe, out=tmp_path / "model")
    assert result.test["r2"] > 0.9
    opened = open_here(result.model).predictor
    assert opened.task == "regression"
    rows = read_table(result.held_out).frame
    wrong = opened.predict_values(rows) - rows["price"]
    assert result.test["mae"] == pytest.approx(float(np.abs(wrong).mean()), rel=1e-6)


def test_private_regression_says_that_the_scale_is_not_covered(
    prices: Path, tmp_path: Path
) -> None:
    recipe = regression(prices, optimizer="sgd", learning_rate=0.5, batch_size=100, epochs=20)
    result = train({**recipe, "private": {"epsilon": 8}}, out=tmp_path / "model")
    assert result.test["r2"] > 0.5 and result.epsilon <= 8
    assert "mean and standard deviation of the target" in result.privacy.outside_guarantee


def test_three_classes_as_well_as_scikit_learn(flowers: Path, tmp_path: Path) -> None:
    recipe = {
        "data": str(flowers),
        "task": "multiclass",
        "target": "kind",
        "model": "linear",
        "epochs": 60,
        "learning_rate": 0.03,
        "weight_decay": 0.0,
        "schedule": "cosine",
    }
    result = train(recipe, out=tmp_path / "model")
    test = read_table(result.held_out).frame
    merged = read_table(flowers).frame.merge(test, how="left", indicator=True)
    rest = merged[merged["_merge"] == "left_only"]
    oracle = LogisticRegression(C=1e6).fit(rest[["x", "y"]], rest["kind"])
    expected = oracle.score(test[["x", "y"]], test["kind"])
    assert result.test_accuracy == pytest.approx(expected, abs=0.01)
    opened = model_folder.load(result.model)
    assert opened.task == "multiclass" and opened.classes == ("iris", "lily", "rose")
    scores = opened.predict_proba(test)
    assert scores.shape == (len(test), 3) and np.allclose(scores.sum(axis=1), 1)
    stated = json.loads((result.model / "model.json").read_text())
    assert stated["positive_label"] is None and stated["task"] == "multiclass"


@pytest.mark.parametrize("model", ["logistic", "gradient-boosting", "random-forest"])
def test_estimators_of_three_classes(flowers: Path, tmp_path: Path, model: str) -> None:
    recipe = {"data": str(flowers), "task": "multiclass", "target": "kind", "model": model}
    result = train({**recipe, "validation_share": 0.2}, out=tmp_path / "model")
    # a coin a row: of 600 three in ten are held out and two in ten validated on
    assert result.test_accuracy > 0.75 and abs(result.n_test - 180) < 4 * 11.2
    assert abs(result.n_train - 300) < 4 * 12.2
    opened = open_here(result.model).predictor
    assert opened.task == "multiclass" and len(opened.classes) == 3
    (point,) = result.curves
    assert 0.7 < point["validation_measure"] <= 1 and point["validation_loss"] > 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target": "kind"}, "declare task: multiclass"),
        ({"target": "kind", "task": "multiclass", "positive_label": "iris"}, "no positive_label"),
        ({"target": "kind", "task": "regression"}, "not finite numbers"),
        ({"target": "x", "task": "regression", "class_weight": "balanced"}, "no classes"),
        ({"target": "x", "task": "regression", "model": "logistic"}, "for classes"),
        ({"target": "kind", "task": "ranking"}, "task"),
    ],
)
def test_wrong_tasks_say_what_to_declare(
    flowers: Path, tmp_path: Path, changes: dict, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        train({"data": str(flowers), **changes}, out=tmp_path / "model")


def test_a_class_that_only_the_test_table_has(flowers: Path, tmp_path: Path) -> None:
    other = read_table(flowers).frame.head(20).assign(kind="tulip")
    other.to_csv(tmp_path / "test.csv", index=False)
    recipe = {"data": str(flowers), "task": "multiclass", "target": "kind", "model": "linear"}
    with pytest.raises(InputError, match="'tulip' in held-out rows"):
        train({**recipe, "test_data": str(tmp_path / "test.csv")}, out=tmp_path / "model")


def test_a_test_table_lacking_a_column_is_named(flowers: Path, tmp_path: Path) -> None:
    read_table(flowers).frame.drop(columns="y").to_csv(tmp_path / "test.csv", index=False)
    recipe = {"data": str(flowers), "task": "multiclass", "target": "kind", "model": "linear"}
    with pytest.raises(InputError, match=r"lacks a column.*'y'"):
        train({**recipe, "test_data": str(tmp_path / "test.csv")}, out=tmp_path / "model")
