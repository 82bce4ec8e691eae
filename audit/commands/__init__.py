"""One file a command, or a few that belong together; like ``evenhand.audit.cli`` they may call
every package.

A file declares ``COMMANDS``, a tuple of ``Command`` (see ``parts.command``): a new file is a new
command, and there is no list of them to edit. What commands share lies in ``parts``.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evenhand.audit.commands.parts.command import Command


def commands() -> list[Command]:
    """Every command of every file in this folder, in the order that they declare."""
    names = [m.name for m in pkgutil.iter_modules(__path__) if not m.ispkg]
    files = [importlib.import_module(f"{__name__}.{name}") for name in names]
    found: list[Command] = [command for file in files for command in file.COMMANDS]
    return sorted(found, key=lambda c: (c.order, c.name))
