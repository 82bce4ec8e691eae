"""The one way in for models: decide the format by content, open it, or refuse with a recipe."""

from __future__ import annotations

import importlib
import pkgutil
import zipfile
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from audit.canonical import digest_path
from audit.errors import InputError, UnsafeModelError, nearest
from audit.models.predictor import Opened

GROUP = "evenhand.model_formats"
_NOT_FORMATS = {"predictor", "opening"}


def formats() -> Iterator[Any]:
    """Every known format: the modules beside this one, then those from entry points."""
    package = importlib.import_module("audit.models")
    for module in sorted(m.name for m in pkgutil.iter_modules(package.__path__)):
        if module not in _NOT_FORMATS:
            yield importlib.import_module(f"audit.models.{module}")
    for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name):
        yield entry.load()


def open_model(path: str | Path) -> Opened:
    """Opens the model at ``path``.

    Raises InputError if nothing is there, UnsafeModelError (exit 5) for a format that cannot be
    opened safely or is not known.
    """
    place = Path(path)
    if not place.exists():
        siblings = (p.name for p in place.parent.glob("*")) if place.parent.is_dir() else ()
        raise InputError(f"no model at {place}", remedy=nearest(place.name, siblings))
    for model_format in formats():
        if model_format.recognises(place):
            return Opened(model_format.load(place), place, digest_path(place))
    what, remedy = _describe(place)
    raise UnsafeModelError(f"model {place} is refused: it looks like {what}", remedy=remedy)


_STORED = "or audit its stored predictions: evenhand audit --predictions scores.csv ..."
_TO_SKOPS = (
    "where you trust it, load it yourself and save it with skops: "
    f"skops.io.dump(model, 'model.skops'); {_STORED}"
)
_TO_FOLDER = (
    f"train it with `evenhand train`, whose folders hold safetensors and a named network; {_STORED}"
)
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89HDF\r\n\x1a\n", "HDF5 (Keras)", _STORED),
    (b"\x1f\x8b", "a gzip file, such as a compressed joblib or pickle", _TO_SKOPS),
    (b"\x78", "a zlib stream, such as a compressed joblib file", _TO_SKOPS),
    (b"BZh", "a bzip2 file, such as a compressed joblib file", _TO_SKOPS),
    (b"\xfd7zXZ", "an xz file, such as a compressed joblib file", _TO_SKOPS),
    (b"\x80", "a pickle, which runs code when it is opened", _TO_SKOPS),
    (b"\x08", "ONNX", f"ONNX is not opened by this version; {_STORED}"),
)


def _describe(place: Path) -> tuple[str, str]:
    if place.is_dir():
        return _describe_folder(place)
    with place.open("rb") as handle:
        head = handle.read(4096)
    if zipfile.is_zipfile(place):
        return _describe_zip(place)
    if len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 27:
        return (
            "safetensors weights without the network that they belong to",
            f"pass the whole model folder; {_TO_FOLDER}",
        )
    for magic, what, remedy in _MAGIC:
        if head.startswith(magic):
            return what, remedy
    if head[:1] in b"(]}c\x80" and b"." in head:
        return "an old pickle, which runs code when it is opened", _TO_SKOPS
    return "no model format that is known here", f"known: skops, evenhand model folder; {_STORED}"


def _describe_folder(place: Path) -> tuple[str, str]:
    names = {p.name for p in place.iterdir()}
    if "saved_model.pb" in names:
        return "a TensorFlow SavedModel", _STORED
    if "MLmodel" in names:
        return "an MLflow folder, whose python_function is a pickle", _TO_SKOPS
    if "config.json" in names:
        return "a Transformers folder", f"it is not opened by this version; {_STORED}"
    shown = ", ".join(sorted(names)[:5]) or "nothing"
    return (
        f"a folder that is no model folder (it holds {shown})",
        "pass the folder that `evenhand train --out` wrote",
    )


def _describe_zip(place: Path) -> tuple[str, str]:
    with zipfile.ZipFile(place) as archive:
        names = archive.namelist()
    if any(n.endswith(("data.pkl", "constants.pkl")) for n in names):
        return "a torch .pt file, which holds a pickle", _TO_FOLDER
    if any("models/" in n or n.endswith(".pt2") or "archive_format" in n for n in names):
        return "a torch.export .pt2 file, which can run code when it is opened", _TO_FOLDER
    if any(n.endswith("metadata.json") for n in names) and any(n.endswith(".h5") for n in names):
        return "a Keras file", _STORED
    if any(n.endswith(".npy") for n in names):
        return "a NumPy archive", _STORED
    return "a zip file that is no skops model", _TO_SKOPS
