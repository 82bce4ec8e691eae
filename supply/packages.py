"""The packages that evenhand can be installed with, as ``locks/packages.json`` keeps them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "locks"
CORE = "core"


@dataclass(frozen=True)
class Package:
    """One release that a lock names."""

    name: str
    version: str
    marker: str  # when it is needed ("sys_platform == 'win32'"); empty: always
    groups: tuple[str, ...]  # the locks that it is in: core, or extras
    needed_by: tuple[str, ...]  # packages; "" is evenhand itself
    declared: str  # the licence as its own metadata state it
    licence: str  # an SPDX expression, as ``supply.licences`` reads that
    note: str  # why it is read so, or what we choose; empty: as declared

    @property
    def shipped(self) -> bool:
        """Whether users get it, with evenhand or an extra; not for developing alone."""
        return any(group != "dev" for group in self.groups)


def normal(name: str) -> str:
    """A name as indexes compare them.

    >>> normal("Typing_Extensions")
    'typing-extensions'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def project() -> Mapping[str, Any]:
    """The table ``project`` of pyproject.toml."""
    found: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return dict(found["project"])


def extras() -> tuple[str, ...]:
    """The extras that pyproject.toml declares, in its order."""
    return tuple(project()["optional-dependencies"])


def known() -> tuple[Package, ...]:
    """What ``locks/packages.json`` holds, by name and version."""
    rows: list[dict[str, Any]] = json.loads((LOCKS / "packages.json").read_text("utf-8"))
    for row in rows:
        row.update(groups=tuple(row["groups"]), needed_by=tuple(row["needed_by"]))
    return tuple(Package(**row) for row in rows)


def keep(packages: Sequence[Package]) -> None:
    """Writes ``locks/packages.json``."""
    rows = [asdict(p) for p in sorted(packages, key=lambda p: (p.name, p.version))]
    text = json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
    (LOCKS / "packages.json").write_text(text, "utf-8")
