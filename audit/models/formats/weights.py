"""Weights alone, safetensors or a torch state_dict, with the network that the subject names.

``architecture:`` of the subject spec names a network that is installed here (entry point group
``evenhand.architectures``) and its parameters; every tensor's name, shape and type must be the
network's. Nothing in the file names code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError, nearest
from evenhand.audit.models.declared import NOTHING, Declared
from evenhand.audit.models.inputs import DeclaredInputs, declared_inputs
from evenhand.audit.models.networks import DeclaredNetwork
from evenhand.audit.models.outputs import outputs_of, task_of
from evenhand.audit.models.predictor import Task
from evenhand.audit.models.unpickling.deserialise import state_dict
from evenhand.audit.models.unpickling.refused import TORCH
from evenhand.audit.models.unpickling.torch_zip import torch_kind
from evenhand.audit.words.phrases import phrase

if TYPE_CHECKING:
    import torch

NAME = "weights"
TRUST = "data"
ABOUT = "tensors by name, checked against a network that is installed here; nothing runs"
PRELOAD = ("torch", "safetensors.torch")
BESIDE = {"*.safetensors": PRELOAD, "*.pt": PRELOAD, "*.pth": PRELOAD}
DECLARES = frozenset({"task", "classes", "inputs", "outputs", "architecture"})
EXTRA = ""
RECOGNISED_BY = "a safetensors header, or a torch zip whose pickle names tensors alone"
GRADIENTS = True
SAVE = """safetensors.torch.save_file(model.state_dict(), "model.safetensors")
torch.save(model.state_dict(), "weights.pt")
In subject.yaml:
  model: model.safetensors
  architecture: {name: mlp, parameters: {hidden: [32], activation: relu}}
  inputs: [{column: income, mean: 50, scale: 10}, {column: job, categories: [clerk, nurse]}]
  classes: [denied, approved]
  outputs: logits"""

GROUP = "evenhand.architectures"
_MAX_HEADER_BYTES = 1 << 20
_MAX_TENSORS = 10_000
_DTYPES = frozenset({"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"})


def recognises(path: Path) -> bool:
    """A safetensors file, or a torch file that holds tensors alone."""
    return is_safetensors(path) or torch_kind(path) == "weights"


def is_safetensors(path: Path) -> bool:
    """A file that begins with a length and a JSON object of that length."""
    if not path.is_file():
        return False
    with path.open("rb") as handle:
        head = handle.read(9)
    size = int.from_bytes(head[:8], "little")
    return len(head) == 9 and head[8:] == b"{" and 2 <= size <= path.stat().st_size - 8


def load(path: Path, declared: Declared = NOTHING) -> DeclaredNetwork:
    """Opens it. Raises InputError that says what to declare, or which tensor does not fit."""
    what = str(path)
    if declared.architecture is None:
        raise InputError(
            "{what} holds weights without the network that they belong to",
            remedy="{torch}; weights of a network that is installed here name it in subject.yaml: "
            "architecture: {{name: mlp, parameters: {{hidden: [32]}}}}",
            what=what,
            torch=TORCH,
        )
    tensors = _safetensors(path) if is_safetensors(path) else state_dict(path)
    inputs = declared_inputs(declared.inputs, None, what)
    module = _network(declared, inputs, tensors, what)
    _fill(module, tensors, what)
    return DeclaredNetwork(NAME, module.eval(), inputs, declared, what)


def _network(
    declared: Declared, inputs: DeclaredInputs, tensors: Mapping[str, torch.Tensor], what: str
) -> torch.nn.Module:
    """The declared network without storage: its sizes cost nothing until weights fit them.

    For two classes it has two outputs, or one where ``tensors`` are of such a network.
    """
    import torch

    assert declared.architecture is not None
    name = declared.architecture.name
    points = {point.name: point for point in entry_points(group=GROUP)}
    if name not in points:
        raise InputError(
            "architecture {name!r} is not installed",
            remedy="{name_2}; for a network of your own {torch}; it can also be "
            "installed here (entry point group {group})",
            name=name,
            name_2=nearest(name, points),
            torch=TORCH,
            group=GROUP,
        )
    task = task_of(declared, what)
    outputs_of(declared, task, what)
    build, parameters = points[name].load().build, dict(declared.architecture.parameters)
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    built: list[torch.nn.Module] = []
    with torch.device("meta"):
        for n in _outputs(task, len(declared.classes)):
            built.append(build(inputs.shape, n, parameters))
            if {k: v.shape for k, v in built[-1].state_dict().items()} == shapes:
                return built[-1]
    return built[0]


def _outputs(task: Task, n_classes: int) -> tuple[int, ...]:
    """How many outputs such a network can have, the usual number first."""
    if task == "regression":
        return (1,)
    return (2, 1) if n_classes == 2 else (n_classes,)


def _fill(module: torch.nn.Module, tensors: Mapping[str, torch.Tensor], what: str) -> None:
    import torch

    expected = module.state_dict()
    lacking, extra = sorted(set(expected) - set(tensors)), sorted(set(tensors) - set(expected))
    if lacking or extra:
        raise InputError(
            "{what} does not fit the architecture: tensors lacking {lacking}, not known {extra}",
            remedy="name the network that these weights were trained in, with its parameters",
            what=what,
            lacking=lacking[:5],
            extra=extra[:5],
        )
    for name, tensor in expected.items():
        stored = tensors[name]
        if stored.shape != tensor.shape:
            raise InputError(
                "{what}: tensor {name!r} has shape {stored_shape}, the architecture has "
                "{tensor_shape}",
                remedy="declare the network's parameters, inputs and classes as it was trained",
                what=what,
                name=name,
                stored_shape=tuple(stored.shape),
                tensor_shape=tuple(tensor.shape),
            )
        if stored.is_floating_point() != tensor.is_floating_point():
            raise InputError(
                "{what}: tensor {name!r} is {dtype}, the architecture has {dtype_2}",
                remedy="save the weights as the network holds them",
                what=what,
                name=name,
                dtype=stored.dtype,
                dtype_2=tensor.dtype,
            )
        if stored.is_floating_point() and not torch.isfinite(stored).all():
            raise InputError(
                "{what}: tensor {name!r} holds values that are not finite",
                remedy="train it again",
                what=what,
                name=name,
            )
    ready = {
        name: value.to(expected[name].dtype).contiguous().clone() for name, value in tensors.items()
    }
    module.load_state_dict(ready, strict=True, assign=True)


def _safetensors(path: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load as parse

    check_header(path)
    try:
        found: dict[str, torch.Tensor] = parse(path.read_bytes())
    except (SafetensorError, ValueError, RuntimeError, KeyError) as error:
        raise InputError(
            "{path} is not valid safetensors: {error}",
            remedy="save it again",
            path=path,
            error=error,
        ) from None
    return found


def check_header(path: Path) -> None:
    """Limits on a safetensors header: its size, its tensors, keys named once, known types.

    Raises InputError.
    """
    with path.open("rb") as handle:
        size = int.from_bytes(handle.read(8), "little")
        if size > _MAX_HEADER_BYTES:
            raise InputError(
                "{path} has a header of {size:,} bytes, over {max_header_bytes:,}",
                remedy="is it a model's? save it again",
                path=path,
                size=size,
                max_header_bytes=_MAX_HEADER_BYTES,
            )
        raw = handle.read(size)
    try:
        header = json.loads(raw, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InputError(
            "{path}: its header is no JSON: {error}", remedy="save it again", path=path, error=error
        ) from None
    entries = {k: v for k, v in header.items() if k != "__metadata__"}
    if len(entries) > _MAX_TENSORS:
        raise InputError(
            "{path} has {n_entries:,} tensors, over {max_tensors:,}",
            remedy="is it a model's? save it again",
            path=path,
            n_entries=len(entries),
            max_tensors=_MAX_TENSORS,
        )
    for name, entry in entries.items():
        if not isinstance(entry, dict) or entry.get("dtype") not in _DTYPES:
            raise InputError(
                "{path}: tensor {name!r} is of no known type",
                remedy="save it as float32",
                path=path,
                name=name[:100],
            )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(phrase("a key is repeated"))
    return found
