"""What an .onnx file says of itself, read from its bytes alone: no library, nothing built.

ONNX files are protocol buffers (onnx.proto of the ONNX project). This reads the few fields that
decide how a file is opened: whether it is one, whether it names other files, class labels, notes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evenhand.audit.errors import InputError

MAX_BYTES = 2 << 30  # a protocol buffer holds no more
_MAX_DEPTH = 64
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
Field = tuple[int, int, int, int]  # number, wire type, start and end (or value and 0)

# Message -> field number -> message in it; what is not listed holds no tensor and no graph.
_INSIDE: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_MODEL_FIELDS = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26})
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_LABELS = {b"classlabels_strings", b"classlabels_int64s", b"classlabels_ints"}


class MalformedError(ValueError):
    """The bytes are no protocol buffer."""


@dataclass(frozen=True)
class OnnxFacts:
    """``external``: whether a tensor lies in another file. ``labels``: every list of class labels
    in the graph, as texts. ``notes``: metadata_props, the maker's own words."""

    external: bool
    labels: tuple[tuple[str, ...], ...]
    notes: dict[str, str]


def is_onnx(path: Path) -> bool:
    """Whether the top level of the file is an ONNX model: its fields, and sizes that add up."""
    if not path.is_file():
        return False
    with path.open("rb") as handle:
        if handle.read(1) not in (b"\x08", b"\x12", b"\x1a", b"\x3a", b"\x42"):
            return False
        size = path.stat().st_size
        if size > MAX_BYTES:
            return False
        handle.seek(0)
        raw = handle.read()
    try:
        numbers = {number for number, _, _, _ in _fields(raw, 0, len(raw))}
    except MalformedError:
        return False
    return {1, 7, 8} <= numbers <= _MODEL_FIELDS


def facts_of(raw: bytes, name: str) -> OnnxFacts:
    """Reads the file's bytes. Raises InputError where they are no protocol buffer."""
    labels: list[tuple[str, ...]] = []
    external = False
    notes: dict[str, str] = {}
    try:
        for message, start, end in _messages(raw, "model", 0, len(raw), 0):
            if message == "tensor":
                external = external or _is_external(raw, start, end)
            elif message == "attribute":
                found = _class_labels(raw, start, end)
                if found and found not in labels:
                    labels.append(found)
        for number, wire, start, end in _fields(raw, 0, len(raw)):
            if number == 14 and wire == _BYTES:
                key, value = _text(raw, start, end, 1), _text(raw, start, end, 2)
                notes[key] = value
    except MalformedError as error:
        raise InputError(
            "{name} is not a valid ONNX file: {error}",
            remedy="export it again",
            name=name,
            error=error,
        ) from None
    return OnnxFacts(external, tuple(labels), notes)


def _messages(
    raw: bytes, message: str, start: int, end: int, depth: int
) -> Iterator[tuple[str, int, int]]:
    if depth > _MAX_DEPTH:
        raise MalformedError(f"graphs are nested over {_MAX_DEPTH} deep")
    yield message, start, end
    inside = _INSIDE[message]
    if not inside:
        return
    for number, wire, first, last in _fields(raw, start, end):
        if number in inside and wire == _BYTES:
            yield from _messages(raw, inside[number], first, last, depth + 1)


def _is_external(raw: bytes, start: int, end: int) -> bool:
    for number, wire, first, _ in _fields(raw, start, end):
        if number == _EXTERNAL_DATA or (
            number == _DATA_LOCATION and (wire != _VARINT or first != 0)
        ):
            return True
    return False


def _class_labels(raw: bytes, start: int, end: int) -> tuple[str, ...]:
    name, texts, ints = b"", [], []
    for number, wire, first, last in _fields(raw, start, end):
        if number == 1 and wire == _BYTES:
            name = raw[first:last]
            if name not in _LABELS:
                return ()
        elif number == 9 and wire == _BYTES:
            texts.append(raw[first:last].decode("utf-8", "replace"))
        elif number == 8 and wire == _VARINT:
            ints.append(_signed(first))
        elif number == 8 and wire == _BYTES:  # packed
            while first < last:
                value, first = _varint(raw, first, last)
                ints.append(_signed(value))
    if name not in _LABELS:
        return ()
    return tuple(texts) or tuple(str(i) for i in ints)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _text(raw: bytes, start: int, end: int, wanted: int) -> str:
    for number, wire, first, last in _fields(raw, start, end):
        if number == wanted and wire == _BYTES:
            return raw[first:last].decode("utf-8", "replace")
    return ""


def _fields(raw: bytes, start: int, end: int) -> Iterator[Field]:
    """The fields of one message: (number, wire type, start, end), or (number, 0, value, 0)."""
    at = start
    while at < end:
        tag, at = _varint(raw, at, end)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise MalformedError("a field of number 0")
        if wire == _VARINT:
            value, at = _varint(raw, at, end)
            yield number, wire, value, 0
            continue
        if wire == _BYTES:
            size, at = _varint(raw, at, end)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise MalformedError(f"wire type {wire}")
        if size > end - at:
            raise MalformedError("it is cut off")
        yield number, wire, at, at + size
        at += size


def _varint(raw: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            raise MalformedError("it is cut off")
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise MalformedError("a number of over 10 bytes")
