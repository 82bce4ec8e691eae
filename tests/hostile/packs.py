"""Class M: packs and specs in YAML, and case files in JSON, that want more than to be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

SHIPPED = Path(__file__).parents[2] / "policies" / "packs" / "baseline.yaml"


def yaml_files(canary: Path) -> dict[str, str | bytes]:
    """YAML by name; every one is to be refused, with the line."""
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(12)
    )
    return {
        "bomb": bomb,
        "aliases": "a: &a 1\nb: [" + "*a," * 500 + "]\n",
        "itself": "a: &a [*a]\n",
        "merge_itself": "a: &a\n  <<: *a\n",
        "python": f"a: !!python/object/apply:os.system ['touch {canary}']\n",
        "python_name": "a: !!python/name:os.system\n",
        "tag": "a: !evil 1\n",
        "deep": "[" * 20_000,
        "deep_map": "".join(" " * i + "a:\n" for i in range(200)),
        "twice": "id: a\nid: b\n",
        "big": "a: " + "x" * (2 << 20),
        "many": "a: [" + "1," * 101_000 + "]\n",
        "date": "a: 2026-13-45\n",
        "binary": "a: !!binary '####'\n",
        "control": "a: \x1b[2J\n",
        "nul": b"a: \x00\n",
        "latin1": "a: \xe9\n".encode("latin-1"),
        "utf16": "a: 1\n".encode("utf-16"),
        "two": "a: 1\n---\nb: 2\n",
        "open": "a: [1, 2\n",
        "list": "- 1\n",
        "text": "hello",
        "empty": "",
        "key": "? [a, b]\n: 1\n",
        "int": "a: 0x" + "f" * 100_000 + "\n",
        "big_int": "a: " + "9" * 10_000 + "\n",
        "base60": "a: " + ":".join(["59"] * 5000) + "\n",
    }


def changed_packs() -> dict[str, str]:
    """A shipped pack with one part replaced by something that is not meant to be read so."""
    text = SHIPPED.read_text("utf-8")
    return {
        "escape": re.sub(r"^id: .*$", "id: ../../../etc/passwd", text, count=1, flags=re.M),
        "unknown": text + "\nexec: os.system('x')\n",
        "number": re.sub(r"^id: .*$", "id: .nan", text, count=1, flags=re.M),
    }


def make(folder: Path, canary: Path) -> Iterator[tuple[str, Path]]:
    """(name, file) of every sample of class M."""
    for name, content in {**yaml_files(canary), **changed_packs()}.items():
        place = folder / f"{name}.yaml"
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
        yield f"M.{name}", place
