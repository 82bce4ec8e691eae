"""What is not opened: formats told by content, each with a way to a format that is."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

_STORED = "or audit its stored predictions: evenhand audit --predictions scores.csv ..."
_TO_SKOPS = (
    "where you trust it, load it yourself and save it with skops: "
    f"skops.io.dump(model, 'model.skops'); {_STORED}"
)
# One line of Python each, which leads to a file that is opened here.
TO_PROGRAM = (
    "torch.export.save(torch.export.export(model.eval(), (example,), "
    "dynamic_shapes=[{0: torch.export.Dim('rows')}]), 'model.pt2')"
)
TORCH = (
    "where its class is at hand, export it as a program that needs no class, with an example of "
    f"two rows: {TO_PROGRAM}; or to ONNX (evenhand formats onnx); {_STORED}"
)
_WITHOUT_SAMPLERS = (
    "skops.io.dump(sklearn.pipeline.Pipeline([s for s in model.steps if not hasattr(s[1], "
    "'fit_resample')]), 'model.skops')"
)
# What a pickle imports -> how to save what it holds as data; the first that fits.
_INSTEAD: tuple[tuple[str, str], ...] = (
    ("imblearn", f"a sampler does nothing when the model answers: {_WITHOUT_SAMPLERS}"),
    ("lightgbm", "model.booster_.save_model('model.txt') (a Booster: model.save_model(...))"),
    ("xgboost", "model.save_model('model.ubj')"),
    ("catboost", "model.save_model('model.onnx', format='onnx') (numeric features only)"),
    ("transformers", "model.save_pretrained('folder') and tokenizer.save_pretrained('folder')"),
    ("keras", "model.export('model.onnx', format='onnx')"),
    ("tensorflow", "model.export('model.onnx', format='onnx')"),
    ("torch", f"{TO_PROGRAM}, with an example of two rows"),
)
_KERAS = (
    "where you trust it, convert it in an environment that has Keras (and tf2onnx, with "
    "TensorFlow): python -c \"import keras; keras.models.load_model('PATH').export('model.onnx', "
    f"format='onnx')\", then evenhand audit model.onnx ...; {_STORED}"
)
_SAVED_MODEL = (
    "convert it where you trust it: python -m tf2onnx.convert --saved-model FOLDER --output "
    f"model.onnx; {_STORED}"
)
_CATBOOST = (
    "load it yourself and export it to ONNX (numeric features only): "
    f"model.save_model('model.onnx', format='onnx'); {_STORED}"
)
_TFLITE = f"convert it: python -m tf2onnx.convert --tflite FILE --output model.onnx; {_STORED}"

_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89HDF\r\n\x1a\n", "HDF5 (Keras), which can name other files on this machine", _KERAS),
    (b"CBM1", "a CatBoost file", _CATBOOST),
    (b"GGUF", "a GGUF file (llama.cpp)", f"pass the Transformers folder it came from; {_STORED}"),
    (b"\x1f\x8b", "a gzip file, such as a compressed joblib or pickle", _TO_SKOPS),
    (b"BZh", "a bzip2 file, such as a compressed joblib file", _TO_SKOPS),
    (b"\xfd7zXZ", "an xz file, such as a compressed joblib file", _TO_SKOPS),
    (b"\x5d\x00\x00", "an lzma file, such as a compressed joblib file", _TO_SKOPS),
    (b"\x04\x22\x4d\x18", "an lz4 file, such as a compressed joblib file", _TO_SKOPS),
    (b"\x80", "a pickle, which runs code when it is opened", _TO_SKOPS),
    (
        b"version https://git-lfs",
        "a Git LFS pointer, not the model itself",
        "fetch the file that it stands for: git lfs pull",
    ),
    (
        b"binf",
        "an XGBoost file of the old binary format",
        f"open it with the XGBoost version that wrote it: model.save_model('model.ubj'); {_STORED}",
    ),
)

# For `evenhand formats`: what is refused by design, and the way to a format that is opened.
RECIPES: tuple[tuple[str, str], ...] = (
    *(
        (name, recipe.removesuffix(f"; {_STORED}"))
        for name, recipe in (
            ("Keras (.keras, .h5), HDF5", _KERAS),
            ("TensorFlow SavedModel", _SAVED_MODEL),
            ("TensorFlow Lite", _TFLITE),
            ("CatBoost (.cbm)", _CATBOOST),
            ("pickle, joblib (without --allow-pickle)", _TO_SKOPS),
        )
    ),
)


def instead_of_pickle(imports: Iterable[str]) -> str:
    """How to save as data what a pickle holds, told by what it imports."""
    rooms = {name.partition(".")[0] for name in imports}
    pipeline = any(name.startswith("sklearn.pipeline") for name in imports)
    line = next((line for room, line in _INSTEAD if room in rooms), "")
    if pipeline and rooms & {"lightgbm", "xgboost"}:
        line = (
            "skops.io.dump(model[:-1], 'prep.skops') and the last step in its own format "
            "(model[-1].save_model('model.ubj')), then evenhand audit model.ubj --preprocess "
            "prep.skops ..."
        )
    return line or "skops.io.dump(model, 'model.skops')"


def describe(place: Path) -> tuple[str, str]:
    """What a model that no format recognises looks like, and what to do with it."""
    what, remedy = _described(place)
    return what, remedy.replace("'PATH'", repr(place.name))


def _described(place: Path) -> tuple[str, str]:
    if place.is_dir():
        return _folder(place)
    with place.open("rb") as handle:
        head = handle.read(4096)
    if zipfile.is_zipfile(place):
        return _zip(place)
    if not head:
        return "an empty file", f"was it copied whole? {_STORED}"
    for magic, what, remedy in _MAGIC:
        if head.startswith(magic):
            return what, remedy
    if head[4:8] == b"TFL3":
        return "a TensorFlow Lite file", _TFLITE
    if head[257:262] == b"ustar":
        return "a tar file", f"unpack it and pass the model itself; {_STORED}"
    if b"<PMML" in head:
        return "a PMML file", _STORED
    if head[:1] == b"\x78":
        return "a zlib stream, such as a compressed joblib file", _TO_SKOPS
    if head[:1] in b"(]}c" and b"." in head:
        return "an old pickle, which runs code when it is opened", _TO_SKOPS
    if head[:1] == b"\x08":
        return (
            "a protocol buffer that is no whole ONNX model",
            f"is it cut off? Export it again; {_STORED}",
        )
    return (
        "no model format that is known here",
        f"evenhand formats lists what is opened and how to save a model so; {_STORED}",
    )


def _folder(place: Path) -> tuple[str, str]:
    names = {p.name for p in place.iterdir()}
    if "saved_model.pb" in names:
        return "a TensorFlow SavedModel", _SAVED_MODEL
    if "config.json" in names:
        return (
            "a folder whose config.json names no model type of the transformers library",
            f"save it again: model.save_pretrained(folder); {_STORED}",
        )
    shown = ", ".join(sorted(names)[:5]) or "nothing"
    return (
        f"a folder that is no model folder (it holds {shown})",
        "pass the folder that `evenhand train --out` wrote; evenhand formats lists the others",
    )


def _zip(place: Path) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(place) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return "a zip file that is broken", f"was it copied whole? {_STORED}"
    if any(n.endswith(("data.pkl", "constants.pkl")) for n in names):
        return "a torch .pt file, which holds a pickle", TORCH
    if any(n.endswith("metadata.json") for n in names) and any(n.endswith(".h5") for n in names):
        return "a Keras file, whose layers can hold code", _KERAS
    if any(n.endswith(".npy") for n in names):
        return "a NumPy archive", _STORED
    return "a zip file that is no skops model", _TO_SKOPS
