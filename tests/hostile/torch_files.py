"""Classes C to F: NumPy archives, torch zips, TorchScript, torch.export programs."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from tests.hostile.pickles import Calls, code, named, text, touch, write


def numpy_files(folder: Path, canary: Path) -> Iterator[tuple[str, Path, bool]]:
    """Class C."""
    carrier = np.array([Calls(eval, code(canary))], dtype=object)
    np.save(folder / "c_object.npy", carrier, allow_pickle=True)
    yield "C.object", folder / "c_object.npy", True
    np.savez(folder / "c_object.npz", a=carrier)
    yield "C.object_zip", folder / "c_object.npz", True
    headers = {
        "header_code": f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({code(canary)},)}}",
        "huge": "{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,)}",
        "negative": "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}",
        "deep": "{'descr': " + "[" * 500 + "]" * 500 + "}",
    }
    for name, header in headers.items():
        raw = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header.encode() + b"\n"
        yield f"C.{name}", write(folder / f"c_{name}.npy", raw + b"\0" * 64), name == "header_code"
    with zipfile.ZipFile(folder / "c_bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", b"\x93NUMPY" + b"\0" * (100 << 20))
    yield "C.bomb", folder / "c_bomb.npz", False
    with zipfile.ZipFile(folder / "c_slip.npz", "w") as archive:
        archive.writestr(f"../../../../../../..{canary}", b"x")
    yield "C.slip", folder / "c_slip.npz", True


def rewrite(source: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """A zip with each member changed; None leaves it out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(source)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            data = change(name, old.read(name))
            if data is not None:
                new.writestr(name, data)
    return buffer.getvalue()


def saved(value: object, **options: object) -> bytes:
    """What torch.save writes."""
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def torch_zips(folder: Path, canary: Path) -> Iterator[tuple[str, Path, bool]]:
    """Class D."""
    weights = {"layer.weight": torch.zeros(2, 2), "layer.bias": torch.zeros(2)}
    good = saved(weights)
    carrier = pickle.dumps(Calls(eval, code(canary)), protocol=2)
    system = b"\x80\x02" + named("torch", "os.system") + text(touch(canary)) + b"\x85R."
    in_place = {
        "code": carrier,
        "torch_os": system,
        "truncated": carrier[:-1],
        "bad_opcode": b"\x80\x02\xff.",
        "set_item": b"\x80\x02}" + named("os", "system") + text(touch(canary)) + b"\x85RK\x01s.",
        "empty_pickle": b"",
        "deep": b"\x80\x02" + b"(" * 200_000 + b"t" * 200_000 + b".",
    }
    for name, data in in_place.items():
        raw = rewrite(good, lambda n, d, data=data: data if n.endswith("data.pkl") else d)
        has_code = name in ("code", "torch_os", "truncated", "set_item")
        yield f"D.{name}", write(folder / f"d_{name}.pt", raw), has_code
    yield "D.jpg", write(folder / "d_cat.jpg", saved(Calls(eval, code(canary)))), True
    yield "D.module", write(folder / "d_module.pt", saved(torch.nn.Linear(2, 2))), False
    yield (
        "D.legacy",
        write(
            folder / "d_legacy.pt",
            saved(Calls(eval, code(canary)), _use_new_zipfile_serialization=False),
        ),
        True,
    )
    yield "D.nan", write(folder / "d_nan.pt", saved({"w": torch.full((2,), float("nan"))})), False
    names = {"<img src=x onerror=alert(1)>": torch.zeros(1), "\x1b[2J": torch.zeros(1)}
    yield "D.names", write(folder / "d_names.pt", saved(names)), False
    yield "D.complex", write(folder / "d_complex.pt", saved({"w": torch.zeros(2) * 1j})), False
    yield "D.empty", write(folder / "d_empty.pt", b""), False
    yield "D.random", write(folder / "d_random.pt", np.random.default_rng(0).bytes(4096)), False
    yield "D.text", write(folder / "d_text.pt", b"not a model\n" * 50), False
    yield "D.half", write(folder / "d_half.pt", good[: len(good) // 2]), False
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"
    yield "D.lfs", write(folder / "d_lfs.pt", pointer), False
    raw = rewrite(good, lambda n, d: None if "/data/" in n else d)
    yield "D.no_data", write(folder / "d_no_data.pt", raw), False
    # a length in a storage's record that its bytes don't have
    raw = rewrite(
        good, lambda n, d: d.replace(b"K\x04", b"J\xff\xff\xff\x7f") if n.endswith("pkl") else d
    )
    yield "D.numel", write(folder / "d_numel.pt", raw), False
    raw = rewrite(
        good, lambda n, d: d.replace(b"K\x02K\x02", b"K\xffK\xff") if n.endswith("pkl") else d
    )
    yield "D.out_of_bounds", write(folder / "d_oob.pt", raw), False
    yield "D.crc", write(folder / "d_crc.pt", good.replace(b"PK\x01\x02", b"PK\x01\x03", 1)), False
    yield (
        "D.prefixed",
        write(folder / "d_prefixed.pt", b"GIF89a" + saved(Calls(eval, code(canary)))),
        (True),
    )
    with zipfile.ZipFile(folder / "d_bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + b"N0" * (50 << 20) + b"N.")
    yield "D.bomb", folder / "d_bomb.pt", False


class Reads(torch.nn.Module):
    """Takes its weights from a file of the host."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        secret = torch.from_file("/etc/hostname", False, 4, dtype=torch.uint8)
        return torch.softmax(x[:, :2] + secret.float().mean(), 1)


class Loops(torch.nn.Module):
    """Never answers."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        while bool((x == x).all()):
            x = x * 1.0
        return x


class Grows(torch.nn.Module):
    """Takes memory until there is none."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = [x]
        for _ in range(100_000):
            kept.append(torch.ones(1 << 24))
        return kept[-1]


class Forges(torch.nn.Module):
    """Prints what it would like to be believed."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        print('{"exit_code": 0, "verdict": "pass"}\x1b[2J')
        return torch.softmax(x[:, :2], 1)


def torchscripts(folder: Path, canary: Path) -> Iterator[tuple[str, Path, bool]]:
    """Class E: real programs, made by torch."""
    import warnings

    made = {
        "reads": Reads,
        "loops": Loops,
        "grows": Grows,
        "forges": Forges,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, kind in made.items():
            torch.jit.save(torch.jit.script(kind()), folder / f"e_{name}.pt")
            yield f"E.{name}", folder / f"e_{name}.pt", name == "reads"
        torch.jit.save(torch.jit.script(WritesByOperator(str(canary))), folder / "e_writes.pt")
        yield "E.writes", folder / "e_writes.pt", True
        torch.jit.save(torch.jit.script(WritesAtLoad(str(canary))), folder / "e_at_load.pt")
        yield "E.at_load", folder / "e_at_load.pt", True
        good = (folder / "e_forges.pt").read_bytes()
    carrier = pickle.dumps(Calls(eval, code(canary)), protocol=2)
    raw = rewrite(good, lambda n, d: carrier if n.endswith(("data.pkl", "constants.pkl")) else d)
    yield "E.pickle", write(folder / "e_pickle.pt", raw), True
    raw = rewrite(good, lambda n, d: b"import os\n" + d if n.endswith(".py") else d)
    yield "E.source", write(folder / "e_source.pt", raw), True


class WritesByOperator(torch.nn.Module):
    """aten::save, when it scores."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.save(x, self.path)
        return torch.softmax(x[:, :2], 1)


class WritesAtLoad(torch.nn.Module):
    """aten::save, when it is opened."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.training = False

    @torch.jit.export
    def __getstate__(self) -> tuple[str, bool]:
        return (self.path, self.training)

    @torch.jit.export
    def __setstate__(self, state: tuple[str, bool]) -> None:
        self.path = state[0]
        self.training = state[1]
        torch.save(torch.zeros(1), self.path)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(x[:, :2], 1)


def exported(folder: Path, canary: Path) -> Iterator[tuple[str, Path, bool]]:
    """Class F: a real program with one part exchanged."""
    import warnings

    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(torch.nn.Linear(2, 2), (torch.zeros(3, 2),)), buffer)
    good = buffer.getvalue()
    carrier = saved(Calls(eval, code(canary)))
    legacy = saved(Calls(eval, code(canary)), _use_new_zipfile_serialization=False)

    def in_json(change: Callable[[str], str]) -> Callable[[str, bytes], bytes]:
        return lambda n, d: change(d.decode()).encode() if n.endswith("models/model.json") else d

    changes: dict[str, Callable[[str, bytes], bytes | None]] = {
        "sample": lambda n, d: carrier if "sample_inputs" in n and n.endswith(".pt") else d,
        "weight": lambda n, d: carrier if "/weights/weight_" in n else d,
        "constants": lambda n, d: carrier if "constants" in n and not n.endswith(".json") else d,
        "use_pickle": lambda n, d: (
            d.replace(b'"use_pickle": false', b'"use_pickle": true')
            if n.endswith("config.json")
            else (legacy if "/weights/weight_" in n else d)
        ),
        "target": in_json(lambda s: s.replace("torch.ops.aten.linear.default", "torch.os.system")),
        "expression": in_json(
            lambda s: s.replace(
                '{"as_int": 2}', json.dumps({"as_expr": {"expr_str": code(canary)}})
            )
        ),
        "deep": in_json(lambda s: "[" * 100_000),
        "cut": in_json(lambda s: s[: len(s) // 2]),
        "slip": lambda n, d: d,
    }
    for name, change in changes.items():
        raw = rewrite(good, change)
        if name == "slip":
            more = io.BytesIO(raw)
            with zipfile.ZipFile(more, "a") as archive:
                archive.writestr(f"../../../../../..{canary}", b"x")
            raw = more.getvalue()
        yield f"F.{name}", write(folder / f"f_{name}.pt2", raw), name not in ("deep", "cut")


def make(folder: Path, canary: Path) -> Iterator[tuple[str, Path, bool]]:
    """(name, file, whether it carries code) of classes C to F."""
    yield from numpy_files(folder, canary)
    yield from torch_zips(folder, canary)
    yield from torchscripts(folder, canary)
    yield from exported(folder, canary)
