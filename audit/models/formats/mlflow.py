"""MLflow folders: MLmodel is read, and the file of a native flavour is opened by its own format.

Code that the folder ships (``code/``, ``loader_module``) is never imported. Where every flavour is
a pickle (scikit-learn's cloudpickle, pytorch, python_function) the folder counts as a pickle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError, UnsafeModelError
from evenhand.audit.files.safe_yaml import parse, read_bytes
from evenhand.audit.models.declared import NOTHING, Declared, Input, load_with
from evenhand.audit.models.formats import (
    exported,
    lightgbm,
    onnx,
    pickled,
    skops,
    torchscript,
    transformers,
    xgboost,
)

if TYPE_CHECKING:
    from evenhand.audit.models.predictor import Predictor

NAME = "mlflow"
TRUST = "pickle"  # without a native flavour; ``trust`` says what a folder's own flavour is
ABOUT = "a folder that leads to another format's file; its own code is never imported"
# What is small; the rest is imported behind the lock, by those who need it.
PRELOAD = ("onnxruntime", "xgboost", "lightgbm", "pandas", "sklearn", "skops.io", "joblib")
DECLARES = frozenset({"task", "classes", "inputs", "outputs", "truncate"})
EXTRA = ""
RECOGNISED_BY = "a folder that holds a file MLmodel with flavors"
GRADIENTS = False
SAVE = """mlflow.onnx.save_model(onx, "folder")                             # as data: ONNX,
mlflow.xgboost.save_model(model, "folder", model_format="ubj")    # XGBoost, LightGBM
mlflow.sklearn.save_model(model, "folder", serialization_format="skops")"""

# Flavours in the order of preference -> the keys that name their file, and the formats it can be.
_FLAVOURS: tuple[tuple[str, tuple[str, ...], tuple[Any, ...]], ...] = (
    ("onnx", ("data",), (onnx,)),
    ("xgboost", ("data",), (xgboost,)),
    ("lightgbm", ("data",), (lightgbm,)),
    ("sklearn", ("pickled_model",), (skops,)),
    ("transformers", ("model_binary",), (transformers,)),
    ("pytorch", ("model_data",), (exported, torchscript)),
)
_PICKLES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("sklearn", ("pickled_model",)),
    ("xgboost", ("data",)),
    ("lightgbm", ("data",)),
    ("pytorch", ("model_data",)),
    ("python_function", ("python_model", "model_path", "data")),
)
_COLUMN_TYPES = frozenset({"double", "float", "long", "integer", "boolean", "string"})


@dataclass(frozen=True)
class Flavour:
    """A flavour of the folder, the file that it names, and the format which opens that file."""

    name: str
    file: Path
    model_format: Any


def recognises(path: Path) -> bool:
    """A folder with a regular file MLmodel."""
    file = path / "MLmodel"
    return path.is_dir() and file.is_file() and not file.is_symlink()


def trust(path: Path) -> str:
    """The trust of the file that the folder leads to."""
    found: str = flavour_of(path).model_format.TRUST
    return found


def flavour_of(path: Path) -> Flavour:
    """The safest flavour that can be opened here.

    Raises InputError for an MLmodel that can't be read, UnsafeModelError where no flavour is known
    or a path leads out of the folder.
    """
    flavours = _mlmodel(path).get("flavors")
    if not isinstance(flavours, dict) or not flavours:
        raise InputError(
            "{path}/MLmodel names no flavors", remedy="save the model again", path=path
        )
    for name, keys, targets in _FLAVOURS:
        for file in _named_files(path, flavours.get(name), keys):
            for inner in _and_inside(file):
                for target in targets:
                    if target.recognises(inner):
                        return Flavour(name, inner, target)
    for name, keys in _PICKLES:
        for file in _named_files(path, flavours.get(name), keys):
            for inner in _and_inside(file):
                if pickled.recognises(inner):
                    return Flavour(name, inner, pickled)
    shown = ", ".join(str(n)[:40] for n in list(flavours)[:10])
    raise UnsafeModelError(
        "{path}: none of its flavours can be opened here ({shown})",
        remedy="save it with mlflow.onnx, mlflow.xgboost, mlflow.lightgbm, or mlflow.sklearn with "
        "serialization_format='skops'; or audit stored predictions: evenhand audit --predictions "
        "FILE",
        path=path,
        shown=shown,
    )


def _mlmodel(path: Path) -> dict[str, Any]:
    file = path / "MLmodel"
    document = parse(read_bytes(file), str(file)).data
    if not isinstance(document, dict):
        raise InputError("{file} is not a mapping", remedy="save the model again", file=file)
    return document


def _named_files(path: Path, flavour: Any, keys: tuple[str, ...]) -> list[Path]:
    if not isinstance(flavour, dict):
        return []
    return [_inside(path, flavour[k]) for k in keys if isinstance(flavour.get(k), str)]


def _inside(path: Path, name: str) -> Path:
    """The file that MLmodel names. Raises UnsafeModelError where it is not in the folder itself."""
    place = PurePosixPath(name)
    inner = path.joinpath(*place.parts)
    outside = place.is_absolute() or ".." in place.parts or "\\" in name
    if outside or not inner.resolve().is_relative_to(path.resolve()):
        raise UnsafeModelError(
            "{path}/MLmodel names {name!r}, which is not in its folder",
            remedy="do not open this model",
            path=path,
            name=name[:200],
        )
    if not inner.exists():
        raise InputError(
            "{path}/MLmodel names {name!r}, which is not there",
            remedy="copy it whole",
            path=path,
            name=name[:200],
        )
    return inner


def _and_inside(place: Path) -> list[Path]:
    """The place itself, and the regular files right inside it."""
    if place.is_file():
        return [place]
    return [place, *sorted(p for p in place.iterdir() if p.is_file() and not p.is_symlink())]


def load(path: Path, declared: Declared = NOTHING) -> Predictor:
    """Opens the native file, with the signature's columns where none are declared."""
    flavour = flavour_of(path)
    columns = _signature(path)
    reads = flavour.model_format.DECLARES
    if not declared.inputs and columns and _lacks_names(flavour):
        declared = declared.model_copy(update={"inputs": columns})
    given = {name: getattr(declared, name) for name in declared.given() & (reads | {"task"})}
    unread = declared.given() - reads - {"task"}
    if unread:
        raise InputError(
            "{unread} is declared, but the flavour {flavour} of {path} does not read it",
            remedy="leave it out of the subject",
            unread=sorted(unread)[0],
            flavour=flavour.name,
            path=path,
        )
    return load_with(flavour.model_format, flavour.file, Declared(**given))


def _lacks_names(flavour: Flavour) -> bool:
    """Formats whose files say their columns only sometimes; the others say them always."""
    function = flavour.name == "python_function" and flavour.file.name == "python_model.pkl"
    return flavour.model_format in (onnx, lightgbm) or function


def _signature(path: Path) -> tuple[Input, ...]:
    """The named columns of the model's signature, () where it has none or they are tensors."""
    signature = _mlmodel(path).get("signature")
    listed = signature.get("inputs") if isinstance(signature, Mapping) else None
    if not isinstance(listed, str):
        return ()
    try:
        columns = json.loads(listed)
    except (ValueError, RecursionError) as error:
        raise InputError(
            "{path}/MLmodel: signature: {error}", remedy="save it again", path=path, error=error
        ) from None
    named = [
        c.get("name")
        for c in (columns if isinstance(columns, list) else ())
        if isinstance(c, dict) and c.get("type") in _COLUMN_TYPES
    ]
    if not named or not all(isinstance(n, str) and n for n in named):
        return ()
    return tuple(Input(column=str(n)) for n in named)
