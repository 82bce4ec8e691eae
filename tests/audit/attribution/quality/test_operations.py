"""What is asked of models to judge explanations: hidden columns, shuffled weights, exchanged
inputs, permutation importance. Held against loops that are written out, and scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.inspection import permutation_importance

from evenhand.audit.attribution.door import Question, ask
from evenhand.audit.attribution.quality.explainer import Explainer
from evenhand.audit.attribution.quality.importance import loss_increase
from evenhand.audit.attribution.quality.noise import derangement, exchanged, scales, with_noise
from evenhand.audit.errors import InputError, MissingNeed
from tests.audit.attribution.subjects import FunctionPredictor, RegressionPredictor

COLUMNS = ("a", "b", "kind")


def table(n: int = 30, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    kind = rng.choice(["x", "y", "z"], n, p=[0.5, 0.3, 0.2])
    return pd.DataFrame({"a": rng.normal(size=n), "b": rng.integers(0, 9, n), "kind": kind})


def score(frame: pd.DataFrame) -> Any:
    weight = frame["kind"].map({"x": 0.0, "y": 1.0, "z": -1.0}).fillna(0.5).to_numpy(dtype=float)
    inside = frame["a"].fillna(0.3).to_numpy() * (1 + weight) + 0.2 * frame["b"].to_numpy()
    return 1 / (1 + np.exp(-inside))


def explainer(predictor: Any, frame: pd.DataFrame, target: int | None = 1) -> Explainer:
    return Explainer(predictor, frame, target=target, method="auto", seed=1, evaluations=10_000)


class Encoded:
    """Gradients over two numbers and a one-hot text, four positions in all."""

    encoded_columns = ("a", "b", "kind", "kind")
    baseline = np.array([0.5, 3.0, 0.6, 0.4], dtype=np.float32)
    baseline_name = "by hand"

    def __init__(self, module: torch.nn.Module) -> None:
        self.module = module

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        kind = frame["kind"].to_numpy()
        parts = [frame["a"], frame["b"], kind == "x", kind != "x"]
        return np.column_stack([np.asarray(p, dtype=np.float32) for p in parts])


class NetworkPredictor(FunctionPredictor):
    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__(COLUMNS, lambda frame: 0)
        self.gradients: Any = Encoded(module)

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        with torch.no_grad():
            logits = self.gradients.module(torch.from_numpy(self.gradients.encode(frame)))
        return logits.softmax(dim=1).double().numpy()


def network() -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.Linear(6, 2))


def test_hidden_columns_hold_the_baselines_cells() -> None:
    frame = table()
    asking = explainer(FunctionPredictor(COLUMNS, score), frame)
    baseline = asking.baseline
    assert baseline is not None
    absent = np.random.default_rng(1).random((len(frame), 4, 3)) < 0.5
    found = asking.hidden(frame, absent)
    for row in range(len(frame)):
        for line in range(4):
            cells = {
                c: [baseline[c].iloc[0] if absent[row, line, j] else frame[c].iloc[row]]
                for j, c in enumerate(COLUMNS)
            }
            assert found[row, line] == pytest.approx(score(pd.DataFrame(cells))[0], abs=1e-12)


def test_hidden_columns_of_a_network_hold_the_encoded_baseline() -> None:
    frame, predictor = table(10), NetworkPredictor(network())
    masks = np.array([[True, False, False], [False, False, True], [True, True, True]])
    found = explainer(predictor, frame).hidden(frame, masks)
    access = predictor.gradients
    for line, mask in enumerate(masks):
        inputs = access.encode(frame)
        hide = [mask[COLUMNS.index(c)] for c in access.encoded_columns]
        inputs[:, hide] = access.baseline[hide]
        with torch.no_grad():
            expected = access.module(torch.from_numpy(inputs)).softmax(dim=1)[:, 1].numpy()
        assert found[:, line] == pytest.approx(expected, abs=1e-6)


def test_hidden_lines_that_do_not_fit_the_rows_are_refused() -> None:
    frame, predictor = table(4), FunctionPredictor(COLUMNS, score)
    lines = pd.DataFrame(np.zeros((6, 3), dtype=bool), columns=list(COLUMNS))
    with pytest.raises(InputError, match="for 4 rows of 3 parts"):
        ask(predictor, Question("hidden", {"target": 1}, {"rows": frame, "hidden": lines}))


def test_shuffled_weights_are_the_same_numbers_elsewhere_and_the_model_stays() -> None:
    frame, predictor = table(12), NetworkPredictor(network())
    before = [p.clone() for p in predictor.gradients.module.parameters()]
    own = explainer(predictor, frame).attribute(frame).values
    values, layers = explainer(predictor, frame).with_weights_shuffled(frame, seed=5, stages=4)
    assert layers == [["2"], ["0"]]  # the last layer first
    assert values.shape == (2, 12, 3)
    assert not np.allclose(values[0], own)
    after = list(predictor.gradients.module.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    again, _ = explainer(predictor, frame).with_weights_shuffled(frame, seed=5, stages=4)
    assert np.array_equal(values, again)


def test_a_shuffled_linear_network_attributes_its_shuffled_weights() -> None:
    module = torch.nn.Linear(4, 2)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4]]))
        module.bias.zero_()
    frame, predictor = table(5), NetworkPredictor(module)
    options = {"method": "integrated_gradients", "target": 1, "output": "logit", "seed": 2}
    found = ask(predictor, Question("randomised", options, {"rows": frame}))
    # weights that keep their numbers: each column's slope is a sum of differences of 0, .1 ... .4
    numbers = predictor.gradients.encode(frame)
    slope = found.arrays["values"][0][:, 0] / (numbers[:, 0] - 0.5)
    assert slope == pytest.approx(np.full(5, slope[0]), abs=1e-5)
    assert np.round(slope[0], 4) in np.round(np.arange(-4, 5) / 10, 4)


def test_models_without_weights_have_none_to_shuffle() -> None:
    frame, predictor = table(4), FunctionPredictor(COLUMNS, score)
    with pytest.raises(InputError, match="no weights that can be shuffled"):
        ask(predictor, Question("randomised", {"target": 1}, {"rows": frame}))


def test_a_generator_without_tokens_cannot_be_explained() -> None:
    predictor: Any = FunctionPredictor(("text",), lambda frame: np.full(len(frame), 0.5))
    predictor.task = "generation"
    with pytest.raises(MissingNeed, match="no method explains this model"):
        Explainer(
            predictor, pd.DataFrame({"text": ["a"]}), target=1, method="auto", seed=1, evaluations=1
        )


def test_a_method_that_the_model_does_not_offer_is_refused() -> None:
    predictor = FunctionPredictor(COLUMNS, score)
    with pytest.raises(InputError, match="does not explain"):
        Explainer(predictor, table(), target=1, method="saliency", seed=1, evaluations=1)


def test_exchanged_columns_by_hand() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [40, 10, 30, 20]})
    found = exchanged(frame, ["a", "b"], np.array([1, 0]))
    # a takes the rank that b has in the row, in a's own values, and b the other way round
    assert found["a"].tolist() == [4.0, 1.0, 3.0, 2.0]
    assert found["b"].tolist() == [10, 20, 30, 40]
    same = exchanged(frame, ["a", "b"], np.array([0, 1]))
    assert same["a"].tolist() == frame["a"].tolist()
    assert same["b"].dtype == frame["b"].dtype


def test_exchanged_texts_and_missing_cells() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, None, 3.0], "k": ["u", "u", "v", None]})
    found = exchanged(frame, ["a", "k"], np.array([1, 0]))
    # of k: u, u (the most frequent) come first, then v, then the missing cell
    assert found["a"].iloc[:3].tolist() == [1.0, 1.0, 3.0]
    assert np.isnan(found["a"].iloc[3])
    assert found["k"].iloc[:2].tolist() == ["u", "u"]
    assert found["k"].iloc[2] is None or pd.isna(found["k"].iloc[2])


def test_an_exchange_leaves_no_column_in_its_place() -> None:
    for columns in range(2, 9):
        for seed in range(5):
            order = derangement(columns, (seed,))
            assert sorted(order) == list(range(columns))
            assert (order != np.arange(columns)).all()
    assert derangement(1, (1,)).tolist() == [0]


def test_noise_is_scaled_and_keeps_what_has_no_between() -> None:
    frame = pd.DataFrame(
        {
            "number": np.arange(101.0),
            "code": [0, 1] * 50 + [0],
            "text": ["a"] * 101,
            "constant": [5.0] * 101,
            "zeros": [0.0] * 80 + [1.0] * 10 + [9e6] * 11,
            "gaps": [None, *np.arange(100.0)],
        }
    )
    scale = scales(frame, list(frame.columns))
    # quartiles of 0 ... 100 are 25 and 75; a normal's are 1.349 standard deviations apart
    assert scale["number"] == pytest.approx(50 / 1.34898, rel=1e-5)
    assert set(scale) == {"number", "gaps"}
    moved = with_noise(frame, scale, 0.1, 3, (1,))
    assert len(moved) == 303
    change = moved["number"].to_numpy() - np.tile(frame["number"], 3)
    assert 0 < np.abs(change).max() <= 0.1 * scale["number"]
    assert moved["gaps"].isna().sum() == 3
    for name in ("code", "text", "constant", "zeros"):
        assert moved[name].tolist() == frame[name].tolist() * 3


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_importance_is_that_of_scikit_learn(task: str) -> None:
    frame = table(400, seed=4)
    rng = np.random.default_rng(4)
    kind: Any = FunctionPredictor if task == "binary" else RegressionPredictor
    predictor = kind(COLUMNS, score)
    answers = (
        (rng.random(400) < score(frame)).astype(int)
        if task == "binary"
        else score(frame) + rng.normal(size=400, scale=0.1)
    )

    def neg_loss(model: Any, rows: pd.DataFrame, y: np.ndarray) -> float:
        p = score(rows)
        if task == "regression":
            return float(-((p - y) ** 2).mean())
        return float(np.where(y == 1, np.log(p), np.log(1 - p)).mean())

    class Fitted:
        def fit(self, x: Any, y: Any) -> Any:
            return self

    theirs = permutation_importance(
        Fitted(), frame, answers, scoring=neg_loss, n_repeats=60, random_state=1
    )
    ours = loss_increase(predictor, frame, answers, 60, (1,)).mean(axis=0)
    error = theirs.importances_std / np.sqrt(60)
    assert (np.abs(ours - theirs.importances_mean) <= 5 * np.sqrt(2) * error).all()
