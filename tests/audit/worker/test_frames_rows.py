"""What goes between the audit and a worker: messages with lengths and types, rows cell for cell."""

from __future__ import annotations

import contextlib
import io
import json
import struct
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.audit.errors import InputError
from evenhand.audit.worker.frames import BadFrame, Message, pack, unpack
from evenhand.audit.worker.rows import from_bytes, to_bytes


def sent(message: Message) -> bytes:
    return b"".join(pack(message))


def received(raw: bytes, most: int = 1 << 20) -> Message:
    stream = io.BytesIO(raw)

    def read(n: int) -> bytes:
        found = stream.read(n)
        if len(found) < n:
            raise EOFError
        return found

    return unpack(read, most=most)


def test_a_message_comes_back_as_it_was() -> None:
    arrays = {
        "a": np.arange(6.0).reshape(2, 3),
        "b": np.array([True, False]),
        "c": np.zeros((0, 4)),
    }
    found = received(sent(Message({"x": [1, "é", None]}, arrays, {"raw": b"\0\xff"})))
    assert found.facts == {"x": [1, "é", None]} and found.blobs == {"raw": b"\0\xff"}
    for name, array in arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array)
        assert found.arrays[name].shape == array.shape


def test_objects_cannot_be_sent() -> None:
    for array in (np.array([{}]), np.array(["a"]), np.array([1j])):
        with pytest.raises(TypeError, match="cannot be sent"):
            pack(Message(arrays={"a": array}))


def forged(header: Any, data: bytes = b"", *, length: int | None = None) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    whole = len(raw) + len(data) if length is None else length
    return struct.pack("<4sQI", b"EHW1", whole, len(raw)) + raw + data


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        forged(b"{" * 5000),
        forged(b"[" * 100_000),
        forged([1, 2]),
        forged({"facts": {}, "arrays": [], "blobs": []}, length=1 << 40),
        forged({"facts": {}, "arrays": [["a", "|O", [1]]], "blobs": []}, b"\0" * 8),
        forged({"facts": {}, "arrays": [["a", "<f8", [-1]]], "blobs": []}),
        forged({"facts": {}, "arrays": [["a", "<f8", [1 << 62, 1 << 62]]], "blobs": []}),
        forged({"facts": {}, "arrays": [["a", "<f8", [True]]], "blobs": []}, b"\0" * 8),
        forged({"facts": {}, "arrays": [["a", "<f8", [2]]], "blobs": []}, b"\0" * 8),
        forged({"facts": {}, "arrays": [], "blobs": [["a", -1]]}),
        forged({"facts": 3, "arrays": [], "blobs": []}),
        forged({"arrays": [["a"]]}),
    ],
)
def test_forged_messages_are_refused(raw: bytes) -> None:
    with pytest.raises(BadFrame):
        received(raw)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_changed_messages_are_refused_or_read_never_worse(data: st.DataObject) -> None:
    good = bytearray(sent(Message({"a": 1}, {"x": np.arange(4.0)}, {"b": b"abc"})))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(good)))
    with contextlib.suppress(BadFrame, EOFError):
        received(bytes(good[:cut]))


CELLS = (
    *(st.none(), st.booleans(), st.integers(-(1 << 70), 1 << 70), st.floats(), st.text(max_size=5)),
    *(st.binary(max_size=5), st.dates(), st.decimals(allow_nan=False), st.just(pd.NA)),
    *(st.just(pd.NaT), st.lists(st.integers(0, 3), max_size=2)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(*CELLS), max_size=8))
def test_cells_of_every_type_keep_it(cells: list[Any]) -> None:
    frame = pd.DataFrame({"mixed": pd.Series(cells, dtype=object), "n": range(len(cells))})
    found = from_bytes(to_bytes(frame))["mixed"].tolist()
    assert [type(c) for c in found] == [type(c) for c in cells]
    for one, other in zip(found, cells, strict=True):
        missing = one is pd.NA or one is pd.NaT or (isinstance(one, float) and one != one)
        assert one is other or missing or one == other


def test_typed_columns_come_back_with_their_types() -> None:
    frame = pd.DataFrame(
        {
            "f8": [1.5, np.nan],
            "f4": np.array([1, 2], dtype="float32"),
            "i1": np.array([1, -2], dtype="int8"),
            "bool": [True, False],
            "text": pd.Series(["a", None], dtype="str"),
            "object": pd.Series(["a", None], dtype=object),
            "nan": pd.Series(["a", np.nan], dtype=object),
            "Int64": pd.array([1, None], dtype="Int64"),
            "category": pd.Categorical(["x", "y"], categories=["y", "x", "z"]),
            "when": pd.to_datetime(["2020-01-01", None]),
            "zone": pd.to_datetime(["2020-01-01", "2021-01-01"]).tz_localize("Asia/Shanghai"),
            "image": pd.Series([b"\0\1", b"\2\3"], dtype=object),
        }
    )
    frame.index = pd.Index([7, 3])
    found = from_bytes(to_bytes(frame))
    pd.testing.assert_frame_equal(found, frame.reset_index(drop=True))
    assert found["object"][1] is None and found["nan"][1] is not None


@pytest.mark.parametrize("columns", [[], ["image"], ["a", "a b"]])
def test_frames_of_any_width(columns: list[str]) -> None:
    frame = pd.DataFrame({c: pd.Series([b"x", b"y"], dtype=object) for c in columns}, index=[0, 1])
    found = from_bytes(to_bytes(frame))
    assert list(found.columns) == columns and len(found) == 2


def test_a_cell_of_an_odd_type_is_named() -> None:
    with pytest.raises(InputError, match="column 'a' holds a object"):
        to_bytes(pd.DataFrame({"a": pd.Series([object()], dtype=object)}))
