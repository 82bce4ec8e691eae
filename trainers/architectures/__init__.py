"""The networks, one a file, looked up by name.

An architecture is a module with

    build(input_shape, n_outputs, params) -> torch.nn.Module
    full_parameters(params)        checks parameters and fills in defaults
    GRAD_SAMPLE_MODE               Opacus' fastest mode that is correct for it ("hooks" if not said)
    to_private(module), from_private(module)    optional: swaps layers for ones that Opacus can
                                   clip, and back to what is stored
    split_frozen(module)           optional: the part that is never trained, and the rest, which is
                                   trained on what the first gives for each example

``input_shape`` is the shape of one example without the rows. Third parties add theirs through the
entry point group ``evenhand.architectures``.
"""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import entry_points
from typing import Any

from evenhand.audit.errors import InputError, nearest

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
        "architecture {name!r} is not known", remedy=nearest(name, known_architectures()), name=name
    )


def _own() -> set[str]:
    return {m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")}
