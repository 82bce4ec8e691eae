"""TorchScript files: a program of its maker's, opened in the locked worker alone."""

from __future__ import annotations

from pathlib import Path

from evenhand.audit.models.declared import NOTHING, Declared
from evenhand.audit.models.inputs import declared_inputs
from evenhand.audit.models.networks import DeclaredNetwork
from evenhand.audit.models.unpickling.deserialise import torchscript
from evenhand.audit.models.unpickling.torch_zip import torch_kind

NAME = "torchscript"
TRUST = "code"
ABOUT = "a program: it runs what its maker wrote, when it is opened and when it scores"
PRELOAD = ("torch",)
BESIDE = {"*.pt": PRELOAD}
DECLARES = frozenset({"task", "classes", "inputs", "outputs"})
EXTRA = ""
RECOGNISED_BY = "a torch zip that holds constants.pkl"
GRADIENTS = True
SAVE = """torch.jit.save(torch.jit.trace(model.eval(), example), "model.pt")
TorchScript is deprecated by PyTorch: prefer ONNX, or safetensors with an architecture."""


def recognises(path: Path) -> bool:
    """A zip file as torch.jit.save writes it."""
    return torch_kind(path) == "torchscript"


def load(path: Path, declared: Declared = NOTHING) -> DeclaredNetwork:
    """Opens it. Raises InputError that says what to declare."""
    what = str(path)
    inputs = declared_inputs(declared.inputs, None, what)  # said before a stranger's code runs
    return DeclaredNetwork(NAME, torchscript(path).eval(), inputs, declared, what)
