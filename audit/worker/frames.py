"""Messages over a private descriptor: a length, a JSON header, and plain arrays. No objects.

What a worker sends is hostile until shown otherwise, so nothing here can name a type to be built:
numbers come as little-endian arrays of listed types whose sizes have to add up. Rows of data go to
the worker as Arrow (``rows``); they never come back that way, since Arrow's reader is C++ that
isn't made for hostile bytes.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evenhand.audit.files.canonical import unsealable

if TYPE_CHECKING:
    import numpy as np

_START = struct.Struct("<4sQI")
_MAGIC = b"EHW1"
MAX_HEADER = 32 << 20
# Values in a header. Each becomes an object of about a hundred bytes, whatever it takes here.
MAX_PARTS = 2_000_000
MAX_MESSAGE = 2 << 30
_TYPES = ("<f8", "<f4", "<i8", "<i4", "<i2", "|i1", "|u1", "<u2", "<u4", "<u8", "|b1")


class BadFrame(Exception):  # noqa: N818 - the caller makes the error, it knows whose fault it is
    """Bytes that are no message, or more of them than allowed."""


@dataclass(frozen=True)
class Message:
    """``facts`` (JSON values), ``arrays`` of numbers, ``blobs`` of bytes, each by name."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    blobs: Mapping[str, bytes] = field(default_factory=dict)


def pack(message: Message) -> list[bytes]:
    """The message as pieces to write one after the other. Raises TypeError for what can't go."""
    import numpy as np

    described, pieces = [], []
    for name, values in message.arrays.items():
        array = np.ascontiguousarray(values).reshape(np.shape(values))
        kind = array.dtype.newbyteorder("<").str
        if kind not in _TYPES:
            raise TypeError(f"array {name!r} of type {array.dtype} cannot be sent")
        described.append([name, kind, list(array.shape)])
        pieces.append(array.astype(kind, copy=False).tobytes())
    blobs = [[name, len(data)] for name, data in message.blobs.items()]
    header = json.dumps(
        {"facts": message.facts, "arrays": described, "blobs": blobs}, default=_plain
    ).encode()
    pieces = [header, *pieces, *message.blobs.values()]
    return [_START.pack(_MAGIC, sum(map(len, pieces)), len(header)), *pieces]


def _plain(value: Any) -> Any:
    """NumPy's numbers and tuples as JSON has them."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} cannot be sent")


def unpack(read: Callable[[int], bytes | bytearray], *, most: int = MAX_MESSAGE) -> Message:
    """The next message; ``read(n)`` gives exactly n bytes. Raises BadFrame.

    What it says is plain JSON that a case could seal: numbers are finite, whole ones exact, texts
    whole. Its arrays take the memory that was read into, once, where ``read`` gives a bytearray.
    """
    import numpy as np

    magic, length, header_length = _START.unpack(read(_START.size))
    if magic != _MAGIC:
        raise BadFrame("the answer is no message")
    if header_length > min(length, MAX_HEADER) or length > most:
        raise BadFrame(f"the answer is {length} bytes long, over the {most} that were expected")
    try:
        header = _header(read(header_length))
        arrays = [(str(n), str(t), tuple(s)) for n, t, s in header["arrays"]]
        blobs = [(str(n), size) for n, size in header["blobs"]]
        facts = dict(header["facts"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadFrame(f"the answer has no header: {type(error).__name__}") from None
    problem = unsealable(facts)
    if problem is not None:
        raise BadFrame(f"the answer says what can't be kept: {problem}")
    sizes = []
    for _, kind, shape in arrays:
        fits = kind in _TYPES and len(shape) <= 8
        if not fits or any(type(n) is not int or not 0 <= n <= most for n in shape):
            raise BadFrame("the answer has an array of no known type or shape")
        if math.prod(max(n, 1) for n in shape) > most:  # one of no values can have a vast shape
            raise BadFrame("the answer has an array of no possible shape")
        sizes.append(math.prod(shape) * np.dtype(kind).itemsize)
    if any(type(n) is not int or n < 0 for _, n in blobs):
        raise BadFrame("the answer has bytes of no known size")
    if sum(sizes) + sum(n for _, n in blobs) + header_length != length:
        raise BadFrame("the sizes in the answer do not add up")
    found = {
        name: _writable(np.frombuffer(read(size), dtype=kind).reshape(shape))
        for (name, kind, shape), size in zip(arrays, sizes, strict=True)
    }
    return Message(facts, found, {name: bytes(read(size)) for name, size in blobs})


def _header(raw: bytes | bytearray) -> Any:
    if sum(raw.count(sign) for sign in (b",", b"[", b"{")) > MAX_PARTS:
        raise ValueError("too many values")
    return json.loads(raw)


def _writable(array: np.ndarray) -> np.ndarray:
    return array if array.flags.writeable else array.copy()
