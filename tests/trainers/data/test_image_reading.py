"""Images from IDX files, folders and arrays; and files that are not what they say."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from evenhand.audit.data.reading.images import read_images, read_parts
from evenhand.audit.data.reading.read import read_table
from evenhand.audit.errors import InputError
from tests.trainers.made_images import squares, write_idx


def pixels(frame: pd.DataFrame, shape: tuple[int, ...]) -> np.ndarray:
    return np.stack([np.frombuffer(c, np.uint8).reshape(shape) for c in frame["image"]])


def test_idx_files_are_read_as_they_were_written(digits: Path) -> None:
    train_part, test_part = read_parts(digits)
    assert test_part is not None and train_part.shapes == {"image": (12, 12)}
    images, labels = squares(240)
    np.testing.assert_array_equal(pixels(train_part.frame, (12, 12)), images)
    np.testing.assert_array_equal(train_part.frame["label"], labels)
    assert len(test_part.frame) == 80
    read = read_table(digits)  # what an audit reads: the unseen images
    assert read.digest == test_part.digest != train_part.digest
    assert read.said == ("the test split was read",) and read.shapes == test_part.shapes
    pd.testing.assert_frame_equal(read.frame, test_part.frame)


def test_a_folder_with_metadata(pictures: Path) -> None:
    table = read_table(pictures)
    assert list(table.frame.columns) == ["image", "label", "sex"] and table.said == ()
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
    assert table.said == ("23 grey images were read as colour images",)


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
        (gzip.compress(b"", mtime=0), "starts with"),
        (b"not gzip", "cannot read"),
        (gzip.compress(HEAD + BODY, mtime=0)[:40], "cannot read"),
        (gzip.compress(HEAD[:9], mtime=0), "ends in its header"),
        (gzip.compress(HEAD + BODY[:-1], mtime=0), "says 1440 bytes and holds 1439"),
        (gzip.compress(HEAD + BODY + b"x", mtime=0), "holds more"),
        (gzip.compress(b"\0\0\x0d\x03" + HEAD[4:] + BODY, mtime=0), "starts with 00000d03"),
        (
            gzip.compress(struct.pack(">HBBI", 0, 8, 1, 10) + bytes(10), mtime=0),
            "starts with 00000801",
        ),
        (gzip.compress(struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**31, 9) + BODY, mtime=0), "over"),
        (gzip.compress(HEAD + BODY, mtime=0), "holds 10 images"),
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
