"""Classes G to K: ONNX, safetensors, skops, Keras and HDF5, folders and archives."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.hostile.pickles import Calls, code, write

SECRET = b"a secret of the host\n" * 4


def onnx_files(folder: Path, canary: Path) -> Iterator[tuple[str, Path, bool]]:
    """Class G: weights that lie in other files, graphs that want too much."""
    secret = write(folder / "secret.txt", SECRET)
    for name, location in {
        "parent": "../secret.txt",
        "in_between": "weights/../../secret.txt",
        "absolute": str(secret),
        "zero": "/dev/zero",
    }.items():
        yield f"G.{name}", onnx(folder / f"g_{name}.onnx", external=location), True
    for name in ("symlink", "hardlink", "folder_link", "pipe"):
        home = folder / f"g_{name}"
        home.mkdir()
        if name == "symlink":
            (home / "weights.bin").symlink_to(secret)
        elif name == "hardlink":
            os.link(secret, home / "weights.bin")
        elif name == "folder_link":
            (home / "weights").symlink_to(folder)
        else:
            os.mkfifo(home / "weights.bin")
        where = "weights/secret.txt" if name == "folder_link" else "weights.bin"
        onnx(home / "model.onnx", external=where)
        yield f"G.{name}", home, True
    yield "G.linked_file", _link(folder / "g_link.onnx", onnx(folder / "g_ok.onnx")), True
    yield "G.huge", onnx(folder / "g_huge.onnx", dims=(1 << 40,)), False
    yield "G.negative", onnx(folder / "g_negative.onnx", dims=(-4,)), False
    yield "G.custom", onnx(folder / "g_custom.onnx", operator="Evil", domain="com.example"), False
    yield "G.allocates", onnx(folder / "g_alloc.onnx", operator="ConstantOfShape"), False
    good = onnx(folder / "g_good.onnx").read_bytes()
    yield "G.cut", write(folder / "g_cut.onnx", good[: len(good) // 2]), False
    yield "G.nested", write(folder / "g_nested.onnx", _nested(good)), False


def _link(link: Path, target: Path) -> Path:
    link.symlink_to(target)
    return link


def _nested(raw: bytes) -> bytes:
    """A graph in a graph in a graph ... as protocol buffers write it: tag, length, bytes."""
    for _ in range(2000):
        raw = b"\x3a" + varint(len(raw)) + raw
    return b"\x08\x07" + raw


def varint(value: int) -> bytes:
    """A number in seven bits a byte."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value & (1 << 64) - 1)
    return varint(number << 3 | 2) + varint(len(value)) + value


def onnx(
    path: Path,
    *,
    external: str = "",
    dims: tuple[int, ...] = (2, 2),
    operator: str = "MatMul",
    domain: str = "",
) -> Path:
    """An ONNX model, written field by field: y = operator(x, w), w perhaps in another file."""
    tensor = b"".join(_field(1, d) for d in dims) + _field(2, 1) + _field(8, b"w")
    if external:
        entry = _field(1, b"location") + _field(2, external.encode())
        tensor += _field(13, entry) + _field(14, 1)
    else:
        tensor += _field(9, struct.pack("<4f", 1, 0, 0, 1))
    node = _field(1, b"x") + _field(1, b"w") + _field(2, b"y") + _field(4, operator.encode())
    node += _field(7, domain.encode()) if domain else b""
    shape = _field(1, _field(2, b"rows")) + _field(1, _field(1, 2))
    kind = _field(1, _field(1, 1) + _field(2, shape))
    graph = _field(1, node) + _field(2, b"g") + _field(5, tensor)
    graph += _field(11, _field(1, b"x") + _field(2, kind))
    graph += _field(12, _field(1, b"y") + _field(2, kind))
    opset = _field(8, _field(1, b"") + _field(2, 17))
    return write(path, _field(1, 8) + opset + _field(7, graph))


def safetensors_files(folder: Path, canary: Path) -> Iterator[tuple[str, Path, bool]]:
    """Class H: headers that lie."""
    entry: dict[str, Any] = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}

    def header(
        text: str | dict[str, Any], data: bytes = b"\0" * 8, size: int | None = None
    ) -> bytes:
        raw = (text if isinstance(text, str) else json.dumps(text)).encode()
        return struct.pack("<Q", len(raw) if size is None else size) + raw + data

    samples = {
        "huge_header": header("{}", size=1 << 62),
        "long_header": header("{}", size=90 << 20),
        "no_header": b"\0" * 8,
        "not_json": header("{" * 20),
        "list": header("[1, 2]"),
        "deep": header('{"a":' * 5000 + "1" + "}" * 5000),
        "overlap": header({"a": entry, "b": entry}),
        "hole": header({"a": {**entry, "data_offsets": [8, 16]}}, b"\0" * 16),
        "past_the_end": header({"a": {**entry, "data_offsets": [0, 1 << 40]}}),
        "negative": header({"a": {**entry, "shape": [-2]}}),
        "overflow": header({"a": {**entry, "shape": [1 << 33, 1 << 33]}}),
        "dtype": header({"a": {**entry, "dtype": "OBJECT"}}),
        "repeated": header(f'{{"a":{json.dumps(entry)},"a":{json.dumps(entry)}}}'),
        "names": header({"../../../etc/passwd": entry, "__metadata__": {"x": "<script>"}}),
        "many": header(
            {f"t{i}": {**entry, "shape": [0], "data_offsets": [0, 0]} for i in range(20000)}
        ),
        "cut": header({"a": entry}, b"\0" * 3),
        "pickle": b"\x80\x04" + pickle.dumps(Calls(eval, code(canary)))[2:],
    }
    for name, raw in samples.items():
        yield f"H.{name}", write(folder / f"h_{name}.safetensors", raw), name == "pickle"


def skops_files(folder: Path, canary: Path) -> Iterator[tuple[str, Path, bool]]:
    """Class I: schemas that name what they like."""

    def node(module: str, name: str, loader: str, **more: Any) -> dict[str, Any]:
        return {"__class__": name, "__module__": module, "__loader__": loader, "__id__": 1, **more}

    empty = node("builtins", "list", "ListNode", content=[])
    text = {**node("builtins", "str", "JsonNode", content=json.dumps(code(canary)), is_json=True)}
    arguments = node("builtins", "tuple", "TupleNode", content=[text])
    deep: dict[str, Any] = empty
    for _ in range(400):
        deep = node("builtins", "list", "ListNode", content=[deep])
    samples: dict[str, Any] = {
        "function": node(
            "os", "system", "FunctionNode", content={"module_path": "os", "function": "system"}
        ),
        "type": node("subprocess", "Popen", "TypeNode"),
        "object": node("subprocess", "Popen", "ObjectNode", content=arguments),
        "method": node("builtins", "method", "MethodNode", content={"func": "eval", "obj": text}),
        "partial": node(
            "functools",
            "partial",
            "PartialNode",
            content={"func": text, "args": arguments, "kwds": empty, "namespace": empty},
        ),
        "operator": node("operator", "methodcaller", "OperatorFuncNode", attrs=arguments),
        "reduce": node("builtins", "eval", "ReduceNode", args=arguments, constructor=text),
        "loader": node("builtins", "list", "PickleNode", content=code(canary)),
        "protocol": {**empty, "protocol": 10**9},
        "no_loader": {"__class__": "list", "__module__": "builtins"},
        "deep": deep,
        "missing_member": node("numpy", "ndarray", "NdArrayNode", type="numpy", file="none.npy"),
        "object_array": node("numpy", "ndarray", "NdArrayNode", type="numpy", file="1.npy"),
        "escape": node("numpy", "ndarray", "NdArrayNode", type="numpy", file="../../etc/passwd"),
    }
    array = io.BytesIO()
    np.save(array, np.array([Calls(eval, code(canary))], dtype=object), allow_pickle=True)
    for name, schema in samples.items():
        place = folder / f"i_{name}.skops"
        with zipfile.ZipFile(place, "w") as archive:
            archive.writestr(
                "schema.json", json.dumps({"protocol": 3, "_skops_version": "0.16", **schema})
            )
            archive.writestr("1.npy", array.getvalue())
        yield f"I.{name}", place, name not in ("deep", "protocol", "missing_member", "no_loader")
    for name, raw in {"not_json": b"{", "nested_json": b"[" * 200_000, "list": b"[]"}.items():
        place = folder / f"i_{name}.skops"
        with zipfile.ZipFile(place, "w") as archive:
            archive.writestr("schema.json", raw)
        yield f"I.{name}", place, False


def refused_files(folder: Path, canary: Path) -> Iterator[tuple[str, Path, bool]]:
    """Class J: Keras and HDF5, told by their first bytes or members."""
    layer = {"class_name": "Lambda", "config": {"function": {"code": code(canary)}}}
    with zipfile.ZipFile(folder / "j_lambda.keras", "w") as archive:
        archive.writestr(
            "config.json", json.dumps({"module": "keras", "config": {"layers": [layer]}})
        )
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.5.0"}))
        archive.writestr("model.weights.h5", b"\x89HDF\r\n\x1a\n" + b"\0" * 64)
    yield "J.lambda", folder / "j_lambda.keras", True
    start = b"\x89HDF\r\n\x1a\n"
    for name, rest in {
        "h5_lambda": json.dumps(layer).encode(),
        "external_link": b"/etc/passwd\0/secret",
        "external_raw": b"\x07\x00" + b"/etc/hostname\0",
    }.items():
        yield f"J.{name}", write(folder / f"j_{name}.h5", start + b"\0" * 64 + rest), True


def folders(folder: Path, canary: Path) -> Iterator[tuple[str, Path, bool]]:
    """Class K: folders that bring code, archives that leave their folder."""
    carrier = pickle.dumps(Calls(eval, code(canary)))
    python = f"{code(canary)}\n\nclass Model:\n    pass\n"

    def tree(name: str, files: dict[str, bytes | str]) -> Path:
        home = folder / f"k_{name}"
        for relative, content in files.items():
            place = home / relative
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content if isinstance(content, bytes) else content.encode())
        return home

    pyfunc = "flavors:\n  python_function:\n    loader_module: {m}\n"
    pyfunc += "    code: code\n    data: model.pkl\n"
    brought = {"code/evil.py": python, "model.pkl": carrier}
    yield "K.mlflow_pyfunc", tree("pyfunc", {"MLmodel": pyfunc.format(m="evil"), **brought}), True
    sklearn = "flavors:\n  sklearn:\n    pickled_model: model.pkl\n    code: code\n"
    yield "K.mlflow_sklearn", tree("mlsk", {"MLmodel": sklearn, **brought}), True
    up = "flavors:\n  onnx:\n    data: ../../../../etc/passwd\n"
    yield "K.mlflow_up", tree("mlup", {"MLmodel": up}), True
    tag = "flavors: !!python/object/apply:os.system ['" + f"echo x > {canary}" + "']\n"
    yield "K.mlflow_yaml", tree("mlyaml", {"MLmodel": tag, **brought}), True
    alias = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(12)
    )
    yield "K.mlflow_alias", tree("mlalias", {"MLmodel": alias}), False
    remote = {
        "model_type": "evil",
        "auto_map": {"AutoModel": "modeling_evil.Model"},
        "architectures": ["Model"],
    }
    hf = {"config.json": json.dumps(remote), "modeling_evil.py": python}
    yield "K.hf_code", tree("hf", {**hf, "pytorch_model.bin": carrier}), True
    bert = json.dumps(
        {
            "model_type": "bert",
            "architectures": ["BertForSequenceClassification"],
            "auto_map": {"AutoModelForSequenceClassification": "modeling_evil.Model"},
        }
    )
    yield (
        "K.hf_pickle",
        tree(
            "hfbin", {"config.json": bert, "modeling_evil.py": python, "pytorch_model.bin": carrier}
        ),
        True,
    )
    own = {"format": "evenhand-folder", "architecture": "../evil", "task": "binary"}
    yield "K.own_pickle", tree("own", {"model.json": json.dumps(own), "weights.pkl": carrier}), True
    yield "K.own_fields", tree("own2", {"model.json": json.dumps(own)}), False
    yield "K.own_deep", tree("own3", {"model.json": "[" * 200_000}), False
    mitigated = {"format": "evenhand-mitigated", "files": {"../../secret": "sha256:0"}}
    yield "K.mitigated", tree("own4", {"model.json": json.dumps(mitigated)}), False
    linked = tree("linked", {"config.json": "{}"})
    (linked / "model.safetensors").symlink_to("/etc/passwd")
    yield "K.linked", linked, True
    many = folder / "k_many"
    many.mkdir()
    for number in range(10_050):
        (many / str(number)).touch()
    yield "K.many_files", many, False
    deep = folder / "k_deep"
    (deep / "/".join(["d"] * 30)).mkdir(parents=True)
    yield "K.deep_folders", deep, False
    sparse = folder / "k_sparse.safetensors"
    with sparse.open("wb") as handle:
        handle.truncate(1 << 40)
    yield "K.sparse", sparse, False
    with zipfile.ZipFile(folder / "k_slip.zip", "w") as archive:
        archive.writestr(f"../../../../../..{canary}", b"x")
    yield "K.zip_slip", folder / "k_slip.zip", True
    with tarfile.open(folder / "k_slip.tar", "w") as archive:
        member = tarfile.TarInfo(f"../../../../../..{canary}")
        member.size = 1
        archive.addfile(member, io.BytesIO(b"x"))
    yield "K.tar_slip", folder / "k_slip.tar", True
    inner = b"x" * 1000
    for _ in range(8):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("inner.zip", inner)
        inner = buffer.getvalue()
    yield "K.nested_zip", write(folder / "k_nested.zip", inner), False
    yield "K.half_zip", write(folder / "k_half.zip", inner[: len(inner) // 2]), False


def make(folder: Path, canary: Path) -> Iterator[tuple[str, Path, bool]]:
    """(name, file or folder, whether it carries code or a way out) of classes G to K."""
    for source in (onnx_files, safetensors_files, skops_files, refused_files, folders):
        yield from source(folder, canary)
