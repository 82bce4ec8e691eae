"""What is declared about a model: how columns become numbers, and answers probabilities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from evenhand.audit.attribution.door import Question, answer
from evenhand.audit.errors import InputError
from evenhand.audit.models.declared import Declared, Input, load_with
from evenhand.audit.models.formats import skops, weights
from evenhand.audit.models.inputs import declared_inputs, in_batches_of
from evenhand.audit.models.networks import DeclaredNetwork
from evenhand.audit.models.outputs import as_probabilities, as_values, task_of
from evenhand.audit.subject.spec import make_spec
from tests.audit.models.formats import makers as mk


def inputs(*given: Any) -> tuple[Input, ...]:
    return Declared(inputs=given).inputs


def test_numbers_texts_and_missing_cells_by_hand() -> None:
    made = declared_inputs(
        inputs(
            "a",
            {"column": "b", "mean": 10, "scale": 5, "missing": 20},
            {"column": "c", "categories": ["x", "y"], "unknown": "zeros"},
        ),
        (4,),
        "the model",
    )
    frame = pd.DataFrame({"c": ["y", "z", None], "b": [15, None, 0], "a": ["1", "2.5", None]})
    by_hand = [[1, 1, 0, 1], [2.5, 2, 0, 0], [np.nan, -2, 0, 0]]
    np.testing.assert_array_equal(made.encode(frame), np.array(by_hand, dtype=np.float32))
    assert made.encoded_columns == ("a", "b", "c", "c")
    assert made.input_columns == ("a", "b", "c")
    np.testing.assert_array_equal(made.baseline, np.zeros(4))


def test_images_by_hand() -> None:
    pixels = np.arange(12, dtype=np.uint8)  # 2 x 2 pixels, 3 colours, colours innermost
    frame = pd.DataFrame({"image": [pixels.tobytes()]})
    colours = declared_inputs(inputs({"column": "image", "pixels": "raw"}), (3, 2, 2), "m")
    np.testing.assert_array_equal(
        colours.encode(frame)[0], [[[0, 3], [6, 9]], [[1, 4], [7, 10]], [[2, 5], [8, 11]]]
    )
    last = declared_inputs(inputs({"column": "image", "pixels": "raw"}), (2, 2, 3), "m")
    np.testing.assert_array_equal(last.encode(frame)[0].reshape(-1), np.arange(12))
    unit = declared_inputs(
        inputs({"column": "image", "pixels": "unit", "mean": 0.5, "scale": 0.25}), (1, 3, 4), "m"
    )
    np.testing.assert_allclose(
        unit.encode(frame)[0].reshape(-1), (np.arange(12) / 255 - 0.5) / 0.25, atol=1e-6
    )


@pytest.mark.parametrize(
    ("given", "shape", "words"),
    [
        ((), (3,), "rows of 3 numbers"),
        (("a", "b"), (3,), "the declared inputs make 2"),
        (("a", {"column": "i", "pixels": "raw"}), (3,), "an image is declared beside"),
        (({"column": "i", "pixels": "raw"},), None, "how large its images are"),
        (({"column": "i", "pixels": "raw", "image": [2, 2]},), (1, 3, 3), "reads images of"),
    ],
)
def test_inputs_that_do_not_fit_the_model(given: Any, shape: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        declared_inputs(inputs(*given), shape, "the model")


@pytest.mark.parametrize(
    ("given", "cells", "words"),
    [
        ("a", ["x"], "'x' in row 1"),
        ("a", [1.0, np.inf], "inf in row 2"),
        ({"column": "a", "categories": ["x", "y"]}, ["x", "z"], "'z' in row 2"),
        ({"column": "a", "categories": ["x", "y"]}, ["x", None], "nothing in row 2"),
        ({"column": "a", "pixels": "raw"}, [b"abc"], "3 bytes in row 1"),
        ({"column": "a", "pixels": "raw"}, ["abcd"], "holds str in row 1"),
    ],
)
def test_cells_that_can_not_be_encoded(given: Any, cells: list[Any], words: str) -> None:
    width = (1,) if isinstance(given, str) else (2,) if "categories" in given else (2, 2)
    with pytest.raises(InputError, match=words):
        declared_inputs(inputs(given), width, "m").encode(pd.DataFrame({"a": cells}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"column": "a", "scale": 0},
        {"column": "a", "categories": ["x", "x"]},
        {"column": "a", "categories": ["x"], "mean": 2},
        {"column": "a", "image": [2, 2]},
        {"column": "a", "pixels": "unit", "missing": 0},
        {"column": ""},
        {"column": "a", "colour": 1},
    ],
)
def test_inputs_that_contradict_themselves(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Declared(inputs=[wrong])


def test_scores_become_probabilities_by_hand() -> None:
    def ask(raw: Any, outputs: Any, n: int = 2) -> Any:
        return as_probabilities(np.array(raw), n, outputs, "m", rows=2)

    e = np.e
    expected = [[1 / (1 + e), e / (1 + e)], [0.5, 0.5]]
    np.testing.assert_allclose(ask([[0.0, 1.0], [7.0, 7.0]], "logits"), expected)
    np.testing.assert_allclose(ask([[1.0], [0.0]], "logits"), expected)
    np.testing.assert_allclose(ask([1.0, 0.0], "logits"), expected)
    np.testing.assert_allclose(ask([[1000.0, 0.0], [0.0, 0.0]], "logits"), [[1, 0], [0.5, 0.5]])
    np.testing.assert_allclose(ask([0.25, 1.0], "probabilities"), [[0.75, 0.25], [0, 1]])
    assert np.isnan(ask([np.nan, 1.0], "probabilities")[0]).all()


@pytest.mark.parametrize(
    ("raw", "n", "words"),
    [
        ([[0.2, 0.3], [0.5, 0.5]], 2, r"no probabilities: \[0.20, 0.30\] in row 1"),
        ([[-0.5, 1.5], [0.5, 0.5]], 2, "no probabilities"),
        ([[0.2, 0.8], [0.5, 0.5]], 3, r"shape .* 3 classes"),
        ([[0.2, 0.8]], 2, "for 2 rows"),
        ([0.2, 0.8], 3, "3 classes"),
    ],
)
def test_scores_that_are_none(raw: Any, n: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        as_probabilities(np.array(raw), n, "probabilities", "m", rows=2)


def test_values_are_one_a_row() -> None:
    np.testing.assert_array_equal(as_values(np.array([[1], [2]]), "m", rows=2), [1.0, 2.0])
    with pytest.raises(InputError, match="one number a row"):
        as_values(np.array([[1, 2], [3, 4]]), "m", rows=2)


def test_a_model_of_fixed_rows_gets_full_batches() -> None:
    met: list[int] = []

    def ask(part: np.ndarray) -> np.ndarray:
        met.append(len(part))
        return part[:, 0] * 2

    array = np.arange(7.0).reshape(7, 1)
    np.testing.assert_array_equal(in_batches_of(3, array, ask), array[:, 0] * 2)
    assert met == [3, 3, 3]


def test_the_task_is_declared_never_guessed() -> None:
    assert task_of(Declared(classes=("a", "b")), "m") == "binary"
    assert task_of(Declared(classes=("a", "b", "c")), "m") == "multiclass"
    assert task_of(Declared(outputs="values"), "m") == "regression"
    with pytest.raises(InputError, match="what its answers mean") as caught:
        task_of(Declared(), "m")
    assert "--classes" in caught.value.remedy
    with pytest.raises(InputError, match="outputs values"):
        task_of(Declared(classes=("a", "b"), outputs="values"), "m")
    with pytest.raises(InputError, match="task regression"):
        task_of(Declared(classes=("a", "b"), task="regression"), "m")


def test_what_a_format_does_not_read_is_refused(tmp_path: Path) -> None:
    made = mk.skops_logistic(tmp_path)
    with pytest.raises(InputError, match=r"outputs is declared.*skops does not read it"):
        load_with(skops, made.path, Declared(outputs="logits"))
    renamed = load_with(skops, made.path, Declared(classes=("0", "1")))
    assert renamed.classes == ("0", "1")
    with pytest.raises(InputError, match="2 classes, declared are 3"):
        load_with(skops, made.path, Declared(classes=("a", "b", "c")))
    with pytest.raises(InputError, match="was fitted on income"):
        load_with(skops, made.path, Declared(inputs=("income", "age")))


def test_the_spec_carries_declarations() -> None:
    spec = make_spec(
        {
            "model": "m.pt",
            "data": "d.csv",
            "classes": [0, 1.0, True],
            "inputs": ["a", {"column": "b", "mean": 1}],
            "outputs": "logits",
            "architecture": {"name": "mlp"},
        }
    )
    declared = spec.model_declarations()
    assert declared.classes == ("0", "1", "true")
    assert declared.columns == ("a", "b")
    assert declared.architecture is not None
    assert declared.given() == {"classes", "inputs", "outputs", "architecture"}
    with pytest.raises(InputError, match="named twice"):
        make_spec({"classes": ["a", "a"]}).model_declarations()
    with pytest.raises(InputError, match="outputs"):
        make_spec({"outputs": "maybe"})


WEIGHTS = {"inputs": list(mk.NUMBERS), "classes": ["no", "yes"], "outputs": "logits"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"architecture": None}, "without the network that they belong"),
        ({"architecture": {"name": "mpl"}}, "'mpl' is not installed"),
        ({"architecture": {"name": "mlp", "parameters": {"hidden": [9]}}}, "has shape"),
        ({"architecture": {"name": "mlp", "parameters": {"hidden": []}}}, "not known"),
        ({"architecture": {"name": "mlp", "parameters": {"hiden": [8]}}}, "hiden"),
        ({"inputs": ["income"]}, "has shape"),
        ({"inputs": []}, "which columns it reads"),
        ({"classes": ["a", "b", "c"]}, "has shape"),
        ({"classes": []}, "what its answers mean"),
        ({"outputs": None}, "whether its scores are probabilities"),
    ],
)
def test_weights_say_what_to_declare(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    from safetensors.torch import save_file

    save_file(mk.network(2).state_dict(), tmp_path / "w")
    mlp = {"name": "mlp", "parameters": {"hidden": [8]}}
    declared = Declared(**{**WEIGHTS, "architecture": mlp, **changed})
    with pytest.raises(InputError, match=words):
        weights.load(tmp_path / "w", declared)


def test_weights_of_a_network_have_gradients(tmp_path: Path) -> None:
    import torch
    from captum.attr import IntegratedGradients
    from safetensors.torch import save_file

    module, frame = mk.network(2), mk.rows(5)
    save_file(module.state_dict(), tmp_path / "w")
    mlp = {"name": "mlp", "parameters": {"hidden": [8]}}
    opened = weights.load(tmp_path / "w", Declared(**WEIGHTS, architecture=mlp))
    assert opened.gradients is not None
    encoded = torch.from_numpy(opened.gradients.encode(frame))
    ours = IntegratedGradients(opened.gradients.module).attribute(encoded, target=1)
    theirs = IntegratedGradients(module).attribute(encoded, target=1)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("target", [1, None])
@pytest.mark.parametrize(
    "method", ["integrated_gradients", "deep_lift", "input_x_gradient", "shapley_exact", "linear"]
)
def test_one_logit_is_explained_by_its_weights(
    tmp_path: Path, method: str, target: int | None
) -> None:
    import torch

    torch.save(
        {"0.weight": torch.tensor([[0.5, -2.0]]), "0.bias": torch.tensor([0.25])},
        tmp_path / "w.pt",
    )
    declared = Declared(
        inputs=({"column": "income", "mean": 40, "scale": 10}, "age"),
        classes=("no", "yes"),
        outputs="logits",
        architecture={"name": "linear"},
    )
    predictor = weights.load(tmp_path / "w.pt", declared)
    frame = pd.DataFrame({"income": [50.0, 30.0, 60.0], "age": [1.0, 2.0, -1.0]})
    # z = 0.5 (income - 40) / 10 - 2 age + 0.25 is the log-odds of "yes"; the baseline is encoded 0
    z = np.array([0.5 - 2 + 0.25, -0.5 - 4 + 0.25, 1 + 2 + 0.25])
    by_hand = np.array([[0.5, -2.0], [-0.5, -4.0], [1.0, 2.0]])
    np.testing.assert_allclose(predictor.predict_proba(frame)[:, 1], 1 / (1 + np.exp(-z)))
    options = {"method": method, "target": target, "output": "logit"}
    found = answer(predictor, Question("attribute", options, {"rows": frame}))
    # without a target, each row's own class: the log-odds of "no" are those of "yes" turned round
    sign = np.ones(3) if target == 1 else np.array([-1.0, -1.0, 1.0])
    np.testing.assert_allclose(found.arrays["values"], by_hand * sign[:, None], atol=1e-5)
    np.testing.assert_allclose(found.arrays["output"], z * sign, atol=1e-5)
    np.testing.assert_allclose(found.arrays["baseline_output"], 0.25 * sign, atol=1e-6)


def test_a_network_without_an_axis_of_outputs_is_explained_too(tmp_path: Path) -> None:
    import torch

    class Values(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[:, 0] ** 2 + 3 * x[:, 1]

    declared = Declared(inputs=("a", "b"), outputs="values")
    network = DeclaredNetwork(
        "torchscript", Values(), declared_inputs(declared.inputs, None, "m"), declared, "m"
    )
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [0.5, -1.0]})
    options = {"method": "integrated_gradients"}
    found = answer(network, Question("attribute", options, {"rows": frame}))
    # of a sum of functions of one input each: a^2 - 0 and 3 b - 0
    np.testing.assert_allclose(found.arrays["values"], [[1, 1.5], [4, -3]], atol=1e-5)


def test_weights_that_are_not_finite_or_of_another_type(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    mlp = {"name": "mlp", "parameters": {"hidden": [8]}}
    declared = Declared(**WEIGHTS, architecture=mlp)
    broken = mk.network(2).state_dict()
    broken["0.bias"] = torch.full_like(broken["0.bias"], torch.nan)
    save_file(broken, tmp_path / "w")
    with pytest.raises(InputError, match=r"'0.bias' holds values that are not finite"):
        weights.load(tmp_path / "w", declared)
    whole = {k: v.to(torch.int64) for k, v in mk.network(2).state_dict().items()}
    save_file(whole, tmp_path / "v")
    with pytest.raises(InputError, match=r"is torch.int64"):
        weights.load(tmp_path / "v", declared)
    torch.save({"0.bias": [1, 2]}, tmp_path / "list.pt")
    with pytest.raises(InputError, match="not tensors by name"):
        weights.load(tmp_path / "list.pt", declared)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b'{"a": {"dtype": "F32"}, "a": {"dtype": "F32"}}', "a key is repeated"),
        (b'{"a": {"dtype": "OBJ"}}', "of no known type"),
        (b'{"a": ', "no JSON"),
        (b'{"a":' * 50_000, "no JSON"),
        (b"{" + b" " * (1 << 20) + b"}", "over 1,048,576"),
        (b"{" + b",".join(b'"%d":{"dtype":"F32"}' % i for i in range(10_001)) + b"}", "10,001"),
    ],
)
def test_hostile_safetensors_headers(tmp_path: Path, header: bytes, words: str) -> None:
    (tmp_path / "w").write_bytes(len(header).to_bytes(8, "little") + header)
    assert weights.recognises(tmp_path / "w")
    with pytest.raises(InputError, match=words):
        weights.check_header(tmp_path / "w")
