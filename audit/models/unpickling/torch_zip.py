"""Which of torch's own zip files one is, told by the names in it; nothing is opened."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Literal

TorchKind = Literal["weights", "object", "torchscript", "exported"]

# What torch.save writes for a dictionary of tensors: the names that its pickle may ask for.
_TENSOR_PARTS = frozenset(
    {
        "collections.OrderedDict",
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_parameter",
        "torch.serialization._get_layout",
        "torch._tensor._rebuild_from_type_v2",
        "torch.Size",
    }
)


def torch_kind(path: Path) -> TorchKind | None:
    """What torch wrote at ``path``; None where it is no zip file of torch's.

    ``weights`` is a pickle that names tensors alone; ``object`` one that names anything else.
    """
    if not path.is_file() or not zipfile.is_zipfile(path):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return None
    inner = {n.split("/", 1)[1] for n in names if "/" in n}
    if "archive_format" in inner or "serialized_exported_program.json" in (*names, *inner):
        return "exported"
    if "constants.pkl" in inner:
        return "torchscript"
    if "data.pkl" not in inner:
        return None
    from evenhand.audit.models.unpickling.pickle_imports import imports_of

    asked = imports_of(path)
    return "weights" if all(_of_tensors(name) for name in asked) else "object"


def _of_tensors(name: str) -> bool:
    storage = name.startswith("torch.") and name.endswith("Storage") and name.count(".") == 1
    return storage or name in _TENSOR_PARTS or name.startswith("torch.torch.")
