"""Images made for tests, and the files that they come in."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np


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
        file.write_bytes(gzip.compress(idx(array), 1, mtime=0))
