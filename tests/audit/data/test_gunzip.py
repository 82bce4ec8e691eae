"""Gzip of many parts: as Python's own module reads them, in time that grows with the file."""

from __future__ import annotations

import gzip
import random
import time
from pathlib import Path

import pytest

from evenhand.audit.data.formats.decoding import gunzip
from evenhand.audit.data.formats.limits import Limits
from evenhand.audit.data.reading.images import read_images
from evenhand.audit.errors import InputError, LimitError


@pytest.mark.parametrize("seed", range(30))
def test_parts_and_padding_are_read_as_python_reads_them(seed: int) -> None:
    draw = random.Random(seed)
    raw = b""
    for _ in range(draw.randint(1, 8)):
        content = draw.randbytes(draw.choice([0, 1, 100, 5_000, 70_000])) * draw.randint(1, 30)
        raw += gzip.compress(content) + bytes(draw.choice([0, 0, 1, 600]))
    assert gunzip(raw, "x", Limits()) == gzip.decompress(raw)


def test_what_is_cut_off_is_said() -> None:
    raw = gzip.compress(bytes(range(256)) * 1_000)
    for end in (5, 15, len(raw) // 2, len(raw) - 1):
        with pytest.raises(InputError, match="ends in the middle"):
            gunzip(raw[:end], "x", Limits())
    with pytest.raises(InputError, match="not a readable gzip"):
        gunzip(raw + b"\1\2\3", "x", Limits())


def test_many_empty_parts_take_no_time() -> None:
    empty = gzip.compress(b"")
    began = time.process_time()
    # 1.6 MB: each end copied the rest of the file, 60 gigabytes in all
    assert gunzip(empty * 80_000, "x", Limits()) == b""
    assert time.process_time() - began < 5
    with pytest.raises(LimitError, match="over 100,000 parts"):
        gunzip(empty * 1_000_000, "x", Limits())


def test_images_that_unpack_to_far_more_than_they_take_are_not_read(tmp_path: Path) -> None:
    # 600,000 black images of 28 x 28 pack to a thousandth; a start of them says as much
    n = 600_000
    head = bytes([0, 0, 8, 3]) + b"".join(size.to_bytes(4, "big") for size in (n, 28, 28))
    packed = gzip.compress(head + bytes(28 * 28 * 1_000))
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(packed)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(
        bytes([0, 0, 8, 1]) + n.to_bytes(4, "big") + bytes(n)
    )
    with pytest.raises(LimitError, match="unpacks to 470,400,000"):
        read_images(tmp_path)
