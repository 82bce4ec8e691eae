"""What a pickle would import if it were opened: read from its opcodes, nothing is run.

For the case, as information. It is no gate: a pickle can build names while it runs, and what it
calls decides what it does, not the list of names.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickletools
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from evenhand.audit.errors import InputError
from evenhand.audit.words.phrases import phrase

MAX_BYTES = 1 << 30  # unpacked; what lies behind is said, not read
_MAX_NAMES = 10_000
_TEXTS = {
    "SHORT_BINUNICODE",
    "BINUNICODE",
    "BINUNICODE8",
    "UNICODE",
    "SHORT_BINSTRING",
    "BINSTRING",
    "STRING",
}
UNREADABLE = "(parts are no opcodes, such as arrays in joblib files: names may be lacking)"
# Names as today's protocols write them, found between bytes that are no opcodes.
_GLOBAL = re.compile(
    rb"(?:\x8c.([\w.]{1,200})\x94?|h.|j....)\x8c.([\w.]{1,200})\x94?\x93", re.DOTALL
)


def imports_of(path: Path) -> tuple[str, ...]:
    """``module.name`` of everything that a pickle asks for, sorted; ``UNREADABLE`` comes last where
    parts of it could not be read.

    Reads plain pickles, joblib files in any of joblib's compressions, each ``.pkl`` in a zip
    (torch), and the files of a folder that begin like one of these (MLflow). A name whose parts
    are made while the pickle runs is ``?``. Raises InputError where nothing is there.
    """
    names: set[str] = set()
    broken = False
    for file in _files(path):
        broken = _scan_file(file, names) or broken
    shown = sorted(names)[:_MAX_NAMES]
    return (*shown, UNREADABLE) if broken else tuple(shown)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink())
    return [p for p in found if _begins_like_one(p)]


def _begins_like_one(file: Path) -> bool:
    with file.open("rb") as handle:
        head = handle.read(6)
    return head.startswith((b"\x80", b"PK", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x5d\x00", b"\x78"))


def _scan_file(file: Path, names: set[str]) -> bool:
    try:
        broken = [
            _scan(stream, names) for stream in pickle_streams(file)
        ]  # each, whatever the first is
        return any(broken)
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile):
        return True


def pickle_streams(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of the pickles in a file, unpacked, up to a limit. Raises InputError, OSError and
    what the packings raise."""
    if not path.is_file():
        raise InputError("no file at {path}", remedy="check the path", path=path)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if info.filename.endswith(".pkl"):
                    with archive.open(info) as member:
                        yield io.BytesIO(_limited(member))
        return
    with path.open("rb") as handle, _unpacked(handle) as stream:
        yield io.BytesIO(_limited(stream))


def _unpacked(handle: IO[bytes]) -> Any:  # file objects that share no type
    head = handle.read(6)
    handle.seek(0)
    if head.startswith(b"\x1f\x8b"):
        return gzip.open(handle)
    if head.startswith(b"BZh"):
        return bz2.open(handle)
    if head.startswith((b"\xfd7zXZ", b"\x5d\x00")):
        return lzma.open(handle)
    if head.startswith(b"\x78") and head[1:2] in (b"\x01", b"\x5e", b"\x9c", b"\xda"):
        return io.BytesIO(zlib.decompressobj().decompress(handle.read(), MAX_BYTES))
    return handle


def _limited(stream: IO[bytes]) -> bytes:
    raw = stream.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise ValueError(phrase("over the limit"))
    return raw


def _scan(stream: IO[bytes], names: set[str]) -> bool:
    """Adds the names of the stream's pickles; True where parts are no opcodes.

    joblib keeps the bytes of arrays between opcodes: behind them names are found by their shape.
    """
    while True:
        start = stream.tell()
        if not stream.read(1):
            return False
        stream.seek(start)
        if not _scan_one(stream, names):
            stream.seek(start)
            for found in _GLOBAL.finditer(stream.read()):
                module, name = (part.decode() if part else "?" for part in found.groups())
                names.add(f"{module}.{name}")
            return True


def _scan_one(stream: IO[bytes], names: set[str]) -> bool:
    """Adds the names of one pickle; whether it reads to its STOP."""
    recent: list[str] = []
    memo: dict[int, str] = {}
    last = ""
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            name = opcode.name
            if name in ("GLOBAL", "INST"):
                names.add(str(argument).replace(" ", "."))
            elif name == "STACK_GLOBAL":
                names.add(".".join(recent[-2:]) if len(recent) > 1 else "?")
            elif name.startswith("EXT"):
                names.add(f"extension code {argument}")
            elif name in ("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"):
                memo[len(memo) if argument is None else int(argument)] = last
                continue
            last = ""
            if name in _TEXTS:
                last = str(argument)
                recent.append(last)
            elif name in ("GET", "BINGET", "LONG_BINGET"):
                last = memo.get(int(argument or 0), "")
                recent.append(last or "?")
            del recent[:-8]
    except (ValueError, OverflowError, IndexError):
        return False
    return True
