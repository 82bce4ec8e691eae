"""Which checks exist, and what each one asks, needs and measures."""

from __future__ import annotations

import fnmatch
import importlib
import inspect
import pkgutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from evenhand.audit.errors import InputError, nearest
from evenhand.audit.favourable import harm_end

GROUP = "evenhand.checks"
_GIVEN_BY_THE_RUNNER = {"subject", "seed", "levels"}


@dataclass(frozen=True)
class Check:
    """One check: ``id`` is its path, ``options`` its own keyword arguments with their defaults."""

    id: str
    module: Any

    @property
    def family(self) -> str:
        """The part before the first dot: performance, fairness, explanation ..."""
        return self.id.split(".", 1)[0]

    @property
    def options(self) -> dict[str, Any]:
        """Option name -> default."""
        parameters = inspect.signature(self.module.measure).parameters.values()
        return {p.name: p.default for p in parameters if p.name not in _GIVEN_BY_THE_RUNNER}

    @property
    def measures(self) -> Mapping[str, str]:
        """Measure name -> what it is."""
        measures: Mapping[str, str] = self.module.MEASURES
        return measures

    def describe(self) -> dict[str, Any]:
        """Everything about the check as plain JSON types."""
        return {
            "id": self.id,
            "question": self.module.QUESTION,
            "tasks": sorted(self.module.TASKS),
            "needs": sorted(self.module.NEEDS),
            "measures": dict(self.measures),
            "harm": {name: harm_end(name) or "none" for name in self.measures},
            "options": self.options,
            "cost": self.module.COST,
            "source": self.module.SOURCE,
        }


@cache
def checks() -> tuple[Check, ...]:
    """Every check: the files below ``audit/checks``, then those from entry points, by id."""
    package = importlib.import_module("evenhand.audit.checks")
    found = {}
    for module in pkgutil.walk_packages(package.__path__, "evenhand.audit.checks."):
        check_id = module.name.removeprefix("evenhand.audit.checks.")
        if "." in check_id and not module.ispkg:
            found[check_id] = Check(check_id, importlib.import_module(module.name))
    for entry in entry_points(group=GROUP):
        found.setdefault(entry.name, Check(entry.name, entry.load()))
    return tuple(found[k] for k in sorted(found))


def check(check_id: str) -> Check:
    """The check with this id. Raises InputError with near matches."""
    for known in checks():
        if known.id == check_id:
            return known
    raise InputError(
        "no check {check_id!r}",
        remedy=nearest(check_id, (c.id for c in checks())),
        check_id=check_id,
    )


def select(patterns: Sequence[str]) -> tuple[Check, ...]:
    """The checks that match any pattern (``fairness.*``). Raises InputError if one matches none."""
    chosen: dict[str, Check] = {}
    for pattern in patterns:
        hits = [c for c in checks() if fnmatch.fnmatchcase(c.id, pattern)]
        if not hits:
            raise InputError(
                "no check matches {pattern!r}",
                remedy=nearest(pattern, (c.id for c in checks())),
                pattern=pattern,
            )
        chosen |= {c.id: c for c in hits}
    return tuple(chosen[k] for k in sorted(chosen))


def needed(measures: Collection[str]) -> tuple[Check, ...]:
    """The checks that measure any of ``family.measure``: what packs ask for."""
    return tuple(
        c for c in checks() if any(f"{c.family}.{name}" in measures for name in c.measures)
    )


def measure_index() -> dict[str, str]:
    """``family.measure`` -> the checks that measure it (one a task): what a pack may select."""
    index: dict[str, str] = {}
    for c in checks():
        for measure in c.measures:
            name = f"{c.family}.{measure}"
            index[name] = f"{index[name]}, {c.id}" if name in index else c.id
    return index
