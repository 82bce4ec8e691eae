"""Real models of every format, made with the real libraries, and their own scores.

Each maker writes a model into a folder and returns a ``Made``: where it lies, what has to be
declared about it, rows, and the scores that the library itself gives for them.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression

NUMBERS = ("income", "age", "debt")
JOBS = ("clerk", "driver", "nurse")
LABELS = ("no", "yes")
RISKS = ("high", "low", "medium")


@dataclass(frozen=True)
class Made:
    """``scores``: (rows, classes), (rows,) for values, or three arrays of a language model."""

    path: Path
    frame: pd.DataFrame
    scores: Any
    format: str
    declared: dict[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] = LABELS
    tolerance: float = 0.0


MAKERS: dict[str, Callable[[Path], Made]] = {}


def maker(make: Callable[[Path], Made]) -> Callable[[Path], Made]:
    MAKERS[make.__name__] = make
    return make


def rows(n: int = 120, seed: int = 0) -> pd.DataFrame:
    """Numbers that float32 holds exactly, one column of texts, and targets of every kind."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {name: rng.integers(0, 64, n) / 8 for name in NUMBERS} | {"job": rng.choice(JOBS, n)}
    )
    signal = frame["income"] - frame["debt"] + 2 * (frame["job"] == "nurse")
    noisy = signal + rng.normal(size=n)
    frame["approved"] = np.where(noisy > 0, "yes", "no")
    frame["risk"] = np.select([noisy < -1, noisy > 2], ["high", "low"], "medium")
    frame["amount"] = signal * 3.0
    return frame


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """The numeric inputs as float32, whose values are exact."""
    return frame[list(NUMBERS)].astype(np.float32)


def network(outputs: int, inputs: int = 3, seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Linear(inputs, 8), torch.nn.Tanh(), torch.nn.Linear(8, outputs)
    ).eval()


def forward(module: torch.nn.Module, inputs: Any) -> np.ndarray:
    with torch.no_grad():
        answer = module(torch.from_numpy(np.array(inputs, dtype=np.float32)))
    return np.asarray(answer.double().numpy())


def softmax(logits: np.ndarray) -> np.ndarray:
    from scipy.special import softmax as of

    return np.asarray(of(logits, axis=1))


NAMED = {"inputs": list(NUMBERS)}
CLASSIFIER = {**NAMED, "classes": list(LABELS), "outputs": "logits"}


# --- skops


def _skops(folder: Path, estimator: Any, target: str) -> tuple[Path, pd.DataFrame, Any]:
    import skops.io

    frame = rows()
    estimator.fit(frame[list(NUMBERS)], frame[target])
    skops.io.dump(estimator, folder / "model.skops")
    return folder / "model.skops", frame, estimator


@maker
def skops_logistic(folder: Path) -> Made:
    path, frame, model = _skops(folder, LogisticRegression(), "approved")
    return Made(path, frame, model.predict_proba(frame[list(NUMBERS)]), "skops")


@maker
def skops_forest_of_three_classes(folder: Path) -> Made:
    from sklearn.ensemble import RandomForestClassifier

    path, frame, model = _skops(folder, RandomForestClassifier(5, random_state=0), "risk")
    scores = model.predict_proba(frame[list(NUMBERS)])
    return Made(path, frame, scores, "skops", classes=RISKS)


@maker
def skops_regression(folder: Path) -> Made:
    from sklearn.linear_model import Ridge

    path, frame, model = _skops(folder, Ridge(), "amount")
    return Made(path, frame, model.predict(frame[list(NUMBERS)]), "skops", classes=())


@maker
def skops_boosting(folder: Path) -> Made:
    from sklearn.ensemble import HistGradientBoostingClassifier

    path, frame, model = _skops(folder, HistGradientBoostingClassifier(max_iter=5), "approved")
    return Made(path, frame, model.predict_proba(frame[list(NUMBERS)]), "skops")


@maker
def skops_pipeline_with_texts(folder: Path) -> Made:
    import skops.io
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame, columns = rows(), [*NUMBERS, "job"]
    prepare = make_column_transformer((StandardScaler(), list(NUMBERS)), (OneHotEncoder(), ["job"]))
    model = make_pipeline(prepare, LogisticRegression()).fit(frame[columns], frame["approved"])
    skops.io.dump(model, folder / "pipe.bin")  # the name says nothing
    return Made(folder / "pipe.bin", frame, model.predict_proba(frame[columns]), "skops")


@maker
def skops_without_column_names(folder: Path) -> Made:
    import skops.io

    frame = rows()
    array = frame[list(NUMBERS)].to_numpy()
    model = LogisticRegression().fit(array, frame["approved"])
    skops.io.dump(model, folder / "model.skops")
    return Made(folder / "model.skops", frame, model.predict_proba(array), "skops", NAMED)


# --- ONNX


def _onnx(
    folder: Path, estimator: Any, target: str, frame: pd.DataFrame, **options: Any
) -> tuple[Path, Any]:
    """The file, and what onnxruntime itself answers with it."""
    import onnxruntime
    from skl2onnx import to_onnx

    inputs = plain(frame).to_numpy()
    estimator.fit(inputs, frame[target])
    chosen = {id(estimator): options} if options else None
    made = to_onnx(estimator, inputs[:1], options=chosen)
    path = folder / "model.onnx"
    path.write_bytes(made.SerializeToString())
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return path, session.run(None, {session.get_inputs()[0].name: inputs})


@maker
def onnx_with_maps(folder: Path) -> Made:
    frame = rows()
    path, answers = _onnx(folder, LogisticRegression(), "approved", frame)
    scores = np.array([[row["no"], row["yes"]] for row in answers[1]])
    return Made(path, frame, scores, "onnx", NAMED, tolerance=1e-12)


@maker
def onnx_without_maps(folder: Path) -> Made:
    frame = rows()
    path, answers = _onnx(folder, LogisticRegression(), "approved", frame, zipmap=False)
    return Made(path, frame, answers[1], "onnx", NAMED, tolerance=1e-12)


@maker
def onnx_a_column_a_class(folder: Path) -> Made:
    frame = rows()
    path, answers = _onnx(folder, LogisticRegression(), "risk", frame, zipmap="columns")
    return Made(path, frame, np.column_stack(answers[1:]), "onnx", NAMED, RISKS, tolerance=1e-12)


@maker
def onnx_forest_of_three_classes(folder: Path) -> Made:
    from sklearn.ensemble import RandomForestClassifier

    frame = rows()
    forest = RandomForestClassifier(5, random_state=0)
    path, answers = _onnx(folder, forest, "risk", frame, zipmap=False)
    np.testing.assert_allclose(answers[1], forest.predict_proba(plain(frame).to_numpy()), atol=1e-6)
    return Made(path, frame, answers[1], "onnx", NAMED, RISKS, tolerance=1e-6)


@maker
def onnx_regression(folder: Path) -> Made:
    from sklearn.linear_model import LinearRegression

    frame = rows()
    path, answers = _onnx(folder, LinearRegression(), "amount", frame)
    declared = {**NAMED, "outputs": "values"}
    return Made(path, frame, answers[0].reshape(-1), "onnx", declared, (), tolerance=1e-12)


@maker
def onnx_an_input_a_column(folder: Path) -> Made:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame, columns = rows(), [*NUMBERS, "job"]
    prepare = make_column_transformer((StandardScaler(), list(NUMBERS)), (OneHotEncoder(), ["job"]))
    model = make_pipeline(prepare, LogisticRegression()).fit(frame[columns], frame["approved"])
    types = [(n, FloatTensorType([None, 1])) for n in NUMBERS]
    made = convert_sklearn(
        model,
        initial_types=[*types, ("job", StringTensorType([None, 1]))],
        options={id(model): {"zipmap": False}},
    )
    (folder / "model.onnx").write_bytes(made.SerializeToString())
    scores = model.predict_proba(frame[columns])
    return Made(folder / "model.onnx", frame, scores, "onnx", tolerance=1e-6)


@maker
def onnx_torch_logits(folder: Path) -> Made:
    """As the format's card says."""
    frame, module = rows(), network(2)
    path = folder / "net.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (torch.zeros(4, 3),),
            path,
            dynamo=True,
            external_data=False,
            dynamic_shapes=[{0: "rows"}],
        )
    scores = softmax(forward(module, plain(frame)))
    return Made(path, frame, scores, "onnx", CLASSIFIER, tolerance=1e-6)


def onnx_network(module: torch.nn.Module, n_rows: int | None = None) -> Any:
    """The network as a graph of two matrix products, written with the onnx library."""
    from onnx import TensorProto, helper, numpy_helper

    weights = {k: v.detach().numpy() for k, v in module.state_dict().items()}
    first, last = weights["0.weight"], weights["2.weight"]
    product = {"transB": 1}
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "0.weight", "0.bias"], ["a"], **product),
            helper.make_node("Tanh", ["a"], ["b"]),
            helper.make_node("Gemm", ["b", "2.weight", "2.bias"], ["logits"], **product),
        ],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [n_rows, first.shape[1]])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [n_rows, last.shape[0]])],
        [numpy_helper.from_array(v, k) for k, v in weights.items()],
    )
    opset = [helper.make_opsetid("", 20)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10)


@maker
def onnx_of_four_rows_at_a_time(folder: Path) -> Made:
    frame, module = rows(n=122), network(2)
    (folder / "m.onnx").write_bytes(onnx_network(module, 4).SerializeToString())
    scores = softmax(forward(module, plain(frame)))
    return Made(folder / "m.onnx", frame, scores, "onnx", CLASSIFIER, tolerance=1e-6)


@maker
def onnx_that_says_everything(folder: Path) -> Made:
    import onnx

    frame, module = rows(), network(3)
    model = onnx_network(module)
    notes = {
        "evenhand.columns": json.dumps(list(NUMBERS)),
        "evenhand.classes": json.dumps(list(RISKS)),
        "evenhand.outputs": "logits",
    }
    onnx.helper.set_model_props(model, notes)
    (folder / "m.onnx").write_bytes(model.SerializeToString())
    scores = softmax(forward(module, plain(frame)))
    return Made(folder / "m.onnx", frame, scores, "onnx", {}, RISKS, tolerance=1e-6)
