"""Images: reading them, the encoder, the networks for them, and training from data to folder."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from audit.data import read_table
from audit.errors import InputError
from audit.images import read_images, read_parts
from audit.models.opening import open_model
from trainers import model_folder, train
from trainers.image_encoder import ImageEncoder, Normalise
from trainers.job import prepare
from trainers.recipe import as_recipe


def squares(n: int, seed: int = 0, size: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Grey images whose bright corner is the label (0 to 3), with noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, n)
    images = rng.integers(0, 60, (n, size, size))
    half = size // 2
    for image, label in zip(images, labels, strict=True):
        top, left = half * (label // 2), half * (label % 2)
        image[top : top + half, left : left + half] += 150
    return images.astype(np.uint8), labels.astype(np.uint8)


def idx(array: np.ndarray) -> bytes:
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return head + array.tobytes()


def write_idx(folder: Path, part: str, images: np.ndarray, labels: np.ndarray) -> None:
    folder.mkdir(exist_ok=True)
    for what, digits, array in (("images", 3, images), ("labels", 1, labels)):
        file = folder / f"{part}-{what}-idx{digits}-ubyte.gz"
        file.write_bytes(gzip.compress(idx(array), 1))


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images") / "corners"
    write_idx(folder, "train", *squares(240))
    write_idx(folder, "t10k", *squares(80, seed=1))
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of PNG files with a metadata table, written with another library."""
    images, labels = squares(24)
    folder = tmp_path / "pictures"
    (folder / "img").mkdir(parents=True)
    rows = []
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        Image.fromarray(image).save(folder / "img" / f"{i}.png")
        sex = "f" if i % 2 else "m"
        rows.append({"file": f"img/{i}.png", "label": f"c{label % 2}", "sex": sex})
    pd.DataFrame(rows).to_csv(folder / "metadata.csv", index=False)
    return folder


def pixels(frame: pd.DataFrame, shape: tuple[int, ...]) -> np.ndarray:
    return np.stack([np.frombuffer(c, np.uint8).reshape(shape) for c in frame["image"]])


# --- reading


def test_idx_files_are_read_as_they_were_written(digits: Path) -> None:
    train_part, test_part = read_parts(digits)
    assert test_part is not None and train_part.shapes == {"image": (12, 12)}
    images, labels = squares(240)
    np.testing.assert_array_equal(pixels(train_part.frame, (12, 12)), images)
    np.testing.assert_array_equal(train_part.frame["label"], labels)
    assert len(test_part.frame) == 80
    read = read_table(digits)  # what an audit reads: the unseen images
    assert read.digest == test_part.digest != train_part.digest
    assert read.notes == ("the test split was read",) and read.shapes == test_part.shapes
    pd.testing.assert_frame_equal(read.frame, test_part.frame)


def test_a_folder_with_metadata(pictures: Path) -> None:
    table = read_table(pictures)
    assert list(table.frame.columns) == ["image", "label", "sex"] and table.notes == ()
    np.testing.assert_array_equal(pixels(table.frame, (12, 12)), squares(24)[0])
    before = table.digest
    Image.fromarray(squares(1, seed=9)[0][0]).save(pictures / "img" / "3.png")
    assert read_images(pictures).digest != before


def test_colour_and_grey_together_are_colour(pictures: Path) -> None:
    red = np.zeros((12, 12, 3), np.uint8)
    red[..., 0] = 200
    Image.fromarray(red).save(pictures / "img" / "0.png")
    table = read_images(pictures)
    assert table.shapes == {"image": (12, 12, 3)}
    found = pixels(table.frame, (12, 12, 3))
    np.testing.assert_array_equal(found[0], red)
    np.testing.assert_array_equal(found[1][..., 2], squares(24)[0][1])
    assert table.notes == ("23 grey images were read as colour images",)


def test_arrays_with_and_without_a_split(tmp_path: Path) -> None:
    images, labels = squares(20)
    np.savez(tmp_path / "a.npz", images=images, labels=labels, site=np.array(["x", "y"] * 10))
    table = read_table(tmp_path / "a.npz")
    assert list(table.frame.columns) == ["image", "label", "site"]
    np.testing.assert_array_equal(pixels(table.frame, (12, 12)), images)
    split = np.array(["train"] * 15 + ["test"] * 5)
    np.savez(tmp_path / "b.npz", images=images, labels=labels, split=split)
    parts = read_parts(tmp_path / "b.npz")
    assert [len(p.frame) for p in parts] == [15, 5]
    assert "split" not in parts[0].frame.columns
    np.testing.assert_array_equal(
        pixels(read_table(tmp_path / "b.npz").frame, (12, 12)), images[15:]
    )


def replaced(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder


HEAD = struct.pack(">HBB3I", 0, 8, 3, 10, 12, 12)
BODY = bytes(1440)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "starts with"),
        (gzip.compress(b""), "starts with"),
        (b"not gzip", "cannot read"),
        (gzip.compress(HEAD + BODY)[:40], "cannot read"),
        (gzip.compress(HEAD[:9]), "ends in its header"),
        (gzip.compress(HEAD + BODY[:-1]), "says 1440 bytes and holds 1439"),
        (gzip.compress(HEAD + BODY + b"x"), "holds more"),
        (gzip.compress(b"\0\0\x0d\x03" + HEAD[4:] + BODY), "starts with 00000d03"),
        (gzip.compress(struct.pack(">HBBI", 0, 8, 1, 10) + bytes(10)), "starts with 00000801"),
        (gzip.compress(struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**31, 9) + BODY), "over"),
        (gzip.compress(HEAD + BODY), "holds 10 images"),
    ],
)
def test_hostile_idx_files_are_refused(tmp_path: Path, content: bytes, words: str) -> None:
    write_idx(tmp_path / "d", "t10k", *squares(9))
    folder = replaced(tmp_path / "d", "t10k-images-idx3-ubyte.gz", content)
    with pytest.raises(InputError, match=words) as caught:
        read_table(folder)
    assert caught.value.exit_code == 2 and caught.value.remedy


def test_a_gzip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    write_idx(tmp_path / "d", "t10k", *squares(10))
    file = tmp_path / "d" / "t10k-images-idx3-ubyte.gz"
    with gzip.open(file, "wb", 1) as handle:
        handle.write(HEAD)
        for _ in range(200):
            handle.write(bytes(1 << 20))
    import tracemalloc

    tracemalloc.start()
    with pytest.raises(InputError, match="holds more"):
        read_table(tmp_path / "d")
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_missing_parts_are_named(tmp_path: Path, digits: Path) -> None:
    with pytest.raises(InputError, match="no images at"):
        read_images(tmp_path / "nowhere")
    (tmp_path / "d").mkdir()
    with pytest.raises(InputError, match=r"without IDX files or a metadata\.csv"):
        read_table(tmp_path / "d")
    (tmp_path / "d" / "t10k-images-idx3-ubyte.gz").write_bytes(b"")
    with pytest.raises(InputError, match="t10k-labels-idx1-ubyte"):
        read_table(tmp_path / "d")


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ("label\n1\n", "lacks a column 'file'"),
        ("file\nimg/0.png\n", "'label' is not a column"),
        ("file,label\nimg/99.png,1\n", "no image at"),
        ("file,label\n../secret.png,1\n", "outside the folder"),
        ("file,label\n/etc/hostname,1\n", "outside the folder"),
        ("file,label\nlink.png,1\n", "outside the folder"),
        ("file,label\nmetadata.csv,1\n", "not a readable PNG or JPEG"),
        ("file,label\nimg/0.png,1\nbig.png,1\n", "13 x 12"),
        ("file,label\nhuge.png,1\n", "over 16,777,216"),
        ("file,label\ncut.png,1\n", "not a readable PNG or JPEG"),
        ("file,label,split\nimg/0.png,1,dev\n", "neither 'train' nor 'test'"),
        ("file,label,image\nimg/0.png,1,a\n", "has a column 'image'"),
    ],
)
def test_hostile_folders_are_refused(
    pictures: Path, tmp_path: Path, metadata: str, words: str
) -> None:
    Image.new("L", (2, 2)).save(tmp_path / "secret.png")
    (pictures / "link.png").symlink_to(tmp_path / "secret.png")
    Image.new("L", (13, 12)).save(pictures / "big.png")
    Image.new("L", (5000, 5000)).save(pictures / "huge.png")
    (pictures / "cut.png").write_bytes((pictures / "img" / "0.png").read_bytes()[:60])
    (pictures / "metadata.csv").write_text(metadata)
    with pytest.raises(InputError, match=words):
        read_table(pictures)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"images": np.zeros((3, 4, 4), np.uint8)}, "lacks the array 'labels'"),
        ({"images": np.zeros((3, 4, 4)), "labels": np.zeros(3)}, "not uint8"),
        ({"images": np.zeros((3, 16), np.uint8), "labels": np.zeros(3)}, "not uint8"),
        ({"images": np.zeros((3, 4, 4, 2), np.uint8), "labels": np.zeros(3)}, "not uint8"),
        ({"images": np.zeros((3, 4, 4), np.uint8), "labels": np.zeros(4)}, "one value an image"),
        ({"images": np.zeros((0, 4, 4), np.uint8), "labels": np.zeros(0)}, "holds no images"),
        (
            {"images": np.zeros((1, 4, 4), np.uint8), "labels": np.array([{}], dtype=object)},
            "not a readable .npz",
        ),
    ],
)
def test_hostile_arrays_are_refused(tmp_path: Path, arrays: dict, words: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError, match=words):
        read_table(tmp_path / "a.npz")


# --- the encoder


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
    predictor = open_model(result.model).predictor
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
        "sensitive": ["sex"],
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
    assert any("3 held-out images equal" in note for note in prepared.notes)


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
    assert first.n_train == 240 - 61 and first.n_test == 80  # a quarter of each class, rounded
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
