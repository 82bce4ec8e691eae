"""torch.export programs (.pt2): a graph, but torch's reader of it can run what its maker wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evenhand.audit.errors import InputError
from evenhand.audit.models.declared import NOTHING, Declared
from evenhand.audit.models.inputs import declared_inputs
from evenhand.audit.models.networks import DeclaredNetwork
from evenhand.audit.models.unpickling.deserialise import exported_program
from evenhand.audit.models.unpickling.torch_zip import torch_kind

NAME = "torch-export"
TRUST = "code"
ABOUT = "a graph, but torch's reader unpickles and evaluates parts of it: it can run code"
# Opening one imports the whole compiler stack, which no longer works once the sandbox is locked.
PRELOAD = ("torch", "torch.export", "torch.export.pt2_archive", "torch._dynamo", "sympy")
BESIDE = {"*.pt2": PRELOAD}
DECLARES = frozenset({"task", "classes", "inputs", "outputs"})
EXTRA = ""
RECOGNISED_BY = "a torch zip that holds archive_format"
GRADIENTS = True
SAVE = """rows = torch.export.Dim("rows")
program = torch.export.export(model.eval(), (example,), dynamic_shapes=[{0: rows}])
torch.export.save(program, "model.pt2")          # example needs two rows or more"""


def recognises(path: Path) -> bool:
    """A zip file as torch.export.save writes it."""
    return torch_kind(path) == "exported"


def load(path: Path, declared: Declared = NOTHING) -> DeclaredNetwork:
    """Opens it. Raises InputError that says what to declare."""
    what = str(path)
    declared_inputs(declared.inputs, None, what)  # said before a stranger's code runs
    program = exported_program(path)
    shape = _input_shape(program, what)
    inputs = declared_inputs(declared.inputs, shape[1:], what)
    return DeclaredNetwork(NAME, program.module(), inputs, declared, what, rows=shape[0])


def _input_shape(program: Any, what: str) -> tuple[int | None, ...]:
    """The shape of its one input; None for sizes that are free."""
    names = program.graph_signature.user_inputs
    shapes = [
        node.meta["val"].shape
        for node in program.graph.nodes
        if node.op == "placeholder"
        and node.name in names
        and hasattr(node.meta.get("val"), "shape")
    ]
    if len(shapes) != 1 or len(names) != 1 or len(shapes[0]) < 2:
        raise InputError(
            "{what} takes {n_names} inputs, not one tensor of rows",
            remedy="export a module that takes one tensor (rows, inputs)",
            what=what,
            n_names=len(names),
        )
    return tuple(s if isinstance(s, int) else None for s in shapes[0])
