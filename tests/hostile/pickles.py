"""Classes A and B: pickles in every opcode that calls something, joblib's compressions, bombs.

Each carrier writes a canary file when it is unpickled. Bytes are written opcode by opcode, since
``pickle.dumps`` makes only the usual ones.
"""

from __future__ import annotations

import bz2
import collections
import functools
import gzip
import io
import lzma
import operator
import pickle
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np


class Calls:
    """Pickles as a call of ``function`` with ``arguments``."""

    def __init__(self, function: Any, *arguments: Any, state: Any = None) -> None:
        self.parts = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> Any:
        return self.parts


def touch(canary: Path) -> str:
    """A shell command that leaves the canary."""
    return f"echo x > {canary}"


def code(canary: Path) -> str:
    """Python that leaves the canary."""
    return f"open({str(canary)!r}, 'w').write('x')"


def text(value: str) -> bytes:
    """A short string as protocol 4 has it."""
    raw = value.encode()
    return (
        b"\x8c" + bytes([len(raw)]) + raw
        if len(raw) < 256
        else (b"X" + struct.pack("<I", len(raw)) + raw)
    )


def named(module: str, name: str) -> bytes:
    """The opcodes that import a name."""
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def by_stack(module: str, name: str) -> bytes:
    """The same through STACK_GLOBAL."""
    return text(module) + text(name) + b"\x93"


def raw_pickles(canary: Path) -> Iterator[tuple[str, bytes]]:
    """Opcode by opcode."""
    shell, python = text(touch(canary)), text(code(canary))
    head = b"\x80\x04"
    plain = touch(canary).encode()
    yield "global", head + named("os", "system") + shell + b"\x85R."
    yield "posix", head + named("posix", "system") + shell + b"\x85R."
    yield "stack_global", head + by_stack("os", "system") + shell + b"\x85R."
    yield "inst", b"(S'" + plain + b"'\nios\nsystem\n."
    yield "obj", b"(" + named("os", "system") + b"S'" + plain + b"'\no."
    yield "eval", head + named("builtins", "eval") + python + b"\x85R."
    yield "exec", head + named("builtins", "exec") + python + b"\x85R."
    yield "protocol_0", b"cos\nsystem\n(S'" + plain + b"'\ntR."
    yield "no_protocol_4", by_stack("os", "system") + shell + b"\x85R."
    yield "memo", head + named("os", "system") + b"\x940h\x00" + shell + b"\x85R."
    yield (
        "memo_overwritten",
        (
            head
            + named("builtins", "len")
            + b"q\x00"
            + named("os", "system")
            + b"q\x000h\x00"
            + shell
            + b"\x85R."
        ),
    )
    yield (
        "getattr",
        (
            head
            + named("builtins", "getattr")
            + named("builtins", "__import__")
            + text("os")
            + b"\x85R"
            + text("system")
            + b"\x86R"
            + shell
            + b"\x85R."
        ),
    )
    yield "popped", head + named("os", "system") + shell + b"\x85R0N."
    yield "truncated", head + named("os", "system") + shell + b"\x85R"
    yield (
        "stacked",
        pickle.dumps({"weights": [1.0]}) + head + by_stack("os", "system") + shell + (b"\x85R."),
    )
    yield (
        "after_frame",
        head
        + b"\x95"
        + struct.pack("<Q", 1 << 40)
        + by_stack("os", "system")
        + (shell + b"\x85R."),
    )
    yield (
        "newobj_ex",
        (
            head
            + named("subprocess", "Popen")
            + b"("
            + b"K\x00"
            + b"t0"
            + b"("
            + text("/bin/sh")
            + text("-c")
            + shell
            + b"l\x85}\x92."
        ),
    )
    yield (
        "build",
        head
        + named("collections", "OrderedDict")
        + b")R}"
        + text("x")
        + (named("os", "system") + shell + b"\x85Rsb."),
    )
    yield "long_name", head + named("os", "path.os.system") + shell + b"\x85R."
    yield "persistent", head + named("os", "system") + shell + b"\x85R0Pnothing\n."
    yield "extension", head + b"\x82\x01" + named("os", "system") + shell + b"\x85R."
    yield "unicode_escape", b"cos\nsystem\n(V" + plain.replace(b"o", b"\\u006f") + b"\ntR."
    yield "leading_text", b"I1\n0" + head + named("os", "system") + shell + b"\x85R."


def called(canary: Path) -> Iterator[tuple[str, Any]]:
    """Functions that run something without being called run."""
    import subprocess

    shell, python = touch(canary), code(canary)
    yield "popen", Calls(subprocess.Popen, ("/bin/sh", "-c", shell))
    yield "check_output", Calls(subprocess.check_output, ("/bin/sh", "-c", shell))
    yield "partial", Calls(functools.partial(eval, python))
    yield "methodcaller", Calls(operator.methodcaller("write_text", "x"), canary)
    yield "map", Calls(collections.deque, map(eval, [python]))
    yield "file", Calls(open, str(canary), "w")
    yield "file_io", Calls(io.FileIO, str(canary), "w")
    yield "path_touch", Calls(Path.touch, canary)
    yield "nested", [{"layers": (1, Calls(eval, python))}]
    yield "state", Calls(dict, state=Calls(eval, python))
    yield "inner", Calls(pickle.loads, pickle.dumps(Calls(eval, python)))
    yield (
        "timeit",
        Calls(__import__("timeit").timeit, python, "pass", __import__("time").perf_counter, 1),
    )
    yield "runstring", Calls(__import__("cProfile").run, python)
    yield "logging", Calls(__import__("logging").FileHandler, str(canary))
    yield "numpy_save", Calls(np.savetxt, str(canary), [1.0])


def bombs() -> Iterator[tuple[str, bytes]]:
    """Small files that want much: memory, depth, or a length that lies."""
    memo = (
        b"\x80\x04"
        + b"]\x94"
        + b"".join(
            b"(" + b"h" + bytes([i]) * 1 + (b"h" + bytes([i])) * 9 + b"l\x94" for i in range(39)
        )
    )
    yield "memo", memo + b"."
    yield "tebibyte_text", b"\x80\x04\x8d" + struct.pack("<Q", 1 << 40) + b"x."
    yield "bytearray", b"\x80\x05\x96" + struct.pack("<Q", 64 << 30) + b"x."
    yield "deep", b"\x80\x04" + b"]" * 300_000 + b"a" * 299_999 + b"."
    yield (
        "repeat",
        (
            b"\x80\x04"
            + named("operator", "mul")
            + text("x")
            + b"\x8a\x05"
            + struct.pack("<q", 1 << 33)[:5]
            + b"\x86R."
        ),
    )


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda raw: lzma.compress(raw, format=lzma.FORMAT_ALONE),
}


def make(folder: Path, canary: Path) -> Iterator[tuple[str, Path, bool]]:
    """(name, file, whether it carries code) of classes A and B."""
    for name, raw in raw_pickles(canary):
        yield f"A.{name}", write(folder / f"a_{name}.pkl", raw), True
    for protocol in range(6):
        raw = pickle.dumps(Calls(eval, code(canary)), protocol=protocol)
        yield f"A.protocol{protocol}", write(folder / f"a_p{protocol}.pickle", raw), True
    for name, value in called(canary):
        try:
            raw = pickle.dumps(value)
        except (TypeError, pickle.PicklingError, AttributeError):
            continue
        yield f"A.call_{name}", write(folder / f"a_call_{name}.pkl", raw), True
    for name, raw in bombs():
        yield f"A.bomb_{name}", write(folder / f"a_bomb_{name}.pkl", raw), False
    carrier = pickle.dumps(Calls(eval, code(canary)))
    for name, packer in PACKERS.items():
        yield f"B.{name}", write(folder / f"b_{name}.joblib", packer(carrier)), True
    plain = folder / "b_plain.joblib"
    joblib.dump([np.arange(4.0), Calls(eval, code(canary))], plain)
    yield "B.plain", plain, True
    small = folder / "b_compressed.joblib"
    joblib.dump([np.arange(4.0), Calls(eval, code(canary))], small, compress=("gzip", 3))
    yield "B.compressed", small, True
    yield "B.wrong_extension", write(folder / "b_model.skops", carrier), True
    yield "B.no_extension", write(folder / "b_model", carrier), True
    yield "B.onnx_extension", write(folder / "b_model.onnx", carrier), True
    bomb = gzip.compress(b"\0" * (300 << 20), 9, mtime=0)
    yield "B.bomb", write(folder / "b_bomb.joblib", bomb), False


def write(path: Path, raw: bytes) -> Path:
    """Writes a sample."""
    path.write_bytes(raw)
    return path
