"""Which model formats there are, and which of them a file or folder is, by its content."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from evenhand.audit.errors import InputError, nearest
from evenhand.audit.models.declared import Declared, load_with
from evenhand.audit.models.predictor import Predictor
from evenhand.audit.models.unpickling.refused import describe, instead_of_pickle

GROUP = "evenhand.model_formats"


def formats() -> Iterator[Any]:
    """Every known format: the modules of ``formats``, then those from entry points.

    A module is a format where it has NAME, TRUST, ``recognises`` and ``load`` (see ``predictor``).
    """
    yield from _formats()


@lru_cache(maxsize=1)
def _formats() -> tuple[Any, ...]:
    package = importlib.import_module("evenhand.audit.models.formats")
    names = sorted(m.name for m in pkgutil.iter_modules(package.__path__))
    own = [
        importlib.import_module(f"evenhand.audit.models.formats.{n}")
        for n in names
        if not n.startswith("_")
    ]
    entries = sorted(entry_points(group=GROUP), key=lambda e: e.name)
    found = [*own, *(entry.load() for entry in entries)]
    wanted = ("NAME", "TRUST", "recognises", "load")
    return tuple(f for f in found if all(hasattr(f, name) for name in wanted))


def format_named(name: str) -> Any:
    """The format with that NAME. Raises InputError for one that is not installed."""
    known = {f.NAME: f for f in formats()}
    if name not in known:
        raise InputError(
            "no model format {name!r} is installed", remedy=nearest(name, known), name=name
        )
    return known[name]


def look_at(place: Path) -> dict[str, Any]:
    """What lies there, by content: {"format", "trust"}, or {"format": None, "what", "remedy"}."""
    for model_format in formats():
        if model_format.recognises(place):
            trust = getattr(model_format, "trust", None)
            seen = {
                "format": model_format.NAME,
                "trust": trust(place) if trust is not None else model_format.TRUST,
            }
            if seen["trust"] == "pickle":
                from evenhand.audit.models.unpickling.pickle_imports import imports_of

                seen["pickle_imports"] = list(imports_of(place))
                seen["instead"] = instead_of_pickle(seen["pickle_imports"])
            return seen
    what, remedy = describe(place)
    return {"format": None, "what": what, "remedy": remedy}


def load_as(model_format: Any, path: Path, declared: Mapping[str, Any]) -> Predictor:
    """Opens ``path`` as a format, with what was declared as plain JSON."""
    return load_with(model_format, path, Declared.model_validate(declared))
