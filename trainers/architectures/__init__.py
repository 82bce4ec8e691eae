"""The networks, one a file, looked up by name.

An architecture is a module with ``build(n_inputs, n_outputs, params) -> torch.nn.Module`` and
``full_parameters(params)``, which checks parameters and fills in defaults. Third parties add
theirs through the entry point group ``evenhand.architectures``.
"""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import entry_points
from typing import Any

from audit.errors import InputError, nearest

GROUP = "evenhand.architectures"


def known_architectures() -> tuple[str, ...]:
    """Names that ``architecture`` opens, sorted; nothing is imported."""
    installed = {point.name for point in entry_points(group=GROUP)}
    return tuple(sorted(installed | _own()))


def architecture(name: str) -> Any:
    """The architecture's module. Raises InputError for a name that is not known."""
    for point in entry_points(group=GROUP, name=name):
        return point.load()
    # Our own are found without an installed distribution too: a checkout on the path is enough.
    if name in _own():
        return importlib.import_module(f"{__name__}.{name}")
    raise InputError(
        f"architecture {name!r} is not known", remedy=nearest(name, known_architectures())
    )


def _own() -> set[str]:
    return {module.name for module in pkgutil.iter_modules(__path__)}
