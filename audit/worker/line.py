"""The line between parent and warmed process: one JSON message at a time, with descriptors."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

_LENGTH = struct.Struct("<I")


def send(line: socket.socket, message: Mapping[str, Any], handles: tuple[int, ...] = ()) -> None:
    """One JSON message, with descriptors to hand over."""
    data = json.dumps(message).encode()
    data = _LENGTH.pack(len(data)) + data
    if handles:
        sent = socket.send_fds(line, [data], list(handles))
        data = data[sent:]
    line.sendall(data)


def receive(line: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next message and its descriptors; None where the other side has hung up."""
    # Not a byte beyond this message: the next one may have been sent already.
    head, handles, _, _ = socket.recv_fds(line, _LENGTH.size, 4)
    head += _exactly(line, _LENGTH.size - len(head)) if head else b""
    if len(head) < _LENGTH.size:
        return None, handles
    size = _LENGTH.unpack(head)[0]
    data = _exactly(line, size)
    return (json.loads(data) if len(data) == size else None), handles


def _exactly(line: socket.socket, size: int) -> bytes:
    """That many bytes; fewer where the other side has hung up."""
    data = b""
    while len(data) < size:
        more = line.recv(min(size - len(data), 1 << 16))
        if not more:
            break
        data += more
    return data
