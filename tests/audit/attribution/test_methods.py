"""Every method on tables: closed forms, what Captum itself gives, planted features, one record."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from evenhand.audit.attribution import progress
from evenhand.audit.attribution.capabilities import methods_of
from evenhand.audit.attribution.door import Question, ask
from evenhand.audit.errors import InputError
from tests.audit.attribution.made import Scored, attribute, mlp, network, table

FRAME = table()


def linear_network(weights: list[float], frame: pd.DataFrame) -> Any:
    """Log-odds of "yes": weights x standardised inputs + 0.3."""
    module = torch.nn.Linear(len(weights), 2)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[0.0] * len(weights), weights]))
        module.bias.copy_(torch.tensor([0.0, 0.3]))
    return network(torch.nn.Sequential(module), frame)


def test_a_linear_network_is_explained_by_weight_times_distance() -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(8, 3)), columns=["a", "b", "c"])
    model = linear_network([1.0, -2.0, 0.5], frame)
    scaled = (frame - frame.mean()) / frame.std(ddof=0)
    expected = scaled.to_numpy() * [1.0, -2.0, 0.5]  # the baseline, training means, is zero
    methods = ["linear", "integrated_gradients", "deep_lift", "gradient_shap", "shapley_exact"]
    methods += ["shapley_sampling", "kernel_shap", "lime", "feature_ablation", "occlusion"]
    for method in methods:
        found = attribute(model, frame, method=method, target=1, output="logit")
        assert found.arrays["values"] == pytest.approx(expected, abs=2e-5), method
        assert found.arrays["gap"] == pytest.approx(0, abs=2e-5)
        assert found.facts["unit"] == "log-odds"
    closed = attribute(model, frame, method="linear", target=0, output="logit").arrays
    assert closed["values"] == pytest.approx(-expected, abs=1e-6)
    probability = attribute(model, frame, method="shapley_exact", target=1).arrays["output"]
    assert 1 / (1 + np.exp(closed["output"])) == pytest.approx(probability, abs=1e-6)


def test_the_closed_form_of_a_scikit_learn_pipeline_and_its_refusals() -> None:
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

    from evenhand.audit.models.estimators import EstimatorPredictor

    frame = FRAME[["age", "job"]]
    label = (frame["age"] > 50) ^ (frame["job"] == "cook")
    steps = make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(), ["job"]))
    fitted = make_pipeline(steps, LogisticRegression()).fit(frame, label)
    model = EstimatorPredictor("skops", fitted, ("age", "job"), {})
    exact = attribute(model, frame, method="shapley_exact", target=1, output="logit")
    closed = attribute(model, frame, method="linear", target=1, output="logit")
    assert closed.arrays["values"] == pytest.approx(exact.arrays["values"], abs=1e-9)
    assert closed.arrays["output"] == pytest.approx(exact.arrays["output"], abs=1e-9)
    assert closed.facts["exact"]
    assert closed.facts["complete"]
    with pytest.raises(InputError, match="isn't linear in its probability"):
        attribute(model, frame, method="linear", target=1)
    two = pd.DataFrame({"a": [1.0, 2.0, 4.0, 3.0], "b": [0.0, 1.0, 5.0, 2.0]})
    crossed = make_pipeline(PolynomialFeatures(2), Ridge()).fit(two, two["a"])
    mixed = EstimatorPredictor("skops", crossed, ("a", "b"), {})
    with pytest.raises(InputError, match="mixes several columns"):
        attribute(mixed, two, method="linear")


def test_integrated_gradients_are_captums() -> None:
    from captum.attr import IntegratedGradients

    model = mlp(FRAME, hidden=[7])
    access = model.gradients
    inputs = torch.from_numpy(access.encode(FRAME))
    baseline = torch.from_numpy(access.baseline)[None].expand_as(inputs)
    method = IntegratedGradients(lambda x: access.module(x).softmax(1)[:, 1])
    theirs = method.attribute(inputs, baseline, n_steps=20, method="gausslegendre").numpy()
    found = attribute(model, FRAME, method="integrated_gradients", target=1, steps=20)
    # one-hot positions of a job are summed back to it; so is the mark of a missing pay
    expected = np.zeros((len(FRAME), 4))
    for position, column in enumerate(access.encoded_columns):
        expected[:, list(FRAME.columns).index(column)] += theirs[:, position]
    assert found.facts["columns"] == list(FRAME.columns)
    assert found.arrays["values"] == pytest.approx(expected, abs=1e-6)
    assert found.facts["evaluations"] == 20 * len(FRAME)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("gradients", [True, False])
def test_every_method_gives_the_same_record(task: str, gradients: bool) -> None:
    n_outputs = {"binary": 2, "multiclass": 3, "regression": 1}[task]
    model = mlp(FRAME, n_outputs=n_outputs, task=task, hidden=[5], activation="relu")
    if not gradients:
        model.gradients = None
    can = ask(model, Question("capabilities")).facts
    assert can["kind"] == "tabular"
    assert can["gradients"] is gradients
    rows = FRAME.head(4)
    scores = model.predict_values(rows) if task == "regression" else model.predict_proba(rows)
    output = scores if task == "regression" else scores.max(axis=1)  # of the predicted class
    for method in can["methods"]:
        found = attribute(model, rows, method=method, steps=200)
        arrays, facts = found.arrays, found.facts
        assert arrays["values"].shape == (4, 4)
        assert arrays["values"].dtype == np.float64
        assert arrays["output"] == pytest.approx(output, abs=1e-6)
        change = arrays["values"].sum(axis=1) - (output - arrays["baseline_output"])
        if method == "saliency":
            assert np.isnan(arrays["gap"]).all()
        else:
            assert arrays["gap"] == pytest.approx(change, abs=1e-6)
        if facts["complete"] and method != "gradient_shap":
            assert arrays["gap"] == pytest.approx(0, abs=5e-3), method
        assert facts["method"].count("baseline: ") == facts["method"].count("target: ") == 1
        assert facts["evaluations"] > 0
        again = attribute(model, rows, method=method, steps=200, memory_bytes=1 << 20)
        assert again.arrays["values"] == pytest.approx(arrays["values"], abs=1e-6), method


def test_shapley_values_by_four_methods_agree() -> None:
    model = mlp(FRAME, hidden=[6])
    rows = FRAME.head(3)
    exact = attribute(model, rows, method="shapley_exact", target=1).arrays["values"]
    drawn = attribute(model, rows, method="shapley_sampling", target=1).arrays["values"]
    kernel = attribute(model, rows, method="kernel_shap", target=1, samples=1500)
    model.gradients = None
    base = pd.DataFrame({"age": [50], "pay": [30.0], "job": ["cook"], "new": [True]})
    frames = attribute(model, rows, base, method="shapley_exact", target=1).arrays["values"]
    encoded = attribute(mlp(FRAME, hidden=[6]), rows, base, method="shapley_exact", target=1)
    assert drawn == pytest.approx(exact, abs=1e-9)  # so few columns are enumerated
    assert kernel.arrays["values"] == pytest.approx(exact, abs=0.01)
    assert frames == pytest.approx(encoded.arrays["values"], abs=1e-6)


@pytest.mark.parametrize("gradients", [True, False])
def test_planted_features_are_found(gradients: bool) -> None:
    frame = pd.DataFrame(np.random.default_rng(2).normal(size=(40, 6)), columns=list("abcdef"))
    model = linear_network([0.0, 3.0, 0.0, 0.0, -2.0, 0.0], frame)
    if not gradients:
        model.gradients = None
    for method in methods_of(model, "tabular"):
        if method == "linear":
            continue
        # these two fit a model to each row
        some = frame.head(10) if method in ("kernel_shap", "lime") else frame
        values = attribute(model, some, method=method, target=1).arrays["values"]
        strength = np.abs(values).mean(axis=0)
        assert list(np.argsort(-strength)[:2]) == [1, 4], method
        assert strength[[0, 2, 3, 5]] == pytest.approx(0, abs=1e-6 + strength[4] / 10), method


@pytest.mark.parametrize("gradients", [True, False])
def test_a_model_that_ignores_its_input_has_attributions_of_zero(gradients: bool) -> None:
    model = linear_network([0.0] * 6, FRAME[["age", "job"]])
    frame = FRAME[["age", "job"]].head(6)
    if not gradients:
        model.gradients = None
    for method in methods_of(model, "tabular"):
        output = "logit" if method == "linear" else "probability"
        found = attribute(model, frame, method=method, target=1, output=output)
        assert found.arrays["values"] == pytest.approx(0, abs=1e-7), method
        assert found.arrays["output"] == pytest.approx(found.arrays["baseline_output"], abs=1e-7)


def test_outputs_of_a_multiclass_model() -> None:
    model = mlp(FRAME, n_outputs=3, task="multiclass", hidden=[5])
    p = model.predict_proba(FRAME)
    for output, expected in {
        "probability": p[:, 2],
        "logit": np.log(p[:, 2]) - np.log(p[:, 0] + p[:, 1]),
        "log_probability": np.log(p[:, 2]),
    }.items():
        for method in ("integrated_gradients", "shapley_exact"):
            found = attribute(model, FRAME, method=method, target=2, output=output, steps=100)
            assert found.arrays["output"] == pytest.approx(expected, abs=1e-5)
            assert found.arrays["gap"] == pytest.approx(0, abs=1e-3)
    with pytest.raises(InputError, match="DeepLift has no rule for the logit of 3 classes"):
        attribute(model, FRAME, method="deep_lift", output="logit")


def test_gradient_shap_over_several_references() -> None:
    frame = pd.DataFrame(np.random.default_rng(1).normal(size=(9, 2)), columns=["a", "b"])
    model = linear_network([1.0, 1.0], frame)
    options: dict[str, Any] = {"method": "gradient_shap", "target": 1, "output": "logit"}
    found = attribute(model, frame, frame.iloc[:4], samples=400, **options)
    scaled = (frame - frame.mean()) / frame.std(ddof=0)
    expected = (scaled - scaled.iloc[:4].mean()).to_numpy()
    assert found.arrays["values"] == pytest.approx(expected, abs=0.25)  # 400 draws of 4 references
    assert found.facts["baseline"] == "4 declared reference rows"


def test_the_random_states_of_torch_and_numpy_are_given_back() -> None:
    model = mlp(FRAME, hidden=[3])
    torch.manual_seed(3)
    np.random.seed(3)
    expected = torch.rand(1), np.random.rand()
    torch.manual_seed(3)
    np.random.seed(3)
    for method in ("gradient_shap", "lime", "kernel_shap"):
        attribute(model, FRAME.head(3), method=method)
    assert (torch.rand(1), np.random.rand()) == expected


def test_wrong_questions() -> None:
    model = mlp(FRAME, hidden=[4])
    for options, message in (
        ({"method": "integrated_gradient"}, "method='integrated_gradient' is not known"),
        ({"method": "linear"}, "linear doesn't explain this tabular model"),
        ({"output": "odds"}, "output='odds' is not known"),
        ({"target": 2}, "target=2 of 2 classes"),
        ({"target": True}, "target=True is not a class position"),
        ({"steps": 0}, "steps=0 is too small"),
        ({"steps": "50"}, "steps='50' is not int"),
        ({"precision": 0.0}, "precision=0.0"),
        ({"stepz": 5}, "has no option 'stepz'"),
    ):
        with pytest.raises(InputError, match=message):
            attribute(model, FRAME, **options)
    with pytest.raises(InputError, match="no column 'age'"):
        attribute(model, FRAME.drop(columns="age"))
    with pytest.raises(InputError, match="the baseline has 2 rows"):
        attribute(model, FRAME, FRAME.head(2))
    with pytest.raises(InputError, match="no value for column 'job'"):
        attribute(model, FRAME, FRAME.head(1).drop(columns="job"))
    model.gradients = None
    with pytest.raises(InputError, match="deep_lift doesn't explain"):
        attribute(model, FRAME, method="deep_lift")
    sure = Scored(lambda rows: (rows["age"] > 40).astype(float), ("age",), "binary")
    with pytest.raises(InputError, match="logit isn't finite"):
        attribute(sure, FRAME[["age"]], target=1, output="logit")


def test_progress_is_told_and_never_goes_back() -> None:
    told: list[tuple[str, float, float]] = []
    with progress.listening(lambda what, done, total: told.append((what, done, total))):
        attribute(mlp(FRAME, hidden=[4]), FRAME, method="gradient_shap")
        attribute(mlp(FRAME, hidden=[4]), FRAME.head(3), method="lime")
    assert {what for what, _, _ in told} == {"gradient_shap", "lime"}
    done = [d / t for what, d, t in told if what == "lime"]
    assert done == sorted(done)
    assert done[-1] == 1


def test_a_listener_that_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    told: list[float] = []
    listener = progress.at_most_every(5, lambda what, done, total: told.append(done))
    for second in range(1, 13):
        now[0] = float(second)
        listener("rows", second, 12)
    assert told == [5, 10]
