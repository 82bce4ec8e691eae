"""The one module that owns deserialisers which can run code, and those that only just do not.

Every other module asks here; a test reads the imports. Nothing here decides whether a file may be
opened: formats say what they are (TRUST), the isolation follows from that, and a load that failed
is never tried again in a looser way.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from evenhand.audit.errors import InputError
from evenhand.audit.models.unpickling.refused import TORCH
from evenhand.audit.models.unpickling.versions import version_in_pickle, way_out
from evenhand.audit.words.phrases import as_is

T = TypeVar("T")


def state_dict(path: Path) -> dict[str, Any]:
    """Tensors by name of a torch file, through torch's restricted unpickler (weights_only).

    Raises InputError for everything else that such a file can hold.
    """
    import torch

    tensors = _strictly(
        path,
        "a torch state_dict",
        lambda: torch.load(path, map_location="cpu", weights_only=True),
        "save the weights alone: torch.save(model.state_dict(), 'weights.pt')",
    )
    if not isinstance(tensors, dict) or not all(
        isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in tensors.items()
    ):
        raise InputError(
            "{path} holds a {type} that is not tensors by name",
            remedy="save the weights alone: torch.save(model.state_dict(), 'weights.pt')",
            path=path,
            type=type(tensors).__name__,
        )
    return tensors


def torchscript(path: Path) -> Any:
    """A TorchScript module. Runs what its maker wrote."""
    import torch

    return _strictly(
        path,
        "TorchScript",
        lambda: torch.jit.load(path, map_location="cpu"),
        "export it again with torch.export, or to ONNX",
    )


def exported_program(path: Path) -> Any:
    """A torch.export program. Can run what its maker wrote."""
    import torch

    return _strictly(
        path,
        "a torch.export program",
        lambda: torch.export.load(path),
        "export it again with this version of torch, or to ONNX",
    )


def torch_object(path: Path) -> Any:
    """A whole object that torch.save wrote. Runs what its maker wrote."""
    import torch

    return _strictly(
        path,
        "a torch pickle",
        lambda: torch.load(path, map_location="cpu", weights_only=False),
        TORCH,
    )


def pickled_object(path: Path) -> Any:
    """What a pickle, joblib or cloudpickle file holds. Runs what its maker wrote."""
    import joblib

    return _strictly(
        path,
        "a pickle",
        lambda: joblib.load(path),
        lambda: _packages(path),
    )


def _packages(path: Path) -> str:
    try:
        other = version_in_pickle(path)
    except Exception:  # of a broken file, whose own error is what is told
        other = None
    if other is not None:
        return way_out(other)
    return "install the packages that it was saved with, in the same versions"


def _strictly(path: Path, what: str, load: Callable[[], T], remedy: str | Callable[[], str]) -> T:
    """One attempt. Whatever it raises becomes one error: hostile and broken files fail anywhere."""
    try:
        with _own_warnings_only():
            return load()
    except Exception as error:
        shown = str(error).strip().splitlines()
        raise InputError(
            "{path} cannot be opened as {what}: {type}: {shown}",
            remedy=as_is(remedy if isinstance(remedy, str) else remedy()),
            path=path,
            what=what,
            type=type(error).__name__,
            shown=shown[0][:300] if shown else "",
        ) from error


@contextmanager
def _own_warnings_only() -> Iterator[None]:
    """Libraries warn their developers here (deprecations, versions); auditors read the case."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
