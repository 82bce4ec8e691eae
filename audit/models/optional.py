"""Libraries that come with extras: a missing one is said with the extra that brings it."""

from __future__ import annotations

import importlib
from typing import Any

from evenhand.audit.errors import InputError


def library(name: str, extra: str, format_name: str) -> Any:
    """The module ``name``. Raises InputError that names the extra where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        missing = error.name or name
        raise InputError(
            "opening a model of format {format_name} needs {name}, and {missing} is not installed",
            remedy="pip install 'evenhand[{extra}]'",
            format_name=format_name,
            name=name,
            missing=missing,
            extra=extra,
        ) from error
