"""Multiclass, regression and generation: measures, intervals, and whole audits."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from evenhand.audit.cli import run
from evenhand.audit.measure import multiclass as m
from evenhand.audit.measure import regression as r
from evenhand.audit.run.catalogue import check
from evenhand.audit.run.run import run_check
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.subject.subject import Subject, build_subject
from evenhand.audit.worker.opened import Opened
from tests.audit.subjects import one


def three_classes(n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    actual = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    predicted = np.where(rng.random(n) < 0.7, actual, rng.integers(0, 3, n))
    return actual, predicted


def test_multiclass_measures_equal_scikit_learns() -> None:
    actual, predicted = three_classes()
    matrix = m.confusion_matrix(actual, predicted, 3)
    np.testing.assert_array_equal(matrix, metrics.confusion_matrix(actual, predicted))
    expected = {
        m.accuracy: metrics.accuracy_score(actual, predicted),
        m.balanced_accuracy: metrics.balanced_accuracy_score(actual, predicted),
    }
    for function, value in expected.items():
        assert function(matrix, (0.95,)).value == pytest.approx(value, abs=1e-12)
    macro = m.macro_f1(matrix, (0.95,), (1,))
    value = metrics.f1_score(actual, predicted, average="macro")
    assert macro.value == pytest.approx(value, abs=1e-12)
    assert macro.interval is not None
    assert macro.interval.low < value < macro.interval.high
    per_class = metrics.recall_score(actual, predicted, average=None)
    assert m.recall(matrix, 2, ()).value == pytest.approx(per_class[2])


def test_macro_f1_covers_the_true_one() -> None:
    # cells of the true matrix; the true macro F1 is that of the cells themselves
    cells = np.array([[0.5, 0.1, 0.0], [0.05, 0.2, 0.02], [0.03, 0.0, 0.1]])
    hits, rows, columns = np.diag(cells), cells.sum(1), cells.sum(0)
    truth = float((2 * hits / (rows + columns)).mean())
    rng = np.random.default_rng(6)
    covered = 0
    for draw in rng.multinomial(400, cells.ravel(), size=300):
        interval = m.macro_f1(draw.reshape(3, 3), (0.95,), (2,), draws=300).interval
        assert interval is not None
        covered += interval.low <= truth <= interval.high
    assert covered / 300 >= 0.90  # 0.95 less the percentile's small-sample loss and 3 s.e.


def test_a_class_without_rows_is_left_out_not_zero() -> None:
    matrix = np.array([[5, 1, 0], [2, 4, 0], [0, 0, 0]])
    # recalls 5/6 and 4/6: mean 0.75
    assert m.balanced_accuracy(matrix, ()).value == pytest.approx(0.75)
    assert m.recall(matrix, 2, ()).value is None
    assert m.precision(matrix, 2, ()).reason == "no rows predicted as this class"


def test_regression_measures_equal_scikit_learns() -> None:
    rng = np.random.default_rng(1)
    actual = rng.normal(size=80)
    predicted = actual + rng.normal(scale=0.5, size=80)
    error = predicted - actual
    assert r.mean_absolute_error(error, ()).value == pytest.approx(
        metrics.mean_absolute_error(actual, predicted)
    )
    assert r.root_mean_squared_error(error, ()).value == pytest.approx(
        metrics.root_mean_squared_error(actual, predicted)
    )
    assert r.r2(actual, predicted, ()).value == pytest.approx(metrics.r2_score(actual, predicted))
    assert r.r2(np.ones(5), np.arange(5.0), ()).value is None


def test_r2_interval_covers_the_true_r2() -> None:
    # predicted = x, actual = x + e with unit variances: R2 = 1 - 1/2
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(400):
        x = rng.normal(size=200)
        interval = r.r2(x + rng.normal(size=200), x, (0.95,)).interval
        assert interval is not None
        covered += interval.low <= 0.5 <= interval.high
    assert covered / 400 >= 0.917


def test_ratio_of_sums_by_hand_and_by_simulation() -> None:
    # 6 bits over 3 characters, 2 over 1, nothing over 0: 8 / 4
    found = r.ratio_of_sums(np.array([6.0, 2.0, 0.0]), np.array([3, 1, 0]), (0.95,), empty="")
    assert (found.value, found.n) == (2.0, 2)
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(400):
        length = rng.integers(5, 50, size=150)
        bits = 2.0 * length + rng.normal(size=150) * length * 0.3
        interval = r.ratio_of_sums(bits, length, (0.95,), empty="").interval
        assert interval is not None
        covered += interval.low <= 2.0 <= interval.high
    assert covered / 400 >= 0.917
    assert r.ratio_of_sums(np.zeros(2), np.zeros(2), (), empty="short").reason == "short"


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
    options = ["--data", str(tmp_path / "test.csv"), "--target", "price", "--sensitive", "area"]
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
    assert found["data.groups/group_count@area=north"]["value"] == (test["area"] == "north").sum()
    assert not [f for f in found.values() if f["status"] == "error"]
    assert not [i for i in found if i.startswith("fairness.gaps")], "not asked of this task"
    assert run(["audit", str(model), *options, "--checks", "fairness.gaps"]) == 0
    (*_, last) = json.loads(capsys.readouterr().out)["findings"]
    assert (last["status"], last["reason"]) == ("not_applicable", "not asked of a regression task")


def test_a_multiclass_model_and_its_stored_predictions_agree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import skops.io
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    bunch = load_iris(as_frame=True)
    frame = bunch.frame.rename(columns={"target": "kind"})
    inputs = list(bunch.feature_names)
    model = LogisticRegression(max_iter=1000).fit(frame[inputs], frame["kind"])
    skops.io.dump(model, tmp_path / "iris.skops")
    frame.assign(guess=model.predict(frame[inputs])).to_csv(tmp_path / "iris.csv", index=False)
    shared = ["--target", "kind", "--json", "--quiet", "--checks", "performance.*"]
    data = str(tmp_path / "iris.csv")
    assert run(["audit", str(tmp_path / "iris.skops"), "--data", data, *shared]) == 0
    by_model = json.loads(capsys.readouterr().out)["findings"]
    stored = ["--predictions", data, "--predicted", "guess", "--task", "multiclass"]
    assert run(["audit", *stored, *shared]) == 0
    by_rows = {f["id"]: f["value"] for f in json.loads(capsys.readouterr().out)["findings"]}
    values = {f["id"]: f["value"] for f in by_model}
    name = "performance.multiclass/accuracy_score"
    assert values[name] == by_rows[name] == pytest.approx(model.score(frame[inputs], frame["kind"]))
    assert values["performance.multiclass/log_loss"] == pytest.approx(
        metrics.log_loss(frame["kind"], model.predict_proba(frame[inputs]))
    )
    assert by_rows["performance.multiclass/log_loss"] is None
    assert "performance.multiclass/recall_score@class=2" in values


class CountingModel:
    """Gives every character after the first one bit: log-likelihood -ln 2 a character."""

    format = "test"
    task = "generation"
    classes: tuple[str, ...] = ()
    input_columns = ("text",)
    maker_says: dict[str, Any] = {}
    gradients = None

    def token_log_likelihood(self, frame: pd.DataFrame) -> tuple[np.ndarray, ...]:
        length = np.maximum(frame["text"].str.len().to_numpy() - 1, 0)
        return -math.log(2) * length, length, length


def test_bits_per_character_overall_and_by_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.DataFrame({"text": ["abcd", "ab", "a", "abcdef"], "voice": ["x", "y", "x", "y"]})
    frame.to_csv(tmp_path / "texts.csv", index=False)
    opened = Opened(CountingModel(), tmp_path, "sha256:0")  # type: ignore[arg-type]
    monkeypatch.setattr(
        "evenhand.audit.subject.subject.begin_opening",
        lambda path, *args, **options: lambda: opened,
    )
    spec = make_spec(
        {"model": "m", "data": str(tmp_path / "texts.csv"), "sensitive_features": ["voice"]}
    )
    subject: Subject = build_subject(spec)
    found = list(run_check(check("performance.generation"), subject, spec, (0.95,)))
    overall = one(found, "bits_per_character", group={})
    assert (overall.value, overall.n, overall.unit) == (pytest.approx(1.0), 3, "bit")
    assert one(found, "perplexity", group={"voice": "y"}).value == pytest.approx(2.0)
    assert one(found, "bits_per_character", group={"voice": "x"}).n == 1


def test_accuracy_gap_by_hand(tmp_path: Path) -> None:
    from tests.audit.people import people, skops_model

    train, test = people(300, seed=1), people(200, seed=2)
    model = skops_model(tmp_path, train)
    train.to_csv(tmp_path / "train.csv", index=False)
    test.to_csv(tmp_path / "test.csv", index=False)
    spec = make_spec(
        {
            "model": str(model),
            "data": str(tmp_path / "test.csv"),
            "training_data": str(tmp_path / "train.csv"),
            "target": "y",
            "positive_label": 1,
        }
    )
    subject = build_subject(spec)
    found = list(run_check(check("performance.generalisation"), subject, spec, (0.95,)))
    assert subject.model is not None
    predictor = subject.model.predictor

    def share_right(frame: pd.DataFrame) -> float:
        return float(((predictor.predict_proba(frame)[:, 1] >= 0.5) == (frame["y"] == 1)).mean())

    gap = one(found, "accuracy_generalisation_gap")
    assert gap.value == pytest.approx(share_right(train) - share_right(test))
    assert (gap.n, gap.counts) == (200, {"n_train": 300})


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
