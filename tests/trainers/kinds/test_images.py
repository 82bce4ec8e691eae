"""Images: the encoder, and training from data to folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from evenhand.audit.data.reading.images import read_images
from evenhand.audit.data.reading.read import read_table
from evenhand.audit.errors import InputError
from evenhand.audit.worker.opening import open_here
from evenhand.trainers import train
from evenhand.trainers.encoders.image import ImageEncoder, Normalise
from evenhand.trainers.folder import reading as model_folder
from evenhand.trainers.job import prepare
from evenhand.trainers.recipe.recipe import as_recipe
from tests.trainers.made_images import squares, write_idx


def frame_of(images: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"image": pd.Series([i.tobytes() for i in images], dtype=object)})


def test_pixels_are_scaled_by_a_rule_that_looks_at_no_data() -> None:
    image = np.array([[[0, 51], [102, 255]]], np.uint8)
    encoder = ImageEncoder((2, 2))
    # 51 / 255 = 0.2, 102 / 255 = 0.4
    np.testing.assert_allclose(
        encoder.transform(frame_of(image)), [[[0, 0.2], [0.4, 1]]], rtol=1e-6
    )
    assert encoder.encoded_columns == ("image",) * 4 and not encoder.baseline.any()
    shifted = ImageEncoder((2, 2), Normalise(mean=(0.2,), std=(0.5,)))
    # (0 - 0.2) / 0.5 = -0.4 and so on; a black image is the baseline
    np.testing.assert_allclose(
        shifted.transform(frame_of(image)), [[[-0.4, 0], [0.4, 1.6]]], atol=1e-6
    )
    np.testing.assert_allclose(shifted.baseline, np.full((2, 2), -0.4), rtol=1e-6)
    colour = ImageEncoder((1, 1, 3), Normalise(mean=(0, 0.5, 1), std=(1, 1, 2)))
    white = np.full((1, 1, 1, 3), 255, np.uint8)
    np.testing.assert_allclose(colour.transform(frame_of(white)), [[[[1, 0.5, 0]]]], atol=1e-6)
    for one in (encoder, shifted, colour):
        assert ImageEncoder.from_json(json.loads(json.dumps(one.to_json()))) == one


@pytest.mark.parametrize("cell", [b"123", "text", None, 3])
def test_cells_that_are_no_image_are_refused(cell: object) -> None:
    frame = pd.DataFrame({"image": pd.Series([bytes(4), cell], dtype=object)})
    with pytest.raises(InputError, match="row 2"):
        ImageEncoder((2, 2)).transform(frame)


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": [2]},
        {"shape": [0, 2]},
        {"shape": [2, 2, 2]},
        {"shape": [10**6, 10**6]},
        {"normalise": {"mean": [0.5], "std": [0]}},
        {"normalise": {"mean": [0.5, 0.5], "std": [1, 1]}},
        {"extra": 1},
    ],
)
def test_changed_encoders_are_refused(changes: dict) -> None:
    with pytest.raises(InputError):
        ImageEncoder.from_json({**ImageEncoder((2, 2)).to_json(), **changes})


# --- training


@pytest.mark.parametrize("model", ["mlp", "cnn", "scattering_linear"])
@pytest.mark.parametrize("private", [None, {"noise_multiplier": 0.5}])
def test_images_are_learnt_from_folder_to_folder(
    digits: Path, tmp_path: Path, model: str, private: dict | None
) -> None:
    given = {
        "kind": "image",
        "data": str(digits),
        "model": model,
        "optimizer": "sgd",
        "learning_rate": 0.3,
        "momentum": 0.9,
        "epochs": 10,
        "batch_size": 60,
        "architecture": ARCHITECTURES[model],
        "private": private,
    }
    result = train(given, out=tmp_path / "model")
    assert (result.n_train, result.n_test) == (240, 80) and result.held_out is None
    # four corners: guessing gets about 0.25 and ln 4 = 1.39; noise is new every time
    accuracy, loss = (0.9, 0.8) if private is None else (0.6, 1.2)
    assert result.test_accuracy > accuracy and result.test["log_loss"] < loss
    predictor = open_here(result.model).predictor
    assert predictor.task == "multiclass" and predictor.classes == ("0", "1", "2", "3")
    rows = read_images(digits, "test").frame
    scores = predictor.predict_proba(rows)
    np.testing.assert_allclose(scores.sum(1), 1.0, atol=1e-12)
    labels = rows["label"].astype(str).to_numpy()
    predicted = np.array(predictor.classes)[scores.argmax(1)]
    assert result.test_accuracy == pytest.approx((predicted == labels).mean())
    again = model_folder.load(result.model).predict_proba(rows)
    np.testing.assert_array_equal(scores, again)


ARCHITECTURES: dict[str, dict] = {
    "mlp": {"hidden": [16]},
    "cnn": {"channels": [4, 8], "kernels": [3, 3], "padding": [1, 1], "hidden": 8, "groups": 2},
    "scattering_linear": {"angles": 2, "groups": 3},
}


def test_a_folder_of_images_is_split_and_the_rest_kept(pictures: Path, tmp_path: Path) -> None:
    given = {
        "kind": "image",
        "data": str(pictures),
        "positive_label": "c1",
        "sensitive_features": ["sex"],
        "model": "mlp",
        "epochs": 2,
        "test_share": 0.25,
    }
    result = train(given, out=tmp_path / "model")
    assert result.held_out is not None and result.held_out.name == "held_out.npz"
    held_out = read_table(result.held_out)
    assert list(held_out.frame.columns) == ["image", "label", "sex"]
    predictor = model_folder.load(result.model)
    assert predictor.task == "binary" and predictor.classes == ("c0", "c1")
    assert list(predictor.maker_says["sensitive_features"]) == ["sex"]
    predicted = np.array(predictor.classes)[predictor.predict_proba(held_out.frame).argmax(1)]
    truth = held_out.frame["label"].to_numpy()
    assert result.test_accuracy == pytest.approx((predicted == truth).mean())
    everything = set(read_table(pictures).frame["image"])
    assert set(held_out.frame["image"]) < everything
    assert result.n_train + result.n_test == 24


def test_preparation_names_what_is_wrong(digits: Path, pictures: Path) -> None:
    def prepared(**changes: object) -> object:
        return prepare(as_recipe({"kind": "image", "data": str(digits), **changes}))

    with pytest.raises(InputError, match="inputs does not apply"):
        prepared(inputs=["image"])
    with pytest.raises(InputError, match="has 4 classes"):
        prepared(positive_label="1")
    with pytest.raises(InputError, match="'lable' is not a column"):
        prepared(target="lable")
    with pytest.raises(InputError, match="lacks 'positive_label'"):
        prepared(data=str(pictures))


def test_given_test_images_are_counted_where_they_were_trained_on(tmp_path: Path) -> None:
    images, labels = squares(40)
    write_idx(tmp_path / "d", "train", images, labels)
    write_idx(tmp_path / "d", "t10k", images[:3], labels[:3])
    prepared = prepare(as_recipe({"kind": "image", "data": str(tmp_path / "d"), "model": "mlp"}))
    assert prepared.split["held_out_rows_equal_to_a_training_row"] == 3
    assert any("3 held-out rows equal" in note for note in prepared.notes)


def test_images_go_through_torch_in_their_own_order(digits: Path) -> None:
    prepared = prepare(as_recipe({"kind": "image", "data": str(digits), "model": "mlp"}))
    known = {i.tobytes(): int(label) for i, label in zip(*squares(240), strict=True)}
    found = (prepared.train.inputs * 255).round().to(torch.uint8).numpy()
    labels = [int(prepared.classes[code]) for code in prepared.train.targets]
    assert [known[image.tobytes()] for image in found] == labels


def test_defaults_suit_the_network() -> None:
    given = {"kind": "image", "data": "x"}
    assert as_recipe(given).model == "cnn"
    private = as_recipe({**given, "private": {"epsilon": 3}})
    assert private.model == "scattering_linear" and private.private.max_grad_norm == 0.1
    assert (private.learning_rate, private.batch_size) == (8.0, 8192)
    other = as_recipe({**given, "model": "cnn", "private": {"max_grad_norm": 0.2}})
    assert (other.learning_rate, other.batch_size) == (4.0, 2048)
    assert other.private.max_grad_norm == 0.2 and other.private.epsilon == 3
    tabular = as_recipe({"data": "x", "private": {}})
    assert tabular.model == "mlp" and tabular.private.max_grad_norm == 1.0


def test_validation_images_and_a_pretrained_body(digits: Path, tmp_path: Path) -> None:
    given = {
        "kind": "image",
        "data": str(digits),
        "model": "cnn",
        "architecture": ARCHITECTURES["cnn"],
        "normalise": {"mean": [0.4], "std": [0.3]},
        "epochs": 2,
        "validation_share": 0.25,
    }
    first = train(given, out=tmp_path / "first")
    # a coin an image: of 240 a quarter, with an sd of sqrt(240 * 0.25 * 0.75)
    assert abs(first.n_train - 180) < 4 * 6.8 and first.n_test == 80
    assert all(point["validation_loss"] > 0 for point in first.curves)
    tuned = {k: v for k, v in given.items() if k in ("kind", "data", "epochs")}
    second = train(
        {**tuned, "init_from": str(first.model), "freeze": ["1", "5"]}, out=tmp_path / "second"
    )
    before = model_folder.load(first.model).gradients
    after = model_folder.load(second.model).gradients
    assert before.encoder == after.encoder  # the pixels mean what they meant
    old, new = before.module.state_dict(), after.module.state_dict()
    same = {name.split(".")[0] for name in old if torch.equal(old[name], new[name])}
    assert same == {"1", "5"}


def test_images_are_refused_by_estimators(digits: Path) -> None:
    with pytest.raises(InputError, match="takes tables"):
        prepare(as_recipe({"kind": "image", "data": str(digits), "model": "logistic"}))
