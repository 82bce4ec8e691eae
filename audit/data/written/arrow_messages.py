"""What the messages of an Arrow stream or file say that they unpack to, without unpacking them.

A compressed buffer starts with its unpacked size, and Arrow allocates that before it unpacks. The
message around it is a FlatBuffers table; the few fields that tell where buffers lie are read here
by hand, with every offset checked.

Source: Arrow columnar format 1.5, "Encapsulated message format", "IPC File Format" and "Compressed
buffers".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from evenhand.audit.words.phrases import phrase

_CONTINUES = b"\xff\xff\xff\xff"
_DICTIONARY, _RECORDS = 2, 3  # the kinds of messages that have a body
_MAX_MESSAGES = 1_000_000
_TAIL = 10  # the footer's size and the mark at the end of a file
_BLOCK = 24  # of a footer: offset (8), length of the message (4, filled up to 8), of its body (8)


def announced_bytes(stream: memoryview) -> int:
    """The sum over all buffers of all messages. Raises ValueError where the stream is broken."""
    total = at = 0
    for _ in range(_MAX_MESSAGES):
        if len(stream) - at < 8 or bytes(stream[at : at + 4]) != _CONTINUES:
            return total
        size = _int(stream, at + 4, "<i")
        if size == 0:
            return total
        head = stream[at + 8 : at + 8 + size]
        body_size = _field_int(head, _root(head), 3, "<q")
        start = at + 8 + size
        if size < 0 or body_size < 0 or start + body_size > len(stream):
            raise ValueError(phrase("a message is longer than the file"))
        total += sum(_buffers(head, stream[start : start + body_size]))
        at = start + body_size
    raise ValueError(phrase("it has over {max_messages:,} messages", max_messages=_MAX_MESSAGES))


def announced_in_file(file: memoryview) -> int:
    """The same of a file, whose footer says where its messages lie: they may have gaps between
    them, and a stream in the file need not be one that can be read on from its start. Raises
    ValueError where the file is broken."""
    size = _int(file, len(file) - _TAIL, "<i")
    start = len(file) - _TAIL - size
    if size <= 0 or start < 0:
        raise ValueError(phrase("its footer is longer than the file"))
    footer = file[start : start + size]
    total = seen = 0
    for field in (_DICTIONARY, _RECORDS):  # fields 2 and 3 of a footer list the same kinds
        places = _vector(footer, _root(footer), field)
        if places is None:
            continue
        first, count = places
        seen += count
        if count < 0 or seen > _MAX_MESSAGES:
            raise ValueError(
                phrase("it has over {max_messages:,} messages", max_messages=_MAX_MESSAGES)
            )
        for i in range(count):
            total += _in_block(file, footer, first + _BLOCK * i)
    return total


def _in_block(file: memoryview, footer: memoryview, at: int) -> int:
    offset, length = _int(footer, at, "<q"), _int(footer, at + 8, "<i")
    body_size = _int(footer, at + 16, "<q")
    if min(offset, length, body_size) < 0 or offset + length + body_size > len(file):
        raise ValueError(phrase("a message is longer than the file"))
    message = file[offset : offset + length]
    prefix = 8 if bytes(message[:4]) == _CONTINUES else 4  # before version 0.15 without a mark
    head, start = message[prefix:], offset + length
    return sum(_buffers(head, file[start : start + body_size]))


def _buffers(head: memoryview, body: memoryview) -> Iterator[int]:
    message = _root(head)
    kind = _field_int(head, message, 1, "<B")
    if kind not in (_DICTIONARY, _RECORDS):
        return
    batch = _child(head, message, 2)
    if batch is not None and kind == _DICTIONARY:
        batch = _child(head, batch, 1)
    if batch is None:
        return
    rows = _field_int(head, batch, 0, "<q")
    if rows < 0:
        raise ValueError(phrase("a batch of {rows} rows", rows=rows))
    nodes, places = _vector(head, batch, 1), _vector(head, batch, 2)
    # Columns of nulls alone have no buffers, and a row of them still takes a place in a table.
    yield 8 * rows * (nodes[1] if nodes else 0)
    if places is None:
        return
    is_packed = _child(head, batch, 3) is not None
    first, count = places
    for i in range(count):
        offset, length = _int(head, first + 16 * i, "<q"), _int(head, first + 16 * i + 8, "<q")
        if offset < 0 or length < 0 or offset + length > len(body):
            raise ValueError(phrase("a buffer lies outside of its message"))
        unpacked = _int(body, offset, "<q") if is_packed and length >= 8 else length
        if unpacked < -1:
            raise ValueError(phrase("a buffer of {unpacked} bytes", unpacked=unpacked))
        yield length if unpacked == -1 else unpacked


def _int(data: memoryview, at: int, form: str) -> int:
    if at < 0:
        raise ValueError(phrase("an offset before the start"))
    try:
        value: int = struct.unpack_from(form, data, at)[0]
    except struct.error:
        raise ValueError(phrase("an offset past the end")) from None
    return value


def _root(head: memoryview) -> int:
    return _int(head, 0, "<I")


def _field(head: memoryview, table: int, number: int) -> int | None:
    """Where field ``number`` of a table lies; None where it has its default."""
    layout = table - _int(head, table, "<i")
    if _int(head, layout, "<H") < 6 + 2 * number:
        return None
    offset = _int(head, layout + 4 + 2 * number, "<H")
    return table + offset if offset else None


def _field_int(head: memoryview, table: int, number: int, form: str) -> int:
    at = _field(head, table, number)
    return 0 if at is None else _int(head, at, form)


def _child(head: memoryview, table: int, number: int) -> int | None:
    at = _field(head, table, number)
    return None if at is None else at + _int(head, at, "<I")


def _vector(head: memoryview, table: int, number: int) -> tuple[int, int] | None:
    """Where the first of a vector's structs lies, and how many there are."""
    at = _child(head, table, number)
    return None if at is None else (at + 4, _int(head, at, "<I"))
