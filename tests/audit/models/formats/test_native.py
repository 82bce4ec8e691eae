"""ONNX, XGBoost and LightGBM files: what is refused, and what has to be declared."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.errors import InputError, LimitError, UnsafeModelError
from evenhand.audit.models.declared import Declared, inputs_of
from evenhand.audit.models.formats import lightgbm, onnx, xgboost
from evenhand.audit.models.formats.onnx_file import facts_of, is_onnx
from evenhand.audit.models.portions import in_portions, rows_at_once
from evenhand.audit.worker.opening import open_model
from tests.audit.models.formats import makers as mk
from tests.audit.models.formats import makers_boosters as mb

NAMED = {"inputs": list(mk.NUMBERS)}
BOTH = {**NAMED, "classes": ["no", "yes"]}


def save(folder: Path, model: Any) -> Path:
    (folder / "m.onnx").write_bytes(model.SerializeToString())
    return folder / "m.onnx"


def test_classes_in_a_wrong_order_are_found_out(tmp_path: Path) -> None:
    made = mk.onnx_without_maps(tmp_path)
    swapped = onnx.load(made.path, Declared(**NAMED, classes=("yes", "no")))
    with pytest.raises(InputError, match=r"where the score of .* is the highest"):
        swapped.predict_proba(made.frame)


def test_columns_in_a_wrong_number_are_refused(tmp_path: Path) -> None:
    made = mk.onnx_without_maps(tmp_path)
    with pytest.raises(InputError, match="reads 3 numbers a row, the declared inputs make 2"):
        onnx.load(made.path, Declared(inputs=("income", "age")))
    with pytest.raises(InputError, match="which columns it reads") as caught:
        onnx.load(made.path)
    assert "--inputs" in caught.value.remedy


def test_scores_alone_need_their_meaning(tmp_path: Path) -> None:
    path = save(tmp_path, mk.onnx_network(mk.network(2)))
    with pytest.raises(InputError, match="whether its scores are probabilities"):
        onnx.load(path, Declared(**BOTH))
    with pytest.raises(InputError, match="what its answers mean"):
        onnx.load(path, Declared(**NAMED))
    wrong = onnx.load(path, Declared(**BOTH, outputs="probabilities"))
    with pytest.raises(InputError, match="scores that are no probabilities"):
        wrong.predict_proba(mk.rows())


@pytest.mark.parametrize("where", ["initializer", "attribute", "subgraph"])
def test_external_data_is_refused_wherever_it_is_named(tmp_path: Path, where: str) -> None:
    from onnx import TensorProto, helper

    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/hostname")
    constant = helper.make_node("Constant", [], ["w2"])
    attribute = constant.attribute.add(name="value", type=4)
    attribute.t.CopyFrom(tensor)
    inner = helper.make_graph([constant], "inner", [], [])
    choice = helper.make_node("If", ["c"], ["z"], then_branch=inner, else_branch=inner)
    model = mk.onnx_network(mk.network(2))
    if where == "initializer":
        model.graph.initializer.append(tensor)
    else:
        model.graph.node.append(constant if where == "attribute" else choice)
    path = save(tmp_path, model)
    assert is_onnx(path)
    with pytest.raises(UnsafeModelError, match="other files"):
        onnx.load(path, Declared(**BOTH, outputs="logits"))


def test_what_the_file_says_is_read_without_the_library(tmp_path: Path) -> None:
    path = mk.onnx_forest_of_three_classes(tmp_path).path
    facts = facts_of(path.read_bytes(), "m")
    assert facts.labels == (mk.RISKS,)
    assert not facts.external
    said = mk.onnx_that_says_everything(tmp_path).path
    assert facts_of(said.read_bytes(), "m").notes["evenhand.outputs"] == "logits"


def test_truncated_and_altered_files_are_no_traceback(tmp_path: Path) -> None:
    raw = mk.onnx_without_maps(tmp_path).path.read_bytes()
    rng = np.random.default_rng(0)
    cuts = [raw[: len(raw) * k // 16] for k in range(16)]
    flips = []
    for _ in range(60):
        changed = bytearray(raw)
        changed[rng.integers(len(raw))] ^= 1 << rng.integers(8)
        flips.append(bytes(changed))
    for content in [*cuts, *flips]:
        path = tmp_path / "x"
        path.write_bytes(content)
        if onnx.recognises(path):
            with contextlib.suppress(InputError, UnsafeModelError):
                onnx.load(path, Declared(**NAMED)).predict_proba(mk.rows(8))


def test_metadata_that_are_broken(tmp_path: Path) -> None:
    import onnx as library

    for notes, words in (
        ({"evenhand.columns": "{"}, "not a JSON list"),
        ({"evenhand.columns": '{"a": 1}'}, "not a JSON list"),
        ({"evenhand.outputs": "maybe"}, "metadata"),
    ):
        model = mk.onnx_network(mk.network(2))
        library.helper.set_model_props(model, notes)
        with pytest.raises(InputError, match=words):
            onnx.load(save(tmp_path, model), Declared(classes=("no", "yes")))


@pytest.mark.parametrize("form", [xgboost, lightgbm])
def test_classes_must_be_as_many_as_the_file_has(form: Any, tmp_path: Path) -> None:
    make = {xgboost: mb.xgboost_ubj_of_three_classes, lightgbm: mb.lightgbm_three_classes}[form]
    with pytest.raises(InputError, match="3 classes, declared are 2"):
        form.load(make(tmp_path).path, Declared(classes=("no", "yes")))


@pytest.mark.parametrize("form", [xgboost, lightgbm])
def test_a_regression_has_no_classes(form: Any, tmp_path: Path) -> None:
    make = {xgboost: mb.xgboost_regression, lightgbm: mb.lightgbm_regression}[form]
    with pytest.raises(InputError, match="a regression, it has no classes"):
        form.load(make(tmp_path).path, Declared(classes=("no", "yes")))


@pytest.mark.parametrize("form", [xgboost, lightgbm])
def test_features_without_names_are_declared(form: Any, tmp_path: Path) -> None:
    make = {xgboost: mb.xgboost_booster_without_names, lightgbm: mb.lightgbm_without_names}[form]
    path = make(tmp_path).path
    with pytest.raises(InputError, match="3 features and no names") as caught:
        form.load(path)
    assert "--inputs" in caught.value.remedy
    with pytest.raises(InputError, match="3 features, declared are 2"):
        form.load(path, Declared(inputs=("income", "age")))


@pytest.mark.parametrize("form", [xgboost, lightgbm])
def test_a_category_that_was_never_met_is_refused(form: Any, tmp_path: Path) -> None:
    make = {xgboost: mb.xgboost_categories, lightgbm: mb.lightgbm_categories}[form]
    made = make(tmp_path)
    model = form.load(made.path)
    frame = made.frame.assign(job="pilot")
    with pytest.raises(InputError, match="'pilot' in row 1, a category"):
        model.predict_proba(frame)
    frame = made.frame.assign(job=None)  # a missing one is what trees know how to treat
    assert np.isfinite(model.predict_proba(frame)).all()


def test_objectives_without_a_score_are_refused(tmp_path: Path) -> None:
    import lightgbm as lgb
    import xgboost as xgb

    frame = mk.rows()
    array, label = frame[list(mk.NUMBERS)].to_numpy(), (frame["approved"] == "yes").astype(int)
    for objective in ("binary:hinge", "rank:pairwise"):
        booster = xgb.train({"objective": objective}, xgb.DMatrix(array, label=label), 2)
        booster.save_model(tmp_path / "m.ubj")
        with pytest.raises(InputError, match=objective):
            xgboost.load(tmp_path / "m.ubj", Declared(**NAMED))
    data = lgb.Dataset(array, label=label, group=[120], params={"verbose": -1})
    ranker = lgb.train({"objective": "lambdarank", "verbose": -1}, data, 2)
    ranker.save_model(tmp_path / "m.txt")
    with pytest.raises(InputError, match="lambdarank"):
        lightgbm.load(tmp_path / "m.txt", Declared(**NAMED))


def test_logits_of_a_booster(tmp_path: Path) -> None:
    import xgboost as xgb

    frame = mk.rows()
    matrix = xgb.DMatrix(
        frame[list(mk.NUMBERS)].to_numpy(), label=(frame["approved"] == "yes").astype(int)
    )
    booster = xgb.train({"objective": "binary:logitraw"}, matrix, 3)
    booster.save_model(tmp_path / "m.ubj")
    (tmp_path / "m.ubj").rename(tmp_path / "m")  # told apart by content, not by name
    positive = 1 / (1 + np.exp(-booster.predict(matrix).astype(float)))
    scores = xgboost.load(tmp_path / "m", Declared(**BOTH)).predict_proba(frame)
    np.testing.assert_allclose(scores[:, 1], positive, atol=1e-7)


def test_files_cut_off_are_input_errors(tmp_path: Path) -> None:
    for form, path in (
        (xgboost, mb.xgboost_json_with_missing_cells(tmp_path).path),
        (xgboost, mb.xgboost_regression(tmp_path).path),
    ):
        raw = path.read_bytes()
        path.write_bytes(raw[: len(raw) // 2])
        assert form.recognises(path)
        with pytest.raises(InputError, match="cannot be opened as XGBoost"):
            form.load(path)
    assert not xgboost.recognises(_text(tmp_path, json.dumps({"learner": {"x": 1}})))
    assert not lightgbm.recognises(_text(tmp_path, "tree of life"))


def _text(folder: Path, text: str) -> Path:
    (folder / "text").write_text(text)
    return folder / "text"


def test_rows_are_put_to_a_graph_in_portions() -> None:
    # 20 columns of 4 bytes: 256 MiB / (64 * 80) is over the most; an image of 28 x 28 floats: 1337
    assert rows_at_once({"x": np.zeros((9, 20), "f4")}) == 4096
    assert rows_at_once({"x": np.zeros((9, 28, 28), "f4")}) == (256 << 20) // (64 * 28 * 28 * 4)
    assert rows_at_once({"x": np.zeros((1, 1 << 23), "f4")}) == 1


def test_a_portion_is_halved_where_memory_runs_out() -> None:
    asked: list[int] = []

    def ask(part: Any) -> list[Any]:
        asked.append(len(part["x"]))
        if asked[-1] > 3:
            raise RuntimeError("[ONNXRuntimeError] : 6 : Failed to allocate memory for 9 bytes")
        return [part["x"] * 2, [{"a": v} for v in part["x"]]]

    rows = np.arange(10.0)
    doubled, maps = in_portions({"x": rows}, ask, "model m")
    assert doubled.tolist() == (rows * 2).tolist() and [m["a"] for m in maps] == rows.tolist()
    assert asked == [10, 5, 2, 2, 2, 2, 2]
    with pytest.raises(LimitError, match="more memory than the limit for a single row"):
        in_portions({"x": rows}, starving, "model m")
    with pytest.raises(RuntimeError, match="broken"):
        in_portions({"x": rows}, broken, "model m")


def starving(part: Any) -> list[Any]:
    raise MemoryError


def broken(part: Any) -> list[Any]:
    raise RuntimeError("broken")


def test_a_convolution_fits_the_default_limit(tmp_path: Path) -> None:
    """256 channels over 28 x 28 pixels are 0.8 MB a row and a step: 3,000 rows at once would need
    4.8 GB, over twice the limit of 2 GiB."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    weights = {
        "axes": np.array([1]),
        "wide": rng.normal(0, 0.1, (256, 1, 3, 3)).astype("f4"),
        "last": rng.normal(0, 0.1, (256, 2)).astype("f4"),
    }
    steps = [
        helper.make_node("Unsqueeze", ["x", "axes"], ["a"]),
        helper.make_node("Conv", ["a", "wide"], ["b"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["b"], ["c"]),
        helper.make_node("GlobalAveragePool", ["c"], ["d"]),
        helper.make_node("Flatten", ["d"], ["e"]),
        helper.make_node("MatMul", ["e", "last"], ["logits"]),
    ]
    graph = helper.make_graph(
        steps,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 28, 28])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", 2])],
        [numpy_helper.from_array(v, k) for k, v in weights.items()],
    )
    opset = [helper.make_opsetid("", 20)]
    path = save(tmp_path, helper.make_model(graph, opset_imports=opset, ir_version=10))
    pixels = rng.integers(0, 256, (3000, 28, 28), dtype=np.uint8)
    frame = pd.DataFrame({"image": [p.tobytes() for p in pixels]})
    declared = Declared(
        inputs=inputs_of([{"column": "image", "pixels": "unit", "image": [28, 28]}]),
        classes=("no", "yes"),
        outputs="logits",
    )
    model = open_model(path, declared)
    scores = model.predictor.predict_proba(frame)
    model.predictor.close()
    # a few rows by numpy: each channel's convolution, summed over the image by shifted sums
    for row in (0, 1336, 1337, 2999):  # on both sides of where a portion ends
        padded = np.pad(pixels[row] / np.float32(255), 1)
        moved = np.stack([padded[i : i + 28, j : j + 28] for i in range(3) for j in range(3)])
        made = np.tensordot(weights["wide"].reshape(256, 9), moved, axes=1)
        logits = np.maximum(made, 0).mean(axis=(1, 2)) @ weights["last"]
        expected = np.exp(logits - logits.max())
        assert scores[row] == pytest.approx(expected / expected.sum(), abs=1e-5)
