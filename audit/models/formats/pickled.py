"""Pickles of every kind: opening one runs what its maker wrote.

Refused unless the user says ``--allow-pickle`` and the worker is fully locked; the names that the
pickle imports go into the case (``unpickling.pickle_imports``). What it holds must
score like a scikit-learn object, or be a torch module.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError
from evenhand.audit.models.declared import NOTHING, Declared
from evenhand.audit.models.estimators import predictor_of
from evenhand.audit.models.functions import FunctionPredictor
from evenhand.audit.models.inputs import declared_inputs
from evenhand.audit.models.networks import DeclaredNetwork
from evenhand.audit.models.unpickling import versions
from evenhand.audit.models.unpickling.deserialise import pickled_object, torch_object
from evenhand.audit.models.unpickling.pickle_imports import imports_of
from evenhand.audit.models.unpickling.torch_zip import torch_kind

if TYPE_CHECKING:
    from evenhand.audit.models.predictor import Predictor

NAME = "pickle"
TRUST = "pickle"
ABOUT = "a program of its maker's: opening it can do anything that the process may do"
PRELOAD = ("joblib", "sklearn", "pandas", "torch")
DECLARES = frozenset({"task", "classes", "inputs", "outputs"})
EXTRA = ""
RECOGNISED_BY = "a pickle's opcodes, plain, in joblib's compressions, or in a torch zip"
GRADIENTS = True
SAVE = """Better not: a pickle runs code. Convert it where you trust it:
  skops.io.dump(joblib.load("model.joblib"), "model.skops")
  model = torch.load("model.pt", weights_only=False)
  torch.export.save(torch.export.export(model.eval(), (example,),
                    dynamic_shapes=[{0: torch.export.Dim("rows")}]), "model.pt2")"""

_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x5d\x00\x00")
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


def recognises(path: Path) -> bool:
    """A pickle, told by its first opcodes; a compressed one; or a torch zip that is one."""
    if not path.is_file():
        return False
    if zipfile.is_zipfile(path):
        return torch_kind(path) == "object"
    with path.open("rb") as handle:
        head = handle.read(2)
    # Protocol 2 and later say so in their first two bytes; older ones show in what they import.
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return True
    if head[:1] in (b"(", b"]", b"}", b"c") or head in _ZLIB or _is_compressed(path):
        asked = imports_of(path)
        return bool(asked) and not asked[0].startswith("(parts")
    return False


def _is_compressed(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(6).startswith(_COMPRESSED)


def load(path: Path, declared: Declared = NOTHING) -> Predictor:
    """Opens it, and so runs what it holds. Raises InputError for what can't score."""
    torch_file = torch_kind(path) == "object"
    held = torch_object(path) if torch_file else pickled_object(path)
    made_by = {} if torch_file else versions.says(versions.version_in_pickle(path))
    says = {"imports": list(imports_of(path)), **made_by}
    return predictor_from(held, path, says, declared)


def predictor_from(
    held: Any, path: Path, says: Mapping[str, Any], declared: Declared, name: str = NAME
) -> Predictor:
    """What a pickle held, as a predictor. Raises InputError."""
    if _is_torch_module(held):
        what = str(path)
        inputs = declared_inputs(declared.inputs, None, what)
        return DeclaredNetwork(name, held.eval(), inputs, declared, what)
    if hasattr(held, "load_context") and callable(getattr(held, "predict", None)):
        # MLflow's PythonModel: predict(context, rows); a context would name files that it reads.
        return FunctionPredictor(
            name, lambda rows: held.predict(None, rows), declared, str(path), says
        )
    if declared.outputs is not None:
        raise InputError(
            "outputs are declared, but {path} holds a {type}, which scores like "
            "a scikit-learn object",
            remedy="leave the outputs out",
            path=path,
            type=type(held).__name__,
        )
    return predictor_of(name, held, str(path), says, declared)


def _is_torch_module(held: Any) -> bool:
    import torch

    return isinstance(held, torch.nn.Module)
